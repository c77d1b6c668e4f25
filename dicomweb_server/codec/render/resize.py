"""Pixels to where the geometry puts them."""

from __future__ import annotations

import numpy as np
from PIL import Image

from dicomweb_server.codec.render.arrays import Levels
from dicomweb_server.codec.render.geometry import Geometry

_GAP = 3.0
"""How much larger than its target a picture is made by averaging before it is filtered."""


def arrange(levels: Levels, geometry: Geometry) -> Image.Image:
    """Cut, turn, flip and scale an image.

    Args:
        levels: Grey or RGB, in the size that the geometry was made for.
        geometry: What goes where.
    """
    shown = _displayed(levels, geometry)
    shown = np.rot90(shown, -geometry.quarters)
    if geometry.flip:
        shown = shown[:, ::-1]
    left, top, right, bottom = geometry.box
    shown = shown[top:bottom, left:right]
    if geometry.mirror[0]:
        shown = shown[:, ::-1]
    if geometry.mirror[1]:
        shown = shown[::-1]
    return scaled(np.ascontiguousarray(shown), geometry.size)


def scaled(levels: Levels, size: tuple[int, int]) -> Image.Image:
    """A picture of another size: averaged when it shrinks, smooth when it grows."""
    picture = Image.fromarray(levels)
    if picture.size == size:
        return picture
    shrinks = size[0] <= picture.width and size[1] <= picture.height
    method = Image.Resampling.LANCZOS if shrinks else Image.Resampling.BICUBIC
    return picture.resize(size, method, reducing_gap=_GAP if shrinks else None)


def _displayed(levels: Levels, geometry: Geometry) -> Levels:
    """The displayed area, black where it reaches over the image."""
    left, top, right, bottom = geometry.area
    rows, columns = levels.shape[:2]
    if (left, top, right, bottom) == (0, 0, columns, rows):
        return levels
    inside = levels[max(top, 0) : bottom, max(left, 0) : right]
    if inside.shape[:2] == (bottom - top, right - left):
        return inside
    result = np.zeros((bottom - top, right - left, *levels.shape[2:]), np.uint8)
    x, y = max(-left, 0), max(-top, 0)
    result[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
    return result

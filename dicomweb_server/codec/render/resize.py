"""Pixels to where the geometry puts them."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from dicomweb_server.codec.render.arrays import Levels
from dicomweb_server.codec.render.geometry import Geometry, Part

_GAP = 2.0
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
    x, y = math.floor(left), math.floor(top)
    shown = np.ascontiguousarray(shown[y : math.ceil(bottom), x : math.ceil(right)])
    picture = scaled(shown, geometry.size, (left - x, top - y, right - x, bottom - y))
    if geometry.mirror[0]:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if geometry.mirror[1]:
        picture = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    return picture


def scaled(levels: Levels, size: tuple[int, int], part: Part | None = None) -> Image.Image:
    """A picture of another size: averaged when it shrinks, smooth when it grows.

    Args:
        levels: Grey or RGB.
        size: Width and height that it gets.
        part: What of it is shown; None for all.
    """
    picture = Image.fromarray(levels)
    whole = (0, 0, picture.width, picture.height)
    part = part or whole
    if picture.size == size and part == whole:
        return picture
    shrinks = size[0] <= part[2] - part[0] and size[1] <= part[3] - part[1]
    method = Image.Resampling.LANCZOS if shrinks else Image.Resampling.BICUBIC
    return picture.resize(size, method, part, reducing_gap=_GAP if shrinks else None)


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

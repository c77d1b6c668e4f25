"""What is masked and what is laid over an image, pixel by pixel (PS3.3 C.7.6.11, C.9.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from dicomweb_server.codec.raster import Samples
from dicomweb_server.codec.render.arrays import Levels
from dicomweb_server.model.rendering import Overlay, Shutter, ShutterShape

Mask = NDArray[np.bool_]
"""(rows, columns): where something is."""

_FAR = 1_000_000.0
"""Coordinates further away are as good as this far away."""


def shut(levels: Levels, shutters: tuple[Shutter, ...], aspect: float) -> None:
    """Mask an image in place by shutters: visible is what lies within all of them.

    Args:
        levels: Writable.
        shutters: Their shapes.
        aspect: Height of a pixel divided by its width: circles are round on the screen.
    """
    rows, columns = levels.shape[0], levels.shape[1]
    for shutter in shutters:
        levels[~opening(shutter, rows, columns, aspect)] = level_of(shutter.value)


def opening(shutter: Shutter, rows: int, columns: int, aspect: float) -> Mask:
    """Where a shutter lets the image through; everywhere where its numbers make no shape."""
    numbers = [min(max(each, -_FAR), _FAR) if each == each else 0.0 for each in shutter.numbers]
    if shutter.shape is ShutterShape.RECTANGULAR and len(numbers) >= 4:
        return _within(rows, numbers[2], numbers[3])[:, None] & _within(columns, *numbers[:2])
    if shutter.shape is ShutterShape.CIRCULAR and len(numbers) >= 3:
        down = (np.arange(1, rows + 1) - numbers[0]) * aspect
        across = np.arange(1, columns + 1) - numbers[1]
        return (down**2)[:, None] + across**2 <= numbers[2] ** 2
    if shutter.shape is ShutterShape.POLYGONAL and len(numbers) >= 6:
        return _polygon(numbers, rows, columns)
    return np.ones((rows, columns), np.bool_)


def level_of(value: float) -> int:
    """Level of a grey value 0 to 1."""
    return round(min(max(value, 0.0), 1.0) * 255) if value == value else 0


def overlay_mask(overlay: Overlay, rows: int, columns: int, cells: Samples | None) -> Mask:
    """Where an overlay is, in an image of such a size; sizes that lie cost what is missing.

    Args:
        overlay: The plane.
        rows, columns: Of the image.
        cells: The pixels with their unused bits; None where there are none.
    """
    mask = np.zeros((rows, columns), np.bool_)
    if overlay.embedded >= 0:
        if cells is not None and cells.ndim == 2 and overlay.embedded < 8 * cells.dtype.itemsize:
            mask[: cells.shape[0], : cells.shape[1]] = _plane_in(cells, overlay.embedded)
        return mask
    plane = _plane(overlay)
    left, top = overlay.left - 1, overlay.top - 1
    # One that begins behind the image ends before it begins: no number of the slice is negative.
    shown = plane[max(-top, 0) : max(rows - top, 0), max(-left, 0) : max(columns - left, 0)]
    y, x = max(top, 0), max(left, 0)
    mask[y : y + shown.shape[0], x : x + shown.shape[1]] = shown
    return mask


def draw_overlays(levels: Levels, overlays: tuple[Overlay, ...], cells: Samples | None) -> None:
    """Draw overlay planes onto an image in place."""
    for overlay in overlays:
        mask = overlay_mask(overlay, levels.shape[0], levels.shape[1], cells)
        levels[mask] = level_of(overlay.value)


def _within(count: int, low: float, high: float) -> Mask:
    places = np.arange(1, count + 1)
    inside: Mask = (places > low) & (places < high)
    return inside


def _polygon(numbers: list[float], rows: int, columns: int) -> Mask:
    """Inside of a polygon, its edge included; vertices are rows and columns from 1."""
    points = [
        (column - 1, row - 1) for row, column in zip(numbers[::2], numbers[1::2], strict=False)
    ]
    mask = Image.new("1", (columns, rows), 0)
    ImageDraw.Draw(mask).polygon(points, fill=1, outline=1)
    return np.asarray(mask, np.bool_)


def _plane_in(cells: Samples, bit: int) -> Mask:
    words = cells.view(f"u{cells.dtype.itemsize}").astype(np.uint64)
    return (words >> np.uint64(bit) & np.uint64(1)).astype(np.bool_)


def _plane(overlay: Overlay) -> Mask:
    """The bits of a plane as rows and columns, those that are missing unset."""
    rows, columns = max(overlay.rows, 0), max(overlay.columns, 0)
    count = min(rows * columns, 8 * len(overlay.bits))
    packed = np.frombuffer(overlay.bits, np.uint8, (count + 7) // 8)
    bits = np.unpackbits(packed, count=count, bitorder="little")
    there = -(-count // columns) if columns else 0
    plane = np.zeros((there, columns), np.bool_)
    plane.reshape(-1)[:count] = bits
    return plane

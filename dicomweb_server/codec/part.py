"""Parts of frames: only what a crop needs is decoded where the coding allows."""

from __future__ import annotations

from dataclasses import replace

from dicomweb_server.codec import declared, table, tiles
from dicomweb_server.codec.decode import decode
from dicomweb_server.codec.failure import undecodable
from dicomweb_server.codec.raster import Raster
from dicomweb_server.codec.syntaxes import jpeg2000, native
from dicomweb_server.codec.tiles import Box
from dicomweb_server.model.frame import Frame


def decode_part(
    frame: Frame, left: int, top: int, width: int, height: int
) -> tuple[Raster, int, int]:
    """Decode a rectangle of a frame.

    Args:
        frame: In any transfer syntax that can be decoded.
        left, top: First column and row, counted from 0.
        width, height: Columns and rows, 1 or more.

    Returns:
        What of the rectangle lies inside the frame, and its first column and row.

    Raises:
        FrameUndecodable: As for `decode`, or the rectangle lies outside.
    """
    box = _inside(frame, Box(left, top, width, height))
    smaller, x, y = cut(frame, box)
    raster = decode(smaller)
    x, y = box.left - x, box.top - y
    samples = raster.samples[y : y + box.height, x : x + box.width]
    pixel = replace(raster.pixel, rows=box.height, columns=box.width)
    return Raster(pixel, samples), box.left, box.top


def _inside(frame: Frame, box: Box) -> Box:
    left, top = max(0, box.left), max(0, box.top)
    right = min(frame.pixel.columns, box.left + box.width)
    bottom = min(frame.pixel.rows, box.top + box.height)
    if left >= right or top >= bottom:
        raise undecodable("the part that was asked for lies outside of it")
    return Box(left, top, right - left, bottom - top)


def cut(frame: Frame, box: Box) -> tuple[Frame, int, int]:
    """A smaller frame of the same transfer syntax that holds a box, without decoding anything.

    Args:
        frame: In any transfer syntax that can be decoded.
        box: Lies inside the frame.

    Returns:
        The smaller frame, or the whole one where that is not possible, and where its first column
        and row lie in the whole one.

    Raises:
        FrameUndecodable: Its headers are damaged or lie about its size.
    """
    syntax = table.plain(frame.transfer_syntax)
    reason = table.undecodable(syntax, frame.pixel)
    if reason:
        raise undecodable(reason)
    if syntax in native.SYNTAXES:
        return _rows(frame, box)
    if syntax in jpeg2000.SYNTAXES:
        return _tiles(frame, box)
    return frame, 0, 0


def _rows(frame: Frame, box: Box) -> tuple[Frame, int, int]:
    """Rows of a native frame, where they begin with a byte and planes do not lie apart."""
    pixel = frame.pixel
    per_pixel = pixel.samples_per_pixel * table.container(pixel)
    if native.is_subsampled(pixel, len(frame.data)):
        per_pixel = 2 * table.container(pixel)
    whole = table.is_float(pixel) or pixel.bits_allocated == 8 * table.container(pixel)
    apart = pixel.planar_configuration and pixel.samples_per_pixel > 1
    length = per_pixel * pixel.columns
    if not whole or apart or len(frame.data) < length * pixel.rows:
        return frame, 0, 0
    data = frame.data[box.top * length : (box.top + box.height) * length]
    return replace(frame, pixel=replace(pixel, rows=box.height), data=data), 0, box.top


def _tiles(frame: Frame, box: Box) -> tuple[Frame, int, int]:
    found = declared.jpeg2000(frame.data)
    declared.require_same(found, frame.pixel)
    made = tiles.cut(frame.data[found.start :] if found.start else frame.data, box)
    if made is None:
        return frame, 0, 0
    data, shown = made
    pixel = replace(frame.pixel, rows=shown.height, columns=shown.width)
    return replace(frame, pixel=pixel, data=data), shown.left, shown.top

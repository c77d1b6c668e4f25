"""As much of a frame as its picture needs.

A part is decoded alone, and a smaller resolution instead of the full one, only where the picture is
the same: never where the window comes from the least and greatest value of the whole frame, where
indexes or labels cannot be averaged, or where something is laid over the image pixel by pixel.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from dicomweb_server.codec import declared, table
from dicomweb_server.codec.decode import decode
from dicomweb_server.codec.part import cut, decode_part
from dicomweb_server.codec.raster import Raster
from dicomweb_server.codec.reduced import decode_reduced
from dicomweb_server.codec.render.geometry import Box, Geometry, Part
from dicomweb_server.codec.render.grey import curve_of
from dicomweb_server.codec.syntaxes import jpeg2000
from dicomweb_server.codec.table import RLE
from dicomweb_server.codec.tiles import Box as Rectangle
from dicomweb_server.model.frame import Frame
from dicomweb_server.model.media import (
    DEFLATED_FRAMES,
    ENCAPSULATED_UNCOMPRESSED,
    EXPLICIT_LITTLE,
)
from dicomweb_server.model.rendering import Appearance, LookupTable, RenderOptions

_MOST_HALVINGS = 6
_PLAIN_CODINGS = (EXPLICIT_LITTLE, ENCAPSULATED_UNCOMPRESSED, DEFLATED_FRAMES, RLE)


def read(
    frame: Frame, appearance: Appearance, options: RenderOptions, geometry: Geometry
) -> tuple[Raster, Geometry]:
    """Decode what a picture needs.

    Args:
        frame, appearance, options: What is rendered.
        geometry: What of it goes where.

    Returns:
        Pixels, and the geometry that makes the same picture of them.

    Raises:
        FrameUndecodable: As for `decode`.
    """
    if not _is_separable(frame, appearance, options) or geometry.area != _whole(frame):
        return decode(frame), geometry
    halvings = _halvings(geometry) if _may_shrink(frame, appearance, options) else 0
    box = _source_box(geometry)
    width, height = frame.pixel.columns, frame.pixel.rows
    part = 2 * (box[2] - box[0]) * (box[3] - box[1]) <= width * height
    if not part:
        return _shrunk(frame, geometry, box, halvings) if halvings else (decode(frame), geometry)
    rectangle = Rectangle(box[0], box[1], box[2] - box[0], box[3] - box[1])
    if not halvings:
        raster, _, _ = decode_part(frame, *box[:2], rectangle.width, rectangle.height)
        rows, columns = raster.samples.shape[:2]
        return raster, _shown_part(geometry, (0, 0, columns, rows), columns, rows)
    piece, x, y = cut(frame, rectangle)
    return _shrunk(piece, geometry, (box[0] - x, box[1] - y, box[2] - x, box[3] - y), halvings)


def in_told_range(raster: Raster, frame: Frame) -> Raster:
    """A raster that says so when its luminance does not use the full range (PS3.3 C.7.6.3.1.2).

    Decoded samples are told as YBR_FULL once their chroma has full size; only native ones and RLE
    can have the other range, since streams of JPEG never have it.
    """
    partial = frame.pixel.photometric_interpretation.startswith("YBR_PARTIAL")
    if not partial or frame.transfer_syntax not in _PLAIN_CODINGS:
        return raster
    pixel = replace(raster.pixel, photometric_interpretation="YBR_PARTIAL_422")
    return replace(raster, pixel=pixel)


def _is_separable(frame: Frame, appearance: Appearance, options: RenderOptions) -> bool:
    """Whether each pixel looks the same without the others."""
    if appearance.shutters or (options.has_overlays and appearance.overlays):
        return False
    if appearance.colour is not None or appearance.tint is not None:
        return False
    if appearance.palette is not None:
        return not appearance.palette.supplemental and appearance.transparent is None
    fixed = options.window is not None or appearance.voi is not None
    return fixed or frame.pixel.samples_per_pixel > 1


def _may_shrink(frame: Frame, appearance: Appearance, options: RenderOptions) -> bool:
    """Whether an average of stored values looks like the average of what they look like."""
    if frame.transfer_syntax == EXPLICIT_LITTLE or appearance.palette is not None:
        return False
    if frame.pixel.samples_per_pixel > 1:
        return True
    if isinstance(appearance.modality, LookupTable) or frame.pixel.bits_stored == 1:
        return False
    if appearance.padding is None:
        return True
    plain = replace(appearance, padding=None)
    curve = curve_of(frame.pixel, plain, options.window, (0.0, 1.0))
    return not curve(np.array(appearance.padding, np.float64)).any()


def _whole(frame: Frame) -> Box:
    return 0, 0, frame.pixel.columns, frame.pixel.rows


def _halvings(geometry: Geometry) -> int:
    """How often the part can be halved without becoming smaller than the picture."""
    count = 0
    scale = max(geometry.scale)
    while scale <= 0.5 and count < _MOST_HALVINGS:
        scale *= 2
        count += 1
    return count


def _source_box(geometry: Geometry) -> Box:
    """The part in the image as it is stored."""
    left, top, right, bottom = (round(each) for each in geometry.box)
    width, height = geometry.turned
    if geometry.flip:
        left, right = width - right, width - left
    for _ in range(geometry.quarters):
        left, top, right, bottom = top, width - right, bottom, width - left
        width, height = height, width
    return left, top, right, bottom


def _shown_part(geometry: Geometry, part: Part, columns: int, rows: int) -> Geometry:
    """The geometry of a part of an image as it is stored, of the size that is told."""
    width, height = columns, rows
    for _ in range(geometry.quarters):
        part = (height - part[3], part[0], height - part[1], part[2])
        width, height = height, width
    if geometry.flip:
        part = (width - part[2], part[1], width - part[0], part[3])
    return replace(geometry, area=(0, 0, columns, rows), box=part)


def _shrunk(frame: Frame, geometry: Geometry, box: Box, halvings: int) -> tuple[Raster, Geometry]:
    """A lower resolution of a frame, and the geometry that shows a box of the frame in it."""
    raster, done = decode_reduced(frame, halvings)
    rows, columns = raster.samples.shape[:2]
    first = _first_samples(frame, done)
    part = (
        _place(box[0], first[0], done),
        _place(box[1], first[1], done),
        _place(box[2], first[0], done),
        _place(box[3], first[1], done),
    )
    right, bottom = math.ceil(part[2]), math.ceil(part[3])
    if right > columns or bottom > rows:
        raster = _widened(raster, max(right, columns), max(bottom, rows))
        rows, columns = raster.samples.shape[:2]
    return raster, _shown_part(geometry, part, columns, rows)


def _place(edge: int, first: float, halvings: int) -> float:
    """Where an edge between pixels lies among the pixels of a lower resolution."""
    return max((edge - first) / (1 << halvings) + 0.5, 0.0)


def _first_samples(frame: Frame, halvings: int) -> tuple[float, float]:
    """Column and row, in pixels from the edge, that the first pixel of a lower resolution is of.

    The DCT averages blocks, so it stands for their middle; wavelets keep every second place.
    """
    middle = (1 << halvings) / 2
    if table.plain(frame.transfer_syntax) not in jpeg2000.SYNTAXES:
        return middle, middle
    left, top = declared.jpeg2000(frame.data).origin
    step = 1 << halvings
    return -left % step + 0.5, -top % step + 0.5


def _widened(raster: Raster, columns: int, rows: int) -> Raster:
    """The last column and row repeated."""
    there = raster.samples.shape
    across, down = min(columns - there[1], 2), min(rows - there[0], 2)
    more = [(0, down), (0, across), *[(0, 0)] * (raster.samples.ndim - 2)]
    return replace(raster, samples=np.pad(raster.samples, more, "edge"))

"""As much of a frame as its picture needs.

A part is decoded alone, and a smaller resolution instead of the full one, only where the picture is
the same: never where the window comes from the least and greatest value of the whole frame, where
indexes or labels cannot be averaged, or where something is laid over the image pixel by pixel.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dicomweb_server.codec.decode import decode
from dicomweb_server.codec.part import cut, decode_part
from dicomweb_server.codec.raster import Raster
from dicomweb_server.codec.reduced import decode_reduced
from dicomweb_server.codec.render.geometry import Box, Geometry
from dicomweb_server.codec.render.grey import curve_of
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
        return _shrunk(frame, geometry, halvings) if halvings else (decode(frame), geometry)
    if not halvings:
        raster, _, _ = decode_part(frame, box[0], box[1], box[2] - box[0], box[3] - box[1])
        return raster, _only(raster, geometry)
    piece, x, y = cut(frame, Rectangle(box[0], box[1], box[2] - box[0], box[3] - box[1]))
    turned = _moved(geometry, piece, (x, y))
    return _shrunk(piece, turned, halvings)


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
    if appearance.shutters or (options.overlays and appearance.overlays):
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
    left, top, right, bottom = geometry.box
    width, height = geometry.turned
    if geometry.flip:
        left, right = width - right, width - left
    for _ in range(geometry.quarters):
        left, top, right, bottom = top, width - right, bottom, width - left
        width, height = height, width
    return left, top, right, bottom


def _only(raster: Raster, geometry: Geometry) -> Geometry:
    """The geometry of a part that is shown as a whole."""
    rows, columns = raster.samples.shape[:2]
    size = (rows, columns) if geometry.quarters % 2 else (columns, rows)
    return replace(geometry, area=(0, 0, columns, rows), box=(0, 0, *size))


def _moved(geometry: Geometry, piece: Frame, corner: tuple[int, int]) -> Geometry:
    """The same part in a piece of the image that begins at a corner."""
    left, top, right, bottom = _source_box(geometry)
    width, height = piece.pixel.columns, piece.pixel.rows
    box = (left - corner[0], top - corner[1], right - corner[0], bottom - corner[1])
    for _ in range(geometry.quarters):
        box = (height - box[3], box[0], height - box[1], box[2])
        width, height = height, width
    if geometry.flip:
        box = (width - box[2], box[1], width - box[0], box[3])
    return replace(geometry, area=_whole(piece), box=box)


def _shrunk(frame: Frame, geometry: Geometry, halvings: int) -> tuple[Raster, Geometry]:
    """A lower resolution, and the geometry in its pixels."""
    raster, done = decode_reduced(frame, halvings)
    if not done:
        return raster, geometry
    rows, columns = raster.samples.shape[:2]
    smaller = replace(geometry, area=(0, 0, columns, rows))
    width, height = smaller.turned
    across, down = width / geometry.turned[0], height / geometry.turned[1]
    left, top, right, bottom = geometry.box
    left, top = min(round(left * across), width - 1), min(round(top * down), height - 1)
    box = (left, top, max(round(right * across), left + 1), max(round(bottom * down), top + 1))
    return raster, replace(smaller, box=box)

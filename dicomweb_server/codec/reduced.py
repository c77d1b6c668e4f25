"""Frames at half, quarter, eighth of their size, decoded no further than that takes."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
from PIL import Jpeg2KImagePlugin, JpegImagePlugin

from dicomweb_server.codec import declared, openjph, table, tiles
from dicomweb_server.codec.declared import Coding, Declared
from dicomweb_server.codec.decode import decode
from dicomweb_server.codec.failure import decoding, undecodable
from dicomweb_server.codec.raster import Raster, Samples, dtype_of
from dicomweb_server.codec.syntaxes import jpeg, jpeg2000
from dicomweb_server.errors import FrameUndecodable
from dicomweb_server.model.frame import Frame

_MOST_OF_JPEG = 3
"""Halvings that the DCT offers: down to one pixel of each block."""
_SIGNED_32 = 0x80 | 31
"""Ssiz of samples of 32 bits with a sign."""


def decode_reduced(frame: Frame, halvings: int) -> tuple[Raster, int]:
    """Decode a frame at a lower resolution, where its coding has one.

    Args:
        frame: In any transfer syntax that can be decoded.
        halvings: How often width and height are to be halved at the most, rounded up.

    Returns:
        Pixels, and how often width and height were halved: 0 where the coding has no lower
        resolutions.

    Raises:
        FrameUndecodable: As for `decode`.
    """
    syntax = table.plain(frame.transfer_syntax)
    reason = table.undecodable(syntax, frame.pixel)
    if reason:
        raise undecodable(reason)
    return _lower(frame, syntax, halvings) or (decode(frame), 0)


def _lower(frame: Frame, syntax: str, halvings: int) -> tuple[Raster, int] | None:
    """A lower resolution; None where there is none, or its engine refuses the stream.

    `decode` has more engines, and takes streams that end without a marker, so it has the last word.
    """
    try:
        if halvings > 0 and syntax in jpeg2000.SYNTAXES:
            return _jpeg2000(frame, halvings)
        if halvings > 0 and syntax in jpeg.SYNTAXES:
            return _jpeg(frame, min(halvings, _MOST_OF_JPEG))
    except FrameUndecodable:
        return None
    return None


def _raster(frame: Frame, samples: Samples, colour: str = "") -> Raster:
    pixel = table.decoded(frame.transfer_syntax, frame.pixel)
    pixel = replace(pixel, rows=samples.shape[0], columns=samples.shape[1])
    return Raster(replace(pixel, photometric_interpretation=colour) if colour else pixel, samples)


def _jpeg(frame: Frame, halvings: int) -> tuple[Raster, int] | None:
    """Scaled by the DCT itself; None for streams that have none, or not 8 bits of grey or YCbCr."""
    found = declared.jpeg(frame.data)
    declared.require_same(found, frame.pixel)
    fit = found.coding is Coding.DCT and found.bits == 8 and frame.pixel.bits_stored == 8
    if not fit or found.samples not in (1, 3) or found.colour == "RGB":
        return None
    wanted = (max(1, found.columns >> halvings), max(1, found.rows >> halvings))
    with decoding("JPEG"):
        image = JpegImagePlugin.JpegImageFile(BytesIO(frame.data))
        image.draft("YCbCr" if found.samples == 3 else "L", wanted)
        samples: Samples = np.asarray(image)
    done = _halvings(found.columns, samples.shape[1]) if found.columns > 1 else 0
    if samples.shape[:2] != _size(found, done):
        return None
    pixel = table.decoded(frame.transfer_syntax, frame.pixel)
    colour = jpeg.colour_of(found, frame.pixel)
    return _raster(frame, samples.astype(dtype_of(pixel), copy=False), colour), done


def _size(found: Declared, halvings: int) -> tuple[int, int]:
    """Rows and columns of a lower resolution (ISO/IEC 15444-1 B.5)."""
    left, top = found.origin
    rows = _up(top + found.rows, halvings) - _up(top, halvings)
    return rows, _up(left + found.columns, halvings) - _up(left, halvings)


def _up(length: int, halvings: int) -> int:
    return -(-length >> halvings)


def _halvings(whole: int, part: int) -> int:
    count = 0
    while _up(whole, count) > part:
        count += 1
    return count


def _jpeg2000(frame: Frame, halvings: int) -> tuple[Raster, int] | None:
    """Lower resolutions of the wavelet; None where a codestream has none."""
    found = declared.jpeg2000(frame.data)
    declared.require_same(found, frame.pixel)
    halvings = min(halvings, found.levels)
    if not halvings:
        return None
    bare = frame.data[found.start :] if found.start else frame.data
    if found.coding is Coding.HTJ2K and found.reversible:
        cells = _high_throughput(bare, found, halvings)
    elif _suits_pillow(found):
        cells = _classic(bare, found, halvings)
    else:
        return None
    pixel = table.decoded(frame.transfer_syntax, frame.pixel)
    return _raster(frame, jpeg2000.signed_as(cells, pixel, found)), halvings


def _suits_pillow(found: Declared) -> bool:
    """Whether Pillow keeps all bits of the samples, and finds the area where it expects it."""
    whole = found.bits <= 8 or (found.bits <= 16 and found.samples == 1)
    return whole and found.origin == (0, 0)


def _high_throughput(data: bytes, found: Declared, halvings: int) -> Samples:
    """Decode with OpenJPH as wide signed samples, which leave room for what goes beyond the range.

    Low resolutions of a reversible wavelet overshoot; samples of their own size would wrap.
    """
    wide = bytearray(data)
    for component in range(found.samples):
        wide[jpeg2000.SSIZ + 3 * component] = _SIGNED_32
    tiles.require_whole(data)
    with decoding(found.coding.value):
        cells = openjph.decode(bytes(wide), halvings)
        shaped = cells.reshape(_shape(found, halvings))
    middle = 1 << (found.bits - 1)
    low, shift = (-middle, 0) if found.signed else (0, middle)
    limited = np.clip(shaped.astype(np.int64) + shift, low, low + 2 * middle - 1)
    size = 1 if found.bits <= 8 else 2 if found.bits <= 16 else 4
    return limited.astype(f"{'i' if found.signed else 'u'}{size}")


def _shape(found: Declared, halvings: int) -> tuple[int, ...]:
    size = _size(found, halvings)
    return size if found.samples == 1 else (*size, found.samples)


def _classic(data: bytes, found: Declared, halvings: int) -> Samples:
    """Decode with Pillow, which hands the reduction to OpenJPEG.

    Its own reduction rounds sizes where the standard rounds them up (B.5); so the tile that it is
    going to decode is told with the right size.
    """
    rows, columns = _size(found, halvings)
    with decoding(found.coding.value):
        image = Jpeg2KImagePlugin.Jpeg2KImageFile(BytesIO(data))
        (tile,) = image.tile
        assert isinstance(tile.args, tuple)  # noqa: S101 - for the type checker
        arguments = (tile.args[0], halvings, *tile.args[2:])
        image.tile = [tile._replace(extents=(0, 0, columns, rows), args=arguments)]
        image._size = (columns, rows)
        cells: Samples = np.asarray(image).reshape(_shape(found, halvings))
    # Pillow fills 8 or 16 bits from the top, and moves signed samples above 0
    unused = 8 * cells.dtype.itemsize - found.bits
    plain = np.right_shift(cells, cells.dtype.type(unused))
    if not found.signed:
        return plain
    return (plain.astype(np.int32) - (1 << (found.bits - 1))).astype(f"i{cells.dtype.itemsize}")

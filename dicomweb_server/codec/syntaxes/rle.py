"""RLE Lossless: byte planes, most significant first, packed row by row (PS3.5 Annex G)."""

from __future__ import annotations

from itertools import pairwise
from struct import pack, unpack_from

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from dicomweb_server.codec.failure import decoding, undecodable
from dicomweb_server.codec.raster import Samples, fitted, laid_out
from dicomweb_server.codec.syntaxes.native import interleaved
from dicomweb_server.codec.table import RLE, container
from dicomweb_server.model.frame import Frame
from dicomweb_server.model.instance import PixelHeader

SYNTAXES = (RLE,)
_HEADER = 64
_SLACK = 16
"""Bytes that a segment may unpack to beyond its plane: padding of careless encoders."""


def decode(frame: Frame) -> Samples:
    """Samples of an RLE frame.

    Raises:
        FrameUndecodable: Its segments are not those that the description asks for.
    """
    return fitted(cells(frame), frame.pixel)


def cells(frame: Frame) -> Samples:
    """Cells of an RLE frame, unused bits included."""
    pixel = frame.pixel
    pixels = pixel.rows * pixel.columns
    if pixel.bits_allocated == 1:
        packed = _planes(frame, 1, (pixels + 7) // 8)[0]
        bits: NDArray[np.uint8] = np.unpackbits(packed, count=pixels, bitorder="little")
        return bits.reshape(pixel.rows, pixel.columns)
    size = container(pixel)
    planes = _planes(frame, pixel.samples_per_pixel * size, pixels)
    if size == 1:
        flat: NDArray[np.uint8] = planes.reshape(-1)
        return interleaved(flat, pixel, planar=True)
    # Segments of one sample run from its most to its least significant byte
    together = planes.reshape(pixel.samples_per_pixel, size, pixels)[:, ::-1]
    words = np.ascontiguousarray(np.moveaxis(together, 1, -1)).reshape(-1).view(f"<u{size}")
    return interleaved(words, pixel, planar=True)


def _planes(frame: Frame, count: int, length: int) -> NDArray[np.uint8]:
    """Unpack the segments: (count, length)."""
    data = frame.data
    if len(data) < _HEADER:
        raise undecodable("it is shorter than the header of RLE")
    told, *offsets = unpack_from("<16I", data)
    if told != count:
        raise undecodable(f"it has {told} RLE segments, its description asks for {count}")
    starts = [*offsets[:count], len(data)]
    if starts[0] < _HEADER or any(a >= b for a, b in pairwise(starts)):
        raise undecodable("the offsets of its RLE segments do not ascend within it")
    planes = np.zeros((count, length), np.uint8)
    room = bytearray(length + _SLACK)
    for number in range(count):
        segment = data[starts[number] : starts[number + 1]]
        with decoding("RLE frame"):
            unpacked = imagecodecs.packbits_decode(segment, out=room)
        if len(unpacked) < length:
            raise undecodable(
                f"RLE segment {number + 1} has {len(unpacked)} bytes, its plane {length}"
            )
        planes[number] = np.frombuffer(unpacked, np.uint8, length)
    return planes


def encode(samples: Samples, pixel: PixelHeader) -> bytes:
    """An RLE frame; every row is packed on its own.

    Args:
        samples: In the shape and type of `pixel`, of whole bytes.
        pixel: What is to be encoded.
    """
    size = container(pixel)
    cube = samples.reshape(pixel.rows, pixel.columns, pixel.samples_per_pixel)
    octets = np.ascontiguousarray(cube).view(np.uint8)
    octets = octets.reshape(pixel.rows, pixel.columns, pixel.samples_per_pixel, size)
    segments = []
    for sample in range(pixel.samples_per_pixel):
        for byte in reversed(range(size)):
            packed = _packed(octets[:, :, sample, byte])
            segments.append(packed + b"\0" * (len(packed) % 2))
    starts = [_HEADER]
    for segment in segments[:-1]:
        starts.append(starts[-1] + len(segment))
    head = pack("<16I", len(segments), *starts, *(0,) * (15 - len(starts)))
    return head + b"".join(segments)


def _packed(plane: NDArray[np.uint8]) -> bytes:
    return bytes(imagecodecs.packbits_encode(laid_out(plane)))

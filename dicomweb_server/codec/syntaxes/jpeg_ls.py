"""JPEG-LS, lossless and near-lossless (ISO/IEC 14495-1)."""

from __future__ import annotations

import imagecodecs
import jpeg_ls
import numpy as np

from dicomweb_server.codec import declared
from dicomweb_server.codec.declared import Coding, Declared
from dicomweb_server.codec.failure import decoding, undecodable
from dicomweb_server.codec.raster import Samples, laid_out, narrowed, shape_of
from dicomweb_server.codec.table import JPEG_LS, JPEG_LS_NEAR, decoded, ls_precision
from dicomweb_server.model.frame import Frame, Target
from dicomweb_server.model.instance import PixelHeader

SYNTAXES = (JPEG_LS, JPEG_LS_NEAR)
_MOST_GROWTH = 4
"""No code of a sample is longer than four times its bits (ISO/IEC 14495-1 A.5.3)."""
_HEADER = 1024
_BY_PIXEL = 2
"""How the samples of colour lie (ISO/IEC 14495-1 C.2.3, ILV)."""
_END = b"\xff\xd9"
"""End of image; behind a stream that is cut off it keeps the decoder from reading on and on."""


def decode(frame: Frame) -> tuple[Samples, str]:
    """Samples of a JPEG-LS frame, and the colour that the stream tells.

    Raises:
        FrameUndecodable: It is damaged, or something else than its data set says.
    """
    found = declared.jpeg(frame.data)
    declared.require_same(found, frame.pixel)
    if found.coding is not Coding.LS:
        raise undecodable(f"it is {found.coding.value}, its transfer syntax is JPEG-LS")
    told = decoded(JPEG_LS, frame.pixel).photometric_interpretation
    return samples_of(frame, found), found.colour if found.colour and told else told


def samples_of(frame: Frame, found: Declared) -> Samples:
    """Decode a JPEG-LS stream that fits its data set; samples have no sign of their own."""
    with decoding("JPEG-LS"):
        cells: Samples = imagecodecs.jpegls_decode(frame.data + _END)
    pixel = decoded(frame.transfer_syntax, frame.pixel)
    if found.samples == 3 and cells.shape[-1] != 3:
        cells = np.ascontiguousarray(np.moveaxis(cells, 0, -1))
    return narrowed(cells.reshape(shape_of(pixel)), pixel, found.bits)


def encode(samples: Samples, pixel: PixelHeader, target: Target) -> bytes:
    """A JPEG-LS frame.

    The precision of a lossless stream is Bits Stored as the outcome tells it (PS3.5 8.2.3). That of
    a near-lossless one is that of the whole container, since errors drive values up.

    Args:
        samples: In the shape and type of `pixel`.
        pixel: What is to be encoded.
        target: Tells whether it may be lossy, and its quality.
    """
    cells = laid_out(samples).view(f"u{samples.dtype.itemsize}")
    if target.transfer_syntax == JPEG_LS_NEAR:
        return _of_whole_containers(cells, near_of(target.quality, pixel.bits_stored))
    bits = ls_precision(pixel)
    if bits == 8 * cells.dtype.itemsize:
        return _of_whole_containers(cells, 0)
    return _lossless(cells, bits)


def _of_whole_containers(cells: Samples, near: int) -> bytes:
    try:
        return bytes(imagecodecs.jpegls_encode(cells, near))
    except imagecodecs.JpeglsError:  # noise grows beyond what the engine expects
        room = bytearray(_MOST_GROWTH * cells.nbytes + _HEADER)
        return bytes(imagecodecs.jpegls_encode(cells, near, out=room))


def _lossless(cells: Samples, bits: int) -> bytes:
    """Encode with the engine that takes a precision; it wants unused bits to be zero."""
    rows, columns, *colours = cells.shape
    kept = np.bitwise_and(cells, cells.dtype.type((1 << bits) - 1))
    return bytes(
        jpeg_ls.encode_buffer(
            kept.tobytes(),
            rows=rows,
            columns=columns,
            samples_per_pixel=colours[0] if colours else 1,
            bits_stored=bits,
            interleave_mode=_BY_PIXEL if colours else 0,
        )
    )


def near_of(quality: int, bits: int) -> int:
    """The largest error of a sample that a quality stands for, 1 to 255."""
    return min(255, max(1, ((100 - quality) << max(0, bits - 8)) // 10))

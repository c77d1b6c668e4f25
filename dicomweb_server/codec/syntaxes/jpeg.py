"""JPEG: baseline and extended with the DCT, and the lossless processes (ISO/IEC 10918-1)."""

from __future__ import annotations

import imagecodecs
import numpy as np

from dicomweb_server.codec import declared
from dicomweb_server.codec.declared import Coding, Declared
from dicomweb_server.codec.failure import decoding, undecodable
from dicomweb_server.codec.raster import Samples, fitted, laid_out
from dicomweb_server.codec.syntaxes import jpeg_ls
from dicomweb_server.codec.table import (
    JPEG_BASELINE,
    JPEG_EXTENDED,
    JPEG_LOSSLESS,
    JPEG_LOSSLESS_SV1,
    container,
    decoded,
)
from dicomweb_server.dicom.codestream import segments
from dicomweb_server.model.frame import Frame, Target
from dicomweb_server.model.instance import PixelHeader

SYNTAXES = (JPEG_BASELINE, JPEG_EXTENDED, JPEG_LOSSLESS, JPEG_LOSSLESS_SV1)
_END = b"\xff\xd9"
_FOREIGN = bytes(range(0x51, 0x5D)) * 64
"""Coded data that belong to no image."""
_PREDICTOR = 1
"""Selection value 1, the previous sample: what .70 asks for and .57 allows."""


def decode(frame: Frame) -> tuple[Samples, str]:
    """Samples of a JPEG frame as they are coded, and the colour that the stream tells.

    What a stream is decides, not what its transfer syntax promises: vendors mix them up.

    Raises:
        FrameUndecodable: It is damaged, or something else than its data set says.
    """
    found = declared.jpeg(frame.data)
    declared.require_same(found, frame.pixel)
    if found.coding is Coding.LS:
        return jpeg_ls.samples_of(frame, found), colour_of(found, frame.pixel)
    pixel = decoded(frame.transfer_syntax, frame.pixel)
    cells = _components(frame.data, found).astype(f"<u{container(pixel)}", copy=False)
    return fitted(cells, pixel), colour_of(found, frame.pixel)


def colour_of(found: Declared, pixel: PixelHeader) -> str:
    """What three components are: the stream's word counts more than the data set's."""
    told = decoded(JPEG_BASELINE, pixel).photometric_interpretation
    if found.samples == 3 and found.colour and (told.startswith("YBR") or told == "RGB"):
        return found.colour
    return told


def _components(data: bytes, found: Declared) -> Samples:
    """Components without conversion of colour; chroma is brought to full size."""
    space = {1: "GRAYSCALE", 3: "YCBCR", 4: "CMYK"}.get(found.samples)
    if space is None:
        raise undecodable(f"its JPEG stream has {found.samples} components")
    with decoding("JPEG"):
        # Entropy-coded data never hold the two bytes of the end
        if data.rfind(_END) >= found.start:
            return _engine(data, space)
        return _without_end(data, space)


def _engine(data: bytes, space: str) -> Samples:
    cells: Samples = imagecodecs.jpeg8_decode(data, colorspace=space, outcolorspace=space)
    return cells


def _without_end(data: bytes, space: str) -> Samples:
    """Decode a stream whose encoder forgot the end, unless more than that is missing.

    The decoder makes up what is not there and says nothing. So it gets two continuations: only a
    whole image does not depend on them.
    """
    cells = _engine(data.rstrip(b"\0") + _END, space)
    if not np.array_equal(cells, _engine(data.rstrip(b"\0") + _FOREIGN + _END, space)):
        raise undecodable("its JPEG stream is cut off")
    return cells


def encode(samples: Samples, pixel: PixelHeader, target: Target) -> bytes:
    """A JPEG frame.

    Args:
        samples: In the shape and type of `pixel`, unsigned for the DCT.
        pixel: What is to be encoded, before its chroma is subsampled.
        target: Tells the process, and the quality of the DCT.
    """
    cells = laid_out(samples).view(f"u{samples.dtype.itemsize}")
    colour = pixel.samples_per_pixel == 3
    space = "GRAYSCALE"
    if colour:
        space = "RGB" if pixel.photometric_interpretation == "RGB" else "YCBCR"
    if target.transfer_syntax == JPEG_BASELINE:
        return bytes(
            imagecodecs.jpeg8_encode(
                cells.astype(np.uint8, copy=False),
                target.quality,
                colorspace=space,
                outcolorspace="YCBCR" if colour else space,
                subsampling="422" if colour else None,
            )
        )
    if target.transfer_syntax == JPEG_EXTENDED:
        return bytes(imagecodecs.jpeg8_encode(cells, target.quality, bitspersample=12))
    return _lossless(cells, pixel, space)


def _lossless(cells: Samples, pixel: PixelHeader, space: str) -> bytes:
    bits = max(2, pixel.bits_stored)
    ybr = space == "YCBCR"
    kept = np.bitwise_and(cells, cells.dtype.type((1 << bits) - 1))
    stream = bytes(
        imagecodecs.jpeg8_encode(
            kept.astype(np.uint8 if bits <= 8 else np.uint16, copy=False),
            colorspace="RGB" if ybr else space,
            outcolorspace="RGB" if ybr else space,
            lossless=True,
            predictor=_PREDICTOR,
            bitspersample=bits,
        )
    )
    return _without_colour(stream) if ybr else stream


def _without_colour(stream: bytes) -> bytes:
    """Take the words for RGB out of a stream: its components become 1, 2 and 3.

    The encoder leaves components of lossless streams as they are for RGB only.
    """
    made, place = bytearray(stream[:2]), 2
    for marker, content in segments(stream):
        length = 2 + len(content)
        segment = bytearray(stream[place : place + 2 + length])
        place += len(segment)
        if marker == 0xEE:
            continue
        first, step = (10, 3) if marker == 0xC3 else (5, 2)
        if marker in (0xC3, 0xDA):
            for number in range(3):
                segment[first + step * number] = number + 1
        made += segment
    return bytes(made) + stream[place:]

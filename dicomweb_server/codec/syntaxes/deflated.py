"""Deflated Image Frame: each frame is a deflate stream of its native bytes (PS3.5 A.4.14)."""

from __future__ import annotations

import zlib

from dicomweb_server.codec.failure import decoding, undecodable
from dicomweb_server.codec.raster import Samples
from dicomweb_server.codec.syntaxes import native
from dicomweb_server.codec.table import container
from dicomweb_server.model.frame import Frame
from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.model.media import DEFLATED_FRAMES

SYNTAXES = (DEFLATED_FRAMES,)
_RAW = -zlib.MAX_WBITS
_LEVEL = 6


def decode(frame: Frame) -> Samples:
    """Samples of a deflated frame; no more is inflated than its description asks for.

    Raises:
        FrameUndecodable: It holds more or fewer bytes, or is damaged.
    """
    return native.from_bytes(inflated(frame), frame.pixel)


def inflated(frame: Frame) -> bytes:
    """The native bytes of a deflated frame."""
    pixel = frame.pixel
    count = pixel.rows * pixel.columns * pixel.samples_per_pixel
    length = (count + 7) // 8 if pixel.bits_allocated == 1 else count * container(pixel)
    engine = zlib.decompressobj(_RAW)
    with decoding("deflated frame"):
        # One byte more may be padding to an even length; a second one is too many pixels
        found = engine.decompress(frame.data, length + 2)
    if len(found) > length + 1:
        raise undecodable(f"it inflates to more than the {length} bytes of its description")
    return found


def encode(samples: Samples, pixel: PixelHeader) -> bytes:
    """A deflated frame.

    Args:
        samples, pixel: As for native.encode.
    """
    engine = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW)
    return engine.compress(native.encode(samples, pixel)) + engine.flush()

"""JPEG XL (ISO/IEC 18181)."""

from __future__ import annotations

import imagecodecs

from dicomweb_server.codec import declared
from dicomweb_server.codec.declared_jxl import jpeg_xl
from dicomweb_server.codec.failure import decoding
from dicomweb_server.codec.raster import Samples, narrowed, shape_of
from dicomweb_server.codec.table import JXL, JXL_LOSSLESS, JXL_RECOMPRESSION, decoded
from dicomweb_server.model.frame import Frame

SYNTAXES = (JXL_LOSSLESS, JXL_RECOMPRESSION, JXL)


def decode(frame: Frame) -> tuple[Samples, str]:
    """Samples of a JPEG XL frame and their colour: whatever is inside becomes RGB or grey.

    Raises:
        FrameUndecodable: It is damaged, or something else than its data set says.
    """
    found = jpeg_xl(frame.data)
    declared.require_same(found, frame.pixel)
    with decoding("JPEG XL"):
        cells: Samples = imagecodecs.jpegxl_decode(frame.data)
    pixel = decoded(frame.transfer_syntax, frame.pixel)
    with decoding("JPEG XL"):
        shaped = cells.reshape(shape_of(pixel))
    return narrowed(shaped, pixel, found.bits), pixel.photometric_interpretation

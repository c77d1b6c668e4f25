"""Between RGB and luminance with chroma (PS3.3 C.7.6.3.1.2)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dicomweb_server.codec.raster import Raster, dtype_of

_TO_YBR = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
_TO_RGB = ((1.0, 0.0, 1.402), (1.0, -0.344136, -0.714136), (1.0, 1.772, 0.0))


def full_range(raster: Raster) -> Raster:
    """Luminance and chroma of the retired YBR_PARTIAL, brought to the range of YBR_FULL.

    Args:
        raster: Luminance from 16 to 235, chroma from 16 to 240, where samples have 8 bits.
    """
    pixel = raster.pixel
    unit = np.float32(1 << (pixel.bits_stored - 8)) if pixel.bits_stored > 8 else np.float32(1)
    low = np.array((16, 128, 128), np.float32) * unit
    middle = np.array((0, 128, 128), np.float32) * unit
    scale = np.array((255 / 219, 255 / 224, 255 / 224), np.float32)
    return _rounded(raster, (raster.samples.astype(np.float32) - low) * scale + middle)


def _rounded(raster: Raster, levels: NDArray[np.floating]) -> Raster:
    top = (1 << raster.pixel.bits_stored) - 1
    samples = np.clip(np.rint(levels), 0, top).astype(dtype_of(raster.pixel))
    return Raster(raster.pixel, samples)


def in_colour(raster: Raster, photometric: str) -> Raster:
    """A raster in the Photometric Interpretation that its data set promises.

    Only RGB and YBR_FULL are converted into each other; all else is taken at its word.

    Args:
        raster: Unsigned samples.
        photometric: What is promised.
    """
    found = raster.pixel.photometric_interpretation
    if {found, photometric} != {"RGB", "YBR_FULL"}:
        return raster
    pixel = raster.pixel
    middle = np.float32(1 << (pixel.bits_stored - 1))
    levels: NDArray[np.float32] = raster.samples.astype(np.float32)
    chroma = np.array((0, middle, middle), np.float32)
    converted: NDArray[np.floating]
    if photometric == "RGB":
        converted = (levels - chroma) @ np.array(_TO_RGB, np.float32).T
    else:
        converted = levels @ np.array(_TO_YBR, np.float32).T + chroma
    described = Raster(replace(pixel, photometric_interpretation=photometric), raster.samples)
    return _rounded(described, converted)

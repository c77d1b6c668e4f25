"""Colour images to RGB: sample spaces and palettes (PS3.3 C.7.6.3.1.2, C.7.9, C.7.6.19)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dicomweb_server.codec.failure import undecodable
from dicomweb_server.codec.raster import Raster, Samples
from dicomweb_server.codec.render.arrays import Floats, Levels, apply_curve, numbers
from dicomweb_server.codec.render.grey import bounds_of, grey_levels
from dicomweb_server.codec.render.tables import palette_levels
from dicomweb_server.model.rendering import Appearance, Palette, Window

_PARTIAL = ((1.1644, 0.0, 1.5960), (1.1644, -0.3917, -0.8130), (1.1644, 2.0173, 0.0))
"""RGB of luminance 16 to 235 and chroma 16 to 240 less 16 and 128."""


def colour_levels(raster: Raster) -> Levels:
    """RGB of three samples per pixel; of more than three the first three count.

    Args:
        raster: Samples in RGB, YBR_FULL or YBR_PARTIAL; all other names are taken as RGB, which is
            what codestreams with transforms of their own give (YBR_ICT, YBR_RCT).

    Raises:
        FrameUndecodable: It has two samples per pixel.
    """
    samples = raster.samples
    if samples.ndim != 3 or samples.shape[2] < 3:
        raise undecodable("its samples per pixel are no colour")
    levels = _eight_bits(samples[:, :, :3], raster.pixel.bits_stored)
    photometric = raster.pixel.photometric_interpretation
    if photometric.startswith("YBR_FULL"):
        return np.asarray(Image.fromarray(levels, "YCbCr").convert("RGB"))
    if photometric.startswith("YBR_PARTIAL"):
        return _from_partial(levels)
    return levels


def palette_colours(samples: Samples, palette: Palette) -> Levels:
    """RGB of palette indexes."""

    def colours(values: Floats) -> Levels:
        return palette_levels(palette, values)

    return apply_curve(samples, *bounds_of(samples), colours)


def supplemented(raster: Raster, appearance: Appearance, window: Window | None) -> Levels:
    """RGB of an image whose values are grey below the first entry of its palette."""
    palette = appearance.palette
    if palette is None:
        raise ValueError("there is no palette")
    coloured = numbers(raster.samples) >= palette.red.first
    image = np.where(coloured, palette.red.first - 1, raster.samples)
    plain = replace(appearance, palette=None)
    grey = grey_levels(image.astype(raster.samples.dtype), raster.pixel, plain, window)
    result = np.repeat(grey[:, :, None], 3, axis=2)
    if bool(coloured.any()):
        result[coloured] = palette_colours(raster.samples[coloured], palette)
    return result


def _eight_bits(samples: Samples, bits: int) -> Levels:
    """The upper eight of so many bits, or fewer bits spread over eight."""
    if samples.dtype == np.uint8 and bits == 8:
        return np.ascontiguousarray(samples).view(np.uint8)
    if samples.dtype.kind == "f":
        return (np.clip(np.nan_to_num(samples), 0, 1) * 255).astype(np.uint8)
    top = (1 << max(bits, 1)) - 1
    unsigned: NDArray[np.uint32] = samples.astype(np.uint32) & np.uint32(min(top, 0xFFFFFFFF))
    if bits > 8:
        return (unsigned >> np.uint32(bits - 8)).astype(np.uint8)
    return (unsigned * np.uint32(255) // np.uint32(top)).astype(np.uint8)


def _from_partial(levels: Levels) -> Levels:
    offsets = np.array((16, 128, 128), np.float32)
    rgb = (levels.astype(np.float32) - offsets) @ np.array(_PARTIAL, np.float32).T
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8)

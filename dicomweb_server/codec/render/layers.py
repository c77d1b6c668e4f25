"""Pictures laid on one another: segments, label maps and doses on an image."""

from __future__ import annotations

import numpy as np
from PIL import Image

from dicomweb_server.codec.raster import Raster
from dicomweb_server.codec.render.arrays import Floats, Levels, apply_curve, numbers
from dicomweb_server.codec.render.grey import bounds_of
from dicomweb_server.codec.render.resize import scaled
from dicomweb_server.codec.render.tables import palette_levels
from dicomweb_server.model.rendering import Appearance, Palette


def tinted(levels: Levels, tint: Palette) -> Levels:
    """Colours of grey levels."""
    colours: Levels = np.take(palette_levels(tint, np.arange(256, dtype=np.float64)), levels, 0)
    return colours


def segment_levels(raster: Raster, appearance: Appearance, below: Levels | None) -> Levels:
    """A segment in its colour.

    Args:
        raster: 0 where the segment is not.
        appearance: Tells colour, opacity and the greatest value.
        below: Image under it, RGB of the same size; on None, which is black, the colour counts
            in full, since it hides nothing.
    """
    greatest = max(appearance.greatest, 1)
    opacity = share_of(appearance.opacity) if below is not None else 1.0

    def weights(stored: Floats) -> Levels:
        return np.rint(np.clip(stored / greatest, 0, 1) * opacity * 255).astype(np.uint8)

    plane = raster.samples if raster.samples.ndim == 2 else raster.samples[:, :, 0]
    alpha = apply_curve(plane, *bounds_of(plane), weights)
    above = np.zeros((*alpha.shape, 3), np.uint8)
    above[:, :] = [min(max(each, 0), 255) for each in appearance.colour or (255, 255, 255)]
    return blended(above, alpha, below if below is not None else np.zeros_like(above))


def laid_on(
    colours: Levels, raster: Raster, grey: Levels | None, appearance: Appearance, below: Levels
) -> Levels:
    """A label map or a dose on an image.

    Args:
        colours: RGB of the label map or dose.
        raster: Its stored values.
        grey: Levels of the dose; where they are 0 the image shows. None for label maps.
        appearance: Tells opacity and, for label maps, the value under which the image shows.
        below: The image, RGB of the same size.
    """
    if grey is not None:
        there = grey > 0
    else:
        there = numbers(raster.samples) != (appearance.transparent or 0)
    alpha = there.astype(np.uint8) * np.uint8(round(share_of(appearance.opacity) * 255))
    return blended(colours, alpha, below)


def blended(above: Levels, alpha: Levels, below: Levels) -> Levels:
    """One picture over another."""
    image = Image.composite(
        Image.fromarray(above), Image.fromarray(below), Image.fromarray(alpha, "L")
    )
    return np.asarray(image)


def as_colour(levels: Levels) -> Levels:
    """RGB of grey or RGB levels."""
    if levels.ndim == 3:
        return levels
    return np.repeat(levels[:, :, None], 3, axis=2)


def in_size_of(below: Levels, raster: Raster) -> Levels:
    """An image in the size of what is laid on it, as RGB."""
    size = (raster.samples.shape[1], raster.samples.shape[0])
    return np.asarray(scaled(as_colour(below), size))


def share_of(value: float) -> float:
    """A number between 0 and 1, 0 for what is no number."""
    return min(max(value, 0.0), 1.0) if value == value else 0.0

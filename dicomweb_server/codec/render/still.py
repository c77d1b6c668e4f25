"""One frame as one picture (PS3.4 N.2, PS3.18 8.3.5)."""

from __future__ import annotations

import numpy as np

from dicomweb_server.codec.decode import cells, decode
from dicomweb_server.codec.port import Background
from dicomweb_server.codec.raster import Raster, Samples
from dicomweb_server.codec.render.arrays import Levels
from dicomweb_server.codec.render.colour import colour_levels, palette_colours, supplemented
from dicomweb_server.codec.render.geometry import geometry_of
from dicomweb_server.codec.render.graphics import draw_graphics
from dicomweb_server.codec.render.grey import grey_levels
from dicomweb_server.codec.render.layers import in_size_of, laid_on, segment_levels, tinted
from dicomweb_server.codec.render.letters import annotate
from dicomweb_server.codec.render.masks import draw_overlays, shut
from dicomweb_server.codec.render.output import write_picture
from dicomweb_server.codec.render.profiles import with_profile
from dicomweb_server.codec.render.reading import in_told_range, read
from dicomweb_server.codec.render.resize import arrange
from dicomweb_server.model.frame import Frame
from dicomweb_server.model.rendering import Appearance, Rendering, Window


def render(frame: Frame, rendering: Rendering, background: Background | None = None) -> bytes:
    """Make a picture of one frame.

    Args:
        frame: In any transfer syntax that can be decoded.
        rendering: How.
        background: What segments, label maps and doses are laid on; None for black.

    Returns:
        Bytes of the media type.

    Raises:
        FrameUndecodable: The frame cannot be decoded, the part that is asked for lies outside of
            it, or the picture would be too large.
    """
    appearance, options = rendering.appearance, rendering.options
    geometry = geometry_of(frame.pixel.columns, frame.pixel.rows, appearance, options)
    raster, placing = read(frame, appearance, options, geometry)
    levels = _laid(in_told_range(raster, frame), appearance, options.window, background)
    if appearance.shutters or (options.has_overlays and appearance.overlays):
        levels = np.array(levels)
        shut(levels, appearance.shutters, appearance.aspect)
        if options.has_overlays:
            draw_overlays(levels, appearance.overlays, _cells(frame, appearance))
    picture = arrange(levels, placing)
    picture = draw_graphics(picture, geometry, appearance.graphics, appearance.texts)
    if any(rendering.lines):
        annotate(picture, rendering.lines)
    picture, profile = with_profile(picture, options.profile, appearance.profile)
    return write_picture(picture, rendering.media_type, options.quality, profile)


def levels_of(raster: Raster, appearance: Appearance, window: Window | None) -> Levels:
    """Grey or RGB levels of a decoded frame, without what is laid on or drawn over it."""
    if appearance.palette is not None and raster.samples.ndim == 2:
        if appearance.palette.supplemental:
            return supplemented(raster, appearance, window)
        return palette_colours(raster.samples, appearance.palette)
    if raster.samples.ndim == 3:
        return colour_levels(raster)
    return grey_levels(raster.samples, raster.pixel, appearance, window)


def _laid(
    raster: Raster, appearance: Appearance, window: Window | None, background: Background | None
) -> Levels:
    """Levels of a frame on its background."""
    below = None
    if background is not None:
        under = _below(background)
        below = in_size_of(under, raster)
    if appearance.colour is not None:
        return segment_levels(raster, appearance, below)
    levels = levels_of(raster, appearance, window)
    grey = None
    if appearance.tint is not None and levels.ndim == 2:
        grey, levels = levels, tinted(levels, appearance.tint)
    if below is None or levels.ndim == 2:
        return levels
    return laid_on(levels, raster, grey, appearance, below)


def _below(background: Background) -> Levels:
    raster = in_told_range(decode(background.frame), background.frame)
    return levels_of(raster, background.appearance, None)


def _cells(frame: Frame, appearance: Appearance) -> Samples | None:
    """Pixels with their unused bits where an overlay hides in them."""
    if any(overlay.embedded >= 0 for overlay in appearance.overlays):
        return cells(frame)
    return None

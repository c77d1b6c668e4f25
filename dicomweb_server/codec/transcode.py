"""Frames from one transfer syntax to another."""

from __future__ import annotations

import numpy as np

from dicomweb_server.codec import table
from dicomweb_server.codec.colour import full_range, in_colour
from dicomweb_server.codec.decode import decode
from dicomweb_server.codec.encode import encode
from dicomweb_server.codec.raster import Raster
from dicomweb_server.errors import FrameUndecodable
from dicomweb_server.model.frame import Frame, Target
from dicomweb_server.model.media import EXPLICIT_LITTLE


def transcode(frame: Frame, target: Target) -> Frame:
    """Transcode one frame; nothing happens to one that is in that transfer syntax already.

    Args:
        frame: What is there.
        target: What is wanted.

    Returns:
        Its `pixel` is what `table.outcome` tells.

    Raises:
        FrameUndecodable: It is damaged, lies about its size or cannot become that.
    """
    reason = table.obstacle(frame.transfer_syntax, target.transfer_syntax, frame.pixel)
    if reason:
        raise FrameUndecodable(f"the frame cannot become what was asked: {reason}")
    source = table.plain(frame.transfer_syntax)
    if source == table.plain(target.transfer_syntax):
        return frame
    raster = decode(frame)
    if source == EXPLICIT_LITTLE and frame.pixel.photometric_interpretation == "YBR_PARTIAL_422":
        raster = full_range(raster)
    promised = table.decoded(source, frame.pixel).photometric_interpretation
    return encode(_within_range(in_colour(raster, promised)), target)


def _within_range(raster: Raster) -> Raster:
    """Samples that lossy coding drove beyond Bits Stored come back to its ends."""
    pixel, samples = raster.pixel, raster.samples
    if table.is_float(pixel) or pixel.bits_stored >= 8 * table.container(pixel):
        return raster
    span = 1 << pixel.bits_stored
    low = -(span >> 1) if pixel.pixel_representation else 0
    if int(samples.min()) >= low and int(samples.max()) < low + span:
        return raster
    kind = samples.dtype.type
    return Raster(pixel, np.clip(samples, kind(low), kind(low + span - 1)))

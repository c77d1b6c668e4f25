"""Jobs of codec processes as the server makes them; `perform` does them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from dicomweb_server.codec.messages import Job
from dicomweb_server.codec.port import Background
from dicomweb_server.model.drawing import Drawing
from dicomweb_server.model.frame import Frame, Target
from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.model.rendering import Rendering

_MEMBERS = tuple(f.name for f in fields(PixelHeader) if f.name != "number_of_frames")


def transcode_job(frame: Frame, target: Target) -> Job:
    """A job that gives the transcoded data and notes of their description."""
    return Job("transcode", (frame.pixel, frame.transfer_syntax, target), (frame.data,))


def render_job(frame: Frame, rendering: Rendering, background: Background | None) -> Job:
    """A job that gives a picture."""
    data: tuple[bytes, ...] = (frame.data,)
    laid_on = None
    if background is not None:
        below = background.frame
        data = (frame.data, below.data)
        laid_on = (below.pixel, below.transfer_syntax, background.appearance)
    return Job("render", (frame.pixel, frame.transfer_syntax, rendering, laid_on), data)


def animate_job(pictures: Sequence[bytes], media_type: str, milliseconds: Sequence[int]) -> Job:
    """A job that gives an animation."""
    return Job("animate", (media_type, tuple(milliseconds)), tuple(pictures))


def greatest_job(frame: Frame) -> Job:
    """A job that gives notes of the greatest stored value."""
    return Job("greatest", (frame.pixel, frame.transfer_syntax), (frame.data,))


def draw_job(drawing: Drawing, media_type: str, quality: int) -> Job:
    """A job that gives a picture of a drawing."""
    return Job("draw", (drawing, media_type, quality))


def members(pixel: PixelHeader) -> list[int | str]:
    """A description as a list; the number of frames does not matter."""
    return [getattr(pixel, name) for name in _MEMBERS]

"""The work of a codec process: a job in, notes and bytes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from importlib import import_module
from typing import cast

from dicomweb_server.codec.messages import Job, Note
from dicomweb_server.codec.port import Background
from dicomweb_server.model.drawing import Drawing
from dicomweb_server.model.frame import Frame, Target
from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.model.rendering import Appearance, Rendering

Result = tuple[Mapping[str, Note], bytes]
Data = tuple[bytes, ...]

_MEMBERS = tuple(f.name for f in fields(PixelHeader) if f.name != "number_of_frames")
_TRANSCODE = "dicomweb_server.codec.transcode"
_RENDER = "dicomweb_server.codec.render"


def transcode_job(frame: Frame, target: Target) -> Job:
    """A job that gives the transcoded data and notes of their description."""
    return Job("transcode", (frame.pixel, frame.transfer_syntax, target), (frame.data,))


def render_job(frame: Frame, rendering: Rendering, background: Background | None) -> Job:
    """A job that gives a picture."""
    data: Data = (frame.data,)
    laid_on = None
    if background is not None:
        below = background.frame
        data = (frame.data, below.data)
        laid_on = (below.pixel, below.transfer_syntax, background.appearance)
    return Job("render", (frame.pixel, frame.transfer_syntax, rendering, laid_on), data)


def animate_job(pictures: Sequence[bytes], media_type: str, milliseconds: Sequence[int]) -> Job:
    """A job that gives an animation."""
    return Job("animate", (media_type, tuple(milliseconds)), tuple(pictures))


def draw_job(drawing: Drawing, media_type: str, quality: int) -> Job:
    """A job that gives a picture of a drawing."""
    return Job("draw", (drawing, media_type, quality))


def perform(job: Job) -> Result:
    """Do a job; runs in a codec process.

    Raises:
        FrameUndecodable: The frame is to blame.
    """
    return _JOBS[job.name](job.arguments, job.data)


def described(frame: Frame) -> Mapping[str, Note]:
    """Notes that tell what a transcoded frame is."""
    return {"pixel": members(frame.pixel)}


def members(pixel: PixelHeader) -> list[int | str]:
    """A description as a list; the number of frames does not matter."""
    return [getattr(pixel, name) for name in _MEMBERS]


def _transcode(arguments: tuple[object, ...], data: Data) -> Result:
    pixel, syntax, target = cast("tuple[PixelHeader, str, Target]", arguments)
    transcode = cast("Callable[[Frame, Target], Frame]", import_module(_TRANSCODE).transcode)
    made = transcode(Frame(pixel, syntax, data[0]), target)
    return described(made), made.data


def _render(arguments: tuple[object, ...], data: Data) -> Result:
    pixel, syntax, rendering, laid_on = cast(
        "tuple[PixelHeader, str, Rendering, tuple[PixelHeader, str, Appearance] | None]", arguments
    )
    background = None
    if laid_on is not None:
        background = Background(Frame(laid_on[0], laid_on[1], data[1]), laid_on[2])
    render = cast(
        "Callable[[Frame, Rendering, Background | None], bytes]", import_module(_RENDER).render
    )
    return {}, render(Frame(pixel, syntax, data[0]), rendering, background)


def _animate(arguments: tuple[object, ...], data: Data) -> Result:
    media_type, milliseconds = cast("tuple[str, tuple[int, ...]]", arguments)
    animate = cast(
        "Callable[[Sequence[bytes], str, Sequence[int]], bytes]", import_module(_RENDER).animate
    )
    return {}, animate(data, media_type, milliseconds)


def _draw(arguments: tuple[object, ...], data: Data) -> Result:
    drawing, media_type, quality = cast("tuple[Drawing, str, int]", arguments)
    draw = cast("Callable[[Drawing, str, int], bytes]", import_module(_RENDER).draw)
    return {}, draw(drawing, media_type, quality)


_JOBS: dict[str, Callable[[tuple[object, ...], Data], Result]] = {
    "transcode": _transcode,
    "render": _render,
    "animate": _animate,
    "draw": _draw,
}

"""The work of a codec process: a job in, notes and bytes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from dicomweb_server.codec.extremes import greatest
from dicomweb_server.codec.jobs import members
from dicomweb_server.codec.messages import Job, Note
from dicomweb_server.codec.port import Background
from dicomweb_server.codec.render import animate, draw, render
from dicomweb_server.codec.transcode import transcode
from dicomweb_server.model.drawing import Drawing
from dicomweb_server.model.frame import Frame, Target
from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.model.rendering import Appearance, Rendering

Result = tuple[Mapping[str, Note], bytes]
Data = tuple[bytes, ...]


def perform(job: Job) -> Result:
    """Do a job.

    Raises:
        FrameUndecodable: The frame is to blame.
    """
    return _JOBS[job.name](job.arguments, job.data)


def _transcode(arguments: tuple[object, ...], data: Data) -> Result:
    pixel, syntax, target = cast("tuple[PixelHeader, str, Target]", arguments)
    made = transcode(Frame(pixel, syntax, data[0]), target)
    return {"pixel": members(made.pixel)}, made.data


def _render(arguments: tuple[object, ...], data: Data) -> Result:
    pixel, syntax, rendering, laid_on = cast(
        "tuple[PixelHeader, str, Rendering, tuple[PixelHeader, str, Appearance] | None]", arguments
    )
    background = None
    if laid_on is not None:
        background = Background(Frame(laid_on[0], laid_on[1], data[1]), laid_on[2])
    return {}, render(Frame(pixel, syntax, data[0]), rendering, background)


def _animate(arguments: tuple[object, ...], data: Data) -> Result:
    media_type, milliseconds = cast("tuple[str, tuple[int, ...]]", arguments)
    return {}, animate(data, media_type, milliseconds)


def _greatest(arguments: tuple[object, ...], data: Data) -> Result:
    pixel, syntax = cast("tuple[PixelHeader, str]", arguments)
    return {"greatest": repr(greatest(Frame(pixel, syntax, data[0])))}, b""


def _draw(arguments: tuple[object, ...], _data: Data) -> Result:
    drawing, media_type, quality = cast("tuple[Drawing, str, int]", arguments)
    return {}, draw(drawing, media_type, quality)


_JOBS: dict[str, Callable[[tuple[object, ...], Data], Result]] = {
    "transcode": _transcode,
    "render": _render,
    "animate": _animate,
    "draw": _draw,
    "greatest": _greatest,
}

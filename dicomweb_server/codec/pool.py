"""Codecs in worker processes of their own: bounded, watched over, replaced when they end."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

from dicomweb_server.codec import table
from dicomweb_server.codec.errand import Errand
from dicomweb_server.codec.jobs import (
    animate_job,
    draw_job,
    greatest_job,
    members,
    render_job,
    transcode_job,
)
from dicomweb_server.codec.messages import Job, Outcome, PackedJob, pack_job, text_of, texts_of
from dicomweb_server.codec.port import Background
from dicomweb_server.codec.process import Reply
from dicomweb_server.codec.slot import Dispatcher, refused
from dicomweb_server.errors import CodecFailed, FrameUndecodable, TooBusy, Unavailable
from dicomweb_server.model.drawing import Drawing
from dicomweb_server.model.frame import Frame, Target, frame_length
from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.model.limits import CodecLimits
from dicomweb_server.model.media import EXPLICIT_LITTLE
from dicomweb_server.model.patience import is_patient
from dicomweb_server.model.rendering import Rendering
from dicomweb_server.model.stages import Stage, Waiting

_log = logging.getLogger(__name__)


class CodecPool:
    """Codecs that run each frame in one of a few processes.

    A process starts when it is first needed, or by `warm`. What kills one costs the frame that it
    had in hand, and nothing else. Belongs to the event loop in which it is first used; several
    server processes have a pool each.

    Args:
        limits: How many processes, and what a job may cost.
    """

    def __init__(self, limits: CodecLimits) -> None:
        self._limits = limits
        self._dispatcher = Dispatcher(limits)
        self._held = 0
        self._closed = False

    def obstacle(self, source: str, target: str, pixel: PixelHeader) -> str:
        """Why frames cannot go from one transfer syntax to another; see Codecs."""
        return table.obstacle(source, target, pixel)

    def outcome(self, source: str, target: str, pixel: PixelHeader) -> PixelHeader:
        """The description of transcoded frames; see Codecs."""
        return table.outcome(source, target, pixel)

    def is_spare(self) -> bool:
        """Whether a codec has nothing to do; see Codecs."""
        return bool(self._dispatcher.idle) and not self._dispatcher.waiting

    async def transcode(self, frame: Frame, target: Target) -> Frame:
        """Transcode one frame; see Codecs."""
        if frame.transfer_syntax == target.transfer_syntax:
            return frame
        syntax = target.transfer_syntax
        why = self.obstacle(frame.transfer_syntax, syntax, frame.pixel)
        if why:
            raise FrameUndecodable(why)
        expected = self.outcome(frame.transfer_syntax, syntax, frame.pixel)
        self._require_size(len(frame.data))
        reply = await self._run(transcode_job(frame, target))
        _require_pixel(reply, expected)
        if syntax == EXPLICIT_LITTLE and len(reply.data) != frame_length(expected):
            raise CodecFailed("the codec gave a frame of another length than its description tells")
        return Frame(expected, syntax, reply.data)

    async def render(
        self, frame: Frame, rendering: Rendering, background: Background | None = None
    ) -> bytes:
        """Make a picture of one frame; see Codecs."""
        self._require_size(len(frame.data))
        if background is not None:
            self._require_size(len(background.frame.data))
        return (await self._run(render_job(frame, rendering, background))).data

    async def animate(
        self, pictures: Sequence[bytes], media_type: str, milliseconds: Sequence[int]
    ) -> bytes:
        """Put pictures together as one animation; see Codecs."""
        return (await self._run(animate_job(pictures, media_type, milliseconds))).data

    async def draw(self, drawing: Drawing, media_type: str, quality: int) -> bytes:
        """Make a picture of a drawing; see Codecs."""
        return (await self._run(draw_job(drawing, media_type, quality))).data

    async def greatest(self, frame: Frame) -> float:
        """The greatest stored value of one frame; see Codecs."""
        self._require_size(len(frame.data))
        told = text_of((await self._run(greatest_job(frame))).notes, "greatest")
        try:
            value = float(told)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise CodecFailed("the codec gave no number")
        return value

    def warm(self) -> None:
        """Start all processes, in the background."""
        while not self._closed and len(self._dispatcher.slots) < self._limits.workers:
            self._dispatcher.open_slot()

    def identifiers(self) -> list[int]:
        """Process ids of the processes that can take jobs."""
        found = (slot.identifier for slot in self._dispatcher.slots)
        return [identifier for identifier in found if identifier is not None]

    async def close(self) -> None:
        """End the processes; who waits gets an error."""
        self._closed = True
        await self._dispatcher.close()

    async def _run(self, job: Job) -> Reply:
        packed = pack_job(job)
        self._admit(packed)
        errand = Errand(packed, self._limits.abandoned_seconds)
        self._held += errand.size
        self._dispatcher.put(errand)
        try:
            with Waiting(Stage.CODEC):
                reply = await errand.answer
        finally:
            self._held -= errand.size
            if errand.is_abandoned:
                self._dispatcher.forget(errand)
        return _sound(reply, job.name)

    def _admit(self, job: PackedJob) -> None:
        if self._closed:
            raise Unavailable("the server is stopping")
        # What can wait leaves room for new requests, however many long answers are on their way.
        most = max(1, self._limits.queue // 2) if is_patient() else self._limits.queue
        full = len(self._dispatcher.waiting) >= most
        if full or (self._held and self._held + job.size > self._limits.queue_bytes):
            raise TooBusy("too many frames wait for a codec", "ask again in a second")
        if self._dispatcher.breaker.is_open(job):
            raise refused()

    def _require_size(self, size: int) -> None:
        if size > self._limits.frame:
            raise FrameUndecodable(f"the frame has more than {self._limits.frame} bytes")


def _sound(reply: Reply, name: str) -> Reply:
    """A reply that brings a result; others become errors."""
    if reply.outcome is Outcome.DONE:
        return reply
    notes = reply.notes
    detail, hint = text_of(notes, "detail"), text_of(notes, "hint")
    if reply.outcome is Outcome.UNDECODABLE:
        raise FrameUndecodable(
            detail,
            hint,
            asked=texts_of(notes, "asked"),
            stored=text_of(notes, "stored"),
            offered=texts_of(notes, "offered"),
        )
    _log.warning("a codec job (%s) failed: %s %s", name, detail, text_of(notes, "where"))
    raise CodecFailed(detail or "the codec failed", hint)


def _require_pixel(reply: Reply, expected: PixelHeader) -> None:
    """Check that a transcoded frame is what it was told to become."""
    if reply.notes.get("pixel") != members(expected):
        raise CodecFailed("the codec gave a frame that differs from its description")

"""Answers of rendered resources: settled before their first byte, made while they are sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

from dicomweb_server.errors import ArchiveError, CodecFailed, NotAcceptable, TooBusy
from dicomweb_server.model.patience import patience
from dicomweb_server.service.delivery import Body, Undelivered, ended, in_order

_PAUSE = 0.5
_PATIENCE = 20
"""Times that a part behind the first one asks for a free codec; the first one asks once (T37)."""
_MOST_FAILED = 1_000
_MOST_CRASHES = 10
"""Failures in front of the first part that can be made, in all and of codecs, until it is given up:
each of the latter costs others half a second of a codec."""
_TOLD = 20


@dataclass(frozen=True, slots=True)
class Made:
    """A part that is made when it is needed and then lies in memory.

    Args:
        media_type: Its media type.
        location: Path of what it shows, below the DICOMweb root.
        make: Makes it; may be called once or not at all.
    """

    media_type: str
    location: str
    make: Callable[[], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Stored:
    """A part that lies in the store, such as a video.

    Args:
        media_type, location: As in Made.
        length: Bytes of it.
        body: Starts reading.
    """

    media_type: str
    location: str
    length: int
    body: Body


RenderedPart = Made | Stored


@dataclass(frozen=True, slots=True)
class Rendition:
    """An answer before anything of it is rendered.

    Args:
        parts: Makes the parts, in order; at least one.
        media_type: Of the first part.
        multipart: Whether the parts travel as multipart/related; else there is exactly one.
        tag: What the strong entity tag is made of.
        seconds: For how long a client may keep it without asking again.
        missing: What belongs to the resource and cannot be rendered as asked.
        warnings: What the client should know, as sentences.
    """

    parts: Callable[[], AsyncIterator[RenderedPart]]
    media_type: str
    multipart: bool
    tag: str
    seconds: int = 0
    missing: tuple[Undelivered, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """A part whose bytes are in hand, or known to be readable.

    Args:
        part: The part.
        content: Its bytes; None where they are read from the store.
        failure: Why it could not be made; then there are no bytes.
    """

    part: RenderedPart
    content: bytes | None = None
    failure: ArchiveError | None = None


async def finish(part: RenderedPart, tries: int = 1) -> Finished:
    """Make a part; what fails on one frame costs that frame alone.

    Args:
        part: The part.
        tries: How often a full queue of the codecs is met before that is told.
    """
    if isinstance(part, Stored):
        return Finished(part)
    can_wait = tries > 1
    while True:
        tries -= 1
        try:
            with patience() if can_wait else nullcontext():
                return Finished(part, await part.make())
        except TooBusy as error:
            if tries <= 0:
                return _unfinished(part, error)
            await asyncio.sleep(_PAUSE)
        except ArchiveError as error:
            return _unfinished(part, error)


def _unfinished(part: RenderedPart, error: ArchiveError) -> Finished:
    error.forget_places()
    return Finished(part, failure=error)


def ahead(parts: AsyncIterator[RenderedPart], count: int) -> AsyncGenerator[Finished]:
    """Finish parts in order, a few of them at the same time.

    Args:
        parts: The parts.
        count: How many are made, or wait finished, at the most.
    """

    async def makers() -> AsyncIterator[Callable[[], Awaitable[Finished]]]:
        tries = 1
        async for part in parts:
            yield partial(finish, part, tries)
            tries = _PATIENCE

    return in_order(makers(), count - 1)


@dataclass(frozen=True, slots=True)
class Begun:
    """An answer of several parts, the first of them in hand.

    Args:
        first: The first part that could be made.
        failed: The first of those in front of it that could not.
        rest: Those behind it.
    """

    first: Finished
    failed: tuple[Finished, ...]
    rest: AsyncGenerator[Finished]


async def begin(found: Rendition, count: int) -> Begun:
    """Make the first part of an answer.

    Args:
        found: The answer.
        count: How many parts are made, or wait finished, at the most.

    Returns:
        Its `rest` has to be closed.

    Raises:
        ArchiveError: No part can be made, or so many in front cannot that the others are not tried;
            the reason of the first one.
    """
    rest = ahead(found.parts(), count)
    failed = _Failed()
    try:
        async for finished in rest:
            if finished.failure is None:
                return Begun(finished, tuple(failed.first), rest)
            failed.add(finished)
            if failed.are_enough:
                break
    except BaseException:
        await rest.aclose()
        raise
    await rest.aclose()
    raise failed.reason or NotAcceptable("there is nothing to render")


class _Failed:
    """Parts in front of the first one that could be made."""

    def __init__(self) -> None:
        self.first: list[Finished] = []
        self.reason: ArchiveError | None = None
        self._count = 0
        self._crashes = 0

    def add(self, finished: Finished) -> None:
        """Count one more; a full queue becomes the reason, as it may be none of the part."""
        self._count += 1
        self._crashes += isinstance(finished.failure, CodecFailed)
        if len(self.first) < _TOLD:
            self.first.append(finished)
        if self.reason is None or isinstance(finished.failure, TooBusy):
            self.reason = finished.failure

    @property
    def are_enough(self) -> bool:
        """Whether no other part is to be tried."""
        busy = isinstance(self.reason, TooBusy)
        return busy or self._count >= _MOST_FAILED or self._crashes >= _MOST_CRASHES


async def only(found: Rendition) -> Finished:
    """Make the one part of an answer.

    Raises:
        ArchiveError: It cannot be made.
    """
    async with ended(found.parts()) as parts:
        async for part in parts:
            finished = await finish(part)
            if finished.failure is not None:
                raise finished.failure
            return finished
    raise NotAcceptable("there is nothing to render")

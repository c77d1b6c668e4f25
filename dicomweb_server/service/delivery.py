"""Answers of retrieval: parts whose type and place are known before their bytes."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from dicomweb_server.errors import TooBusy
from dicomweb_server.model.ids import InstanceKey
from dicomweb_server.model.instance import ByteRange
from dicomweb_server.model.patience import patience

T = TypeVar("T")

_PATIENCE = 60
_PAUSE = 0.25
"""Seconds until codecs that were too busy are asked again."""

Body = Callable[[ByteRange | None], AsyncIterator[bytes]]
"""Starts reading a part: all of it, or a range of it."""


@dataclass(frozen=True, slots=True)
class DeliveredPart:
    """One part of an answer.

    Args:
        media_type: Its media type without parameters.
        transfer_syntax: Transfer Syntax UID of its bytes; empty where it must not be told.
        location: Path of the resource below the DICOMweb root.
        length: Bytes of the body; None where they are known only once it is made.
        body: Starts reading; exactly `length` bytes (or those of the range) come, or an error.
        settle: For parts that have to be made: makes what comes first of it, and gives the part
            as it is delivered. A part whose length is known keeps all that is told of it; of
            others the length and the transfer syntax may be told only then.
    """

    media_type: str
    transfer_syntax: str
    location: str
    length: int | None
    body: Body
    settle: Callable[[], Awaitable[DeliveredPart]] | None = None

    async def settled(self) -> DeliveredPart:
        """The part as it is delivered.

        Raises:
            FrameUndecodable, CodecFailed, TooBusy: It cannot be made.
        """
        return self if self.settle is None else await self.settle()


@dataclass(frozen=True, slots=True)
class Undelivered:
    """An instance that cannot be delivered as asked.

    Args:
        key: The instance.
        reason: Why, without patient data.
        damaged: Whether it cannot be delivered at all, because of its stored bytes.
    """

    key: InstanceKey
    reason: str
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """An answer, settled before its first byte.

    Args:
        parts: In order; never empty.
        multipart: Whether the parts travel as multipart/related; else there is exactly one.
        tag: What the strong entity tag is made of: the same for the same bytes only.
        immutable: Whether the resource keeps its bytes as long as it exists.
        missing: What belongs to the resource and is not delivered.
        newest: Greatest sequence of its instances; 0 where nobody needs to know.
    """

    parts: tuple[DeliveredPart, ...]
    multipart: bool
    tag: str
    immutable: bool = False
    missing: tuple[Undelivered, ...] = ()
    newest: int = 0


@dataclass(frozen=True, slots=True)
class Flow:
    """A multipart answer of more parts than can be kept: settled before its first byte too.

    Args:
        parts: Makes the parts again, in order; as many as were counted, or an error.
        media_type: Of the first part.
        tag, missing: As in Delivery.
    """

    parts: Callable[[], AsyncIterator[DeliveredPart]]
    media_type: str
    tag: str
    missing: tuple[Undelivered, ...] = ()


def tag_of(parts: Iterable[str]) -> str:
    """A short text that differs wherever the parts differ."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:40]


async def cut(chunks: AsyncIterator[bytes], part: ByteRange | None) -> AsyncIterator[bytes]:
    """Pass on only a range of what an iterator yields."""
    if part is None:
        async for chunk in chunks:
            yield chunk
        return
    start, left = part.start, part.length
    async for chunk in chunks:
        piece = chunk[start : start + left]
        start = max(0, start - len(chunk))
        left -= len(piece)
        if piece:
            yield piece
        if left == 0:
            return


async def whole(data: bytes) -> AsyncIterator[bytes]:
    """Bytes that are in hand, as a body."""
    yield data


@asynccontextmanager
async def ended(chunks: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """An iterator that releases what it holds on the way out, used up or not."""
    try:
        yield chunks
    finally:
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()


async def patiently(make: Callable[[], Awaitable[T]]) -> T:
    """Make something for an answer that has begun: it waits where a new one would be refused.

    Raises:
        TooBusy: It was, for a quarter of a minute.
    """
    with patience():
        for _ in range(_PATIENCE):
            try:
                return await make()
            except TooBusy:
                await asyncio.sleep(_PAUSE)
        return await make()


async def in_order(
    makers: AsyncIterator[Callable[[], Awaitable[T]]], ahead: int
) -> AsyncGenerator[T]:
    """Results in the order of what makes them, a bounded number of them made ahead.

    Args:
        makers: Start the work for one result each.
        ahead: How many may be under way, or done and not taken yet, behind the one that is next.
    """
    running: deque[asyncio.Future[T]] = deque()
    try:
        async for make in makers:
            running.append(asyncio.ensure_future(make()))
            if len(running) > ahead:
                yield await _first(running)
        while running:
            yield await _first(running)
    finally:
        await _cancelled(running)


async def settled_parts(
    parts: AsyncIterator[DeliveredPart], ahead: int
) -> AsyncGenerator[DeliveredPart]:
    """Parts in order, those that have to be made settled a bounded number ahead.

    Args:
        parts: As they were chosen.
        ahead: Parts that wait settled, or are being settled, behind the one that is next.
    """
    waiting: deque[DeliveredPart | asyncio.Future[DeliveredPart]] = deque()
    begun = False
    try:
        async for part in parts:
            if part.settle is None:
                waiting.append(part)
            else:
                made = patiently(part.settled) if begun else part.settled()
                waiting.append(asyncio.ensure_future(made))
            begun = True
            if len(waiting) > ahead or waiting[0] is part:
                yield await _next(waiting)
        while waiting:
            yield await _next(waiting)
    finally:
        await _cancelled(each for each in waiting if isinstance(each, asyncio.Future))


async def _first(running: deque[asyncio.Future[T]]) -> T:
    # It leaves the queue only when it is done, so that whoever is cancelled here cancels it too.
    result = await running[0]
    running.popleft()
    return result


async def _next(waiting: deque[DeliveredPart | asyncio.Future[DeliveredPart]]) -> DeliveredPart:
    first = waiting[0]
    part = first if isinstance(first, DeliveredPart) else await first
    waiting.popleft()
    return part


async def _cancelled(running: Iterable[asyncio.Future[T]]) -> None:
    """Stop what nobody waits for any more."""
    futures = list(running)
    for future in futures:
        future.cancel()
    await asyncio.gather(*futures, return_exceptions=True)

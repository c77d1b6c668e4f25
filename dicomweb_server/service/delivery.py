"""Answers of retrieval: parts whose type, place and length are known before their bytes."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass

from dicomweb_server.model.ids import InstanceKey
from dicomweb_server.model.instance import ByteRange

Body = Callable[[ByteRange | None], AsyncIterator[bytes]]
"""Starts reading a part: all of it, or a range of it."""


@dataclass(frozen=True, slots=True)
class DeliveredPart:
    """One part of an answer.

    Args:
        media_type: Its media type without parameters.
        transfer_syntax: Transfer Syntax UID of its bytes.
        location: Path of the resource below the DICOMweb root.
        length: Bytes of the body.
        body: Starts reading; exactly `length` bytes (or those of the range) come, or an error.
    """

    media_type: str
    transfer_syntax: str
    location: str
    length: int
    body: Body


@dataclass(frozen=True, slots=True)
class Undelivered:
    """An instance that cannot be delivered as asked."""

    key: InstanceKey
    reason: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """An answer, settled before its first byte.

    Args:
        parts: In order; never empty.
        multipart: Whether the parts travel as multipart/related; else there is exactly one.
        tag: What the strong entity tag is made of: the same for the same bytes only.
        immutable: Whether the resource keeps its bytes as long as it exists.
        missing: What belongs to the resource and is not delivered.
    """

    parts: tuple[DeliveredPart, ...]
    multipart: bool
    tag: str
    immutable: bool = False
    missing: tuple[Undelivered, ...] = ()


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

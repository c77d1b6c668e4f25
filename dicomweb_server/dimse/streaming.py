"""What comes step by step on the loop, read on the thread of an association."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Final, TypeVar

from dicomweb_server.dimse.bridge import Bridge

T = TypeVar("T")
_SECONDS: Final = 120.0
"""Longest wait for one step: frames may have to be decoded."""


def steps(bridge: Bridge, source: AsyncIterator[T]) -> Iterator[T]:
    """What an asynchronous iterator yields; the next step is under way while one is used.

    Args:
        bridge: To the loop.
        source: Released at the end, used up or not.

    Raises:
        Unavailable: A step took too long, or the server stops.
        ArchiveError: What the iterator raises goes through as it is.
    """
    following = bridge.begin(_next(source))
    try:
        while (found := bridge.result(following, _SECONDS)) is not None:
            following = bridge.begin(_next(source))
            yield found[0]
    finally:
        following.cancel()
        if isinstance(source, AsyncGenerator):
            bridge.call(_close(source), _SECONDS)


async def _next(source: AsyncIterator[T]) -> tuple[T] | None:
    async for found in source:
        return (found,)
    return None


async def _close(source: AsyncGenerator[T]) -> None:
    try:
        await source.aclose()
    except RuntimeError:  # a step that was cancelled is still ending: it closes what it holds
        return

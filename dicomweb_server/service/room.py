"""Room for large pictures that are put together: one at a time, and few that wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dicomweb_server.errors import TooBusy
from dicomweb_server.model.limits import MIB

LARGE = 16 * MIB
"""Bytes of pictures that are put together, from which on one waits for the other."""
MOST_WAITING = 8
"""Large pictures that wait; a client that has left may have asked for any of them."""


class Room:
    """What large pictures of one process share."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._waiting = 0

    @asynccontextmanager
    async def of(self, size: int) -> AsyncIterator[None]:
        """Wait until there is room.

        Args:
            size: Bytes that are held; little needs no waiting.

        Raises:
            TooBusy: Too many wait already.
        """
        if size <= LARGE:
            yield
            return
        if self._waiting >= MOST_WAITING:
            raise TooBusy("too many large pictures wait", "ask again in some seconds")
        self._waiting += 1
        try:
            await self._lock.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._lock.release()

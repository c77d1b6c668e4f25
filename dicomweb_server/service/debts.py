"""Tombstones of instances whose deletion failed, taken away as soon as the disk lets it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice

from dicomweb_server.errors import ArchiveError
from dicomweb_server.index.port import Removed
from dicomweb_server.service.burial import Burial

_log = logging.getLogger(__name__)

_PAUSE_SECONDS = 1.0
_MOST = 100_000
"""Instances that are remembered; the next start looks for the others (`ops.presence`)."""
_SOME = 1000


class Debts:
    """Remembers what has to be looked at once more, and does it behind the answers.

    An instance that is still there must not keep the tombstone of a deletion that was refused: it
    would be lost when the index is rebuilt. Where the disk is full, or refuses, it cannot be taken
    away at once.

    Args:
        burial: Looks and takes away.
        pause: Seconds between two attempts.
    """

    def __init__(self, burial: Burial, pause: float = _PAUSE_SECONDS) -> None:
        self._burial = burial
        self._pause = pause
        self._owed: dict[str, Removed] = {}
        self._task: asyncio.Task[None] | None = None

    def owe(self, ones: Iterable[Removed]) -> None:
        """Remember these."""
        for one in ones:
            if len(self._owed) >= _MOST:
                _log.warning("more deletions have failed than are remembered")
                break
            self._owed[one.digest] = one
        if self._owed and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._work(), name="tombstones of failed deletions")

    async def close(self) -> None:
        """Try for the last time."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        with suppress(ArchiveError):
            await self._pay()

    async def _work(self) -> None:
        while self._owed:
            await asyncio.sleep(self._pause)
            with suppress(ArchiveError):
                await self._pay()

    async def _pay(self) -> None:
        while self._owed:
            some = list(islice(self._owed.values(), _SOME))
            await self._burial.confirm(some)
            for one in some:
                self._owed.pop(one.digest, None)

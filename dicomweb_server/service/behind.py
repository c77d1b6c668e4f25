"""Results on their way to the disk: written behind the answers, many at once, when it is quiet."""

from __future__ import annotations

import asyncio
import logging

from dicomweb_server.errors import ArchiveError
from dicomweb_server.model.limits import MIB
from dicomweb_server.store.port import RenditionStore

_log = logging.getLogger(__name__)

_QUIET_SECONDS = 0.2
_MUCH = 24 * MIB
"""Bytes that wait for quiet; more are written at once."""
_BATCH = 4 * MIB
_MOST = 64 * MIB
"""Bytes that may wait; what is beyond is not kept, which is better than to fill the memory."""


class Behind:
    """Keeps results until they are written.

    A burst of requests pays for its pictures only, not for keeping them. What a crash takes is made
    anew.

    Args:
        renditions: Where they are written to.
    """

    def __init__(self, renditions: RenditionStore) -> None:
        self._renditions = renditions
        self._waiting: dict[str, bytes] = {}
        self._bytes = 0
        self._arrived = 0
        self._task: asyncio.Task[None] | None = None

    def get(self, key: str) -> bytes | None:
        """A result that is not written yet."""
        return self._waiting.get(key)

    def put(self, key: str, data: bytes) -> None:
        """Take a result; one that would be too much with all others is let go."""
        if key in self._waiting or (self._bytes and self._bytes + len(data) > _MOST):
            return
        self._waiting[key] = data
        self._bytes += len(data)
        self._arrived += 1
        if self._task is None:
            self._task = asyncio.create_task(self._write(), name="results to disk")

    async def settle(self) -> None:
        """Write all that waits."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._write_all()

    async def _write(self) -> None:
        try:
            await self._quiet()
            await self._write_all()
        finally:
            self._task = None
        if self._waiting:
            self._task = asyncio.create_task(self._write(), name="results to disk")

    async def _quiet(self) -> None:
        """Wait until nothing new came for a moment, or much has come."""
        seen = -1
        while seen != self._arrived and self._bytes < _MUCH:
            seen = self._arrived
            await asyncio.sleep(_QUIET_SECONDS)

    async def _write_all(self) -> None:
        while self._waiting:
            batch = self._batch()
            try:
                await self._renditions.put(batch)
            except (ArchiveError, RuntimeError) as error:
                _log.warning("results cannot be kept: %s", type(error).__name__)
            finally:
                for key in batch:
                    self._bytes -= len(self._waiting.pop(key))

    def _batch(self) -> dict[str, bytes]:
        batch: dict[str, bytes] = {}
        size = 0
        for key, data in self._waiting.items():
            if batch and size + len(data) > _BATCH:
                break
            batch[key] = data
            size += len(data)
        return batch

"""New instances of one request that wait for its end."""

from __future__ import annotations

import asyncio
import os
import pickle
import tempfile
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

from dicomweb_server.errors import ArchiveError
from dicomweb_server.model.disk import refusal
from dicomweb_server.model.instance import NewInstance

_BATCH = 128

Waiting = tuple[int, NewInstance]


def _place(waiting: Waiting) -> int:
    return waiting[0]


class Spool:
    """Keeps instances until the whole request has arrived, with flat memory.

    Nothing of a request becomes visible before its body is complete, so a request of thousands
    of instances has thousands of scans to remember: all but the last few lie in a temporary file
    that has no name and dies with the process.

    Args:
        folder: Where the temporary file is made.
    """

    __slots__ = ("_closed", "_file", "_folder", "_lock", "_sizes", "_waiting")

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._closed = False
        self._lock = threading.Lock()
        self._file: IO[bytes] | None = None
        self._sizes: list[int] = []
        self._waiting: list[Waiting] = []

    async def __aenter__(self) -> Spool:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._closed = True
        if self._file is not None:
            await asyncio.to_thread(self._close)

    async def add(self, place: int, instance: NewInstance) -> None:
        """Remember one more.

        Args:
            place: Number of its part in the request.
            instance: The instance, its bytes safe in the store.

        Raises:
            StoreFull, StoreReadOnly: The disk refuses the temporary file.
        """
        self._waiting.append((place, instance))
        if len(self._waiting) >= _BATCH:
            full, self._waiting = sorted(self._waiting, key=_place), []
            try:
                await asyncio.to_thread(self._write, full)
            except ArchiveError:
                self._waiting = full + self._waiting
                raise

    async def batches(self) -> AsyncIterator[list[Waiting]]:
        """Everything that was added, with its place, a batch at a time."""
        place = 0
        for size in self._sizes:
            yield await asyncio.to_thread(self._read, place, size)
            place += size
        if self._waiting:
            yield sorted(self._waiting, key=_place)

    def _close(self) -> None:
        # A thread that a request has left behind must not find the file of somebody else.
        with self._lock:
            if self._file is not None:
                self._file.close()

    def _write(self, batch: list[Waiting]) -> None:
        data = pickle.dumps(batch, protocol=5)
        with self._lock:
            if self._closed:
                return
            try:
                self._append(memoryview(data))
            except OSError as error:
                raise refusal(error) from error
            self._sizes.append(len(data))

    def _append(self, data: memoryview) -> None:
        if self._file is None:
            # Without a buffer: what was refused once would be written again by the next call.
            self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115 - see exit
        place = sum(self._sizes)
        while data:
            written = os.pwrite(self._file.fileno(), data, place)
            data, place = data[written:], place + written

    def _read(self, place: int, size: int) -> list[Waiting]:
        data = b""
        with self._lock:
            if self._closed or self._file is None:
                return []
            try:
                while more := os.pread(self._file.fileno(), size - len(data), place + len(data)):
                    data += more
            except OSError as error:
                raise refusal(error) from error
        batch: list[Waiting] = pickle.loads(data)  # noqa: S301 - our own bytes, in a nameless file
        return batch

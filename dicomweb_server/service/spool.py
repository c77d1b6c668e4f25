"""New instances of one request that wait for its end."""

from __future__ import annotations

import asyncio
import pickle
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

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

    __slots__ = ("_file", "_folder", "_sizes", "_waiting")

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._file: BinaryIO | None = None
        self._sizes: list[int] = []
        self._waiting: list[Waiting] = []

    async def __aenter__(self) -> Spool:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._file is not None:
            with suppress(OSError):  # what could not be written is not needed any more
                self._file.close()

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
            await asyncio.to_thread(self._write, full)

    async def batches(self) -> AsyncIterator[list[Waiting]]:
        """Everything that was added, with its place, a batch at a time."""
        if self._file is not None:
            self._file.seek(0)
            for size in self._sizes:
                yield await asyncio.to_thread(self._read, size)
        if self._waiting:
            yield sorted(self._waiting, key=_place)

    def _write(self, batch: list[Waiting]) -> None:
        data = pickle.dumps(batch, protocol=5)
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - see exit
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            raise refusal(error) from error
        self._sizes.append(len(data))

    def _read(self, size: int) -> list[Waiting]:
        assert self._file is not None  # noqa: S101 - sizes exist only once the file does
        try:
            data = self._file.read(size)
        except OSError as error:
            raise refusal(error) from error
        batch: list[Waiting] = pickle.loads(data)  # noqa: S301 - our own bytes, in a nameless file
        return batch

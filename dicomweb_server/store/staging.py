"""Bytes on their way in: small ones in memory, larger ones in a file that nobody else sees."""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import secrets
import shutil
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from dicomweb_server.errors import ArchiveError
from dicomweb_server.model.crash import Reached, Step, nowhere
from dicomweb_server.model.source import ByteSource, MemorySource
from dicomweb_server.store.durable import create, locked, open_lock, sync, try_lock, write_all
from dicomweb_server.store.files import OpenFile
from dicomweb_server.store.health import Health
from dicomweb_server.store.pool import Pool
from dicomweb_server.store.port import Committed

T = TypeVar("T")

IN_MEMORY = 1024 * 1024
"""Bytes that are kept in memory before they go to the file, and so the size of one write."""

_LOCK = "lock"


class StagingFolder:
    """This process's own folder among those of others, locked for as long as it lives.

    Args:
        parent: The folder that holds one folder for each process.
        lock: The lock file under which folders are made and swept.
    """

    def __init__(self, parent: Path, lock: Path) -> None:
        self._parent = parent
        self._lock = lock
        self._numbers = itertools.count()
        self._mutex = threading.Lock()
        self._path: Path | None = None
        self._descriptor = -1

    def open(self) -> None:
        """Make the folder and remove those that dead processes left behind.

        Raises:
            OSError: The volume cannot be written.
        """
        with self._mutex, locked(self._lock, exclusive=True):
            if self._path is not None and self._path.is_dir():
                return
            self._release()
            for found in self._parent.iterdir():
                _remove_stale(found)
            path = self._parent / f"{os.getpid()}-{secrets.token_hex(4)}"
            path.mkdir(mode=0o700)
            self._descriptor = open_lock(path / _LOCK)
            try_lock(self._descriptor, exclusive=True)
            self._path = path

    def create(self) -> tuple[Path, int]:
        """A new file and its descriptor."""
        if self._path is not None:
            try:
                return self._create(self._path)
            except FileNotFoundError:
                pass  # somebody has tidied up; the folder is made anew below
        self.open()
        if self._path is None:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        return self._create(self._path)

    def _create(self, folder: Path) -> tuple[Path, int]:
        path = folder / f"{next(self._numbers):x}"
        return path, create(path)

    def close(self) -> None:
        """Remove the folder with all that is in it."""
        with self._mutex:
            if self._path is not None:
                shutil.rmtree(self._path, ignore_errors=True)
                self._path = None
            self._release()

    def _release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _remove_stale(found: Path) -> None:
    """Remove what lies in the parent folder, unless a living process holds it."""
    if not found.is_dir() or found.is_symlink():
        found.unlink(missing_ok=True)
        return
    try:
        descriptor = open_lock(found / _LOCK)
    except FileNotFoundError:
        return
    try:
        if try_lock(descriptor, exclusive=True):
            shutil.rmtree(found, ignore_errors=True)
    finally:
        os.close(descriptor)


class StagedBytes:
    """The bytes of one staging: appended, hashed, looked at, finished or thrown away.

    Not for two threads at once.

    Args:
        folder: Where the file is made when one is needed.
        health: Asked before the file grows.
        reached: Told of each step.
    """

    def __init__(self, folder: StagingFolder, health: Health, reached: Reached = nowhere) -> None:
        self._folder = folder
        self._health = health
        self._reached = reached
        self._hash = hashlib.sha256()
        self._hashed = 0
        self._buffer = bytearray()
        self._descriptor = -1
        self._end: Exception | None = None
        self.path: Path | None = None
        """The file, where there is one that has to be removed at the end."""
        self.size = 0

    @property
    def pending(self) -> int:
        """Bytes that are in memory only."""
        return len(self._buffer)

    def keep(self, chunk: bytes | memoryview) -> None:
        """Append bytes in memory."""
        self.require_open()
        try:
            self._buffer += chunk
        except BufferError:  # a view from `look` is still waiting to be collected
            self._buffer = self._buffer + chunk
        self.size += len(chunk)

    def append(self, chunks: Sequence[bytes | memoryview]) -> None:
        """Write what is in memory and these bytes to the file.

        Raises:
            StoreFull: No space is left.
            StoreReadOnly: Writing is suspended.
        """
        length = sum(len(chunk) for chunk in chunks)
        self.require_open()
        self._health.require(self.pending + length)
        try:
            self._flush()
            for chunk in chunks:
                self._hash.update(chunk)
                write_all(self._descriptor, chunk)
        except OSError as error:
            raise self.fail(error) from error
        self.size += length

    def require_open(self) -> None:
        """Make sure that the bytes may still be used.

        Raises:
            ArchiveError: A write has failed; the same error again, because nothing is known about
                the file any more.
            RuntimeError: They are committed or thrown away.
        """
        if self._end is not None:
            raise self._end

    def fail(self, error: OSError) -> ArchiveError:
        """Give the bytes up because the system refused; returns what to raise."""
        failure = self._health.failed(error)
        self._end = failure
        return failure

    def hand_over(self) -> None:
        """The file has its final name: there is nothing left to remove."""
        self.path = None
        self._end = RuntimeError("these bytes are committed")

    def _flush(self) -> None:
        self.digest()
        if self._descriptor < 0:
            self.path, self._descriptor = self._folder.create()
        self._reached(Step.WHILE_STAGING)
        write_all(self._descriptor, self._buffer)
        self._buffer = bytearray()
        self._hashed = 0

    def digest(self) -> str:
        """SHA-256 of all bytes so far, in lower-case hex."""
        if self._hashed < len(self._buffer):
            with memoryview(self._buffer) as view:
                self._hash.update(view[self._hashed :])
            self._hashed = len(self._buffer)
        return self._hash.hexdigest()

    def look(self, work: Callable[[ByteSource], T]) -> T:
        """Run a function over the bytes so far."""
        self.require_open()
        self.digest()
        if self._descriptor < 0:
            with memoryview(self._buffer) as view:
                return work(MemorySource(view))
        if self._buffer:
            self.append(())
        return work(OpenFile.of(self._descriptor, self.size))

    def finish(self, received_at: int) -> Path:
        """Make the file complete and durable and close it; only its name is still provisional.

        Args:
            received_at: Nanoseconds since 1970, kept as the file's times.

        Raises:
            OSError: The system refused; the file is not to be used.
        """
        self._flush()
        descriptor, self._descriptor = self._descriptor, -1
        try:
            if os.fstat(descriptor).st_size != self.size:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            os.utime(descriptor, ns=(received_at, received_at))
            self._reached(Step.BEFORE_FSYNC)
            sync(descriptor)
        finally:
            os.close(descriptor)
        if self.path is None:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        return self.path

    def discard(self) -> None:
        """Forget the bytes and remove the file where it is still there."""
        self._end = self._end or RuntimeError("these bytes are thrown away")
        self._buffer = bytearray()
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
        path, self.path = self.path, None
        if path is not None:
            with suppress(OSError):  # it goes when this process's folder does
                path.unlink()


class FilesystemStaging:
    """A Staging of the filesystem store.

    Args:
        staged: The bytes.
        pool: Threads for what blocks.
        publish: Gives the bytes their name.
    """

    def __init__(
        self, staged: StagedBytes, pool: Pool, publish: Callable[[StagedBytes], Committed]
    ) -> None:
        self._staged = staged
        self._pool = pool
        self._publish = publish

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._staged.size

    async def __aenter__(self) -> FilesystemStaging:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._staged.path is None:
            self._staged.discard()
        else:
            await self._pool.settle(self._staged.discard)

    async def write(self, chunks: Sequence[bytes | memoryview]) -> None:
        """Append bytes and hash them; a thread is asked only once a mebibyte has come together."""
        length = sum(len(chunk) for chunk in chunks)
        if self._staged.pending + length > IN_MEMORY:
            await self._pool.run(self._staged.append, chunks)
            return
        for chunk in chunks:
            self._staged.keep(chunk)

    async def run(self, work: Callable[[ByteSource], T]) -> T:
        """Run a function over the bytes written so far, in a thread of the store's pool."""
        return await self._pool.run(self._staged.look, work)

    def digest(self) -> str:
        """SHA-256 of the bytes written so far, in lower-case hex."""
        return self._staged.digest()

    async def commit(self) -> Committed:
        """Make the bytes durable under their hash."""
        return await self._pool.run(self._publish, self._staged)

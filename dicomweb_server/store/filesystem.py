"""A BlobStore in a folder of a local disk."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dicomweb_server.errors import BlobDamaged, Unavailable
from dicomweb_server.model.crash import Reached, crash_point
from dicomweb_server.model.instance import Blob, ByteRange
from dicomweb_server.model.limits import MIB
from dicomweb_server.model.source import ByteSource
from dicomweb_server.store.cached import CachedReads
from dicomweb_server.store.files import (
    OpenFile,
    read_ranges,
    stream_file,
    transform_file,
    unreadable,
    version_of,
)
from dicomweb_server.store.hashing import is_whole
from dicomweb_server.store.health import Health
from dicomweb_server.store.layout import Layout, is_digest
from dicomweb_server.store.pool import Pool
from dicomweb_server.store.port import BlobState, Committed, WalkedBlob
from dicomweb_server.store.publish import Publisher
from dicomweb_server.store.staging import FilesystemStaging, StagedBytes, StagingFolder

PROBE_INTERVAL = 1.0
"""Seconds between two attempts to end a suspension of writing."""


class FilesystemStore:
    """Blobs as files named by their SHA-256; several processes may share the folder.

    Made by `open`. Reading and writing have threads of their own, so that a slow disk flush holds
    up no frame.
    """

    def __init__(
        self, layout: Layout, folder: StagingFolder, health: Health, reached: Reached, threads: int
    ) -> None:
        self._layout = layout
        self._folder = folder
        self._health = health
        self._reached = reached
        self._publisher = Publisher(layout, health, reached)
        self._cached = CachedReads()
        self._readers = Pool(threads, "store-read")
        self._writers = Pool(threads, "store-write")

    @classmethod
    def open(
        cls,
        folder: Path,
        threads: int = 4,
        reserve: int = 256 * MIB,
        probe_interval: float = PROBE_INTERVAL,
    ) -> FilesystemStore:
        """Open a store, make it where it is missing, and remove what dead processes left.

        A file system that is read-only gives a store that reads and refuses writes.

        Args:
            folder: The top of it, on a local disk.
            threads: Calls at the same time, for reading and for writing each.
            reserve: Bytes of the volume that stay free.
            probe_interval: Seconds between two attempts to end a suspension of writing.

        Raises:
            ConfigurationError: The folder cannot be used, or a newer release made it.
        """
        reached = crash_point()
        layout = Layout(folder)
        layout.prepare()
        health = Health(layout.staging, reserve, probe_interval)
        staging = StagingFolder(layout.staging, layout.lock)
        try:
            staging.open()
        except OSError as error:
            health.failed(error)
        return cls(layout, staging, health, reached, threads)

    def stage(self) -> FilesystemStaging:
        """Open a place for new bytes; no file is made until one is needed."""
        staged = StagedBytes(self._folder, self._health, self._reached)
        return FilesystemStaging(staged, self._writers, self._publish)

    async def read(
        self, digest: str, ranges: Sequence[ByteRange], size: int | None = None
    ) -> list[bytes]:
        """Read ranges of one blob, in one hop where they are not in memory."""
        opener = self._opener(digest, size)
        found = self._cached.read(digest, opener, ranges)
        if found is None:
            found = await self._readers.run(read_ranges, opener, ranges)
            self._cached.remember(digest)
        return found

    def stream(self, blob: Blob, part: ByteRange | None = None) -> AsyncIterator[bytes]:
        """Read a blob or a range of it in chunks, one hop for each."""
        return stream_file(self._readers, self._opener(blob.digest, blob.size), part)

    def transform(
        self, blob: Blob, work: Callable[[ByteSource], Iterator[bytes]]
    ) -> AsyncIterator[bytes]:
        """Step a generator over a blob in a thread, one item at a time."""
        return transform_file(self._readers, self._opener(blob.digest, blob.size), work)

    @contextmanager
    def source(self, blob: Blob) -> Iterator[ByteSource]:
        """Open a blob for reading at any place; blocking."""
        opened = self._opener(blob.digest, blob.size)()
        try:
            yield opened
        finally:
            opened.close()

    async def size(self, digest: str) -> int | None:
        """Bytes of a blob, None where it is not there."""
        state = await self._readers.run(self.state, digest)
        return None if state is None else state.size

    async def states(self, digests: Sequence[str]) -> list[BlobState | None]:
        """What the system tells of many blobs, in one hop."""
        return await self._readers.run(lambda: list(map(self.state, digests)))

    async def intact(self, blob: Blob) -> bool:
        """Whether a blob is there and its bytes have the right hash."""
        return await self._readers.run(self._is_intact, blob)

    def state(self, digest: str) -> BlobState | None:
        """What the system tells of a blob; blocking, for one call of it."""
        try:
            found = os.stat(self._layout.place(digest))  # noqa: PTH116 - see Layout.place
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            meaning = unreadable(error)
            if isinstance(meaning, BlobDamaged):
                return BlobState(-1, "")
            raise meaning from error
        return BlobState(found.st_size, version_of(found))

    def walk(self, after: str = "") -> Iterator[WalkedBlob]:
        """Every blob in order of its digest, from behind `after`; blocking."""
        for name in self._layout.fan_out(after):
            folder = self._layout.blobs / name
            for rest in sorted(path.name for path in folder.iterdir()):
                digest = name + rest
                if digest <= after or not is_digest(digest):
                    continue
                try:
                    found = (folder / rest).stat()
                except FileNotFoundError:
                    continue
                yield WalkedBlob(Blob(digest, found.st_size), found.st_mtime_ns)

    async def discard(self, digest: str, older_than: int) -> bool:
        """Remove a blob that nobody refers to, unless it was committed (again) lately."""
        return await self._writers.run(self._publisher.remove, digest, older_than)

    async def check(self) -> None:
        """Prove that the folder is there and may be written."""
        await self._readers.run(self._check)

    async def close(self) -> None:
        """End the threads and remove this process's staging folder."""
        self._readers.close()
        self._writers.close()
        self._folder.close()

    def _opener(self, digest: str, size: int | None = None) -> Callable[[], OpenFile]:
        place = self._layout.place(digest)
        return lambda: OpenFile(place, size)

    def _publish(self, staged: StagedBytes) -> Committed:
        committed = self._publisher.publish(staged)
        self._cached.remember(committed.blob.digest)
        return committed

    def _is_intact(self, blob: Blob) -> bool:
        try:
            with self.source(blob) as source:
                return is_whole(source, blob.digest)
        except BlobDamaged:
            return False

    def _check(self) -> None:
        try:
            self._layout.blobs.stat()
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else "unknown error"
            raise Unavailable(f"the store's folder cannot be reached: {reason}") from error
        self._health.require(0)

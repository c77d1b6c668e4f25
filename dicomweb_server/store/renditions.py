"""Files made from blobs and kept for speed, in a folder of bounded size."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import re
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dicomweb_server.errors import BlobDamaged, ConfigurationError
from dicomweb_server.model.disk import refusal
from dicomweb_server.model.instance import Blob, ByteRange
from dicomweb_server.model.limits import MIB
from dicomweb_server.model.source import ByteSource
from dicomweb_server.store.durable import locked
from dicomweb_server.store.files import OpenFile, read_ranges, stream_file, transform_file
from dicomweb_server.store.pool import Pool
from dicomweb_server.store.staging import StagingFolder
from dicomweb_server.store.trailers import (
    TOUCH_AFTER,
    TRAILER,
    TrailedWriter,
    mark_used,
    read_whole,
    whole_size,
)

Make = Callable[[Callable[[bytes], None]], None]

_log = logging.getLogger(__name__)

_KEY = re.compile(r"[0-9a-f]{64}-[a-z]+", re.ASCII)
_KNOWN = 10_000
_LEAST = 4096
"""Bytes that the smallest file takes on a disk."""
_SHARE = 8
_LARGEST = 64 * MIB
"""Bytes of a rendition that `put` keeps, at the most; and never more than a _SHARE of all."""
_SAFE_FOR = 60.0
"""Seconds since its last use in which a rendition is not removed; longer than TOUCH_AFTER."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A rendition that this process has checked."""

    size: int
    inode: int
    touched: float


class FilesystemRenditions:
    """Renditions as files with a trailer that tells a torn one; processes may share the folder.

    Made by `open`. Nothing is synced: what a power loss tears is found by its checksum and made
    anew. The least recently used are removed when there is too much.
    """

    def __init__(self, folder: Path, threads: int, capacity_bytes: int, reserve: int = 0) -> None:
        self._folder = folder
        self._reserve = reserve
        self._lock = folder / "renditions.lock"
        self._capacity = capacity_bytes
        self._staging = StagingFolder(folder / "staging", self._lock)
        self._pool = Pool(threads, "renditions")
        self._short = Pool(threads, "renditions-short")
        self._most = min(capacity_bytes // _SHARE, _LARGEST)
        self._mutex = threading.Lock()
        self._running: dict[str, Future[Blob]] = {}
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._made_since_sweep = capacity_bytes

    @classmethod
    def open(
        cls, folder: Path, threads: int, capacity_bytes: int, reserve: int = 0
    ) -> FilesystemRenditions:
        """Open a folder of renditions, make it where it is missing.

        Where the disk refuses, nothing is kept until it does not any more.

        Args:
            folder: The top of it; may be deleted at any time.
            threads: Renditions made or read at the same time.
            capacity_bytes: Bytes that all of them together may take, about.
            reserve: Bytes of the volume that stay free.

        Raises:
            ConfigurationError: Something else has the folder's name.
        """
        renditions = cls(folder, threads, capacity_bytes, reserve)
        try:
            (folder / "staging").mkdir(mode=0o700, parents=True, exist_ok=True)
            renditions._staging.open()
        except (FileExistsError, NotADirectoryError) as error:
            raise ConfigurationError(
                f"the folder {folder} cannot be used: {os.strerror(error.errno or 0)}",
                "give a folder that the server may write",
            ) from error
        except OSError as error:
            _log.warning("pictures are not kept: %s", os.strerror(error.errno or 0))
        return renditions

    async def ensure(self, key: str, make: Make) -> Blob:
        """Make a rendition once, however many ask for it at the same time.

        Whoever waits may be cancelled; the others still get it.

        Args:
            key: 64 hex digits of the source, a dash, a name of lower-case letters.
            make: Writes the rendition through the function that it is given; runs in a thread.

        Raises:
            StoreFull: No space is left.
            ValueError: The key is not of that form.
        """
        known = self._known.get(key)
        if known is not None and time.monotonic() - known.touched < TOUCH_AFTER:
            return Blob(key, known.size)
        return await asyncio.shield(asyncio.wrap_future(self._job(key, make)))

    async def read(self, key: str, ranges: Sequence[ByteRange]) -> list[bytes]:
        """Read ranges of a rendition that `ensure` returned."""
        return await self._pool.run(read_ranges, lambda: self._open(key), ranges)

    def stream(self, blob: Blob, part: ByteRange | None = None) -> AsyncIterator[bytes]:
        """Read a rendition or a range of it in chunks."""
        return stream_file(self._pool, lambda: self._open(blob.digest, blob.size), part)

    def transform(
        self, blob: Blob, work: Callable[[ByteSource], Iterator[bytes]]
    ) -> AsyncIterator[bytes]:
        """Step a generator over a rendition in a thread, one item at a time."""
        opener = partial(self._open, blob.digest, blob.size)
        return transform_file(self._pool, opener, work)

    async def get(self, key: str) -> bytes | None:
        """A whole rendition; None where there is none, or a torn one.

        Most that are asked for are not there. A look at the name in the caller's thread costs a
        few microseconds, the way to a thread of the pool and back twenty times as much.
        """
        place = self._place(key)
        if not os.access(place, os.F_OK):
            return None
        return await self._short.run(read_whole, Path(place), self._most)

    async def put(self, results: Mapping[str, bytes]) -> None:
        """Keep renditions that were made elsewhere, unless one would push out too many others.

        Raises:
            StoreFull: No space is left.
        """
        sound = {self._path(key): data for key, data in results.items() if len(data) <= self._most}
        if sound:
            await self._short.run(self._put, sound)

    def walk(self) -> Iterator[str]:
        """The key of every rendition; blocking."""
        for entry in _entries(self._folder):
            yield entry.path.parent.name + entry.path.name

    async def discard(self, key: str) -> None:
        """Remove a rendition, if it is there."""
        self._known.pop(key, None)
        await self._short.run(_remove, self._path(key))

    async def close(self) -> None:
        """Release threads and descriptors."""
        self._short.close()
        self._pool.close()
        self._staging.close()

    def _path(self, key: str) -> Path:
        return Path(self._place(key))

    def _place(self, key: str) -> str:
        """The file of a rendition as text, which costs less than a Path."""
        if _KEY.fullmatch(key) is None:
            raise ValueError("a rendition's key is 64 hex digits, a dash and lower-case letters")
        return f"{self._folder}/{key[:2]}/{key[2:]}"

    def _open(self, key: str, size: int | None = None) -> OpenFile:
        try:
            return OpenFile(self._path(key), size, TRAILER.size)
        except BlobDamaged:
            self._known.pop(key, None)
            raise

    def _job(self, key: str, make: Make) -> Future[Blob]:
        with self._mutex:
            job = self._running.get(key)
            if job is None:
                job = self._running[key] = self._pool.submit(self._ensure, key, make)
                job.add_done_callback(lambda _: self._running.pop(key, None))
            return job

    def _ensure(self, key: str, make: Make) -> Blob:
        path = self._path(key)
        size = self._touch(key, path)
        if size is None:
            size = self._make(path, make)
            self._remember(key, size, path)
            self._sweep(size)
        return Blob(key, size)

    def _touch(self, key: str, path: Path) -> int | None:
        """Mark a rendition as used; None where there is none that is whole."""
        try:
            with locked(self._lock, exclusive=False):
                inode = path.stat().st_ino
                mark_used(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise refusal(error) from error
        known = self._known.get(key)
        size = known.size if known and known.inode == inode else whole_size(path)
        if size is not None:
            self._remember(key, size, path)
        return size

    def _remember(self, key: str, size: int, path: Path) -> None:
        try:
            known = _Known(size, path.stat().st_ino, time.monotonic())
        except FileNotFoundError:
            return
        with self._mutex:
            self._known[key] = known
            self._known.move_to_end(key)
            if len(self._known) > _KNOWN:
                self._known.popitem(last=False)

    def _make(self, path: Path, make: Make) -> int:
        try:
            self._require_room()
            temporary, descriptor = self._create()
        except OSError as error:
            raise refusal(error) from error
        try:
            writer = TrailedWriter(descriptor)
            try:
                make(writer.write)
                writer.finish()
            finally:
                os.close(descriptor)
            _rename(temporary, path)
        except BaseException:
            with suppress(OSError):  # it goes when this process's folder does
                temporary.unlink()
            raise
        return writer.size

    def _require_room(self) -> None:
        """Leave the reserve to what cannot be made again."""
        if self._reserve:
            volume = os.statvfs(self._folder)
            if volume.f_bavail * volume.f_frsize < self._reserve:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _create(self) -> tuple[Path, int]:
        try:
            return self._staging.create()
        except FileNotFoundError:  # somebody has deleted all renditions, as they may
            (self._folder / "staging").mkdir(mode=0o700, parents=True, exist_ok=True)
            return self._staging.create()

    def _put(self, results: Mapping[Path, bytes]) -> None:
        for path, data in results.items():
            self._make(path, partial(_give, data))
        self._sweep(sum(len(data) + _LEAST for data in results.values()))

    def _sweep(self, size: int) -> None:
        """Remove the least recently used when enough was made for that to be worth a look."""
        with self._mutex:
            self._made_since_sweep += size
            if self._made_since_sweep < self._capacity // 16:
                return
            self._made_since_sweep = 0
        try:
            with locked(self._lock, exclusive=True):
                self._remove_oldest()
        except OSError as error:
            raise refusal(error) from error

    def _remove_oldest(self) -> None:
        found = sorted(_entries(self._folder))
        total = sum(entry.size for entry in found)
        for entry in found:
            if total <= self._capacity or entry.used > time.time() - _SAFE_FOR:
                break
            entry.path.unlink(missing_ok=True)
            total -= entry.size


def _give(data: bytes, write: Callable[[bytes], None]) -> None:
    write(data)


@dataclass(frozen=True, slots=True, order=True)
class _Entry:
    used: float
    size: int
    path: Path


def _entries(folder: Path) -> Iterator[_Entry]:
    for path in folder.glob("[0-9a-f][0-9a-f]/*"):
        try:
            found = path.stat()
        except FileNotFoundError:
            continue
        yield _Entry(found.st_mtime, found.st_size, path)


def _rename(temporary: Path, path: Path) -> None:
    try:
        try:
            temporary.replace(path)
        except FileNotFoundError:  # the first one of its folder
            path.parent.mkdir(mode=0o700, exist_ok=True)
            temporary.replace(path)
    except OSError as error:
        raise refusal(error) from error


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise refusal(error) from error

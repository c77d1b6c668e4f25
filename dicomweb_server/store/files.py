"""Reading files that never change: whole ranges or an error, never short data."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

from dicomweb_server.errors import ArchiveError, BlobDamaged, TooBusy, Unavailable
from dicomweb_server.model.instance import ByteRange
from dicomweb_server.model.source import ByteSource
from dicomweb_server.store.pool import Pool

CHUNK = 256 * 1024
"""Bytes of one chunk of a stream: what a slow reader holds in memory."""

_NOWAIT: int = getattr(os, "RWF_NOWAIT", 0)
"""Flag of a read that fails instead of waiting for the disk (Linux)."""
CAN_TELL = _NOWAIT != 0
"""Whether the system can say what it holds in memory."""
_GAP = 4 * 1024
_SPAN = 128 * 1024
_WINDOW = 64 * 1024
_MISSING = frozenset({errno.ENOENT, errno.EIO, errno.EISDIR, errno.ENOTDIR, errno.ESTALE})
_BUSY = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


def unreadable(error: OSError) -> ArchiveError:
    """What to raise for a file that cannot be read."""
    reason = os.strerror(error.errno) if error.errno else "unknown error"
    if error.errno in _MISSING:
        return BlobDamaged(f"stored bytes cannot be read: {reason}")
    if error.errno in _BUSY:
        return TooBusy(f"the system is out of resources: {reason}")
    return Unavailable(f"the store cannot be read: {reason}")


def version_of(found: os.stat_result) -> str:
    """What differs whenever a file was written, replaced or touched: no program can set its ctime.

    Args:
        found: What the system tells of the file.
    """
    return f"{found.st_ino:x}-{found.st_mtime_ns:x}-{found.st_ctime_ns:x}"


class OpenFile:
    """A file opened for reading at any place; a ByteSource.

    Small reads are served out of a window, because parsers ask for a few bytes at a time.

    Args:
        path: The file.
        size: Its length where that is known.
        trailer: Bytes at the end that do not belong to the content.

    Raises:
        BlobDamaged: It is missing or has another length.
    """

    __slots__ = ("_descriptor", "_size", "_window", "_window_start")

    def __init__(self, path: Path | str, size: int | None = None, trailer: int = 0) -> None:
        try:
            self._descriptor = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise unreadable(error) from error
        self._window = b""
        self._window_start = 0
        self._size = max(0, os.fstat(self._descriptor).st_size - trailer)
        if size is not None and size != self._size:
            self.close()
            raise BlobDamaged("stored bytes do not have the length that was stored")

    @classmethod
    def of(cls, descriptor: int, size: int) -> OpenFile:
        """Read through a descriptor that is open for reading and stays its owner's to close."""
        opened = cls.__new__(cls)
        opened._descriptor = descriptor
        opened._window = b""
        opened._window_start = 0
        opened._size = size
        return opened

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self._size

    @property
    def version(self) -> str:
        """Differs whenever anybody has written to the file, or put another in its place."""
        return version_of(os.fstat(self._descriptor))

    @property
    def used(self) -> float:
        """Seconds since 1970 when it was written or marked as used last."""
        return os.fstat(self._descriptor).st_mtime

    def read_at(self, offset: int, length: int) -> bytes:
        """Read a range; shorter than asked only where the file ends."""
        length = max(0, min(length, self._size - offset))
        if length >= _WINDOW:
            return self.exactly(offset, length)
        place = offset - self._window_start
        if place < 0 or place + length > len(self._window):
            self._window = self.exactly(offset, min(_WINDOW, self._size - offset))
            self._window_start = offset
            place = 0
        return self._window[place : place + length]

    def exactly(self, offset: int, length: int) -> bytes:
        """Read a whole range.

        Raises:
            BlobDamaged: The file ends before the range does; checked before memory is taken.
        """
        if offset < 0 or length < 0 or offset + length > self._size:
            raise BlobDamaged("stored bytes end before the range that was asked for")
        parts = []
        try:
            while length > 0:
                part = os.pread(self._descriptor, length, offset)
                if not part:
                    raise BlobDamaged("stored bytes were cut off while they were read")
                parts.append(part)
                offset += len(part)
                length -= len(part)
        except OSError as error:
            raise unreadable(error) from error
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def is_cached(self, offset: int) -> bool:
        """Whether a byte is in memory, so that reading it does not wait for the disk.

        Raises:
            OSError: The file system does not tell.
        """
        try:
            return os.preadv(self._descriptor, [bytearray(1)], offset, _NOWAIT) == 1
        except BlockingIOError:
            return False

    def close(self) -> None:
        """Give the descriptor back; a second time does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def read_ranges(opener: Callable[[], OpenFile], ranges: Sequence[ByteRange]) -> list[bytes]:
    """Open a file, read ranges of it and close it.

    Args:
        opener: Opens the file.
        ranges: What to read, in the order wanted.

    Raises:
        BlobDamaged: The file is missing or shorter than a range needs.
    """
    opened = opener()
    try:
        if len(ranges) == 1:
            return [opened.exactly(ranges[0].start, ranges[0].length)]
        return _coalesced(opened, ranges)
    finally:
        opened.close()


def _coalesced(opened: OpenFile, ranges: Sequence[ByteRange]) -> list[bytes]:
    """Read ranges, small neighbours together: one call costs less than a few bytes too many."""
    results = [b""] * len(ranges)
    for group in neighbours(ranges):
        start = ranges[group[0]].start
        end = max(ranges[number].start + ranges[number].length for number in group)
        data = opened.exactly(start, end - start)
        for number in group:
            place = ranges[number].start - start
            results[number] = data[place : place + ranges[number].length]
    return results


def neighbours(ranges: Sequence[ByteRange]) -> Iterator[list[int]]:
    """Numbers of ranges that lie close enough together to be read at once, group by group."""
    order = sorted(range(len(ranges)), key=lambda number: ranges[number].start)
    group: list[int] = []
    start = end = 0
    for number in order:
        part = ranges[number]
        until = max(end, part.start + part.length)
        if group and (part.start - end > _GAP or until - start > _SPAN):
            yield group
            group = []
        if not group:
            start = part.start
            until = part.start + part.length
        group.append(number)
        end = until
    if group:
        yield group


async def stream_file(
    pool: Pool, opener: Callable[[], OpenFile], part: ByteRange | None
) -> AsyncIterator[bytes]:
    """Read a file or a range of it in chunks, one hop to a thread for each."""
    holder = _Holder(opener)
    try:
        place, end = 0, 1
        while place < end:
            chunk, place, end = await pool.run(holder.chunk, part, place)
            if chunk:
                yield chunk
    finally:
        holder.close()


async def transform_file(
    pool: Pool, opener: Callable[[], OpenFile], work: Callable[[ByteSource], Iterator[bytes]]
) -> AsyncIterator[bytes]:
    """Step a generator over a file in a thread, one item at a time."""
    holder = _Holder(opener)
    try:
        while (item := await pool.run(holder.step, work)) is not None:
            yield item
    finally:
        try:
            if holder.unfinished:
                await pool.settle(holder.stop)
        finally:
            holder.close()


class _Holder:
    """An open file that survives between two hops, and what runs over it."""

    def __init__(self, opener: Callable[[], OpenFile]) -> None:
        self._opener = opener
        self._opened: OpenFile | None = None
        self._items: Iterator[bytes] | None = None
        self.unfinished = False

    def _file(self) -> OpenFile:
        if self._opened is None:
            self._opened = self._opener()
        return self._opened

    def chunk(self, part: ByteRange | None, place: int) -> tuple[bytes, int, int]:
        """The chunk at a place of the range, the place behind it, and the range's length."""
        opened = self._file()
        start, length = (part.start, part.length) if part else (0, opened.size)
        if start + length > opened.size:
            raise BlobDamaged("stored bytes end before the range that was asked for")
        step = min(CHUNK, length - place)
        return opened.exactly(start + place, step), place + step, length

    def step(self, work: Callable[[ByteSource], Iterator[bytes]]) -> bytes | None:
        """The next item, None behind the last one."""
        if self._items is None:
            self._items = iter(work(self._file()))
        self.unfinished = False
        item = next(self._items, None)
        self.unfinished = item is not None
        return item

    def stop(self) -> None:
        """Let the generator release what it holds."""
        close = getattr(self._items, "close", None)
        if close is not None:
            close()

    def close(self) -> None:
        """Give the descriptor back."""
        if self._opened is not None:
            self._opened.close()

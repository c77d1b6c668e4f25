"""Copying blobs from one folder to another: every byte checked, every copy durable."""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TypeVar

from dicomweb_server.errors import ArchiveError, BlobDamaged, StoreFull, Unavailable
from dicomweb_server.model.limits import MIB
from dicomweb_server.ops.backupfolder import Entry
from dicomweb_server.store.durable import create, sync, sync_folder, write_all
from dicomweb_server.store.files import OpenFile
from dicomweb_server.store.layout import Layout

_WAITING = 64
_THREADS = 4


Outcome = TypeVar("Outcome")


class Copied(Enum):
    """What became of one blob."""

    NEW = "new"
    PRESENT = "present"
    DAMAGED = "damaged"
    """The source is missing, cut off, or not what its name says; nothing was copied."""


@dataclass(frozen=True, slots=True)
class Copier:
    """Copies blobs between two layouts.

    A copy is always a file of its own, never a link: a link would share each damage, and each
    change that anybody makes, with what it is to protect.

    Args:
        source: Where blobs are.
        target: Where they go; its folders of blobs exist.
        scratch: A folder on the target's volume for files on their way.
        again: Blobs that are copied although the target has a file of their name and size.
    """

    source: Layout
    target: Layout
    scratch: Path
    again: frozenset[str] = frozenset()

    def copy_all(self, entries: Iterable[Entry]) -> Iterator[tuple[Entry, Copied]]:
        """Copy blobs, several at a time; the outcomes come in order.

        Names are durable once the iterator has come to its end.

        Raises:
            StoreFull: The target has no space left.
            Unavailable: The target cannot be written.
        """
        numbers = itertools.count()
        yield from side_by_side(entries, lambda entry: self._copy(entry, next(numbers)))
        with writing(self.target.folder):
            for name in self.target.fan_out():
                sync_folder(self.target.blobs / name)

    def _copy(self, entry: Entry, number: int) -> Copied:
        path = self.target.blob(entry.blob.digest)
        if entry.blob.digest not in self.again and _has_size(path, entry.blob.size):
            return Copied.PRESENT
        try:
            source = OpenFile(self.source.blob(entry.blob.digest), entry.blob.size)
        except BlobDamaged:
            return Copied.DAMAGED
        scratch = self.scratch / f"{number:x}"
        try:
            with writing(self.target.folder):
                copied = _write(source, entry, scratch)
                if copied is Copied.NEW:
                    scratch.replace(path)
            return copied
        finally:
            source.close()
            scratch.unlink(missing_ok=True)


def _has_size(path: Path, size: int) -> bool:
    """Whether a whole copy is there: names are given to complete and synced files only."""
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _write(source: OpenFile, entry: Entry, scratch: Path) -> Copied:
    descriptor = create(scratch)
    try:
        try:
            digest = hashlib.sha256()
            for piece in pieces(source):
                digest.update(piece)
                write_all(descriptor, piece)
        except BlobDamaged:
            return Copied.DAMAGED
        if digest.hexdigest() != entry.blob.digest:
            return Copied.DAMAGED
        os.utime(descriptor, ns=(entry.received_at, entry.received_at))
        sync(descriptor)
    finally:
        os.close(descriptor)
    return Copied.NEW


def pieces(source: OpenFile) -> Iterator[bytes]:
    """A file in pieces of a mebibyte."""
    for start in range(0, source.size, MIB):
        yield source.exactly(start, min(MIB, source.size - start))


def is_whole(layout: Layout, entry: Entry) -> bool:
    """Whether a blob is there and its bytes are those of its name."""
    try:
        source = OpenFile(layout.blob(entry.blob.digest), entry.blob.size)
    except BlobDamaged:
        return False
    try:
        digest = hashlib.sha256()
        for piece in pieces(source):
            digest.update(piece)
    except BlobDamaged:
        return False
    finally:
        source.close()
    return digest.hexdigest() == entry.blob.digest


def side_by_side(
    entries: Iterable[Entry], work: Callable[[Entry], Outcome]
) -> Iterator[tuple[Entry, Outcome]]:
    """Do work on entries in several threads; bounded in what waits, outcomes in order."""
    waiting: deque[tuple[Entry, Future[Outcome]]] = deque()
    with ThreadPoolExecutor(_THREADS, "copy") as pool:
        try:
            for entry in entries:
                if len(waiting) >= _WAITING:
                    first, done = waiting.popleft()
                    yield first, done.result()
                waiting.append((entry, pool.submit(work, entry)))
            while waiting:
                first, done = waiting.popleft()
                yield first, done.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Tell of a refused write in the archive's words.

    Args:
        folder: What is written, for the message.

    Raises:
        StoreFull: No space is left.
        Unavailable: Anything else.
    """
    try:
        yield
    except ArchiveError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StoreFull(
                f"the volume of {folder} is full", "make room there and run it again: it goes on"
            ) from error
        reason = os.strerror(error.errno) if error.errno else "unknown error"
        raise Unavailable(f"{folder} cannot be written: {reason}") from error

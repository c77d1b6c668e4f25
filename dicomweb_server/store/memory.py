"""A BlobStore in memory: the reference that says what the port means, in the fewest lines."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from dicomweb_server.errors import BlobDamaged
from dicomweb_server.model.instance import Blob, ByteRange
from dicomweb_server.model.source import ByteSource, MemorySource
from dicomweb_server.store.port import BlobState, Committed, WalkedBlob

T = TypeVar("T")

CHUNK = 256 * 1024


class MemoryStaging:
    """A Staging of the store in memory."""

    def __init__(self, blobs: dict[str, tuple[bytes, int]]) -> None:
        self._blobs = blobs
        self._data = b""

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return len(self._data)

    async def __aenter__(self) -> MemoryStaging:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._data = b""

    async def write(self, chunks: Sequence[bytes | memoryview]) -> None:
        """Append bytes."""
        self._data = b"".join((self._data, *chunks))

    async def run(self, work: Callable[[ByteSource], T]) -> T:
        """Run a function over the bytes written so far."""
        return work(MemorySource(self._data))

    def digest(self) -> str:
        """SHA-256 of the bytes written so far, in lower-case hex."""
        return hashlib.sha256(self._data).hexdigest()

    async def commit(self) -> Committed:
        """Keep the bytes under their hash."""
        blob = Blob(self.digest(), self.size)
        received_at = time.time_ns()
        self._blobs[blob.digest] = (self._data, received_at)
        return Committed(blob, received_at)


class MemoryStore:
    """Blobs in a dictionary; for tests."""

    def __init__(self) -> None:
        self._blobs: dict[str, tuple[bytes, int]] = {}

    def stage(self) -> MemoryStaging:
        """Open a place for new bytes."""
        return MemoryStaging(self._blobs)

    async def read(
        self, digest: str, ranges: Sequence[ByteRange], size: int | None = None
    ) -> list[bytes]:
        """Read ranges of one blob."""
        data = self._get(digest) if size is None else self._whole(Blob(digest, size))
        return [_cut(data, part) for part in ranges]

    async def stream(self, blob: Blob, part: ByteRange | None = None) -> AsyncIterator[bytes]:
        """Read a blob or a range of it in chunks."""
        data = self._whole(blob)
        wanted = _cut(data, part) if part else data
        for place in range(0, len(wanted), CHUNK):
            yield wanted[place : place + CHUNK]

    async def transform(
        self, blob: Blob, work: Callable[[ByteSource], Iterator[bytes]]
    ) -> AsyncIterator[bytes]:
        """Run a generator over a blob."""
        for item in work(MemorySource(self._whole(blob))):
            yield item

    @contextmanager
    def source(self, blob: Blob) -> Iterator[ByteSource]:
        """Open a blob for reading at any place."""
        yield MemorySource(self._whole(blob))

    async def size(self, digest: str) -> int | None:
        """Bytes of a blob, None where it is not there."""
        return len(self._blobs[digest][0]) if digest in self._blobs else None

    async def states(self, digests: Sequence[str]) -> list[BlobState | None]:
        """What is known of many blobs."""
        return list(map(self.state, digests))

    async def intact(self, blob: Blob) -> bool:
        """Whether a blob is there; memory keeps what it has."""
        return blob.digest in self._blobs

    def state(self, digest: str) -> BlobState | None:
        """What is known of a blob."""
        if digest not in self._blobs:
            return None
        data, received_at = self._blobs[digest]
        return BlobState(len(data), str(received_at))

    def walk(self, after: str = "") -> Iterator[WalkedBlob]:
        """Every blob in order of its digest, from behind `after`."""
        for digest in sorted(self._blobs):
            if digest > after:
                data, received_at = self._blobs[digest]
                yield WalkedBlob(Blob(digest, len(data)), received_at)

    async def discard(self, digest: str, older_than: int) -> bool:
        """Remove a blob unless it was committed (again) lately."""
        if digest not in self._blobs or self._blobs[digest][1] >= older_than:
            return False
        del self._blobs[digest]
        return True

    async def check(self) -> None:
        """Memory always answers."""

    async def close(self) -> None:
        """Nothing to release."""

    def _get(self, digest: str) -> bytes:
        if digest not in self._blobs:
            raise BlobDamaged("there is no such blob")
        return self._blobs[digest][0]

    def _whole(self, blob: Blob) -> bytes:
        data = self._get(blob.digest)
        if len(data) != blob.size:
            raise BlobDamaged("stored bytes do not have the length that was stored")
        return data


def _cut(data: bytes, part: ByteRange) -> bytes:
    if part.start < 0 or part.length < 0 or part.start + part.length > len(data):
        raise BlobDamaged("stored bytes end before the range that was asked for")
    return data[part.start : part.start + part.length]

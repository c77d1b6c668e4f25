"""Stores around a store: the base of them, and one that counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TypeVar

from dicomweb_server.model.instance import Blob, ByteRange
from dicomweb_server.model.source import ByteSource
from dicomweb_server.store.port import BlobState, BlobStore, Committed, Staging, WalkedBlob

T = TypeVar("T")


class StoreWrapper:
    """Passes every call on; the base of stores that change or watch some of them.

    Args:
        inner: The store that does the work.
    """

    def __init__(self, inner: BlobStore) -> None:
        self._inner = inner

    def stage(self) -> Staging:
        """Open a place for new bytes."""
        return self._inner.stage()

    async def read(
        self, digest: str, ranges: Sequence[ByteRange], size: int | None = None
    ) -> list[bytes]:
        """Read ranges of one blob."""
        return await self._inner.read(digest, ranges, size)

    def stream(self, blob: Blob, part: ByteRange | None = None) -> AsyncIterator[bytes]:
        """Read a blob or a range of it in chunks."""
        return self._inner.stream(blob, part)

    def transform(
        self, blob: Blob, work: Callable[[ByteSource], Iterator[bytes]]
    ) -> AsyncIterator[bytes]:
        """Run a generator over a blob in a thread."""
        return self._inner.transform(blob, work)

    def source(self, blob: Blob) -> AbstractContextManager[ByteSource]:
        """Open a blob for reading at any place; blocking."""
        return self._inner.source(blob)

    async def size(self, digest: str) -> int | None:
        """Bytes of a blob, None where it is not there."""
        return await self._inner.size(digest)

    async def states(self, digests: Sequence[str]) -> list[BlobState | None]:
        """What is known of many blobs without reading them."""
        return await self._inner.states(digests)

    async def intact(self, blob: Blob) -> bool:
        """Whether a blob is there and its bytes have the right hash."""
        return await self._inner.intact(blob)

    def state(self, digest: str) -> BlobState | None:
        """The same of one blob; blocking."""
        return self._inner.state(digest)

    def walk(self, after: str = "") -> Iterator[WalkedBlob]:
        """Every blob in order of its digest, from behind `after`."""
        return self._inner.walk(after)

    async def discard(self, digest: str, older_than: int) -> bool:
        """Remove a blob unless it was committed (again) lately."""
        return await self._inner.discard(digest, older_than)

    async def check(self) -> None:
        """Prove that the store answers."""
        await self._inner.check()

    async def close(self) -> None:
        """Release threads and descriptors."""
        await self._inner.close()


class CountingStore(StoreWrapper):
    """Counts calls, so that tests can state costs without a clock.

    `calls` holds the number of calls by the method's name; those of a staging are `stage.write`,
    `stage.run`, `stage.commit`; `read.ranges` counts ranges.
    """

    def __init__(self, inner: BlobStore) -> None:
        super().__init__(inner)
        self.calls: Counter[str] = Counter()

    def stage(self) -> Staging:
        """Open a place for new bytes."""
        self.calls["stage"] += 1
        return _CountingStaging(super().stage(), self.calls)

    async def read(
        self, digest: str, ranges: Sequence[ByteRange], size: int | None = None
    ) -> list[bytes]:
        """Read ranges of one blob."""
        self.calls["read"] += 1
        self.calls["read.ranges"] += len(ranges)
        return await super().read(digest, ranges, size)

    def stream(self, blob: Blob, part: ByteRange | None = None) -> AsyncIterator[bytes]:
        """Read a blob or a range of it in chunks."""
        self.calls["stream"] += 1
        return super().stream(blob, part)

    def transform(
        self, blob: Blob, work: Callable[[ByteSource], Iterator[bytes]]
    ) -> AsyncIterator[bytes]:
        """Run a generator over a blob in a thread."""
        self.calls["transform"] += 1
        return super().transform(blob, work)

    def source(self, blob: Blob) -> AbstractContextManager[ByteSource]:
        """Open a blob for reading at any place; blocking."""
        self.calls["source"] += 1
        return super().source(blob)

    async def size(self, digest: str) -> int | None:
        """Bytes of a blob, None where it is not there."""
        self.calls["size"] += 1
        return await super().size(digest)

    async def states(self, digests: Sequence[str]) -> list[BlobState | None]:
        """What is known of many blobs without reading them."""
        self.calls["states"] += 1
        self.calls["states.blobs"] += len(digests)
        return await super().states(digests)

    async def intact(self, blob: Blob) -> bool:
        """Whether a blob is there and its bytes have the right hash."""
        self.calls["intact"] += 1
        return await super().intact(blob)

    def walk(self, after: str = "") -> Iterator[WalkedBlob]:
        """Every blob in order of its digest, from behind `after`."""
        self.calls["walk"] += 1
        return super().walk(after)

    async def discard(self, digest: str, older_than: int) -> bool:
        """Remove a blob unless it was committed (again) lately."""
        self.calls["discard"] += 1
        return await super().discard(digest, older_than)


class _CountingStaging:
    def __init__(self, inner: Staging, calls: Counter[str]) -> None:
        self._inner = inner
        self._calls = calls

    @property
    def size(self) -> int:
        return self._inner.size

    async def __aenter__(self) -> _CountingStaging:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._inner.__aexit__(*exc_info)

    async def write(self, chunks: Sequence[bytes | memoryview]) -> None:
        self._calls["stage.write"] += 1
        await self._inner.write(chunks)

    async def run(self, work: Callable[[ByteSource], T]) -> T:
        self._calls["stage.run"] += 1
        return await self._inner.run(work)

    def digest(self) -> str:
        return self._inner.digest()

    async def commit(self) -> Committed:
        self._calls["stage.commit"] += 1
        return await self._inner.commit()

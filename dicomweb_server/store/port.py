"""What the archive asks of a store of bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from dicomweb_server.model.damage import Damage
from dicomweb_server.model.instance import Blob, ByteRange
from dicomweb_server.model.source import ByteSource

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Committed:
    """Bytes that are safe: they survive a crash and a power loss.

    Args:
        blob: Name and size.
        received_at: Nanoseconds since 1970 (UTC), kept with the bytes.
    """

    blob: Blob
    received_at: int


class Staging(Protocol):
    """Bytes on their way in: visible to nobody until committed.

    Used as an async context manager; leaving it without a commit discards the bytes.
    """

    @property
    def size(self) -> int:
        """Bytes written so far."""
        ...

    async def __aenter__(self) -> Staging: ...

    async def __aexit__(self, *exc_info: object) -> None: ...

    async def write(self, chunks: Sequence[bytes | memoryview]) -> None:
        """Append bytes and hash them.

        Raises:
            StoreFull: No space is left.
            StoreReadOnly: Writing is suspended.
        """
        ...

    async def run(self, work: Callable[[ByteSource], T]) -> T:
        """Run a function over the bytes written so far, in a thread of the store's pool."""
        ...

    def digest(self) -> str:
        """SHA-256 of the bytes written so far, in lower-case hex."""
        ...

    async def commit(self) -> Committed:
        """Make the bytes durable under their hash (RELIABILITY part 4, steps 3 to 5).

        Bytes that are stored already are not stored twice; their received_at becomes now.

        Raises:
            StoreFull: No space is left.
            StoreReadOnly: The disk refused; nothing was stored.
        """
        ...


@dataclass(frozen=True, slots=True)
class WalkedBlob:
    """One blob found on a walk over the store."""

    blob: Blob
    received_at: int


@dataclass(frozen=True, slots=True)
class BlobState:
    """What is known of a blob without reading it.

    Args:
        size: Its bytes; -1 where the disk does not tell.
        version: Differs whenever somebody wrote to what holds it, or put something in its place.
    """

    size: int
    version: str


class DamageLog(Protocol):
    """Remembers which blobs are damaged; may be called in any thread, and never waits."""

    def known(self, digest: str) -> Damage | None:
        """What is known to be wrong with a blob."""
        ...

    def note(self, damage: Damage) -> None:
        """A blob was found damaged."""
        ...

    def clear(self, digest: str) -> None:
        """A blob was found whole, or stored anew."""
        ...


class BlobStore(Protocol):
    """Bytes by the SHA-256 of their content; written once, never changed.

    Each method makes one hop to a thread (a stream: one hop for each chunk).
    """

    def stage(self) -> Staging:
        """Open a place for new bytes."""
        ...

    async def read(
        self, digest: str, ranges: Sequence[ByteRange], size: int | None = None
    ) -> list[bytes]:
        """Read ranges of one blob.

        Args:
            digest: The blob.
            ranges: What to read, in the order wanted.
            size: Bytes that the blob must have, where that is known.

        Raises:
            BlobDamaged: The blob is missing, has another size, or is shorter than a range needs;
                never short data.
        """
        ...

    def stream(self, blob: Blob, part: ByteRange | None = None) -> AsyncIterator[bytes]:
        """Read a blob or a range of it in chunks of about 1 MiB.

        Raises:
            BlobDamaged: As for read, or the file's size is not the blob's.
        """
        ...

    def transform(
        self, blob: Blob, work: Callable[[ByteSource], Iterator[bytes]]
    ) -> AsyncIterator[bytes]:
        """Run a generator over a blob in a thread and pass on what it yields, with back-pressure.

        Raises:
            BlobDamaged: The blob is missing or its size is not the blob's.
        """
        ...

    def source(self, blob: Blob) -> AbstractContextManager[ByteSource]:
        """Open a blob for reading at any place; blocking, for work that runs in a thread already.

        Raises:
            BlobDamaged: The blob is missing or its size is not the blob's.
        """
        ...

    async def size(self, digest: str) -> int | None:
        """Bytes of a blob, None where it is not there."""
        ...

    async def states(self, digests: Sequence[str]) -> list[BlobState | None]:
        """What is known of many blobs without reading them, in one hop; None for those not there.

        Raises:
            TooBusy, Unavailable: The system does not tell.
        """
        ...

    def state(self, digest: str) -> BlobState | None:
        """The same of one blob; blocking, for as long as a look into a folder takes."""
        ...

    async def intact(self, blob: Blob) -> bool:
        """Whether a blob is there and its bytes have the right hash."""
        ...

    def walk(self, after: str = "") -> Iterator[WalkedBlob]:
        """Every blob in order of its digest, from behind `after`; blocking, for tools."""
        ...

    async def discard(self, digest: str, older_than: int) -> bool:
        """Remove a blob that nobody refers to, unless it was committed (again) lately.

        Args:
            digest: The blob.
            older_than: Nanoseconds since 1970; a blob received at or after that stays.

        Returns:
            Whether it was removed.
        """
        ...

    async def check(self) -> None:
        """Prove that the store answers and may be written, for readiness.

        Raises:
            StoreReadOnly: Writing is suspended.
            StoreFull: There is no space for more.
            Unavailable: It cannot be reached.
        """
        ...

    async def close(self) -> None:
        """Release threads and descriptors."""
        ...


class RenditionStore(Protocol):
    """Files made from blobs, kept for speed: disposable, rebuilt when missing."""

    async def ensure(self, key: str, make: Callable[[Callable[[bytes], None]], None]) -> Blob:
        """Make a rendition once, however many ask for it at the same time.

        Args:
            key: Its name: 64 hex digits of the source, a dash, a name of lower-case letters.
            make: Writes the rendition through the function that it is given; runs in a thread.

        Returns:
            `digest` is the key, `size` the bytes of the rendition.
        """
        ...

    async def read(self, key: str, ranges: Sequence[ByteRange]) -> list[bytes]:
        """Read ranges of a rendition that `ensure` returned."""
        ...

    def stream(self, blob: Blob, part: ByteRange | None = None) -> AsyncIterator[bytes]:
        """Read a rendition or a range of it in chunks of about 1 MiB."""
        ...

    def transform(
        self, blob: Blob, work: Callable[[ByteSource], Iterator[bytes]]
    ) -> AsyncIterator[bytes]:
        """Run a generator over a rendition, as BlobStore.transform does over a blob."""
        ...

    async def get(self, key: str) -> bytes | None:
        """A whole rendition; None where there is none, or a torn one.

        Args:
            key: As for `ensure`.
        """
        ...

    async def put(self, results: Mapping[str, bytes]) -> None:
        """Keep renditions that were made elsewhere; those that are very large are not kept.

        Args:
            results: Renditions by key.

        Raises:
            StoreFull: No space is left; some of them may have been kept.
        """
        ...

    def walk(self) -> Iterator[str]:
        """The key of every rendition; blocking, for tools."""
        ...

    async def discard(self, key: str) -> None:
        """Remove a rendition, if it is there."""
        ...

    async def close(self) -> None:
        """Release threads and descriptors."""
        ...

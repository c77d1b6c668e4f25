"""What the archive asks of an index of instances."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from dicomweb_server.model.change import Change
from dicomweb_server.model.damage import Damage
from dicomweb_server.model.document import Document
from dicomweb_server.model.ids import InstanceKey, Scope
from dicomweb_server.model.instance import Blob, InstanceRecord, NewInstance
from dicomweb_server.model.outcome import DuplicatePolicy, PutResult
from dicomweb_server.model.query import Query, SearchResult


@dataclass(frozen=True, slots=True)
class Documents:
    """Documents of a scope, in the order series number, instance number, UIDs.

    Args:
        keys: The instances, in the same order.
        documents: Their DICOM JSON.
    """

    keys: tuple[InstanceKey, ...]
    documents: tuple[Document, ...]


@dataclass(frozen=True, slots=True)
class Removed:
    """One instance that was removed from the index."""

    key: InstanceKey
    digest: str


@dataclass(frozen=True, slots=True)
class Holding:
    """A blob that belongs to an instance."""

    blob: Blob
    key: InstanceKey


@dataclass(frozen=True, slots=True)
class ScrubPlace:
    """How far the reading of all blobs has come.

    Args:
        after: Digest of the last blob that was read; empty at the start.
        began_at: Nanoseconds since 1970 when this pass began; 0 where none has.
        ended_at: Nanoseconds since 1970 when the last pass ended; 0 where none has.
    """

    after: str = ""
    began_at: int = 0
    ended_at: int = 0


@dataclass(frozen=True, slots=True)
class Counts:
    """How much the archive holds."""

    studies: int
    series: int
    instances: int
    bytes: int


class Index(Protocol):
    """Rows about instances; derived from the blobs and rebuildable from them.

    What a study's or a series' attributes are is told by its newest instance: the one with the
    greatest (received_at, digest). So the same blobs give the same index in whatever order they
    come, and removing the newest instance gives the word to the next.
    """

    @property
    def generation(self) -> str:
        """Differs for every index that was ever built: revisions begin anew in each."""
        ...

    async def put(
        self,
        instances: Sequence[NewInstance],
        policy: DuplicatePolicy,
        check: Callable[[], None] | None = None,
    ) -> tuple[PutResult, ...]:
        """Add instances in one transaction; durable when this returns.

        Puts that wait at the same time are committed together. An instance with the same UIDs and
        the same digest is UNCHANGED. Two of the same UIDs in one call count one after the other.

        Args:
            instances: What to add.
            policy: What happens to other bytes under the same UIDs.
            check: Called inside the transaction, perhaps in another thread; what it raises ends
                the put, and nothing is added.
        """
        ...

    async def get(self, key: InstanceKey) -> InstanceRecord | None:
        """One instance by its three UIDs."""
        ...

    async def get_described(self, key: InstanceKey) -> tuple[InstanceRecord, Document] | None:
        """One instance with its DICOM JSON, both of the same moment, in one look."""
        ...

    async def records(
        self, scope: Scope, after: int = 0, limit: int = 1000, until: int | None = None
    ) -> tuple[InstanceRecord, ...]:
        """Instances of a scope in the order of `sequence`.

        Args:
            scope: Which instances.
            after: Only those of a greater sequence.
            limit: How many at the most.
            until: Only those of this sequence or a smaller one; None is any. With the revision of
                the scope what is stored, or stored again, between two pages does not come.
        """
        ...

    async def documents(self, scope: Scope) -> Documents:
        """The DICOM JSON of every instance of a scope (a study, a series or an instance)."""
        ...

    async def revision(self, scope: Scope) -> int | None:
        """Greatest change number inside a scope, None where nothing is there.

        Grows whenever an instance of the scope is added, replaced or removed.
        """
        ...

    async def search(self, query: Query, seconds: float) -> SearchResult:
        """Answer a query.

        Raises:
            QueryDeadlineExceeded: It took longer than `seconds`.
            InvalidParameter: The cursor was not made by this query's order.
        """
        ...

    async def remove(self, scope: Scope) -> tuple[Removed, ...]:
        """Remove every instance of a scope in one transaction, and parents left empty."""
        ...

    async def changes(self, after: int, limit: int) -> tuple[Change, ...]:
        """The change feed behind a sequence number, oldest first."""
        ...

    async def referenced(self, digests: Sequence[str]) -> frozenset[str]:
        """Which of these blobs a row refers to."""
        ...

    async def release(
        self, digests: Sequence[str], discard: Callable[[str], Awaitable[bool]]
    ) -> tuple[str, ...]:
        """Discard blobs that no row refers to, while no row can be added.

        With the `check` of `put` this keeps row and bytes together, whatever any clock says: either
        the row comes first and the bytes stay, or the bytes go first and the row is refused.

        Args:
            digests: The blobs; a few at a time, because all writes wait.
            discard: Removes one; returns whether it did.

        Returns:
            Those that were discarded.
        """
        ...

    async def holdings(self, after: str, limit: int) -> tuple[Holding, ...]:
        """Blobs that rows refer to, in order of their digests, from behind `after`."""
        ...

    async def counts(self) -> Counts:
        """Totals, without scanning."""
        ...

    async def check(self) -> None:
        """Prove that the index answers and may be written, for readiness.

        Raises:
            Unavailable: It does not answer, or writing is suspended.
            StoreFull: There is no space for more.
        """
        ...

    async def close(self) -> None:
        """Finish waiting writes, release threads and connections."""
        ...


class Tombstones(Protocol):
    """Blobs that must not come back when the index is rebuilt; not derivable from the bytes."""

    async def bury(self, removed: Sequence[Removed]) -> None:
        """Remember, durably, that these blobs are no longer part of the archive."""
        ...

    async def revive(self, digests: Sequence[str], before: int | None = None) -> None:
        """Forget it again: the same bytes were stored anew, or are gone.

        Args:
            digests: The blobs.
            before: Nanoseconds since 1970; only those buried before that. None is any time.
        """
        ...

    async def buried(self, digests: Sequence[str], before: int | None = None) -> frozenset[str]:
        """Which of these blobs are buried.

        Args:
            digests: The blobs.
            before: Nanoseconds since 1970; only those buried before that. None is any time.
        """
        ...

    async def removed(self, digests: Sequence[str]) -> tuple[Removed, ...]:
        """What these blobs were when they were buried; nothing of those that are not."""
        ...

    async def check(self) -> None:
        """Prove that tombstones may be written, for readiness.

        Raises:
            Unavailable: Writing is suspended.
            StoreFull: There is no space for more.
        """
        ...

    async def close(self) -> None:
        """Release threads and connections."""
        ...


class DamageMarks(Protocol):
    """What is known of damaged blobs, and how far the scrub is; not derivable from the bytes."""

    async def mark(self, found: Sequence[Damage]) -> None:
        """Remember, durably, that these blobs are damaged."""
        ...

    async def clear(self, digests: Sequence[str]) -> None:
        """Forget it again: they were found whole, stored anew, or nobody refers to them."""
        ...

    async def marked(self, limit: int) -> tuple[Damage, ...]:
        """The marks, the newest first."""
        ...

    async def place(self) -> ScrubPlace:
        """How far the scrub has come."""
        ...

    async def keep_place(self, place: ScrubPlace) -> None:
        """Remember, durably, how far the scrub has come."""
        ...

    async def close(self) -> None:
        """Release threads and connections."""
        ...

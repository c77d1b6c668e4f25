"""The blobs that a new index is to be made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dicomweb_server.errors import ArchiveError
from dicomweb_server.index.port import Index, Removed, Tombstones
from dicomweb_server.model.instance import NewInstance
from dicomweb_server.model.limits import MIB
from dicomweb_server.ops.batches import walked
from dicomweb_server.ops.checkpoint import Reached, chain
from dicomweb_server.ops.findings import Findings
from dicomweb_server.ops.past import Past
from dicomweb_server.store.port import BlobStore, WalkedBlob

_BATCH = 200
_BATCH_BYTES = 256 * MIB


@dataclass(slots=True)
class ReindexReport:
    """What a rebuild made of the blobs.

    Args:
        blobs: Blobs in the store.
        resumed: How many of them an earlier rebuild, which was cut off, had looked at.
        instances: Instances in the new index.
        replaced: Blobs that another one with the same UIDs took the place of.
        buried: Blobs left out because they were deleted, or came before a deletion.
        refused: Blobs that are no instances.
        damaged: Blobs that are missing or cut off.
    """

    blobs: int = 0
    resumed: int = 0
    instances: int = 0
    replaced: int = 0
    buried: int = 0
    refused: Findings = field(default_factory=Findings)
    damaged: Findings = field(default_factory=Findings)


@dataclass(slots=True)
class Inventory:
    """The blobs that a new index is to be made of.

    Args:
        blobs: In the order in which they are put.
        tombstones: What was deleted and must not come back; gets what is found to be over.
        past: What the old index knows of blobs without a row.
        report: Told of what was left out.
    """

    blobs: list[WalkedBlob]
    tombstones: Tombstones
    past: Past
    report: ReindexReport

    @classmethod
    async def take(cls, store: BlobStore, tombstones: Tombstones, old: Index | None) -> Inventory:
        """Look through the store.

        All blobs that are not buried, or that the old index refers to. They are put in the order
        in which they were received, so the same blobs always give the same rows. Of several blobs
        with the same UIDs the one that the old index refers to wins, because only that one was
        acknowledged; without an old index the newest wins.

        Args:
            store: The blobs.
            tombstones: What was deleted and must not come back.
            old: The index that is to be replaced, where it can still be believed.
        """
        report = ReindexReport()
        past = await Past.of(old)
        ranked = []
        async for batch in walked(store):
            digests = [found.blob.digest for found in batch]
            buried = await tombstones.buried(digests)
            known, old = await _known(old, digests)
            past.strangers |= set(digests) - known
            report.blobs += len(batch)
            report.buried += len(buried - known)
            ranked += [
                (found.blob.digest in known, found.received_at, found.blob.digest, found)
                for found in batch
                if found.blob.digest not in buried - known
            ]
        ranked.sort(key=lambda line: line[:3])
        return cls([found for *_, found in ranked], tombstones, past, report)

    def begins_with(self, reached: Reached) -> bool:
        """Whether an earlier rebuild has looked at the first of these blobs, in this order."""
        if reached.done > len(self.blobs):
            return False
        digests = [found.blob.digest for found in self.blobs[: reached.done]]
        return chain("", digests) == reached.chained

    async def living(self, found: Sequence[NewInstance]) -> list[NewInstance]:
        """Bury what came before its instance was deleted or replaced; return the rest."""
        over = [new for new in found if self.past.is_over(new)]
        if not over:
            return list(found)
        await self.tombstones.bury([Removed(new.scanned.key, new.blob.digest) for new in over])
        self.report.buried += len(over)
        return [new for new in found if not self.past.is_over(new)]


async def _known(old: Index | None, digests: list[str]) -> tuple[frozenset[str], Index | None]:
    """Which blobs the old index refers to; an index that fails is not asked again."""
    if old is None:
        return frozenset(), None
    try:
        return await old.referenced(digests), old
    except ArchiveError:
        return frozenset(), None


def batches(blobs: Sequence[WalkedBlob]) -> Iterator[list[WalkedBlob]]:
    """Runs of blobs, bounded in number and bytes."""
    batch: list[WalkedBlob] = []
    size = 0
    for found in blobs:
        if batch and (len(batch) == _BATCH or size + found.blob.size > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(found)
        size += found.blob.size
    if batch:
        yield batch

"""Removing the bytes that nothing refers to any more."""

from __future__ import annotations

import time
from dataclasses import dataclass

from dicomweb_server.index.port import Index, Tombstones
from dicomweb_server.ops.batches import Progress, silent, walked
from dicomweb_server.service.derived import DERIVED
from dicomweb_server.store.port import BlobStore, RenditionStore

DAY = 24 * 3600
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class GcReport:
    """What a collection found and did.

    Args:
        examined: Blobs looked at.
        removed: Blobs removed; in a dry run those that would have been.
        removed_bytes: Their bytes.
        waiting: Blobs without a row that are too young to go.
        dry_run: Whether nothing was really removed.
    """

    examined: int
    removed: int
    removed_bytes: int
    waiting: int
    dry_run: bool


async def collect(
    store: BlobStore,
    index: Index,
    tombstones: Tombstones,
    grace_seconds: float = DAY,
    *,
    dry_run: bool = False,
    progress: Progress = silent,
) -> GcReport:
    """Remove blobs without a row that came, and lost their row, longer ago than the grace time.

    Safe next to a running server: bytes are committed before their row is, so a young blob without
    a row may be about to get one; and a blob that is stored again while it waits for its removal
    becomes young (see `BlobStore.discard`). The grace time must be longer than a request can take.
    A tombstone goes with its blob: there is nothing left that could come back.

    Args:
        store: The blobs.
        index: Their rows.
        tombstones: What was deleted.
        grace_seconds: Age below which a blob stays, counted from its arrival and its deletion.
        dry_run: Only count.
        progress: Told of each batch.
    """
    cutoff = time.time_ns() - int(grace_seconds * _NANOSECONDS)
    examined = removed = removed_bytes = waiting = 0
    async for batch in walked(store):
        digests = [found.blob.digest for found in batch]
        referenced = await index.referenced(digests)
        lately = await tombstones.buried(digests) - await tombstones.buried(digests, cutoff)
        gone = []
        for found in batch:
            if found.blob.digest in referenced:
                continue
            if found.received_at >= cutoff or found.blob.digest in lately:
                waiting += 1
            elif dry_run or await store.discard(found.blob.digest, cutoff):
                gone.append(found.blob)
        if gone and not dry_run:
            await tombstones.revive([blob.digest for blob in gone])
        examined += len(batch)
        removed += len(gone)
        removed_bytes += sum(blob.size for blob in gone)
        progress(examined, None)
    return GcReport(examined, removed, removed_bytes, waiting, dry_run)


async def forget(store: BlobStore, renditions: RenditionStore) -> None:
    """Remove what was made from blobs that are gone, and all pictures, for they may show them.

    Safe next to a running server, which makes anew what it misses.

    Args:
        store: The blobs.
        renditions: What was made from them.
    """
    for key in renditions.walk():
        if key.endswith(DERIVED) or await store.size(key.partition("-")[0]) is None:
            await renditions.discard(key)

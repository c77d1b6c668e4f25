"""Removing the bytes that nothing refers to any more."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from dicomweb_server.index.port import Index, Tombstones
from dicomweb_server.model.instance import Blob
from dicomweb_server.ops.batches import Progress, silent, walked
from dicomweb_server.service.derived import DERIVED
from dicomweb_server.store.port import BlobStore, RenditionStore

DAY = 24 * 3600
_NANOSECONDS = 1_000_000_000
_TOGETHER = 16
"""Blobs that are removed while writes to the index wait."""


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

    Safe next to a running server, whatever the clock says: bytes are committed before their row
    is, and go only while no row can be put (see `Index.release`); a request whose bytes went is
    refused. The grace time keeps that from happening while clocks are right: it must be longer
    than a request can take. A blob that is stored again while it waits for its removal becomes
    young (see `BlobStore.discard`). A tombstone goes with its blob: there is nothing left that
    could come back.

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
        dead = []
        for found in batch:
            if found.blob.digest in referenced:
                continue
            if found.received_at >= cutoff or found.blob.digest in lately:
                waiting += 1
            else:
                dead.append(found.blob)
        gone = dead if dry_run else await _discard(store, index, tombstones, dead, cutoff)
        examined += len(batch)
        removed += len(gone)
        removed_bytes += sum(blob.size for blob in gone)
        progress(examined, None)
    return GcReport(examined, removed, removed_bytes, waiting, dry_run)


async def _discard(
    store: BlobStore, index: Index, tombstones: Tombstones, dead: Sequence[Blob], cutoff: int
) -> list[Blob]:
    """Remove blobs that are still without a row; returns those that went."""
    gone: list[Blob] = []
    for start in range(0, len(dead), _TOGETHER):
        some = {blob.digest: blob for blob in dead[start : start + _TOGETHER]}
        went = await index.release(list(some), lambda digest: store.discard(digest, cutoff))
        if went:
            await tombstones.revive(went, cutoff)
        gone += [some[digest] for digest in went]
    return gone


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

"""Building the index anew from the bytes alone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from dicomweb_server.errors import ArchiveError, Unavailable
from dicomweb_server.index.port import Index, Removed, Tombstones
from dicomweb_server.index.sqlite.index import SqliteIndex
from dicomweb_server.index.sqlite.tombstones import SqliteTombstones
from dicomweb_server.model.instance import NewInstance
from dicomweb_server.model.levels import IndexPlan
from dicomweb_server.model.limits import MIB, ScanLimits
from dicomweb_server.model.outcome import DuplicatePolicy, PutOutcome
from dicomweb_server.ops.batches import Progress, silent, walked
from dicomweb_server.ops.datafolder import DataFolder, Use
from dicomweb_server.ops.findings import Findings
from dicomweb_server.ops.past import Past
from dicomweb_server.ops.scanning import ProcessScanner, Scanned, Scanner, Unusable
from dicomweb_server.store.filesystem import FilesystemStore
from dicomweb_server.store.port import BlobStore, WalkedBlob

_BATCH = 200
_BATCH_BYTES = 256 * MIB


@dataclass(slots=True)
class ReindexReport:
    """What a rebuild made of the blobs.

    Args:
        blobs: Blobs in the store.
        instances: Instances in the new index.
        replaced: Blobs that another one with the same UIDs took the place of.
        buried: Blobs left out because they were deleted, or came before a deletion.
        refused: Blobs that are no instances.
        damaged: Blobs that are missing or cut off.
    """

    blobs: int = 0
    instances: int = 0
    replaced: int = 0
    buried: int = 0
    refused: Findings = field(default_factory=Findings)
    damaged: Findings = field(default_factory=Findings)


async def reindex(
    store: BlobStore,
    index: Index,
    tombstones: Tombstones,
    scanner: Scanner,
    old: Index | None = None,
    progress: Progress = silent,
) -> ReindexReport:
    """Fill an empty index from all blobs that are not buried, or that the old index refers to.

    They are put in the order in which they were received, so the same blobs always give the same
    rows. Of several blobs with the same UIDs the one that the old index refers to wins, because
    only that one was acknowledged; without an old index the newest wins.

    Args:
        store: The blobs.
        index: The new index, empty.
        tombstones: What was deleted and must not come back.
        scanner: Reads the blobs.
        old: The index that is to be replaced, where it can still be read.
        progress: Told of each batch.
    """
    report = ReindexReport()
    past = await Past.of(old)
    blobs = await _inventory(store, tombstones, old, report, past)
    done = 0
    ready: list[NewInstance] = []
    for batch in _batches(blobs):
        scanned, _ = await asyncio.gather(
            scanner.scan([found.blob for found in batch]), _put(index, ready, report)
        )
        ready = await _living(list(_usable(batch, scanned, report)), past, tombstones, report)
        done += len(batch)
        progress(done, len(blobs))
    await _put(index, ready, report)
    return report


async def _living(
    found: Sequence[NewInstance], past: Past, tombstones: Tombstones, report: ReindexReport
) -> list[NewInstance]:
    """Bury what came before its instance was deleted or replaced; the next rebuild sees that."""
    over = [new for new in found if past.is_over(new)]
    if not over:
        return list(found)
    await tombstones.bury([Removed(new.scanned.key, new.blob.digest) for new in over])
    report.buried += len(over)
    return [new for new in found if not past.is_over(new)]


async def _inventory(
    store: BlobStore,
    tombstones: Tombstones,
    old: Index | None,
    report: ReindexReport,
    past: Past,
) -> list[WalkedBlob]:
    """Every blob to be indexed, in the order in which they are put."""
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
    return [found for *_, found in sorted(ranked, key=lambda line: line[:3])]


async def _known(old: Index | None, digests: list[str]) -> tuple[frozenset[str], Index | None]:
    """Which blobs the old index refers to; an index that fails is not asked again."""
    if old is None:
        return frozenset(), None
    try:
        return await old.referenced(digests), old
    except ArchiveError:
        return frozenset(), None


def _batches(blobs: Sequence[WalkedBlob]) -> Iterator[list[WalkedBlob]]:
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


def _usable(
    batch: Sequence[WalkedBlob], scanned: Sequence[Scanned], report: ReindexReport
) -> Iterator[NewInstance]:
    for found, outcome in zip(batch, scanned, strict=True):
        if isinstance(outcome, Unusable):
            (report.damaged if outcome.damaged else report.refused).add(found.blob.digest)
        else:
            yield NewInstance(outcome, found.blob, found.received_at)


async def _put(index: Index, ready: Sequence[NewInstance], report: ReindexReport) -> None:
    if not ready:
        return
    for result in await index.put(ready, DuplicatePolicy.REPLACE):
        report.instances += result.outcome is PutOutcome.ADDED
        report.replaced += result.outcome is PutOutcome.REPLACED


async def rebuild(
    folder: DataFolder,
    plan: IndexPlan,
    limits: ScanLimits,
    processes: int | None = None,
    progress: Progress = silent,
) -> ReindexReport:
    """Rebuild the index of a data folder next to the old one and put it in its place in one step.

    Cut off before that step, the old index is still there; run again, it starts anew.

    Args:
        folder: The data folder; nobody else may use it meanwhile.
        plan: Which attributes searches can match.
        limits: Bounds of a scan.
        processes: Processes that scan; None is one for each processor.
        progress: Told of each batch.

    Raises:
        ConfigurationError: A server or a tool uses the folder.
    """
    with folder.acquire(Use.REBUILD):
        built = folder.path / "index.db.new"
        folder.remove_database(built)
        async with AsyncExitStack() as stack:
            store = await asyncio.to_thread(FilesystemStore.open, folder.path)
            stack.push_async_callback(store.close)
            index = await asyncio.to_thread(SqliteIndex.open, built, plan, 1)
            stack.push_async_callback(index.close)
            tombstones = await asyncio.to_thread(SqliteTombstones.open, folder.state)
            stack.push_async_callback(tombstones.close)
            old = await _open_old(folder, plan)
            if old is not None:
                stack.push_async_callback(old.close)
            scanner = stack.enter_context(
                ProcessScanner(folder.path, plan, limits, processes or os.cpu_count() or 1)
            )
            report = await reindex(store, index, tombstones, scanner, old, progress)
        await asyncio.to_thread(_put_in_place, folder, built)
    return report


async def _open_old(folder: DataFolder, plan: IndexPlan) -> SqliteIndex | None:
    if not folder.index.exists():
        return None
    try:
        return await asyncio.to_thread(SqliteIndex.open, folder.index, plan, 1)
    except ArchiveError:
        return None


def _put_in_place(folder: DataFolder, path: Path) -> None:
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size:
        raise Unavailable("the new index could not be closed cleanly", "run the rebuild again")
    folder.announce_index(path)
    folder.swap_index()
    folder.remove_database(path)

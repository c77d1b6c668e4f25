"""Building the index of a data folder anew, and putting it in the place of the old one."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

from dicomweb_server.errors import ArchiveError, ConfigurationError, Unavailable
from dicomweb_server.index.port import Index, Removed, Tombstones
from dicomweb_server.index.sqlite.index import SqliteIndex
from dicomweb_server.index.sqlite.integrity import examined
from dicomweb_server.index.sqlite.tombstones import SqliteTombstones
from dicomweb_server.model.ids import InstanceKey
from dicomweb_server.model.levels import IndexPlan
from dicomweb_server.model.limits import ScanLimits
from dicomweb_server.ops.batches import Progress, silent, walked
from dicomweb_server.ops.checkpoint import Checkpoint, Reached, recipe_of
from dicomweb_server.ops.datafolder import DataFolder, Use
from dicomweb_server.ops.filling import Steps, fill
from dicomweb_server.ops.inventory import Inventory, ReindexReport
from dicomweb_server.ops.presence import lacks_state
from dicomweb_server.ops.scanning import ProcessScanner, Scanner
from dicomweb_server.store.filesystem import FilesystemStore
from dicomweb_server.store.port import BlobStore

_UNKNOWN = InstanceKey("", "", "")
_RARELY = (100_000, 50, 100)


async def reindex(
    store: BlobStore,
    index: Index,
    tombstones: Tombstones,
    scanner: Scanner,
    old: Index | None = None,
    progress: Progress = silent,
) -> ReindexReport:
    """Fill an empty index from a store.

    Args:
        store: The blobs.
        index: The new index, empty.
        tombstones: What was deleted and must not come back.
        scanner: Reads the blobs.
        old: The index that is to be replaced, where it can still be believed.
        progress: Told of each batch.
    """
    inventory = await Inventory.take(store, tombstones, old)
    return await fill(index, inventory, scanner, Steps(progress))


async def rebuild(
    folder: DataFolder,
    plan: IndexPlan,
    limits: ScanLimits,
    processes: int | None = None,
    progress: Progress = silent,
    *,
    forget_deletions: bool = False,
) -> ReindexReport:
    """Rebuild the index of a data folder next to the old one and put it in its place in one step.

    Cut off before that step, the old index is still there; run again, it goes on where it was
    unless the blobs, the deletions or the settings have changed in what was done already.

    Args:
        folder: The data folder; nobody else may use it meanwhile.
        plan: Which attributes searches can match.
        limits: Bounds of a scan.
        processes: Processes that scan; None is one for each processor.
        progress: Told of each batch.
        forget_deletions: Whether what was deleted may come back, where nothing tells any more
            what that was.

    Raises:
        ConfigurationError: A server or a tool uses the folder; or nothing tells any more which
            instances were deleted.
    """
    with folder.acquire(Use.REBUILD), _seldom_collected():
        built = folder.path / "index.db.new"
        async with AsyncExitStack() as stack:
            store = await asyncio.to_thread(FilesystemStore.open, folder.path)
            stack.push_async_callback(store.close)
            old = await _open_old(folder, plan)
            if old is not None:
                stack.push_async_callback(old.close)
            if lacks_state(folder):
                await _renew_state(folder, store, old, forget=forget_deletions)
            tombstones = await asyncio.to_thread(SqliteTombstones.open, folder.state)
            stack.push_async_callback(tombstones.close)
            inventory = await Inventory.take(store, tombstones, old)
            checkpoint = Checkpoint(built.with_name(built.name + ".json"), recipe_of(plan, limits))
            reached = await asyncio.to_thread(_take_up, folder, built, checkpoint, inventory)
            index = await asyncio.to_thread(SqliteIndex.open, built, plan, 1)
            stack.push_async_callback(index.close)
            scanner = stack.enter_context(
                ProcessScanner(folder.path, plan, limits, processes or os.cpu_count() or 1)
            )
            steps = Steps(progress, checkpoint.save, reached)
            report = await fill(index, inventory, scanner, steps)
        await asyncio.to_thread(_put_in_place, folder, built)
    return report


def _take_up(
    folder: DataFolder, built: Path, checkpoint: Checkpoint, inventory: Inventory
) -> Reached | None:
    """Go on with what a rebuild that was cut off has left, where that is of use; else remove it."""
    reached = checkpoint.load()
    if reached and built.exists() and inventory.begins_with(reached) and examined(built) is None:
        return reached
    folder.remove_database(built)
    return None


async def _open_old(folder: DataFolder, plan: IndexPlan) -> SqliteIndex | None:
    """The index that is to be replaced, unless it is damaged or lacks what was acknowledged."""
    if not folder.index.exists() or not folder.index.stat().st_size:
        return None
    try:
        if await asyncio.to_thread(examined, folder.index) is not None:
            return None
        return await asyncio.to_thread(SqliteIndex.open, folder.index, plan, 1)
    except ArchiveError:
        return None


async def _renew_state(
    folder: DataFolder, store: BlobStore, old: Index | None, *, forget: bool
) -> None:
    """Make the lost database of deletions anew: what has no row in the old index was deleted.

    Raises:
        ConfigurationError: There is no old index that could tell.
    """
    if old is None and not forget:
        raise ConfigurationError(
            f"{folder.state} is missing and no index tells which instances were deleted: they"
            " would come back",
            "put state.db back from a backup, or accept that with --forget-deletions",
        )
    built = folder.path / "state.db.new"
    folder.remove_database(built)
    tombstones = await asyncio.to_thread(SqliteTombstones.open, built)
    try:
        if old is not None:
            await _bury_strays(store, old, tombstones)
    finally:
        await tombstones.close()
    await asyncio.to_thread(folder.put_database, built, folder.state)


async def _bury_strays(store: BlobStore, old: Index, tombstones: SqliteTombstones) -> None:
    async for batch in walked(store):
        digests = [found.blob.digest for found in batch]
        strays = set(digests) - await old.referenced(digests)
        await tombstones.bury([Removed(_UNKNOWN, digest) for digest in sorted(strays)])


def _put_in_place(folder: DataFolder, path: Path) -> None:
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size:
        raise Unavailable("the new index could not be closed cleanly", "run the rebuild again")
    folder.announce_index(path)
    folder.swap_index()
    folder.remove_database(path)


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Let the search for cycles come rarely: millions of objects live here, none in a cycle."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*_RARELY)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()

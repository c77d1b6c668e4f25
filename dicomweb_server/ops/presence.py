"""Databases that are missing although the archive holds instances."""

from __future__ import annotations

import asyncio
import logging
import os
import time

from dicomweb_server.errors import ArchiveError, ConfigurationError
from dicomweb_server.index.port import Index, Tombstones
from dicomweb_server.index.sqlite.library import reservation
from dicomweb_server.ops.batches import walked
from dicomweb_server.ops.datafolder import DataFolder
from dicomweb_server.service.burial import Burial
from dicomweb_server.store.durable import open_lock, try_lock
from dicomweb_server.store.port import BlobStore

_PAUSE_SECONDS = 0.01

_log = logging.getLogger(__name__)


def holds_blobs(folder: DataFolder) -> bool:
    """Whether any blob is stored."""
    if not folder.blobs.is_dir():
        return False
    return any(
        next(part.iterdir(), None) is not None for part in folder.blobs.iterdir() if part.is_dir()
    )


def lacks_state(folder: DataFolder) -> bool:
    """Whether it is not known any more which instances were deleted."""
    return not _has_content(folder, "state.db") and holds_blobs(folder)


def require_databases(folder: DataFolder) -> None:
    """Make sure that no database is about to begin anew, empty, beside instances.

    An empty index would be an empty archive to whoever asks, and `gc` would remove every blob.

    Args:
        folder: The data folder, in use by the caller.

    Raises:
        ConfigurationError: One is missing.
    """
    has_index, has_state = _has_content(folder, "index.db"), _has_content(folder, "state.db")
    if (has_index and has_state) or not holds_blobs(folder):
        return
    if not has_index:
        raise ConfigurationError(
            f"{folder.index} is missing or empty although instances are stored",
            "put it back, or run `dicomweb-server reindex`, which makes it anew from the blobs",
        )
    raise ConfigurationError(
        f"{folder.state} is missing or empty: it tells which instances were deleted",
        "put it back from a backup, or run `dicomweb-server reindex`, which makes it anew from"
        " the index",
    )


def warn_of_library() -> None:
    """Log what is known to be wrong with the linked SQLite."""
    told = reservation()
    if told:
        _log.warning("%s", told)


async def tell_of_strays(
    folder: DataFolder, store: BlobStore, index: Index, tombstones: Tombstones
) -> None:
    """Count blobs that have neither a row nor a tombstone, and log how many there are.

    Blobs that have both belong to deletions that were broken off: their tombstones are taken away.
    Requests that were broken off leave some; many mean that rows are missing. One process of
    those that share a folder does it.

    Args:
        folder: The data folder.
        store: Its blobs.
        index: Their rows.
        tombstones: What was deleted.
    """
    try:
        lock = open_lock(folder.path / "strays.lock")
    except OSError:
        return
    try:
        if try_lock(lock, exclusive=True):
            await _count_strays(store, index, tombstones)
    except ArchiveError as error:
        _log.warning("blobs could not be compared with their rows: %s", error.detail)
    finally:
        os.close(lock)


async def _count_strays(store: BlobStore, index: Index, tombstones: Tombstones) -> None:
    strays, newest = 0, time.time_ns()
    async for batch in walked(store):
        digests = {found.blob.digest for found in batch if found.received_at < newest}
        buried = await tombstones.buried(sorted(digests))
        if live := await index.referenced(sorted(buried)):
            await Burial(index, tombstones).confirm(await tombstones.removed(sorted(live)))
        digests -= buried
        strays += len(digests - await index.referenced(sorted(digests)))
        await asyncio.sleep(_PAUSE_SECONDS)
    if strays:
        _log.warning(
            "%d blobs have neither a row nor a tombstone: requests that were broken off left them,"
            " or rows are missing; `dicomweb-server reindex` brings them back, `gc` removes them",
            strays,
        )


def _has_content(folder: DataFolder, name: str) -> bool:
    try:
        return (folder.path / name).stat().st_size > 0
    except FileNotFoundError:
        return False

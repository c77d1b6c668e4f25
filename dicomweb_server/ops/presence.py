"""Databases that are missing although the archive holds instances."""

from __future__ import annotations

import logging

from dicomweb_server.errors import ConfigurationError
from dicomweb_server.index.port import Index, Tombstones
from dicomweb_server.ops.batches import walked
from dicomweb_server.ops.datafolder import DataFolder
from dicomweb_server.store.port import BlobStore

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


async def tell_of_strays(store: BlobStore, index: Index, tombstones: Tombstones) -> int:
    """Count blobs that have neither a row nor a tombstone, and log how many there are.

    Requests that were broken off leave some; many mean that rows are missing.

    Args:
        store: The blobs.
        index: Their rows.
        tombstones: What was deleted.
    """
    strays = 0
    async for batch in walked(store):
        digests = {found.blob.digest for found in batch}
        digests -= await tombstones.buried(sorted(digests))
        strays += len(digests - await index.referenced(sorted(digests)))
    if strays:
        _log.warning(
            "%d blobs have neither a row nor a tombstone: requests that were broken off left them,"
            " or rows are missing; `dicomweb-server reindex` brings them back, `gc` removes them",
            strays,
        )
    return strays


def _has_content(folder: DataFolder, name: str) -> bool:
    try:
        return (folder.path / name).stat().st_size > 0
    except FileNotFoundError:
        return False

"""Whether the archive can do its work."""

from __future__ import annotations

from dicomweb_server.index.port import Index
from dicomweb_server.store.port import BlobStore


class Health:
    """Asks store and index.

    Args:
        store: Where bytes lie.
        index: Where rows lie.
    """

    def __init__(self, store: BlobStore, index: Index) -> None:
        self._store = store
        self._index = index

    async def check(self) -> None:
        """Return when both answer.

        Raises:
            Unavailable: One of them does not; the text says which and why.
        """
        await self._index.check()
        await self._store.check()

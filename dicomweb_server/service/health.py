"""Whether the archive can do its work."""

from __future__ import annotations

from dicomweb_server.errors import StoreFull
from dicomweb_server.index.port import Index, Tombstones
from dicomweb_server.service.damage import DamageRegister
from dicomweb_server.store.port import BlobStore


class Health:
    """Asks everything that holds bytes or rows.

    Args:
        store: Where bytes lie.
        index: Where rows lie.
        tombstones: Where deletions lie.
        damage: What is known of damaged bytes.
    """

    def __init__(
        self, store: BlobStore, index: Index, tombstones: Tombstones, damage: DamageRegister
    ) -> None:
        self._parts = (index, tombstones, store)
        self._damage = damage

    async def damaged(self) -> int:
        """How many instances are known to have damaged bytes."""
        return await self._damage.count()

    async def check(self) -> str:
        """Return when all of them answer, and may be written.

        Returns:
            Why there is no room for more, empty where there is: an archive that is full still
            answers, and what balances load must not take it for one that does not.

        Raises:
            Unavailable: One of them does not; the text says which and why.
        """
        full = ""
        for part in self._parts:
            try:
                await part.check()
            except StoreFull as error:
                full = error.detail
        return full

"""Tombstones kept true while stores, replacements and deletions race.

Index and tombstones are two databases, so no transaction spans both. Whoever buries bytes looks
afterwards whether a row refers to them again, and whoever has put a row looks afterwards whether
its bytes were buried meanwhile: whichever comes last sees the other and takes the tombstone away.
So a row that was acknowledged never keeps a tombstone, and a rebuild of the index brings it back.
"""

from __future__ import annotations

from collections.abc import Sequence

from dicomweb_server.index.port import Index, Removed, Tombstones


class Burial:
    """Buries what is gone and revives what is there.

    Args:
        index: Tells which bytes a row refers to.
        tombstones: What must not come back.
    """

    def __init__(self, index: Index, tombstones: Tombstones) -> None:
        self._index = index
        self._tombstones = tombstones

    async def bury(self, gone: Sequence[Removed]) -> None:
        """Bury bytes, but for those that a row refers to (again)."""
        if not gone:
            return
        await self._tombstones.bury(gone)
        live = await self._index.referenced([one.digest for one in gone])
        if live:
            await self._tombstones.revive(sorted(live))

    async def announce(self, digests: Sequence[str]) -> None:
        """Take tombstones away from bytes that are about to get a row."""
        buried = await self._tombstones.buried(digests)
        if buried:
            await self._tombstones.revive(sorted(buried))

    async def confirm(self, digests: Sequence[str]) -> None:
        """Take tombstones away that came meanwhile from bytes that have a row."""
        buried = await self._tombstones.buried(digests)
        if buried:
            live = await self._index.referenced(sorted(buried))
            await self._tombstones.revive(sorted(live))

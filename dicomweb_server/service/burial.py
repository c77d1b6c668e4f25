"""Tombstones kept true while stores, replacements and deletions race.

Index and tombstones are two databases, so no transaction spans both. Whoever buries bytes looks
afterwards whether a row refers to them again, and whoever has put a row looks afterwards whether
its bytes were buried meanwhile: whichever comes last sees the other and takes the tombstone away.
Whoever takes one away looks once more: the row may have been deleted in between, and the tombstone
been that of the deletion. So a row that was acknowledged never keeps a tombstone, and a deletion
that was acknowledged never loses its own: a rebuild of the index brings the one and not the other.
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
        while gone:
            await self._tombstones.bury(gone)
            gone = await self._revive_live(gone)

    async def announce(self, digests: Sequence[str]) -> None:
        """Take tombstones away from bytes that are about to get a row."""
        buried = await self._tombstones.buried(digests)
        if buried:
            await self._tombstones.revive(sorted(buried))

    async def confirm(self, stored: Sequence[Removed]) -> None:
        """Take tombstones away that came meanwhile from bytes that have a row."""
        buried = await self._tombstones.buried([one.digest for one in stored])
        if buried:
            await self.bury(await self._revive_live([o for o in stored if o.digest in buried]))

    async def _revive_live(self, ones: Sequence[Removed]) -> Sequence[Removed]:
        """Revive those that a row refers to; returns those that no longer had one afterwards."""
        live = await self._index.referenced([one.digest for one in ones])
        if not live:
            return ()
        await self._tombstones.revive(sorted(live))
        still = await self._index.referenced(sorted(live))
        return [one for one in ones if one.digest in live - still]

"""Deleting studies, series and instances."""

from __future__ import annotations

from dicomweb_server.auth.port import Action, Authorizer
from dicomweb_server.errors import NotFound
from dicomweb_server.index.port import Index, Removed, Tombstones
from dicomweb_server.model.ids import Scope
from dicomweb_server.service.context import Context

_PAGE = 1000


class Remove:
    """Takes instances out of the archive; their bytes go later, in `gc`.

    Args:
        index: Where their rows are.
        tombstones: What keeps them from coming back when the index is rebuilt.
        authorizer: Asked first.
    """

    def __init__(self, index: Index, tombstones: Tombstones, authorizer: Authorizer) -> None:
        self._index = index
        self._tombstones = tombstones
        self._authorizer = authorizer

    async def remove(self, context: Context, scope: Scope) -> int:
        """Delete everything inside a scope.

        The tombstones are durable before the rows go, so a crash in between leaves a deletion
        that was not acknowledged, never one that was acknowledged and comes back.

        Args:
            context: Who asks.
            scope: A study, a series or an instance.

        Returns:
            How many instances were deleted.

        Raises:
            NotFound: There are none.
        """
        await self._authorizer.check(context.principal, Action.DELETE, scope)
        buried: set[str] = set()
        after = 0
        while page := await self._index.records(scope, after, _PAGE):
            await self._tombstones.bury([Removed(r.key, r.blob.digest) for r in page])
            buried.update(r.blob.digest for r in page)
            after = page[-1].sequence
        removed = await self._index.remove(scope)
        if not removed:
            raise NotFound("there is nothing to delete under this URL")
        arrived = [gone for gone in removed if gone.digest not in buried]
        if arrived:
            await self._tombstones.bury(arrived)
        return len(removed)

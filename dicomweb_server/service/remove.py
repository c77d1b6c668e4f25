"""Deleting studies, series and instances."""

from __future__ import annotations

from collections.abc import Sequence

from dicomweb_server.auth.port import Action, Authorizer
from dicomweb_server.errors import ArchiveError, NotFound
from dicomweb_server.index.port import Index, Removed, Tombstones
from dicomweb_server.model.crash import Reached, Step, nowhere
from dicomweb_server.model.ids import Scope
from dicomweb_server.service.burial import Burial
from dicomweb_server.service.context import Context
from dicomweb_server.service.debts import Debts

_PAGE = 1000


class Remove:
    """Takes instances out of the archive; their bytes go later, in `gc`.

    Args:
        index: Where their rows are.
        tombstones: What keeps them from coming back when the index is rebuilt.
        authorizer: Asked first.
        debts: Takes over what cannot be put right after a failure.
        reached: Told of each step.
    """

    def __init__(
        self,
        index: Index,
        tombstones: Tombstones,
        authorizer: Authorizer,
        debts: Debts,
        reached: Reached = nowhere,
    ) -> None:
        self._index = index
        self._tombstones = tombstones
        self._burial = Burial(index, tombstones)
        self._authorizer = authorizer
        self._debts = debts
        self._reached = reached

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
        buried: list[Removed] = []
        after = 0
        self._reached(Step.DELETION_BEFORE_TOMBSTONES)
        try:
            while page := await self._index.records(scope, after, _PAGE):
                found = [Removed(record.key, record.blob.digest) for record in page]
                buried += found
                await self._tombstones.bury(found)
                after = page[-1].sequence
            self._reached(Step.DELETION_BEFORE_ROWS)
            removed = await self._index.remove(scope)
            self._reached(Step.DELETION_AFTER_ROWS)
            await self._burial.bury(removed)
        finally:
            await self._confirm(buried)
        if not removed:
            raise NotFound("there is nothing to delete under this URL")
        self._reached(Step.DELETION_BEFORE_ANSWER)
        return len(removed)

    async def _confirm(self, buried: Sequence[Removed]) -> None:
        """Whatever is still there, after a failure or a race, must not keep a tombstone."""
        try:
            await self._burial.confirm(buried)
        except ArchiveError:
            self._debts.owe(buried)
            raise

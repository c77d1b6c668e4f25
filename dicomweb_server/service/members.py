"""The instances of a study or series, page after page, as they were at one moment."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence

from dicomweb_server.index.port import Index
from dicomweb_server.model.ids import InstanceKey, Scope
from dicomweb_server.model.instance import InstanceRecord
from dicomweb_server.service.damage import Inspection

_PAGE = 1000


class Members:
    """Reads the records of a scope; none comes twice, whatever is stored meanwhile.

    An instance that is stored again, or replaced, between two pages has a greater sequence than
    there was when the first one was read, and does not come; so never two versions of one.

    Args:
        index: Where they are.
        inspection: Looks at their bytes; None trusts them.
    """

    def __init__(self, index: Index, inspection: Inspection | None = None) -> None:
        self._index = index
        self._inspection = inspection

    async def records(
        self, scope: Scope, until: int | None = None, without: Collection[InstanceKey] = ()
    ) -> AsyncIterator[InstanceRecord]:
        """The instances of a scope, in the order of `sequence`.

        Args:
            scope: Which ones.
            until: The greatest sequence; None for those that there are now.
            without: Those that are left out.
        """
        async for page in self._pages(scope, until):
            for record in page:
                if record.key not in without:
                    yield record

    async def inspected(self, scope: Scope) -> AsyncIterator[tuple[InstanceRecord, str]]:
        """The same, each with what is known to be wrong with its bytes.

        Args:
            scope: Which ones; of a single one nothing is told, it is read to find out.
        """
        async for page in self._pages(scope, None):
            harm = {} if scope.instance else await self.harm(page)
            for record in page:
                yield record, harm.get(record.blob.digest, "")

    async def harm(self, records: Sequence[InstanceRecord]) -> dict[str, str]:
        """What is known to be wrong with the bytes of some instances, by digest."""
        return await self._inspection.damaged(records) if self._inspection else {}

    async def _pages(
        self, scope: Scope, until: int | None
    ) -> AsyncIterator[Sequence[InstanceRecord]]:
        if scope.study and scope.series and scope.instance:
            record = await self._index.get(InstanceKey(scope.study, scope.series, scope.instance))
            if record is not None and (until is None or record.sequence <= until):
                yield [record]
            return
        if until is None:
            until = await self._index.revision(scope) or 0
        after = 0
        while after < until:
            page = await self._index.records(scope, after, _PAGE, until)
            if page:
                yield page
            after = page[-1].sequence if len(page) == _PAGE else until

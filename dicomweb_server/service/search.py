"""Searching: a checked query to encoded answers."""

from __future__ import annotations

from dataclasses import dataclass

from dicomweb_server.auth.port import Action, Authorizer
from dicomweb_server.dicom.rows import Rows, missing_paths
from dicomweb_server.dicom.selection import extract
from dicomweb_server.index.port import Index
from dicomweb_server.model.ids import Scope
from dicomweb_server.model.query import Match, Path, Query
from dicomweb_server.service.context import Context


@dataclass(frozen=True, slots=True)
class SearchPage:
    """A page of answers.

    Args:
        rows: DICOM JSON objects, in order.
        total: Number of all matches where known.
        remaining: Matches behind this page.
        cursor: Where the next page begins; None where nothing remains.
    """

    rows: tuple[bytes, ...]
    total: int | None
    remaining: int
    cursor: str | None


class Search:
    """Answers QIDO-RS and C-FIND.

    Args:
        index: What is asked.
        authorizer: Narrows every query first.
        seconds: Time that one search may take.
    """

    def __init__(self, index: Index, authorizer: Authorizer, seconds: float) -> None:
        self._index = index
        self._authorizer = authorizer
        self._seconds = seconds

    async def search(self, context: Context, query: Query, base: str) -> SearchPage:
        """Find studies, series or instances (PS3.18 10.6).

        Args:
            context: Who asks.
            query: What is looked for.
            base: Absolute URL of the DICOMweb root, for Retrieve URL.

        Raises:
            QueryDeadlineExceeded: It took too long.
        """
        await self._authorizer.check(context.principal, Action.SEARCH, query.scope)
        narrowed = await self._authorizer.narrow(context.principal, query)
        result = await self._index.search(narrowed, self._seconds)
        writer = Rows(query, base)
        deeper = missing_paths(query)
        if deeper:
            rows = [await self._deep_row(writer, match, deeper, base) for match in result.matches]
        else:
            rows = [writer.row(match) for match in result.matches]
        total = result.total
        if total is None and query.page.cursor is None and (rows or not query.page.offset):
            total = query.page.offset + len(rows) + result.remaining
        return SearchPage(tuple(rows), total, result.remaining, result.cursor)

    async def _deep_row(
        self, writer: Rows, match: Match, paths: tuple[Path, ...], base: str
    ) -> bytes:
        """A row with attributes that only the instance's document holds."""
        series, instance = match.series, match.instance
        if series is None or instance is None:
            return writer.row(match)
        scope = Scope(match.study.uid, series.uid, instance.uid)
        found = (await self._index.documents(scope)).documents
        extra = extract(found[0].text(base.encode()), paths) if found else None
        return writer.row(match, extra)

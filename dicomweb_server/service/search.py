"""Searching: a checked query to encoded answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from dicomweb_server.auth.port import Action, Authorizer
from dicomweb_server.dicom.rows import Rows, missing_paths
from dicomweb_server.dicom.selection import extract
from dicomweb_server.errors import PayloadTooLarge, QueryDeadlineExceeded
from dicomweb_server.index.port import Index
from dicomweb_server.model.document import Document
from dicomweb_server.model.ids import Scope
from dicomweb_server.model.limits import MIB
from dicomweb_server.model.query import Match, Path, Query
from dicomweb_server.service.context import Context

_PAGE_BYTES = 64 * MIB
_UNBROKEN = 200
"""Rows written before other requests have their turn."""


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
            PayloadTooLarge: The attributes asked for make the page larger than 64 MiB.
        """
        await self._authorizer.check(context.principal, Action.SEARCH, query.scope)
        narrowed = await self._authorizer.narrow(context.principal, query)
        result = await self._index.search(narrowed, self._seconds)
        writer = Rows(query, base)
        deeper = missing_paths(query)
        try:
            async with asyncio.timeout(self._seconds):
                rows = await self._rows(writer, result.matches, deeper, base)
        except TimeoutError:
            raise QueryDeadlineExceeded(
                "the answer took too long to put together",
                "ask for fewer matches by limit, or for fewer attributes by includefield",
            ) from None
        total = result.total
        if total is None and query.page.cursor is None and (rows or not query.page.offset):
            total = query.page.offset + len(rows) + result.remaining
        return SearchPage(tuple(rows), total, result.remaining, result.cursor)

    async def _rows(
        self, writer: Rows, matches: Sequence[Match], deeper: tuple[Path, ...], base: str
    ) -> list[bytes]:
        rows: list[bytes] = []
        held = 0
        for match in matches:
            if deeper:
                rows.append(await self._deep_row(writer, match, deeper, base))
            else:
                rows.append(writer.row(match))
                if len(rows) % _UNBROKEN == 0:
                    await asyncio.sleep(0)
            held += len(rows[-1])
            if held > _PAGE_BYTES:
                raise PayloadTooLarge(
                    f"the page is larger than {_PAGE_BYTES} bytes",
                    "ask for fewer matches by limit, or for fewer attributes by includefield",
                )
        return rows

    async def _deep_row(
        self, writer: Rows, match: Match, paths: tuple[Path, ...], base: str
    ) -> bytes:
        """A row with attributes that only the instance's document holds."""
        series, instance = match.series, match.instance
        if series is None or instance is None:
            return writer.row(match)
        scope = Scope(match.study.uid, series.uid, instance.uid)
        found = (await self._index.documents(scope)).documents
        if not found:
            return writer.row(match)
        return await asyncio.to_thread(_with_extra, writer, match, found[0], base, paths)


def _with_extra(
    writer: Rows, match: Match, document: Document, base: str, paths: tuple[Path, ...]
) -> bytes:
    return writer.row(match, extract(document.text(base.encode()), paths))

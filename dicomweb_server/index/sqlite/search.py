"""Answering a query inside one snapshot and one deadline."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from dicomweb_server.errors import QueryDeadlineExceeded
from dicomweb_server.index.order import Sorting
from dicomweb_server.index.sqlite.columns import storable
from dicomweb_server.index.sqlite.compile import compile_clause, is_selective
from dicomweb_server.index.sqlite.conditions import Sql, both
from dicomweb_server.index.sqlite.readers import snapshot
from dicomweb_server.index.sqlite.sorting import behind, key_columns, order_by
from dicomweb_server.index.sqlite.values import ALIAS, Context
from dicomweb_server.model.ids import Level
from dicomweb_server.model.query import (
    InstanceRow,
    Match,
    Query,
    SearchResult,
    SeriesRow,
    StudyRow,
)

_STEPS: Final = 2_000
_STUDY_WIDTH: Final = 5
_SERIES_WIDTH: Final = 8
_Row = tuple[Any, ...]  # what sqlite3 gives: columns of the types that the STRICT tables hold
_INNER: Final[Mapping[Level, str]] = MappingProxyType(
    {
        Level.STUDY: "FROM study s",
        Level.SERIES: "FROM series e JOIN study s ON s.id = e.study_id",
        Level.INSTANCE: (
            "FROM instance i JOIN series e ON e.id = i.series_id JOIN study s ON s.id = e.study_id"
        ),
    }
)
_STUDY_PARTS: Final = """
s.uid, sa.attributes, s.series_count, s.instance_count, (
    SELECT group_concat(modality, char(92)) FROM study_modality WHERE study_id = s.id
)"""
_OUTER: Final[Mapping[Level, tuple[str, str]]] = MappingProxyType(
    {
        Level.STUDY: (
            _STUDY_PARTS,
            "CROSS JOIN study s ON s.id = k.id CROSS JOIN attribute_set sa ON sa.id = s.set_id",
        ),
        Level.SERIES: (
            _STUDY_PARTS + ", e.uid, ea.attributes, e.instance_count",
            "CROSS JOIN series e ON e.id = k.id CROSS JOIN study s ON s.id = e.study_id"
            " CROSS JOIN attribute_set sa ON sa.id = s.set_id"
            " CROSS JOIN attribute_set ea ON ea.id = e.set_id",
        ),
        Level.INSTANCE: (
            _STUDY_PARTS
            + ", e.uid, ea.attributes, e.instance_count, i.uid, i.attributes, i.transfer_syntax",
            "CROSS JOIN instance i ON i.id = k.id CROSS JOIN series e ON e.id = i.series_id"
            " CROSS JOIN study s ON s.id = e.study_id"
            " CROSS JOIN attribute_set sa ON sa.id = s.set_id"
            " CROSS JOIN attribute_set ea ON ea.id = e.set_id",
        ),
    }
)
_TOTAL: Final[Mapping[Level, str]] = MappingProxyType(
    {
        Level.STUDY: "SELECT studies FROM totals",
        Level.SERIES: "SELECT series FROM totals",
        Level.INSTANCE: "SELECT instances FROM totals",
    }
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A query as SQL.

    Args:
        level: What is returned.
        sorting: The order.
        columns: The columns of the sort keys.
        condition: What rows have to meet, without the cursor.
        start: The place that the cursor marks.
    """

    level: Level
    sorting: Sorting
    columns: tuple[str, ...]
    condition: Sql
    start: Sql | None

    @classmethod
    def of(cls, query: Query, spilled: frozenset[bytes]) -> Statement:
        """Compile a query.

        Raises:
            InvalidParameter: The cursor or the order is not one of ours.
        """
        sorting = Sorting.of(query)
        columns = key_columns(sorting, query.level)
        start = None if sorting.start is None else behind(sorting, columns, sorting.start)
        return cls(query.level, sorting, columns, _condition(query, spilled), start)

    def page(self, limit: int, offset: int) -> Sql:
        """The rows of a page: sort keys first, then the parts of each match."""
        condition = self.condition if self.start is None else both(self.condition, self.start)
        named = ", ".join(f"{name} AS k{place}" for place, name in enumerate(self.columns))
        keys = ", ".join(f"k.k{place}" for place in range(len(self.columns)))
        parts, joins = _OUTER[self.level]
        again = order_by(self.sorting, tuple(f"k.k{n}" for n in range(len(self.columns))))
        inner = (
            f"SELECT {ALIAS[self.level]}.id AS id, {named} {_INNER[self.level]}"
            f" WHERE {condition.text} ORDER BY {order_by(self.sorting, self.columns)}"
            " LIMIT ? OFFSET ?"
        )
        text = f"SELECT {keys}, {parts} FROM ({inner}) k {joins} ORDER BY {again}"  # noqa: S608 - fixed names
        return Sql(text, (*condition.parameters, limit, offset))

    def count(self, behind_cursor: bool) -> Sql:
        """How many rows there are, in all or behind the cursor."""
        condition = self.condition
        if behind_cursor and self.start is not None:
            condition = both(condition, self.start)
        text = f"SELECT count(*) {_INNER[self.level]} WHERE {condition.text}"
        return Sql(text, condition.parameters)


def _condition(query: Query, spilled: frozenset[bytes]) -> Sql:
    parts = [_uid("s.uid = ?", query.scope.study)]
    if query.level > Level.STUDY:
        parts.append(_uid("e.uid = ?", query.scope.series))
    scoped = [part for part in parts if part is not None]
    lead = next((clause for clause in query.clauses if is_selective(clause)), None)
    narrow = Context(spilled, narrow=bool(scoped) or lead is not None)
    driving = Context(spilled, narrow=bool(scoped))
    for clause in query.clauses:
        context = driving if clause is lead else narrow
        scoped.append(compile_clause(clause, query.level, context))
    return both(*scoped)


def _uid(term: str, uid: str | None) -> Sql | None:
    return None if uid is None else Sql(term, (storable(uid),))


def search(
    connection: sqlite3.Connection, query: Query, seconds: float, work: float = math.inf
) -> SearchResult:
    """Answer a query.

    Args:
        connection: A reader's.
        query: The query.
        seconds: Time that it may take; SQLite is interrupted behind it.
        work: Seconds of processor time that it may take.

    Raises:
        QueryDeadlineExceeded: No time was left to begin with.
        InvalidParameter: The cursor was not made by this query's order.
    """
    if seconds <= 0:
        raise QueryDeadlineExceeded("the search waited too long", "try again later")
    with _deadline(connection, seconds, work), snapshot(connection):
        spilled = frozenset(row[0] for row in connection.execute("SELECT path FROM spill"))
        statement = Statement.of(query, spilled)
        page = statement.page(query.page.limit + 1, query.page.offset)
        found = connection.execute(page.text, page.parameters).fetchall()
        rows = found[: query.page.limit]
        more = len(found) > len(rows)
        total = _total(connection, query, statement) if more or query.page.total else None
        remaining = 0
        if more and total is not None:
            ahead = total if query.page.cursor is None else _count(connection, statement)
            remaining = ahead - query.page.offset - len(rows)
    width = len(statement.columns)
    return SearchResult(
        matches=tuple(_match(row[width:]) for row in rows),
        total=total,
        remaining=remaining,
        cursor=statement.sorting.cursor(rows[-1][:width]) if more and rows else None,
    )


def _total(connection: sqlite3.Connection, query: Query, statement: Statement) -> int:
    if not query.clauses and query.scope.level is None:
        return int(connection.execute(_TOTAL[query.level]).fetchone()[0])
    count = statement.count(behind_cursor=False)
    return int(connection.execute(count.text, count.parameters).fetchone()[0])


def _count(connection: sqlite3.Connection, statement: Statement) -> int:
    count = statement.count(behind_cursor=True)
    return int(connection.execute(count.text, count.parameters).fetchone()[0])


@contextmanager
def _deadline(connection: sqlite3.Connection, seconds: float, work: float) -> Iterator[None]:
    end, worked = time.monotonic() + seconds, time.thread_time() + work

    def is_over() -> bool:
        return time.monotonic() > end or time.thread_time() > worked

    connection.set_progress_handler(is_over, _STEPS)
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)


def _match(row: _Row) -> Match:
    uid, attributes, series_count, instance_count, modalities = row[:5]
    names = tuple(sorted(modalities.split("\\"))) if modalities else ()
    study = StudyRow(uid, attributes, names, series_count, instance_count)
    if len(row) == _STUDY_WIDTH:
        return Match(study)
    series = SeriesRow(*row[5:8])
    return Match(study, series, InstanceRow(*row[8:]) if len(row) > _SERIES_WIDTH else None)

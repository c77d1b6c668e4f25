"""Combined date and time ranges (PS3.4 C.2.2.2.5.4)."""

from __future__ import annotations

import sqlite3

from dicomweb_server.index.sqlite.columns import COLUMNS, DATE, TIME, Column, path_key
from dicomweb_server.index.sqlite.conditions import Sql, between, both
from dicomweb_server.index.sqlite.values import ALIAS, VALUE_TABLE, Context, exists, owner_of
from dicomweb_server.model.canonical import to_utc
from dicomweb_server.model.ids import Level
from dicomweb_server.model.query import Moment, Path

_TWO_DAYS = 2 * 24 * 60
_DATE_LENGTH = 8


def add_functions(connection: sqlite3.Connection) -> None:
    """Give a connection the function that moves moments to UTC."""
    connection.create_function("to_utc", 2, to_utc, deterministic=True)


def compile_moment(clause: Moment, level: Level, context: Context) -> Sql:
    """A combined range.

    Args:
        clause: The clause.
        level: What the search returns; the levels below it have no rows in the statement.
        context: See `Context`.
    """
    date, time = _plain(clause.date, DATE, context), _plain(clause.time, TIME, context)
    if date is not None and time is not None:
        moment = f"{date} || CASE {time} WHEN '' THEN '000000.000000' ELSE {time} END"
        return both(_days(date, clause), _inside(moment, clause, level))
    dates = _values(clause.date, DATE, "d")
    times = _values(clause.time, TIME, "t")
    moment = "d.value || coalesce(t.value, '000000.000000')"
    inside = _inside(moment, clause, level)
    select = f"SELECT 1 FROM ({dates.text}) d LEFT JOIN ({times.text}) t"  # noqa: S608 - made of fixed names
    return exists(select, Sql(inside.text, dates.parameters + times.parameters + inside.parameters))


def _column(path: Path) -> Column | None:
    return COLUMNS[owner_of(path)].get(path)


def _plain(path: Path, mark: int, context: Context) -> str | None:
    """The column that alone tells all values of an attribute, None where there is none."""
    column = _column(path)
    if column is None or column.regular != mark or path_key(path) in context.spilled:
        return None
    return f"{ALIAS[owner_of(path)]}.{column.name}"


def _days(date: str, clause: Moment) -> Sql:
    """Bounds of the date alone, which an index can use."""
    low, high = clause.low, clause.high
    if clause.offset is not None:  # a day to either side, and one more for the offset itself
        low = low and to_utc(low, _TWO_DAYS)
        high = high and to_utc(high, -_TWO_DAYS)
    return between(date, low and low[:_DATE_LENGTH], high and high[:_DATE_LENGTH])


def _values(path: Path, mark: int, name: str) -> Sql:
    """All dates or times of the row at hand."""
    level = owner_of(path)
    alias, key = ALIAS[level], path_key(path)
    rows = f"FROM {VALUE_TABLE[level]} x WHERE x.id = {alias}.id AND x.path = ?"
    text = f"SELECT x.value AS value {rows} AND x.regular = {mark}"
    column = _column(path)
    if column is None or column.regular != mark:
        return Sql(text, (key,))
    own = f"{alias}.{column.name}"
    text += f" UNION ALL SELECT {own} WHERE {own} <> '' AND NOT EXISTS (SELECT 1 {rows})"
    return Sql(text, (key, key))


def _inside(moment: str, clause: Moment, level: Level) -> Sql:
    as_told = _range(moment, clause.low, clause.high)
    if clause.offset is None:
        return as_told
    offsets = ", ".join(f"{ALIAS[one]}.timezone" for one in Level if one <= level)
    own = f"coalesce({offsets}, NULL)"
    low = clause.low and to_utc(clause.low, clause.offset)
    high = clause.high and to_utc(clause.high, clause.offset)
    in_utc = _range(f"to_utc({moment}, {own})", low, high)
    return Sql(
        f"CASE WHEN {own} IS NULL THEN {as_told.text} ELSE {in_utc.text} END",
        as_told.parameters + in_utc.parameters,
    )


def _range(expression: str, low: str | None, high: str | None) -> Sql:
    """Bounds of an expression; a UTC moment without bounds still has to be one."""
    parts = []
    if low is not None:
        parts.append(Sql(f"({expression}) >= ?", (low,)))
    if high is not None:
        parts.append(Sql(f"({expression}) <= ?", (high,)))
    return both(*parts)

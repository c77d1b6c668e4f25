"""Conditions on value tables: attributes without a column, names, members of sequences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, assert_never

from dicomweb_server.index.sqlite.columns import path_key
from dicomweb_server.index.sqlite.conditions import (
    Single,
    Sql,
    between,
    both,
    equals,
    has_words,
    like,
    one_of,
)
from dicomweb_server.model.ids import Level
from dicomweb_server.model.levels import level_of
from dicomweb_server.model.query import Between, Empty, Every, Exact, Like, Name, OneOf, Path

ALIAS: Final[Mapping[Level, str]] = MappingProxyType(
    {Level.STUDY: "s", Level.SERIES: "e", Level.INSTANCE: "i"}
)
"""Names of the level tables in every statement."""

VALUE_TABLE: Final[Mapping[Level, str]] = MappingProxyType(
    {
        Level.STUDY: "study_value",
        Level.SERIES: "series_value",
        Level.INSTANCE: "instance_value",
    }
)

_SELECT_ONE: Final[Mapping[Level, str]] = MappingProxyType(
    {
        Level.STUDY: "SELECT 1 FROM study_value ",
        Level.SERIES: "SELECT 1 FROM series_value ",
        Level.INSTANCE: "SELECT 1 FROM instance_value ",
    }
)
_SELECT_OWNER: Final[Mapping[Level, str]] = MappingProxyType(
    {
        Level.STUDY: "SELECT id FROM study_value ",
        Level.SERIES: "SELECT id FROM series_value ",
        Level.INSTANCE: "SELECT id FROM instance_value ",
    }
)


@dataclass(frozen=True, slots=True)
class Context:
    """What compiling a clause has to know.

    Args:
        spilled: Keys of paths whose columns do not tell everything.
        narrow: Something else leaves few rows: look at the values of each instead of collecting
            all rows that a value leads to.
    """

    spilled: frozenset[bytes] = frozenset()
    narrow: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """Restriction to values inside one item of a sequence.

    Args:
        outer: Name under which the row is known that lies in the item.
        depth: How many sequences lie around the values.
    """

    outer: str
    depth: int

    @property
    def length(self) -> int:
        """Characters of the item numbers: four each, dots between them."""
        return 5 * self.depth - 1

    def same(self, inner: str) -> Sql:
        """A further row lies in the same item."""
        length = self.length
        return Sql(f"substr({inner}.item, 1, {length}) = substr({self.outer}.item, 1, {length})")


def owner_of(path: Path) -> Level:
    """The level in whose value table an attribute is."""
    return level_of(path[0])


def rows(level: Level, name: str, condition: Sql, path: Path, items: Items | None = None) -> Sql:
    """There is a value of the row at hand that meets a condition.

    Args:
        level: Of the row at hand.
        name: Name for the value's row, by which `condition` speaks of it.
        condition: What is demanded.
        path: The attribute.
        items: The item in which it has to be.
    """
    head = f"{name}.id = {ALIAS[level]}.id AND {name}.path = ?"
    inside = both(Sql(head, (path_key(path),)), condition, *([items.same(name)] if items else []))
    return exists(_SELECT_ONE[level] + name, inside)


def exists(select: str, condition: Sql) -> Sql:
    """A subquery finds a row."""
    return Sql(f"EXISTS ({select} WHERE {condition.text})", condition.parameters)


def owners(level: Level, name: str, condition: Sql, path: Path) -> Sql:
    """The row at hand is one of those that have a value that meets a condition."""
    inside = both(Sql(f"{name}.path = ?", (path_key(path),)), condition)
    head = f"{ALIAS[level]}.id IN ({_SELECT_OWNER[level]}{name}"
    return Sql(f"{head} WHERE {inside.text})", inside.parameters)


def under(level: Level, name: str, path: Path, items: Items) -> tuple[str, Sql]:
    """The values of the row at hand that lie in items of a sequence: SELECT and condition."""
    low = path_key(path)
    high = path_key((*path[:-1], path[-1] + 1))
    text = (
        f"{name}.id = {ALIAS[level]}.id AND {name}.path >= ? AND {name}.path < ?"
        f" AND length({name}.item) >= {items.length}"
    )
    return _SELECT_ONE[level] + name, Sql(text, (low, high))


def in_values(clause: Single, path: Path, context: Context, items: Items | None = None) -> Sql:
    """A clause about an attribute that is found in a value table.

    Args:
        clause: The clause; its path is not looked at.
        path: Path from the root of the data set.
        context: See `Context`.
        items: The item in which the values have to be.
    """
    level = owner_of(path)
    name = f"v{len(path)}"
    match clause:
        case Empty():
            found = rows(level, name, Sql(f"{name}.value <> ''"), path, items)
            return Sql("NOT " + found.text, found.parameters)
        case Every():
            wanted = (equals(f"{name}.value", value) for value in clause.values)
            return both(*(_some(level, name, one, path, context, items) for one in wanted))
        case _:
            return _some(level, name, _demand(clause, name), path, context, items)


def _some(
    level: Level, name: str, condition: Sql, path: Path, context: Context, items: Items | None
) -> Sql:
    if items is not None or context.narrow:
        return rows(level, name, condition, path, items)
    return owners(level, name, condition, path)


def _demand(clause: Exact | OneOf | Like | Between | Name, name: str) -> Sql:
    value = f"{name}.value"
    match clause:
        case Exact():
            return equals(value, clause.value)
        case OneOf():
            return one_of(value, clause.values)
        case Like():
            return like(value, clause.pattern)
        case Between():
            return both(between(value, clause.low, clause.high), Sql(f"{name}.regular > 0"))
        case Name():
            if clause.words:
                return has_words(f"{name}.words", clause.words)
            return like(value, clause.pattern)
        case _:
            assert_never(clause)

"""From the values of an instance to columns and value rows of one level."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from dicomweb_server.index.sqlite.columns import (
    COLUMNS,
    REGULAR,
    TIMEZONE_OFFSET,
    Column,
    path_key,
    storable,
)
from dicomweb_server.model.canonical import (
    canonical,
    is_canonical,
    name_groups,
    name_words,
    offset_minutes,
)
from dicomweb_server.model.ids import Level
from dicomweb_server.model.instance import IndexedValue
from dicomweb_server.model.levels import vr_of
from dicomweb_server.model.query import Path

_Row = tuple[Path, str, str, str]
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:E-?\d+)?", re.ASCII)
_NO_PLACE = float("-inf")
_SHORT = 64
"""Characters of the longest value whose rows are remembered: most values come again."""


class ValueRow(NamedTuple):
    """One row of a value table, without the id of its owner.

    Args:
        path: `path_key` of the attribute.
        item: Item numbers on the way, as in IndexedValue.
        value: Canonical text; of a name one group.
        regular: `REGULAR` of a canonical date, time or moment, else 0.
        words: Of a name: its words, each behind a space.
    """

    path: bytes
    item: str
    value: str
    regular: int
    words: str


@dataclass(frozen=True, slots=True)
class Derived:
    """What one level's row holds.

    Args:
        columns: Values of the columns that are derived, by name.
        rows: Rows for the value table.
        spilled: Keys of paths that have a matched column and rows nevertheless.
        timezone: Minutes east of UTC, None where unknown.
    """

    columns: dict[str, str | float]
    rows: tuple[ValueRow, ...]
    spilled: frozenset[bytes]
    timezone: int | None


def derive(level: Level, values: Iterable[IndexedValue]) -> Derived:
    """Work out what a level's row holds.

    Args:
        level: The level; values of others are left out.
        values: Values of one instance.
    """
    columns: dict[str, str | float] = _absent(level)
    rows: list[ValueRow] = []
    spilled: set[bytes] = set()
    timezone: int | None = None
    for path, group in _by_path(level, values).items():
        if path == TIMEZONE_OFFSET:
            timezone = _first_offset(group)
        column = COLUMNS[level].get(path)
        if column is not None and column.key:
            continue
        made = [row for value in group for row in _rows_of(value)]
        if column is not None:
            _fill(columns, column, group[0])
            if column.matched and _fits(column, columns[column.name], made):
                continue
            if column.matched:
                spilled.add(path_key(path))
        rows += made
    return Derived(columns, tuple(dict.fromkeys(rows)), frozenset(spilled), timezone)


def _first_offset(values: Iterable[IndexedValue]) -> int | None:
    offsets = (offset_minutes(value.value) for value in values)
    return next((minutes for minutes in offsets if minutes is not None), None)


def _absent(level: Level) -> dict[str, str | float]:
    columns: dict[str, str | float] = {}
    for column in COLUMNS[level].values():
        if not column.key:
            columns[column.name] = ""
        if column.place:
            columns[column.place] = _NO_PLACE
    return columns


def _by_path(level: Level, values: Iterable[IndexedValue]) -> dict[Path, list[IndexedValue]]:
    groups: dict[Path, list[IndexedValue]] = {}
    for value in values:
        if value.level is level:
            groups.setdefault(value.path, []).append(value)
    return groups


def _fill(columns: dict[str, str | float], column: Column, first: IndexedValue) -> None:
    text = storable(canonical(first.vr, first.value))
    columns[column.name] = text
    if column.place:
        columns[column.place] = float(text) if _NUMBER.fullmatch(text) else _NO_PLACE


def _fits(column: Column, text: str | float, made: Sequence[ValueRow]) -> bool:
    """Whether the column alone tells everything that searches ask of the attribute."""
    if any(row.value != text or row.item for row in made):
        return False
    return not column.regular or all(row.regular == column.regular for row in made)


def _rows_of(value: IndexedValue) -> tuple[ValueRow, ...]:
    return _known_rows(value) if len(value.value) <= _SHORT else tuple(_made_rows(value))


@lru_cache(maxsize=8_192)
def _known_rows(value: IndexedValue) -> tuple[ValueRow, ...]:
    return tuple(_made_rows(value))


def _made_rows(value: IndexedValue) -> list[ValueRow]:
    path, item = path_key(value.path), value.item
    if "PN" in (value.vr, vr_of(value.path[-1])):  # a name is one whatever VR a file gives it
        rows = [
            ValueRow(path, item, storable(group), 0, storable(_words(group)))
            for group in name_groups(value.value)
        ]
    else:
        text = canonical(value.vr, value.value)
        regular = REGULAR[value.vr] if is_canonical(value.vr, text) else 0
        rows = [ValueRow(path, item, storable(text), regular, "")] if text else []
    if not rows and item:
        # An item with a zero-length attribute is an item nevertheless
        return [ValueRow(path, item, "", 0, "")]
    return rows


def _words(group: str) -> str:
    return "".join(" " + word for word in name_words(group))


@dataclass(frozen=True, slots=True)
class AttributeSet:
    """What an instance tells of its study or of its series; shared by instances that agree.

    Args:
        attributes: JSON object of what searches return.
        rows: The level's values: path, item, VR, text.
        digest: Names the set.
    """

    attributes: bytes
    rows: tuple[_Row, ...]
    digest: bytes

    @classmethod
    def of(cls, level: Level, attributes: bytes, values: Iterable[IndexedValue]) -> AttributeSet:
        """Gather what an instance tells of one level."""
        rows = tuple([value[1:] for value in values if value.level is level])
        return _attribute_set(level, attributes, rows)

    def pack(self) -> bytes:
        """The values as one byte string."""
        return json.dumps(self.rows, separators=(",", ":")).encode("ascii")


@lru_cache(maxsize=64)
def _attribute_set(level: Level, attributes: bytes, rows: tuple[_Row, ...]) -> AttributeSet:
    """Neighbours share their study and series."""
    told = repr((int(level), attributes, rows)).encode("utf-8", "surrogatepass")
    return AttributeSet(attributes, rows, hashlib.blake2b(told, digest_size=16).digest())


def unpack_values(level: Level, content: bytes) -> tuple[IndexedValue, ...]:
    """Read what `AttributeSet.pack` made."""
    return tuple(
        IndexedValue(level, tuple(path), item, vr, value)
        for path, item, vr, value in json.loads(content)
    )

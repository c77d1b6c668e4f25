"""Clauses of a search evaluated in plain Python: the meaning that every index has to give them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import assert_never

from dicomweb_server.model.canonical import (
    canonical,
    is_canonical,
    name_groups,
    name_words,
    offset_minutes,
    to_utc,
)
from dicomweb_server.model.instance import IndexedValue
from dicomweb_server.model.query import (
    Between,
    Clause,
    Empty,
    Every,
    Exact,
    Like,
    Moment,
    Name,
    Nested,
    OneOf,
    Path,
)

ValuesBelow = Callable[[Path], Iterable[IndexedValue]]
"""Gives all values whose path begins with a path: one attribute's, or a whole sequence's."""

_TIMEZONE_OFFSET: Path = (0x00080201,)
_MIDNIGHT = "000000.000000"


def matches(clauses: Iterable[Clause], below: ValuesBelow) -> bool:
    """Whether all clauses hold.

    Args:
        clauses: Of one query.
        below: Gives the values of one study, series or instance, those of the levels above it and
            the computed ones (ModalitiesInStudy, counts) among them.
    """
    return all(holds(clause, below) for clause in clauses)


def holds(clause: Clause, below: ValuesBelow) -> bool:
    """Whether one clause holds.

    An item of a sequence that has no indexed value takes no part in `Nested`.

    Args:
        clause: Any clause; what each means is said in `model.query`.
        below: As for `matches`.
    """
    match clause:
        case Moment():
            return _moment(clause, below)
        case Nested():
            return _nested(clause, below)
        case _:
            return _single(clause, [v for v in below(clause.path) if v.path == clause.path])


def _single(
    clause: Exact | OneOf | Like | Between | Name | Empty | Every, values: list[IndexedValue]
) -> bool:
    match clause:
        case Exact():
            return clause.value in _texts(values)
        case OneOf():
            return not _texts(values).isdisjoint(clause.values)
        case Like():
            return any(glob(clause.pattern, text) for text in _texts(values))
        case Between():
            return any(_inside(clause.low, text, clause.high) for text in _temporal(values))
        case Name():
            return any(_named(clause, group) for v in values for group in name_groups(v.value))
        case Empty():
            return not _texts(values)
        case Every():
            return _texts(values).issuperset(clause.values)
        case _:
            assert_never(clause)


def _texts(values: list[IndexedValue]) -> set[str]:
    """Canonical texts that are not empty; of names each group."""
    texts: set[str] = set()
    for value in values:
        found = (
            name_groups(value.value) if value.vr == "PN" else (canonical(value.vr, value.value),)
        )
        texts.update(filter(None, found))
    return texts


def _temporal(values: list[IndexedValue]) -> list[str]:
    texts = [(value.vr, canonical(value.vr, value.value)) for value in values]
    return [text for vr, text in texts if is_canonical(vr, text)]


def _inside(low: str | None, text: str, high: str | None) -> bool:
    return (low is None or low <= text) and (high is None or text <= high)


def _named(clause: Name, group: str) -> bool:
    if not clause.words:
        return glob(clause.pattern, group)
    words = name_words(group)
    return all(any(word.startswith(start) for word in words) for start in clause.words)


def _nested(clause: Nested, below: ValuesBelow) -> bool:
    values = tuple(below(clause.path))
    depth = len(clause.path)
    items = {place for value in values if (place := _item(value, depth))}
    return any(matches(clause.clauses, _inside_item(values, depth, item)) for item in items)


def _item(value: IndexedValue, depth: int) -> str:
    """Item numbers of the first sequences on the way to a value; empty without as many."""
    numbers = value.item.split(".") if value.item else []
    return ".".join(numbers[:depth]) if len(numbers) >= depth else ""


def _inside_item(values: tuple[IndexedValue, ...], depth: int, item: str) -> ValuesBelow:
    inner = []
    for value in values:
        if _item(value, depth) == item:
            rest = ".".join(value.item.split(".")[depth:])
            inner.append(IndexedValue(value.level, value.path[depth:], rest, value.vr, value.value))
    return below_of(inner)


def below_of(values: Iterable[IndexedValue]) -> ValuesBelow:
    """The function that `matches` needs, over values in memory."""
    kept = tuple(values)
    return lambda path: [value for value in kept if value.path[: len(path)] == path]


def _moment(clause: Moment, below: ValuesBelow) -> bool:
    dates = _temporal([v for v in below(clause.date) if v.path == clause.date and v.vr == "DA"])
    times = _temporal([v for v in below(clause.time) if v.path == clause.time and v.vr == "TM"])
    low, high, shift = clause.low, clause.high, 0
    own = _own_offset(below) if clause.offset is not None else None
    if clause.offset is not None and own is not None:
        low = low and to_utc(low, clause.offset)
        high = high and to_utc(high, clause.offset)
        shift = own
    moments = [to_utc(date + time, shift) for date in dates for time in times or [_MIDNIGHT]]
    return any(_inside(low, moment, high) for moment in moments)


def _own_offset(below: ValuesBelow) -> int | None:
    found = (offset_minutes(value.value) for value in below(_TIMEZONE_OFFSET))
    return next((minutes for minutes in found if minutes is not None), None)


def glob(pattern: str, text: str) -> bool:
    """Whether a text matches a pattern: `*` any run of characters, `?` exactly one.

    Takes at most pattern length times text length steps.

    Args:
        pattern: Has no escapes (PS3.4 C.2.2.2.4).
        text: The whole text.
    """
    place = read = 0
    star, retry = -1, 0
    while read < len(text):
        if place < len(pattern) and pattern[place] == "*":
            star, retry = place, read
            place += 1
        elif place < len(pattern) and pattern[place] in ("?", text[read]):
            place, read = place + 1, read + 1
        elif star >= 0:
            retry += 1
            place, read = star + 1, retry
        else:
            return False
    return pattern[place:].strip("*") == ""

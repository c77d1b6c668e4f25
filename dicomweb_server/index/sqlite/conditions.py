"""Conditions on one text: what single clauses demand of a value, as SQL with bound parameters."""

from __future__ import annotations

from dataclasses import dataclass

from dicomweb_server.index.sqlite.columns import storable
from dicomweb_server.model.query import Between, Empty, Every, Exact, Like, Name, OneOf

Parameter = str | int | float | bytes | None
Single = Exact | OneOf | Like | Between | Name | Empty | Every

_LAST = 0x10FFFF
_BEFORE_SURROGATES = 0xD7FF
_BEHIND_SURROGATES = "\ue000"


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL and the values for its question marks, in order."""

    text: str
    parameters: tuple[Parameter, ...] = ()


NEVER = Sql("0")
ALWAYS = Sql("1")


def both(*parts: Sql) -> Sql:
    """All hold."""
    if not parts:
        return ALWAYS
    text = " AND ".join(part.text for part in parts)
    return Sql(f"({text})", tuple(value for part in parts for value in part.parameters))


def either(*parts: Sql) -> Sql:
    """At least one holds."""
    if not parts:
        return NEVER
    text = " OR ".join(part.text for part in parts)
    return Sql(f"({text})", tuple(value for part in parts for value in part.parameters))


def equals(name: str, value: str) -> Sql:
    """A text equals a value that is not empty."""
    return Sql(f"{name} = ?", (storable(value),)) if value else NEVER


def one_of(name: str, values: tuple[str, ...]) -> Sql:
    """A text is one of several."""
    wanted = tuple(storable(value) for value in values if value)
    if not wanted:
        return NEVER
    marks = ", ".join("?" * len(wanted))
    return Sql(f"{name} IN ({marks})", wanted)


def like(name: str, pattern: str) -> Sql:
    """A text that is not empty meets a pattern; a fixed beginning can use an index."""
    pattern = storable(pattern)
    if "*" not in pattern and "?" not in pattern:
        return equals(name, pattern)
    globbed = Sql(f"{name} GLOB ?", (pattern.replace("[", "[[]"),))
    start = min(place for place in map(pattern.find, "*?") if place >= 0)
    if start == 0:
        return both(Sql(f"{name} <> ''"), globbed)
    return both(begins(name, pattern[:start]), globbed)


def begins(name: str, start: str) -> Sql:
    """A text begins with another, as a range that an index can give."""
    end = _successor(start)
    if end is None:
        return Sql(f"{name} >= ?", (start,))
    return Sql(f"{name} >= ? AND {name} < ?", (start, end))


def _successor(start: str) -> str | None:
    """The first text behind all that begin with `start`."""
    kept = start.rstrip(chr(_LAST))
    if not kept:
        return None
    code = ord(kept[-1])
    following = _BEHIND_SURROGATES if code == _BEFORE_SURROGATES else chr(code + 1)
    return kept[:-1] + following


def between(name: str, low: str | None, high: str | None) -> Sql:
    """A text that is not empty lies in a range, both ends included."""
    parts = [Sql(f"{name} > ''")] if low is None else [Sql(f"{name} >= ?", (low,))]
    if high is not None:
        parts.append(Sql(f"{name} <= ?", (high,)))
    return both(*parts)


def has_words(name: str, words: tuple[str, ...]) -> Sql:
    """Each word begins one of the words kept, which all follow a space."""
    patterns = ("* " + _literal(storable(word)) + "*" for word in words)
    return both(*(Sql(f"{name} GLOB ?", (pattern,)) for pattern in patterns))


def _literal(text: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in text)

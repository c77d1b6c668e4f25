"""A search, parsed and checked: what the wire produces and what an index answers.

Values in clauses are canonical already (see `model.canonical`): dates `YYYYMMDD`, times
`HHMMSS.FFFFFF`, date-times `YYYYMMDDHHMMSS.FFFFFF`, numbers without leading zeros, names folded.
An index keeps the same canonical forms, so that comparing is comparing texts.

An attribute matches when ANY of its values does (PS3.4 C.2.2.3).
"""

from __future__ import annotations

from dataclasses import dataclass

from dicomweb_server.model.ids import Level, Scope

Path = tuple[int, ...]
"""Tags from the root of the data set to an attribute; sequences come first."""


@dataclass(frozen=True, slots=True)
class Exact:
    """Single value matching (PS3.4 C.2.2.2.1): a canonical value equals `value`."""

    path: Path
    value: str


@dataclass(frozen=True, slots=True)
class OneOf:
    """List of UID matching (PS3.4 C.2.2.2.2): a value is one of `values`."""

    path: Path
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Like:
    """Wildcard matching (PS3.4 C.2.2.2.4): `*` any run, `?` one character, case-sensitive.

    Never all wildcards `*`: that is universal matching, which is no clause.
    """

    path: Path
    pattern: str


@dataclass(frozen=True, slots=True)
class Between:
    """Range matching of one DA, TM or DT (PS3.4 C.2.2.2.5): inclusive, None is open.

    Only values in canonical form take part; absent, empty and malformed values never match.
    """

    path: Path
    low: str | None
    high: str | None


@dataclass(frozen=True, slots=True)
class Moment:
    """Combined date and time range (PS3.4 C.2.2.2.5.4, PS3.18 8.3.4.1.1).

    Args:
        date: Path of the DA attribute.
        time: Path of the TM attribute.
        low, high: Canonical `YYYYMMDDHHMMSS.FFFFFF`, inclusive; None is open.
        offset: Minutes east of UTC of `low` and `high`, where the query says so by Timezone Offset
            From UTC: instances that tell their own offset are compared in UTC, others as they are.

    A date without a time counts as 00:00:00; without a date nothing matches.
    """

    date: Path
    time: Path
    low: str | None
    high: str | None
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class Name:
    """Matching of a PN value, without regard to case and accents, in any of its three groups.

    Args:
        path: The PN attribute.
        pattern: Folded text (`canonical.fold_name`); `*` and `?` are wildcards. Empty components
            at the end do not count, in the pattern and in the data.
        words: With fuzzy matching the folded words of the value: each must begin a word of the
            name, in any order, all in the same group; `pattern` is then not used.
    """

    path: Path
    pattern: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Empty:
    """Empty value matching (PS3.4 C.2.2.2.7): absent, or no value longer than zero."""

    path: Path


@dataclass(frozen=True, slots=True)
class Every:
    """Multiple value matching (PS3.4 C.2.2.2.8): each of `values` is among the values."""

    path: Path
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Nested:
    """Sequence matching (PS3.4 C.2.2.2.6): one item meets all clauses.

    Args:
        path: Path of the sequence from the root (or from the item that holds this clause).
        clauses: Their paths start at the item. No Moment inside.
    """

    path: Path
    clauses: tuple[Exact | OneOf | Like | Between | Name | Empty | Every | Nested, ...]


Clause = Exact | OneOf | Like | Between | Moment | Name | Empty | Every | Nested


@dataclass(frozen=True, slots=True)
class Order:
    """One sort key: an attribute that `model.levels` lists as sortable."""

    tag: int
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows of the result.

    Args:
        limit: Rows at the most, already clamped to the server's maximum.
        offset: Rows to skip; 0 with a cursor.
        cursor: Opaque text of `SearchResult.cursor`: rows behind that place in the same order.
        total: Whether the number of all matches is wanted even when the page holds them all.
    """

    limit: int
    offset: int = 0
    cursor: str | None = None
    total: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A search.

    Args:
        level: What is returned.
        scope: Only inside this study or series.
        clauses: All must match; each belongs to `level` or above.
        page: Which rows.
        order: Sort keys; empty is the level's default order. A unique key always comes last.
        include: Paths of further attributes to return, of the level or above.
        include_all: Every attribute that the level can return.
    """

    level: Level
    page: Page
    scope: Scope = Scope()
    clauses: tuple[Clause, ...] = ()
    order: tuple[Order, ...] = ()
    include: tuple[Path, ...] = ()
    include_all: bool = False


@dataclass(frozen=True, slots=True)
class StudyRow:
    """Study part of a match; `attributes` is the JSON object of the study's attributes."""

    uid: str
    attributes: bytes
    modalities: tuple[str, ...]
    series_count: int
    instance_count: int


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """Series part of a match."""

    uid: str
    attributes: bytes
    instance_count: int


@dataclass(frozen=True, slots=True)
class InstanceRow:
    """Instance part of a match."""

    uid: str
    attributes: bytes
    transfer_syntax: str


@dataclass(frozen=True, slots=True)
class Match:
    """One match; parts below the level searched are None."""

    study: StudyRow
    series: SeriesRow | None = None
    instance: InstanceRow | None = None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A page of matches.

    Args:
        matches: In order.
        total: Number of all matches; None where nobody asked and the page holds the last one.
        remaining: Matches behind this page.
        cursor: Where the next page begins; None where nothing remains.
    """

    matches: tuple[Match, ...]
    total: int | None
    remaining: int
    cursor: str | None

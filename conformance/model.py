"""What a check is and what comes of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conformance.world import World


class Level(StrEnum):
    """How strongly a clause binds an origin server."""

    SHALL = "SHALL"
    SHOULD = "SHOULD"
    MAY = "MAY"


SHALL, SHOULD, MAY = Level.SHALL, Level.SHOULD, Level.MAY


class Verdict(StrEnum):
    """How a check ended."""

    PASS = "pass"  # noqa: S105 # a verdict, not a secret
    FAIL = "fail"
    NOT_OFFERED = "not offered"


class Failed(Exception):
    """A requirement does not hold; the message says what was asked, answered and expected."""


class NotOffered(Exception):
    """The server lacks a feature that it may lack, or refused the data that a check needs."""


@dataclass(frozen=True, slots=True)
class Check:
    """One requirement, judged by one function.

    Args:
        id: Row of the list of requirements, then what of it is judged: `A9.open-start`.
        level: How strongly it binds.
        clause: Where the standard says so.
        title: What is required, in a few words.
        run: Returns when the requirement holds.
    """

    id: str
    level: Level
    clause: str
    title: str
    run: Callable[[World], None]

    @property
    def row(self) -> str:
        """Row of the list: `A9`."""
        return self.id.partition(".")[0]

    @property
    def part(self) -> str:
        """Letters of the row: `A`."""
        return re.sub(r"[0-9].*", "", self.row)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a check.

    Args:
        check: Which.
        verdict: How it ended.
        reason: One line; empty when it passed.
        seconds: How long it took.
    """

    check: Check
    verdict: Verdict
    reason: str
    seconds: float


def check(
    identifier: str, level: Level, clause: str, title: str
) -> Callable[[Callable[[World], None]], Check]:
    """Make a check of a function.

    Args:
        identifier: See `Check`.
        level: See `Check`.
        clause: Section of PS3.18, or with the part in front: `PS3.4 C.2.2.2.4`.
        title: See `Check`.
    """
    full = clause if clause.startswith("PS3.") else f"PS3.18 {clause}"
    return lambda function: Check(identifier, level, full, title, function)


def checks_of(namespace: Iterable[object]) -> tuple[Check, ...]:
    """The checks among a module's names, in the order in which they are written.

    Args:
        namespace: Values of the module: checks, tuples of checks, and others.
    """
    found: list[Check] = []
    for value in tuple(namespace):
        members = value if isinstance(value, tuple) else (value,)
        found.extend(member for member in members if isinstance(member, Check))
    return tuple(found)

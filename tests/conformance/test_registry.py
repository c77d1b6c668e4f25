"""The list of checks is complete, and each can be cited."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from conformance.model import Level
from conformance.registry import CHECKS, NOT_TESTABLE, PARTS, chosen, parse_only

ROWS = {"R": 12, "T": 12, "Q": 6, "G": 9, "A": 23, "F": 4, "D": 7, "N": 16, "B": 6, "J": 20, "M": 6, "X": 5, "V": 12}  # fmt: skip # noqa: E501 # one number for each part
"""How many rows the list of requirements has in each part."""


def test_there_are_at_least_500_checks() -> None:
    assert len(CHECKS) >= 500


def test_ids_are_unique() -> None:
    assert [name for name, times in Counter(c.id for c in CHECKS).items() if times > 1] == []


def test_every_row_is_judged_or_not_testable_for_a_reason() -> None:
    rows = {f"{part}{number}" for part, last in ROWS.items() for number in range(1, last + 1)}
    judged = {check.row for check in CHECKS}
    assert rows - judged == set(NOT_TESTABLE)
    assert all(NOT_TESTABLE.values())


def test_tables_without_numbered_rows_are_judged() -> None:
    parts = {check.part for check in CHECKS}
    assert {"K", "L", "MT", "TS", "CS", "SC", "SR"} <= parts
    assert parts == set(PARTS)


def test_every_check_cites_a_clause_and_says_what_is_required() -> None:
    for check in CHECKS:
        assert re.match(r"PS3\.(4|18|19) [0-9A-Z]", check.clause), check.id
        assert 5 <= len(check.title) <= 100, check.id
        assert re.fullmatch(r"[A-Z]{1,2}[0-9]{0,2}\.[A-Za-z0-9-]+", check.id), check.id


def test_only_takes_parts_rows_and_ids() -> None:
    found = chosen(parse_only("A9, J1.array,F"), Level.MAY)
    assert {check.part for check in found} == {"A", "F", "J"}
    assert {check.row for check in found if check.part == "A"} == {"A9"}
    assert [check.id for check in found if check.part == "J"] == ["J1.array"]


def test_only_refuses_what_is_no_check() -> None:
    with pytest.raises(ValueError, match="Z9"):
        chosen(("Z9",), Level.MAY)


def test_level_is_the_weakest_one() -> None:
    assert {check.level for check in chosen((), Level.SHALL)} == {Level.SHALL}
    assert {check.level for check in chosen((), Level.SHOULD)} == {Level.SHALL, Level.SHOULD}
    assert chosen((), Level.MAY) == CHECKS

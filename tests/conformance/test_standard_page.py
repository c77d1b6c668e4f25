"""Every row of the standard has its place on the page, and tests that exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from conformance.registry import CHECKS
from tests.conformance.test_registry import ROWS

ROOT = Path(__file__).parents[2]
TABLES = ("K1", "K2", "K3", "L1", "L2", "L3", "L4", "TS", "CS", "SR", "SC1", "SC2", "SC3", "SC4")
"""Rows of the standard's tables, which have no numbers of their own."""


class Row(NamedTuple):
    """One line of the page."""

    name: str
    clause: str
    told: str
    tests: tuple[str, ...]


def _rows() -> tuple[Row, ...]:
    lines = (ROOT / "docs" / "standard.md").read_text("utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    found = [line for line in cells if re.fullmatch(r"[A-Z]{1,2}[0-9]{0,2}", line[0])]
    return tuple(
        Row(name, clause, told, tuple(test.strip(" `") for test in tests.split(",")))
        for name, clause, told, tests in found
    )


PAGE = _rows()
JUDGED = {check.row for check in CHECKS}


def test_every_row_is_on_the_page_once() -> None:
    numbered = {f"{part}{number}" for part, last in ROWS.items() for number in range(1, last + 1)}
    names = [row.name for row in PAGE]
    assert sorted(numbered | set(TABLES) | JUDGED) == sorted(names)


@pytest.mark.parametrize("row", PAGE, ids=lambda row: row.name)
def test_a_row_has_tests_that_exist(row: Row) -> None:
    assert row.clause
    assert len(row.told) > 5
    assert any(row.tests)
    assert ("suite" in row.tests) == (row.name in JUDGED)
    for name in row.tests:
        if name != "suite":
            path, _, function = name.partition("::")
            source = (ROOT / "tests" / path).read_text("utf-8")
            assert f"def {function or 'test_'}" in source, name

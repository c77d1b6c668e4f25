"""Every threat has its place on the page, and tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = Path(__file__).parents[2] / "docs" / "threats.md"


def _rows() -> list[list[str]]:
    lines = PAGE.read_text("utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for row in cells if re.fullmatch(r"T[0-9]+", row[0])]


@pytest.mark.parametrize("row", _rows(), ids=lambda row: row[0])
def test_row_says_what_is_done_and_where_it_is_tested(row: list[str]) -> None:
    name, threat, does, told = row
    assert threat
    assert "to do" not in (does, told), name
    found = re.findall(r"`([a-z0-9_/]+\.py)(?:::(\w+))?`", told)
    assert found, told
    for path, test in found:
        source = (TESTS / path).read_text("utf-8")
        assert not test or f"def {test}(" in source, f"{path}::{test}"

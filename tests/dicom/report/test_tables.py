"""Tables of reports (PS3.3 C.18.10): drawn, escaped, bounded."""

from __future__ import annotations

from typing import Any

import pytest

from dicomweb_server.dicom.report.content import Bounds
from dicomweb_server.dicom.report.html import html
from dicomweb_server.dicom.report.read import read_report
from dicomweb_server.dicom.report.tables import MOST_COLUMNS, MOST_ROWS
from dicomweb_server.dicom.report.text import text
from tests.dicom.report import samples
from tests.dicom.report.markup import require_plain
from tests.dicom.report.samples import Json, value

HOSTILE = '<script>alert("1")</script>'


def definition(place: str, number: int, name: str, units: str = "") -> Json:
    made: Json = {place: value("UL", number), "0040A043": value("SQ", samples.code(name))}
    if units:
        made["004008EA"] = value("SQ", samples.code(units, units, "UCUM"))
    return made


def cell(row: int, column: int, tag: str, told: dict[str, Any]) -> Json:
    return {
        "0040A804": value("UL", row),
        "0040A805": value("UL", column),
        "00720050": value("CS", told["vr"]),
        tag: told,
    }


def table(rows: object, columns: object, *cells: Json, names: bool = True) -> Json:
    told: Json = {
        "0040A802": value("UL", rows),
        "0040A803": value("UL", columns),
        "0040A808": value("SQ", *cells),
    }
    if names:
        told["0040A806"] = value("SQ", definition("0040A804", 2, "Right"))
        told["0040A807"] = value(
            "SQ", definition("0040A805", 1, "Volume", "ml"), definition("0040A805", 2, "Day")
        )
    return samples.item("TABLE", "Kidneys", _0040A801=value("SQ", told))


def page(*children: Json, bounds: Bounds | None = None) -> str:
    report = samples.report(*children)
    read = read_report(report, bounds) if bounds else read_report(report)
    made = html(read, samples.link)
    require_plain(made)
    return made


VALUES = table(
    2,
    3,
    cell(1, 1, "00720072", value("DS", 151.5)),
    cell(2, 1, "00720074", value("FD", 98.25, 3)),
    cell(1, 2, "00720061", value("DA", "20240229")),
    cell(2, 2, "00720080", value("SQ", samples.code("not seen"))),
    cell(1, 3, "0072006A", value("PN", {"Alphabetic": "Doe^J"})),
    cell(2, 3, "00720066", value("LO", HOSTILE)),
    cell(3, 1, "00720066", value("LO", "outside")),
    cell(1, 0, "00720066", value("LO", "outside")),
    cell(1, 4, "00720066", value("LO", "outside")),
)


def test_values_stand_in_rows_and_columns_with_names_and_units() -> None:
    told = page(VALUES)
    inside = told[told.index("<table>") : told.index("</table>")]
    assert inside.count("<tr>") == 3
    for words in ("Volume (ml)", "Day", "Right", "151.5", "98.25, 3", "2024-02-29", "not seen"):
        assert words in inside
    assert "Doe, J" in inside
    assert "outside" not in told
    assert "table of 2 rows and 3 columns" in told
    assert "not shown" not in told


def test_plain_text_has_bars_between_cells() -> None:
    lines = text(read_report(samples.report(VALUES))).splitlines()
    assert "   | Volume (ml) | Day |" in lines
    assert "   | 151.5 | 2024-02-29 | Doe, J" in lines
    assert f"  Right | 98.25, 3 | not seen | {HOSTILE}" in lines


def test_words_from_outside_are_never_markup() -> None:
    told = page(table(1, 1, cell(1, 1, "00720066", value("LO", HOSTILE))))
    assert "<script" not in told
    assert "&lt;script&gt;" in told


def test_a_table_without_names_has_none() -> None:
    told = page(table(1, 2, cell(1, 2, "00720064", value("IS", 7)), names=False))
    assert "<th" not in told
    assert told.count("<td>") == 2


@pytest.mark.parametrize(("rows", "columns"), [(10**9, 3), (3, 10**9), (10**9, 10**9)])
def test_sizes_that_lie_cost_little(rows: int, columns: int) -> None:
    told = page(table(rows, columns, cell(1, 1, "00720064", value("IS", 7))))
    assert told.count("<tr>") <= MOST_ROWS + 1
    assert told.count("<td>") <= 5_001
    assert f"of {rows} rows and {columns} columns; the first " in told
    assert f"and {min(columns, MOST_COLUMNS)} columns of it" in told


@pytest.mark.parametrize("rows", [0, -1, "x", 1.5])
def test_a_table_without_a_size_is_named(rows: object) -> None:
    assert "table that tells no size" in page(table(rows, 2))


def test_many_tables_meet_the_bounds_of_the_report() -> None:
    many = [table(100, 50, names=False) for _ in range(20)]
    told = page(*many, bounds=Bounds(items=20_000))
    assert told.count("<table>") <= 4
    assert "not shown here" in told

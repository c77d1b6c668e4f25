"""Tables of reports: content items of Value Type TABLE (PS3.3 C.18.10, Tabulated Values)."""

from __future__ import annotations

from itertools import islice

from dicomweb_server.dicom import wording
from dicomweb_server.dicom.json_item import JsonItem
from dicomweb_server.dicom.report.codes import first_code, unit
from dicomweb_server.dicom.report.tree import Table

MOST_ROWS = 500
MOST_COLUMNS = 50
_MOST_CELLS = 5_000
"""Cells that are shown of one table."""
_LONGEST = 1_000
"""Characters of a cell."""

_VALUES = 0x0040A801
_ROWS = 0x0040A802
_COLUMNS = 0x0040A803
_ROW = 0x0040A804
_COLUMN = 0x0040A805
_ROW_DEFINITIONS = 0x0040A806
_COLUMN_DEFINITIONS = 0x0040A807
_CELLS = 0x0040A808
_NAME = 0x0040A043
_UNITS = 0x004008EA
_CODE_VALUE = 0x00720080
_SELECTOR_VALUES = range(0x0072005E, 0x00720084)
_FORMS = {
    "DA": wording.date,
    "TM": wording.time,
    "DT": wording.moment,
}


def read_table(item: JsonItem) -> Table | None:
    """The table of a content item; None where it tells no size.

    Args:
        item: Of Value Type TABLE.
    """
    told = item.item(_VALUES) or item
    rows, columns = told.integer(_ROWS), told.integer(_COLUMNS)
    if rows is None or columns is None or rows < 1 or columns < 1:
        return None
    shown = min(columns, MOST_COLUMNS)
    high = min(rows, MOST_ROWS, max(_MOST_CELLS // shown, 1))
    cells = [[""] * shown for _ in range(high)]
    for cell in told.items(_CELLS):
        row, column = cell.integer(_ROW), cell.integer(_COLUMN)
        if row is not None and column is not None and 1 <= row <= high and 1 <= column <= shown:
            cells[row - 1][column - 1] = _cell(cell)
    return Table(
        rows,
        columns,
        _titles(told, _COLUMN_DEFINITIONS, _COLUMN, shown),
        _titles(told, _ROW_DEFINITIONS, _ROW, high),
        tuple(map(tuple, cells)),
    )


def _titles(told: JsonItem, tag: int, place: int, count: int) -> tuple[str, ...]:
    """Names with units of rows or columns; empty where none of them has one."""
    titles = [""] * count
    for definition in told.items(tag):
        number = definition.integer(place)
        if number is not None and 1 <= number <= count:
            name = first_code(definition, _NAME).words
            units = unit(first_code(definition, _UNITS))
            titles[number - 1] = _short(f"{name} ({units})" if units else name)
    return tuple(titles) if any(titles) else ()


def _cell(cell: JsonItem) -> str:
    """The value of a cell, whatever its VR is."""
    code = first_code(cell, _CODE_VALUE)
    if code:
        return _short(code.words)
    for tag in _SELECTOR_VALUES:
        if cell.has(tag):
            form = _FORMS.get(cell.vr(tag), str)
            told = cell.texts(tag) if cell.vr(tag) != "PN" else [wording.names(cell, tag)]
            return _short(", ".join(form(text) for text in islice(filter(None, told), 16)))
    return ""


def _short(text: str) -> str:
    text = wording.clean(text[: _LONGEST + 1])
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"

"""The content tree of a report out of DICOM JSON (PS3.3 C.17.3.1 to C.17.3.2.5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from dicomweb_server.dicom import wording
from dicomweb_server.dicom.json_item import JsonItem
from dicomweb_server.dicom.report import coordinates
from dicomweb_server.dicom.report.codes import first_code
from dicomweb_server.dicom.report.references import Places, references
from dicomweb_server.dicom.report.tables import read_table
from dicomweb_server.dicom.report.tree import NO_CODE, Code, Content, Table

CONTENT = 0x0040A730
NAME = 0x0040A043
_RELATIONSHIP = 0x0040A010
_KIND = 0x0040A040
_CONTINUITY = 0x0040A050
_OBSERVED = 0x0040A032
_TARGET = 0x0040DB73
_TEXT = 0x0040A160
_CODE = 0x0040A168
_MEASURED = 0x0040A300
_QUALIFIER = 0x0040A301
_NUMERIC = 0x0040A30A
_FLOATING = 0x0040A161
_UNITS = 0x004008EA
_DATE_TIME = 0x0040A120
_DATE = 0x0040A121
_TIME = 0x0040A122
_PERSON = 0x0040A123
_UID = 0x0040A124
_DEEPEST = 32


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of a tree is read.

    Args:
        items: Content items.
        characters: Of texts.
    """

    items: int = 20_000
    characters: int = 2 * 1024 * 1024


@dataclass(slots=True)
class _Reading:
    """What a pass over the tree has left, and what it found."""

    places: Places
    items: int
    characters: int
    targets: set[str] = field(default_factory=set)
    left_out: int = 0


def read_content(
    document: JsonItem, places: Places, bounds: Bounds
) -> tuple[Content, frozenset[str], int]:
    """Read the tree.

    Args:
        document: The data set; its root is the first content item.
        places: Where referenced objects are.
        bounds: How much is read.

    Returns:
        The root, the identifiers to which items refer, and how many items were left out.
    """
    reading = _Reading(places, bounds.items, bounds.characters)
    root = _content(document, (1,), reading)
    return root, frozenset(reading.targets), reading.left_out


def _content(item: JsonItem, place: tuple[int, ...], reading: _Reading) -> Content:
    reading.items -= 1
    below = item.items(CONTENT)
    children: tuple[Content, ...] = ()
    target = ".".join(wording.number(step) for step in item.numbers(_TARGET))
    if target:
        reading.targets.add(target)
    kind = "" if target else item.text(_KIND).upper()
    made = _VALUES.get(kind, _other)(item, reading)
    if below:
        children = tuple(_children(below, place, reading))
    return Content(
        kind=kind,
        relationship=item.text(_RELATIONSHIP).upper(),
        name=first_code(item, NAME),
        text=_bounded(made.text, reading),
        code=made.code,
        units=made.units,
        qualifier=made.qualifier,
        observed=wording.moment(item.text(_OBSERVED)),
        references=references(item, reading.places),
        bulk=item.bulk_path(_TEXT),
        flowing=item.text(_CONTINUITY) == "CONTINUOUS",
        number=".".join(map(str, place)),
        target=target,
        table=made.table,
        children=children,
    )


def _children(below: list[JsonItem], place: tuple[int, ...], reading: _Reading) -> list[Content]:
    children = []
    for number, child in enumerate(below, 1):
        if reading.items <= 0 or len(place) > _DEEPEST:
            reading.left_out += len(below) - number + 1
            break
        children.append(_content(child, (*place, number), reading))
    return children


def _bounded(text: str, reading: _Reading) -> str:
    text = wording.clean(text)
    if len(text) > reading.characters:
        text = text[: reading.characters] + " …"
        reading.left_out += 1
    reading.characters = max(0, reading.characters - len(text))
    return text


@dataclass(frozen=True, slots=True)
class _Value:
    text: str = ""
    code: Code = NO_CODE
    units: Code = NO_CODE
    qualifier: Code = NO_CODE
    table: Table | None = None


def _text(item: JsonItem, _reading: _Reading) -> _Value:
    return _Value(item.text(_TEXT))


def _code(item: JsonItem, _reading: _Reading) -> _Value:
    code = first_code(item, _CODE)
    return _Value(code.words, code)


def _number(item: JsonItem, _reading: _Reading) -> _Value:
    measured = item.item(_MEASURED)
    told = measured.texts(_NUMERIC) or measured.texts(_FLOATING)
    text = ", ".join(filter(None, told))
    return _Value(text, units=first_code(measured, _UNITS), qualifier=first_code(item, _QUALIFIER))


def _person(item: JsonItem, _reading: _Reading) -> _Value:
    return _Value(wording.names(item, _PERSON))


def _plain(tag: int, form: Callable[[str], str]) -> Callable[[JsonItem, _Reading], _Value]:
    def value(item: JsonItem, _reading: _Reading) -> _Value:
        return _Value(", ".join(form(text) for text in item.texts(tag) if text))

    return value


def _words(
    form: Callable[[JsonItem], str],
) -> Callable[[JsonItem, _Reading], _Value]:
    def value(item: JsonItem, _reading: _Reading) -> _Value:
        return _Value(form(item))

    return value


def _table(item: JsonItem, reading: _Reading) -> _Value:
    """A table counts as many items and characters as its cells."""
    table = read_table(item)
    if table is None:
        return _Value("table that tells no size, not shown here")
    reading.items -= sum(map(len, table.cells))
    length = sum(len(cell) for row in table.cells for cell in row)
    if reading.items < 0 or length > reading.characters:
        reading.left_out += 1
        return _Value(f"table of {table.rows} rows and {table.columns} columns, not shown here")
    reading.characters -= length
    return _Value(table.size, table=table)


def _other(item: JsonItem, _reading: _Reading) -> _Value:
    """Containers and references have no value; a kind that is not known may have a text."""
    return _Value(item.text(_TEXT))


_VALUES: dict[str, Callable[[JsonItem, _Reading], _Value]] = {
    "TEXT": _text,
    "CODE": _code,
    "NUM": _number,
    "PNAME": _person,
    "DATETIME": _plain(_DATE_TIME, wording.moment),
    "DATE": _plain(_DATE, wording.date),
    "TIME": _plain(_TIME, wording.time),
    "UIDREF": _plain(_UID, str),
    "SCOORD": _words(coordinates.spatial),
    "SCOORD3D": _words(coordinates.spatial_3d),
    "TCOORD": _words(coordinates.temporal),
    "TABLE": _table,
}

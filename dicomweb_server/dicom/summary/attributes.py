"""The attributes of any object as a table, bounded."""

from __future__ import annotations

from collections.abc import Iterator

from dicomweb_server.dicom import wording
from dicomweb_server.dicom.json_item import JsonItem
from dicomweb_server.dicom.summary.listing import Row, Table
from dicomweb_server.model.tags import is_private

_MOST_ROWS = 400
_MOST_ITEMS = 8
_MOST_VALUES = 8
_LONGEST = 240
_DEEPEST = 3
_STEP = "- "
_HEADER = frozenset(
    (
        0x00080005,  # SpecificCharacterSet
        0x00080016,  # SOPClassUID
        0x00080018,  # SOPInstanceUID
        0x00080020,  # StudyDate
        0x00080030,  # StudyTime
        0x00080050,  # AccessionNumber
        0x00080060,  # Modality
        0x00080080,  # InstitutionName
        0x00080090,  # ReferringPhysicianName
        0x00081030,  # StudyDescription
        0x0008103E,  # SeriesDescription
        0x00100010,  # PatientName
        0x00100020,  # PatientID
        0x00100030,  # PatientBirthDate
        0x00100040,  # PatientSex
        0x00200010,  # StudyID
    )
)
"""Attributes that stand above the table already."""


def attribute_table(item: JsonItem) -> Table:
    """Public attributes that have a value, those of items behind their sequence."""
    rows: list[Row] = []
    left_out = 0
    for row in _rows(item, 0):
        if len(rows) < _MOST_ROWS:
            rows.append(row)
        else:
            left_out += 1
            if left_out > _MOST_ROWS:
                break
    return Table("Attributes", ("Name", "Value"), tuple(rows), left_out)


def _rows(item: JsonItem, depth: int) -> Iterator[Row]:
    for name in sorted(item.members):
        tag = _tag(name)
        if tag is None or is_private(tag) or (not depth and tag in _HEADER):
            continue
        if item.vr(tag) == "SQ":
            yield from _sequence(item, tag, depth)
            continue
        told = _value(item, tag)
        if told:
            yield Row((_STEP * depth + wording.attribute(tag), told))


def _sequence(item: JsonItem, tag: int, depth: int) -> Iterator[Row]:
    items = item.items(tag)
    if not items:
        return
    words = "1 item" if len(items) == 1 else f"{len(items)} items"
    yield Row((_STEP * depth + wording.attribute(tag), words))
    if depth + 1 >= _DEEPEST:
        return
    for number, each in enumerate(items[:_MOST_ITEMS], 1):
        if len(items) > 1:
            yield Row((_STEP * (depth + 1) + f"Item {number}", ""))
        yield from _rows(each, depth + 1)
    if len(items) > _MOST_ITEMS:
        yield Row((_STEP * (depth + 1) + f"{len(items) - _MOST_ITEMS} more items", ""))


def _value(item: JsonItem, tag: int) -> str:
    vr = item.vr(tag)
    if item.bulk_path(tag):
        return "data, not shown here"
    if vr == "PN":
        told = wording.names(item, tag)
    elif vr == "UI":
        told = ", ".join(map(_uid, item.texts(tag)[:_MOST_VALUES]))
    else:
        form = {"DA": wording.date, "TM": wording.time, "DT": wording.moment}.get(vr, str)
        texts = [form(text[:_LONGEST]) for text in item.texts(tag)[:_MOST_VALUES]]
        told = ", ".join(filter(None, texts))
    more = len(item.values(tag)) - _MOST_VALUES
    if told and more > 0:
        told = f"{told} and {more} more"
    if not told and item.binary(tag):
        return "data, not shown here"
    return wording.clean(told[:_LONGEST] + ("…" if len(told) > _LONGEST else "")).strip()


def _uid(uid: str) -> str:
    named = wording.registered(uid)
    return uid if named == uid else f"{named} ({uid})"


def _tag(name: str) -> int | None:
    try:
        return int(name, 16) if len(name) == 8 else None
    except ValueError:
        return None

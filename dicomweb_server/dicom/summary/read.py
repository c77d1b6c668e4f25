"""What is told of an object that has neither picture nor text: kind, header, tables."""

from __future__ import annotations

from dicomweb_server.dicom import wording
from dicomweb_server.dicom.json_item import Json, JsonItem
from dicomweb_server.dicom.report import header
from dicomweb_server.dicom.report.codes import first_code
from dicomweb_server.dicom.report.tree import Entry
from dicomweb_server.dicom.summary import radiotherapy
from dicomweb_server.dicom.summary.attributes import attribute_table
from dicomweb_server.dicom.summary.listing import Listing

_SOP_CLASS = 0x00080016
_SOP_INSTANCE = 0x00080018
_SERIES = 0x00081115
_IMAGES = (0x00081140, 0x00081199)
_GRAPHICS = 0x00700001
_TEXT_OBJECTS = 0x00700008
_GRAPHIC_OBJECTS = 0x00700009


def read_listing(document: Json) -> Listing:
    """List an object of any kind.

    Args:
        document: DICOM JSON of the instance.
    """
    item = JsonItem(document)
    sop_class = item.text(_SOP_CLASS)
    if sop_class == radiotherapy.STRUCTURE_SET:
        facts = radiotherapy.structure_facts(item)
        tables = [radiotherapy.regions(item)]
    elif sop_class in (radiotherapy.PLAN, radiotherapy.ION_PLAN):
        facts = radiotherapy.plan_facts(item)
        tables = [radiotherapy.doses(item), radiotherapy.beams(item)]
    else:
        facts = _facts(item)
        tables = [attribute_table(item)]
    kind = wording.kind(sop_class)
    return Listing(
        kind,
        _title(item, kind),
        header.patient(item),
        header.study(item),
        facts,
        tuple(table for table in tables if table.rows),
        wording.clean(item.text(_SOP_INSTANCE)[:64]),
    )


def _title(item: JsonItem, kind: str) -> str:
    """What the window says: the kind alone, never a text that could name a patient."""
    return f"{kind} ({item.text(0x00080060)[:16]})" if item.text(0x00080060) else kind


def _facts(item: JsonItem) -> tuple[Entry, ...]:
    """What presentation states, registrations and the like say of themselves (PS3.3 10.9)."""
    graphics = item.items(_GRAPHICS)
    texts = sum(len(layer.values(_TEXT_OBJECTS)) for layer in graphics)
    shapes = sum(len(layer.values(_GRAPHIC_OBJECTS)) for layer in graphics)
    referenced = _referenced(item)
    return header.entries(
        (
            ("Label", item.text(0x00700080)),
            ("Description", item.text(0x00700081)),
            ("Made", wording.day_and_time(item, 0x00700082, 0x00700083)),
            ("Made by", wording.names(item, 0x00700084)),
            ("Content date", wording.day_and_time(item, 0x00080023, 0x00080033)),
            ("Concept", first_code(item, 0x0040A043).words),
            ("Refers to", f"{referenced} objects" if referenced > 1 else "1 object" * referenced),
            ("Texts", str(texts) if texts else ""),
            ("Graphics", str(shapes) if shapes else ""),
        )
    )


def _referenced(item: JsonItem) -> int:
    return sum(len(series.values(tag)) for series in item.items(_SERIES) for tag in _IMAGES)

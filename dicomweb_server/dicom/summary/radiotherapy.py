"""What structure sets and plans hold (PS3.3 A.19, A.20, A.49)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dicomweb_server.dicom import wording
from dicomweb_server.dicom.json_item import JsonItem
from dicomweb_server.dicom.report.header import entries
from dicomweb_server.dicom.report.tree import Entry
from dicomweb_server.dicom.summary.listing import Row, Table
from dicomweb_server.model.drawing import Colour

STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
PLAN = "1.2.840.10008.5.1.4.1.1.481.5"
ION_PLAN = "1.2.840.10008.5.1.4.1.1.481.8"

_MOST = 500
_ROI_NUMBER = 0x30060022
_REFERENCED_ROI = 0x30060084
_BEAMS = (0x300A00B0, 0x300A03A2)
_CONTROL_POINTS = (0x300A0111, 0x300A03A8)
_FRACTIONS = 0x300A0070


def structure_facts(item: JsonItem) -> tuple[Entry, ...]:
    """What a structure set says of itself."""
    return entries(
        (
            ("Label", item.text(0x30060002)),
            ("Name", item.text(0x30060004)),
            ("Description", item.text(0x30060006)),
            ("Date", wording.day_and_time(item, 0x30060008, 0x30060009)),
            ("Approval", item.text(0x300E0002).lower()),
        )
    )


def regions(item: JsonItem) -> Table:
    """Regions of interest: name, kind, colour, how many contours."""
    drawn = {each.integer(_REFERENCED_ROI): each for each in item.items(0x30060039)}
    observed = {each.integer(_REFERENCED_ROI): each for each in item.items(0x30060080)}
    nothing = JsonItem({})
    found = item.items(0x30060020)
    rows = []
    for region in found[:_MOST]:
        number = region.integer(_ROI_NUMBER)
        contour, told = drawn.get(number, nothing), observed.get(number, nothing)
        cells = (
            region.text(_ROI_NUMBER),
            _first(region.text(0x30060026), told.text(0x30060085)),
            told.text(0x300600A4).lower(),
            str(len(contour.values(0x30060040))),
            region.text(0x30060036).lower(),
        )
        rows.append(Row(_cut(cells), _colour(contour)))
    columns = ("No.", "Name", "Type", "Contours", "Made")
    return Table("Regions of interest", columns, tuple(rows), max(0, len(found) - _MOST))


def plan_facts(item: JsonItem) -> tuple[Entry, ...]:
    """What a plan says of itself."""
    groups = item.items(_FRACTIONS)
    fractions = [group.text(0x300A0078) for group in groups if group.text(0x300A0078)]
    return entries(
        (
            ("Label", item.text(0x300A0002)),
            ("Name", item.text(0x300A0003)),
            ("Description", item.text(0x300A0004)),
            ("Date", wording.day_and_time(item, 0x300A0006, 0x300A0007)),
            ("Intent", item.text(0x300A000A).lower()),
            ("Fractions", wording.listed(fractions, 16)),
            ("Approval", item.text(0x300E0002).lower()),
            ("Approved by", wording.names(item, 0x300E0008)),
        )
    )


def doses(item: JsonItem) -> Table:
    """What is prescribed (PS3.3 C.8.8.10)."""
    found = item.items(0x300A0010)
    rows = [
        Row(
            _cut(
                (
                    _first(each.text(0x300A0016), each.text(0x300A0014).lower()),
                    each.text(0x300A0020).lower(),
                    _with_unit(each.text(0x300A0026), "Gy"),
                    _with_unit(each.text(0x300A0023), "Gy"),
                    _with_unit(each.text(0x300A002C), "Gy"),
                )
            )
        )
        for each in found[:_MOST]
    ]
    columns = ("Reference", "Type", "Prescribed", "Planned for machine", "Maximum")
    return Table("Dose references", columns, tuple(rows), max(0, len(found) - _MOST))


def beams(item: JsonItem) -> Table:
    """Beams: what comes from where, and how much (PS3.3 C.8.8.14, C.8.8.25)."""
    found = [beam for tag in _BEAMS for beam in item.items(tag)]
    meterset = _metersets(item.items(_FRACTIONS))
    rows = [Row(_cut(_beam(beam, meterset))) for beam in found[:_MOST]]
    columns = ("No.", "Name", "Radiation", "Machine", "Energy", "Gantry", "Points", "Meterset")
    return Table("Beams", columns, tuple(rows), max(0, len(found) - _MOST))


def _beam(beam: JsonItem, meterset: dict[str, str]) -> tuple[str, ...]:
    points = [point for tag in _CONTROL_POINTS for point in beam.items(tag)]
    number = beam.text(0x300A00C0)
    angles = _told(points, 0x300A011E)
    return (
        number,
        _first(beam.text(0x300A00C2), beam.text(0x300A00C3)),
        " ".join(filter(None, (beam.text(0x300A00C4), beam.text(0x300A00C6)))).lower(),
        beam.text(0x300A00B2),
        _with_unit(" to ".join(dict.fromkeys(_ends(_told(points, 0x300A0114)))), "MV"),
        _with_unit(" to ".join(dict.fromkeys(_ends(angles))), "°"),
        beam.text(0x300A0110) or str(len(points)),
        _with_unit(meterset.get(number, ""), beam.text(0x300A00B3)),
    )


def _metersets(groups: Iterable[JsonItem]) -> dict[str, str]:
    """Meterset of a beam in one fraction, by its number."""
    return {
        beam.text(0x300C0006): beam.text(0x300A0086)
        for group in groups
        for beam in group.items(0x300C0004)
    }


def _told(points: Iterable[JsonItem], tag: int) -> list[str]:
    """Values of control points that tell one."""
    return [text for text in (point.text(tag) for point in points) if text]


def _ends(words: Sequence[str]) -> tuple[str, ...]:
    """The first and the last."""
    return (words[0], words[-1]) if words else ()


def _with_unit(text: str, unit: str) -> str:
    gap = "" if unit == "°" else " "
    return f"{text}{gap}{unit}" if text and unit else text


def _first(*texts: str) -> str:
    return next(filter(None, texts), "")


def _cut(cells: Iterable[str]) -> tuple[str, ...]:
    return tuple(wording.clean(cell[:200]).strip() for cell in cells)


def _colour(contour: JsonItem) -> Colour | None:
    """ROI Display Color."""
    told = contour.numbers(0x3006002A)
    if len(told) != 3 or not all(0 <= part <= 255 for part in told):
        return None
    red, green, blue = (int(part) for part in told)
    return red, green, blue

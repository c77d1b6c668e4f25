"""Waveform objects as drawn pages: ECG on its paper, other signals in lanes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dicomweb_server.dicom import wording
from dicomweb_server.dicom.json_item import Json, JsonItem
from dicomweb_server.dicom.report.codes import first_code, unit
from dicomweb_server.dicom.waveform import lanes, paper
from dicomweb_server.dicom.waveform.canvas import SOFT, WIDTH, Canvas
from dicomweb_server.dicom.waveform.groups import SEQUENCE, Bulk, Group, read_groups
from dicomweb_server.model.drawing import Drawing

_SOP_CLASS = 0x00080016
_ECG = "1.2.840.10008.5.1.4.1.1.9.1."
_ANNOTATIONS = 0x0040B020
_NAME = 0x0040A043
_NUMERIC = 0x0040A30A
_UNITS = 0x004008EA
_RATE = re.compile(r"heart rate|ventricular rate", re.IGNORECASE)
_HIGHEST = 8000.0
_LINE = 20.0
_MOST_LINES = 8

Corners = tuple[tuple[str, ...], tuple[str, ...]]
"""Annotation lines: top left, top right."""

_NO_LINES: Corners = ((), ())


def draw_waveforms(document: Json, bulk: Bulk, lines: Corners = _NO_LINES) -> Drawing:
    """Draw all groups of a waveform object, one below the other.

    Nothing about the patient is on it but what `lines` say.

    Args:
        document: DICOM JSON of the instance.
        bulk: Values that `groups.bulk_needed` names.
        lines: What is written above, as in Rendering.
    """
    item = JsonItem(document)
    groups = read_groups(document, bulk)
    canvas = Canvas()
    _head(canvas, wording.kind(item.text(_SOP_CLASS)), lines)
    is_ecg = item.text(_SOP_CLASS).startswith(_ECG)
    rate = _rate(item)
    for number, group in enumerate(groups):
        if canvas.height > _HIGHEST:
            _note(canvas, f"{len(groups) - number} more groups are not shown")
            break
        _group(canvas, group, is_ecg, rate)
    unread = len(item.items(SEQUENCE)) - len(groups)
    if unread:
        _note(canvas, f"{unread} more groups of waveforms cannot be shown")
    canvas.down_to(canvas.height + 8)
    return canvas.drawing()


def _head(canvas: Canvas, title: str, lines: Corners) -> None:
    left, right = (
        [wording.clean(line).replace("\n", " ")[:120] for line in side[:_MOST_LINES]]
        for side in lines
    )
    canvas.words(title.removesuffix(" Waveform"), 12, 28, 20.0)
    for place, line in enumerate(left):
        canvas.words(line, 12, 28 + _LINE * (place + 1), 15.0)
    for place, line in enumerate(right):
        canvas.words_right(line, WIDTH - 12, 28 + _LINE * place, 15.0)
    canvas.down_to(40 + _LINE * max(len(left), len(right) - 1))


def _group(canvas: Canvas, group: Group, is_ecg: bool, rate: str) -> None:
    rows: list[paper.Row] = []
    shown = group.seconds
    if paper.is_standard(group):
        rows = paper.standard_rows(group)
        shown = min(group.seconds, paper.SECONDS)
    elif is_ecg and paper.is_voltage(group):
        rows = paper.strip_rows(group)
    told = [group.label, *_facts(group, bool(rows)), rate]
    if shown < group.whole - 1 / group.frequency:
        told.append(f"{lanes.moment(shown)} of {lanes.moment(group.whole)} shown")
    others = group.others + len(group.channels) - paper.count_shown(rows)
    if rows and others:
        told.append(f"{others} more channels are not shown")
    _note(canvas, ", ".join(word for word in told if word))
    if rows:
        paper.draw_rows(canvas, rows, group)
    else:
        lanes.draw_lanes(canvas, group)


def _facts(group: Group, on_paper: bool) -> Iterator[str]:
    """Technical data of a group."""
    if on_paper:
        yield "25 mm/s, 10 mm/mV"
    filters = list(dict.fromkeys((each.low, each.high, each.notch) for each in group.channels))
    if len(filters) == 1:
        low, high, notch = filters[0]
        if high:
            yield f"filter {wording.number(low or 0)} to {wording.number(high)} Hz"
        if notch:
            yield f"notch {wording.number(notch)} Hz"
    yield f"{wording.number(group.frequency)} samples/s"
    if group.offset:
        yield f"begins at {lanes.moment(group.offset)}"


def _rate(item: JsonItem) -> str:
    """The heart rate that was measured, where an annotation tells it."""
    for annotation in item.items(_ANNOTATIONS)[:1000]:
        value = annotation.number(_NUMERIC)
        if value is not None and _RATE.search(first_code(annotation, _NAME).meaning):
            symbol = unit(first_code(annotation, _UNITS)) or "/min"
            return f"rate {wording.number(value)} {symbol}"
    return ""


def _note(canvas: Canvas, text: str) -> None:
    canvas.words(text, 12, canvas.height + 16, 14.0, SOFT)
    canvas.down_to(canvas.height + 26)

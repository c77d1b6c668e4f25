"""ECG on its paper: 25 mm in a second, 10 mm for a millivolt, a grid of 1 mm and 5 mm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median_low

from dicomweb_server.dicom.waveform.canvas import INK, SOFT, WIDTH, Canvas
from dicomweb_server.dicom.waveform.derived import MARK, limb_leads
from dicomweb_server.dicom.waveform.groups import Channel, Group
from dicomweb_server.dicom.waveform.leads import LEADS
from dicomweb_server.dicom.waveform.trace import Stretch, placed, trace
from dicomweb_server.model.drawing import Colour

MILLIVOLTS = {
    "mV": 1.0,
    "millivolt": 1.0,
    "µV": 1e-3,
    "uV": 1e-3,
    "microvolt": 1e-3,
    "nV": 1e-6,
    "V": 1e3,
    "volt": 1e3,
}
"""What a value has to be multiplied by to be in mV, by its unit."""
SECONDS = 10.0
"""How long a row is."""

_MM = 5.0
_SPEED = 25 * _MM
_GAIN = 10 * _MM
_ROW = 28 * _MM
_EDGE = 12 * _MM
_CLIP = 40 * _MM
_LEFT = 14 * _MM
_FINE: Colour = (253, 226, 222)
_STRONG: Colour = (243, 178, 170)
_LAYOUT_OF_3 = (
    ("I", "aVR", "V1", "V4"),
    ("II", "aVL", "V2", "V5"),
    ("III", "aVF", "V3", "V6"),
)
_LAYOUT_OF_6 = tuple((LEADS[row], LEADS[row + 6]) for row in range(6))
_RHYTHM = ("II", "V1", "V5", "I")
_MOST_OTHERS = 8
_MOST_STRIPS = 24
_LEAST_LEADS = 8
_MEDIAN_OF = 20_000


@dataclass(frozen=True, slots=True)
class Cell:
    """A piece of one signal in a row.

    Args:
        name: What stands above it.
        channel: The signal, None where it was not recorded.
        start, seconds: Which part of it.
        left: Where in the row it begins, in seconds.
    """

    name: str
    channel: Channel | None
    start: float
    seconds: float
    left: float = 0.0


Row = tuple[Cell, ...]


def is_voltage(group: Group) -> bool:
    """Whether all signals of a group are voltages, so that the paper's gain fits."""
    return all(channel.unit in MILLIVOLTS for channel in group.channels)


def is_standard(group: Group) -> bool:
    """Whether a group holds an ECG of twelve leads, or most of them."""
    return len(_by_lead(group)) >= _LEAST_LEADS


def standard_rows(group: Group) -> list[Row]:
    """The page of a twelve-lead ECG.

    Up to 2.5 s (an averaged beat) and up to 5 s all of each lead is shown; longer ones as it is the
    custom: four times 2.5 s in each of three rows, and 10 s of one lead below.
    """
    recorded = _by_lead(group)
    leads = {**recorded, **limb_leads(recorded, ceil((SECONDS + 1) * group.frequency))}
    if group.seconds <= 2.5:
        rows = _table(leads, _LAYOUT_OF_3, 2.5, moving=False)
    elif group.seconds <= 5:
        rows = _table(leads, _LAYOUT_OF_6, 5.0, moving=False)
    else:
        rows = _table(leads, _LAYOUT_OF_3, 2.5, moving=True)
        rhythm = next((leads[name] for name in _RHYTHM if name in leads), None)
        if rhythm is not None:
            rows.append((Cell(rhythm.lead, rhythm, 0.0, SECONDS),))
    shown = {id(channel) for channel in recorded.values()}
    others = [each for each in group.channels if id(each) not in shown and each.unit in MILLIVOLTS]
    rows += [(Cell(other.name, other, 0.0, SECONDS),) for other in others[:_MOST_OTHERS]]
    return rows


def strip_rows(group: Group) -> list[Row]:
    """Each signal of a group in rows of ten seconds; none where they would be too many."""
    count = max(1, -int(-group.seconds // SECONDS))
    if count * len(group.channels) > _MOST_STRIPS:
        return []
    return [
        (Cell(channel.lead or channel.name, channel, number * SECONDS, SECONDS),)
        for number in range(count)
        for channel in group.channels
    ]


def draw_rows(canvas: Canvas, rows: Sequence[Row], group: Group) -> None:
    """Draw rows below what is on the page."""
    top = canvas.height
    bottom = top + 2 * _EDGE + _ROW * max(1, len(rows) - 1) + _EDGE / 2
    _grid(canvas, top, bottom)
    for number, row in enumerate(rows):
        middle = top + _EDGE * 1.5 + number * _ROW
        _calibration(canvas, middle)
        for cell in row:
            _cell(canvas, cell, group.frequency, middle)
    canvas.down_to(bottom)


def _by_lead(group: Group) -> dict[str, Channel]:
    leads: dict[str, Channel] = {}
    for channel in group.channels:
        if channel.lead and channel.unit in MILLIVOLTS:
            leads.setdefault(channel.lead, channel)
    return leads


def _table(
    leads: dict[str, Channel], layout: Sequence[Sequence[str]], seconds: float, *, moving: bool
) -> list[Row]:
    """Rows of leads side by side; `moving` ones go on where the one before ends."""
    return [
        tuple(
            Cell(
                _label(name, leads.get(name)),
                leads.get(name),
                place * seconds * moving,
                seconds,
                place * seconds,
            )
            for place, name in enumerate(names)
        )
        for names in layout
    ]


def _label(lead: str, channel: Channel | None) -> str:
    return channel.name if channel is not None and channel.name.endswith(MARK) else lead


def count_shown(rows: Sequence[Row]) -> int:
    """How many recorded signals rows show."""
    cells = (cell for row in rows for cell in row)
    shown = {
        id(cell.channel)
        for cell in cells
        if cell.channel is not None and not cell.channel.name.endswith(MARK)
    }
    return len(shown)


def _grid(canvas: Canvas, top: float, bottom: float) -> None:
    down, across = round((bottom - top) / _MM), round(WIDTH / _MM)
    for colour, width, step in ((_FINE, 1.0, 1), (_STRONG, 1.0, 5)):
        for place in range(0, down + 1, step):
            y = top + place * _MM
            canvas.line(((0.0, y), (float(WIDTH), y)), colour, width)
        for place in range(0, across + 1, step):
            canvas.line(((place * _MM, top), (place * _MM, bottom)), colour, width)


def _calibration(canvas: Canvas, middle: float) -> None:
    """A millivolt for 0.2 s in front of a row."""
    left, high = _LEFT - 9 * _MM, middle - _GAIN
    steps = ((0.0, middle), (1.0, middle), (1.0, high), (6.0, high), (6.0, middle), (7.0, middle))
    canvas.line(((left + step * _MM, y) for step, y in steps), INK, 1.4)


def _cell(canvas: Canvas, cell: Cell, frequency: float, middle: float) -> None:
    left = _LEFT + cell.left * _SPEED
    colour = SOFT if cell.channel is None else INK
    canvas.words(cell.name, left + _MM, middle - 11 * _MM, 15.0, colour)
    if cell.left:
        canvas.line(((left, middle - 13 * _MM), (left, middle - 9 * _MM)), INK, 1.4)
    if cell.start and not cell.left:
        canvas.words(f"{cell.start:g} s", left + 12 * _MM, middle - 11 * _MM, 12.0, SOFT)
    if cell.channel is None:
        canvas.words("not recorded", left + _MM, middle, 12.0, SOFT)
        return
    channel = cell.channel
    factor = MILLIVOLTS.get(channel.unit, 1.0) * _GAIN
    rest = _rest(channel)

    def height(value: float) -> float:
        return middle - max(-_CLIP, min(_CLIP, (value - rest) * factor))

    stretch = Stretch(cell.start, cell.start + cell.seconds, left, _SPEED)
    for points in trace(channel, frequency, stretch):
        canvas.line(placed(points, height), INK, 1.4)


def _rest(channel: Channel) -> float:
    """The median, which is put in the middle of a row as the electrodes' offset means nothing."""
    step = max(1, len(channel.samples) // _MEDIAN_OF)
    present = [sample for sample in channel.samples[::step] if sample != channel.padding]
    return median_low(present) * channel.scale + channel.offset if present else 0.0

"""Any waveforms as lanes, one below the other, over one axis of time."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, floor, log10

from dicomweb_server.dicom.waveform.canvas import INK, PALE, SOFT, WIDTH, Canvas
from dicomweb_server.dicom.waveform.groups import Channel, Group
from dicomweb_server.dicom.waveform.trace import Points, Stretch, placed, trace
from dicomweb_server.dicom.wording import number

_LEFT, _RIGHT = 190.0, WIDTH - 20.0
_HIGHEST, _LOWEST = 110.0, 44.0
_ALL = 2400.0
_MOST = 64
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600)
_MOST_TICKS = 12
_PLAIN = str.maketrans({"µ": "u", "°": "deg ", "²": "2", "³": "3", "₂": "2"})
"""Signs of units in letters that every font has."""


def draw_lanes(canvas: Canvas, group: Group) -> None:
    """Draw the signals of a group below what is on the page."""
    channels = group.channels[:_MOST]
    lane = max(_LOWEST, min(_HIGHEST, _ALL / max(1, len(channels))))
    start = min(0.0, *(channel.start for channel in channels)) if len(channels) > 1 else 0.0
    end = start + group.seconds
    stretch = Stretch(start, end, _LEFT, (_RIGHT - _LEFT) / max(group.seconds, 1e-9))
    top = canvas.height + 8
    bottom = top + lane * len(channels)
    for tick in _ticks(start, end):
        x = stretch.x(tick)
        canvas.line(((x, top), (x, bottom + 5)), PALE)
        canvas.words(moment(tick), x - 10, bottom + 20, 12.0, SOFT)
    for place, channel in enumerate(channels):
        _lane(canvas, channel, group.frequency, stretch, (top + place * lane, lane))
    canvas.line(((_LEFT, bottom), (_RIGHT, bottom)), SOFT)
    left_out = group.others + len(group.channels) - len(channels)
    if left_out:
        canvas.words(f"{left_out} more channels are not shown", _LEFT, bottom + 40, 13.0)
    canvas.down_to(bottom + (50 if left_out else 30))


def _lane(
    canvas: Canvas,
    channel: Channel,
    frequency: float,
    stretch: Stretch,
    place: tuple[float, float],
) -> None:
    """One signal between its least and its greatest value."""
    top, lane = place
    canvas.line(((_LEFT, top), (_RIGHT, top)), PALE)
    canvas.words(channel.name[:26], 8.0, top + lane / 2, 13.0)
    canvas.words(channel.unit[:20].translate(_PLAIN), 8.0, top + lane / 2 + 15, 12.0, SOFT)
    runs = list(trace(channel, frequency, stretch))
    if not runs:
        canvas.words("no samples", _LEFT + 8, top + lane / 2, 12.0, SOFT)
        return
    least, greatest = _range(runs)
    size = (lane - 12) / (greatest - least)

    def height(value: float) -> float:
        return top + lane - 6 - (value - least) * size

    for value, y in ((greatest, top + 14), (least, top + lane - 5)):
        canvas.words_right(_short(value), _LEFT - 6, y, 11.0, SOFT)
    for points in runs:
        canvas.line(placed(points, height), INK, 1.0)


def _range(runs: list[Points]) -> tuple[float, float]:
    """Least and greatest value, apart from each other."""
    values = [value for points in runs for _, value in points]
    least, greatest = min(values), max(values)
    if greatest - least <= 1e-12 * max(1.0, abs(greatest)):
        margin = max(1.0, abs(greatest))
        return least - margin, greatest + margin
    return least, greatest


def _short(value: float) -> str:
    return number(float(f"{value:.3g}"))


def _ticks(start: float, end: float) -> Iterator[float]:
    """Round moments, twelve of them at the most."""
    least = (end - start) / _MOST_TICKS
    step = next((float(each) for each in _STEPS if each >= least), 86_400.0 * ceil(least / 86_400))
    if least < 1:
        power = 10.0 ** floor(log10(max(least, 1e-9)))
        step = next(power * each for each in (1, 2, 5, 10) if power * each >= least)
    tick = ceil(start / step - 1e-9) * step
    while tick <= end + step * 1e-6:
        yield tick
        tick += step


def moment(seconds: float) -> str:
    """A time from the start in words: "2.5 s", "3:30 min", "2:05 h"."""
    if abs(seconds) < 60:
        return f"{round(seconds, 6):g} s"
    sign, whole = "-" if seconds < 0 else "", abs(round(seconds))
    if whole < 3600:
        return f"{sign}{whole // 60}:{whole % 60:02} min"
    return f"{sign}{whole // 3600}:{whole // 60 % 60:02} h"

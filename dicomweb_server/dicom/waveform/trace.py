"""Lines through samples, with no more points than can be seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor

from dicomweb_server.dicom.waveform.groups import Channel

Points = tuple[tuple[float, float], ...]
_EACH = 2.0
"""Samples of one pixel column up to which each is drawn."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a signal and where it is drawn.

    Args:
        start, end: Seconds from the start of the group.
        left: Where `start` is drawn, in pixels.
        speed: Pixels of one second.
    """

    start: float
    end: float
    left: float
    speed: float

    def x(self, second: float) -> float:
        """Where a moment is drawn."""
        return self.left + (second - self.start) * self.speed


def trace(channel: Channel, frequency: float, stretch: Stretch) -> Iterator[Points]:
    """The line of a signal as x and value of its points, cut where samples are missing.

    Where several samples fall into one pixel column the least and the greatest of them are drawn.

    Args:
        channel: The signal.
        frequency: Its samples in a second.
        stretch: What is drawn.
    """
    first = max(0, ceil((stretch.start - channel.start) * frequency))
    end = min(len(channel.samples), floor((stretch.end - channel.start) * frequency) + 1)
    if frequency / stretch.speed <= _EACH:
        found = _each(channel, frequency, stretch, range(first, end))
    else:
        found = _columns(channel, frequency, stretch, range(first, end))
    run: list[tuple[float, float]] = []
    for x, sample in found:
        if sample is not None:
            run.append((round(x, 2), sample * channel.scale + channel.offset))
        elif run:
            yield tuple(run)
            run = []
    if run:
        yield tuple(run)


def placed(points: Points, height: Callable[[float], float]) -> Points:
    """Points with their values put where they are drawn."""
    return tuple((x, round(height(value), 2)) for x, value in points)


Found = Iterator[tuple[float, int | None]]


def _each(channel: Channel, frequency: float, stretch: Stretch, places: range) -> Found:
    for place in places:
        sample = channel.samples[place]
        x = stretch.x(channel.start + place / frequency)
        yield x, None if sample == channel.padding else sample


def _columns(channel: Channel, frequency: float, stretch: Stretch, places: range) -> Found:
    step = frequency / stretch.speed
    last = 0
    for column in range(ceil(len(places) / step)):
        start = places.start + round(column * step)
        end = min(places.stop, places.start + round((column + 1) * step))
        part = _present(channel, start, end)
        x = stretch.x(channel.start + start / frequency)
        if not part:
            yield x, None
            continue
        least, greatest = min(part), max(part)
        rising = abs(least - last) <= abs(greatest - last)
        last = greatest if rising else least
        yield x, least if rising else greatest
        yield x, last


def _present(channel: Channel, start: int, end: int) -> Sequence[int]:
    """Those of a run of samples that are not padding."""
    part = channel.samples[start:end]
    if channel.padding is None or channel.padding not in part:
        return part
    return [sample for sample in part if sample != channel.padding]

"""Pictures made of lines and words, such as a page of waveforms."""

from __future__ import annotations

from dataclasses import dataclass

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255 each."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line through points.

    Args:
        points: x and y of each, in units of the drawing.
        colour: Of the line.
        width: In units of the drawing.
    """

    points: tuple[tuple[float, float], ...]
    colour: Colour = (0, 0, 0)
    width: float = 1.0


@dataclass(frozen=True, slots=True)
class Words:
    """One line of text.

    Args:
        text: What it says; never trusted.
        x, y: Left end of its base line.
        size: Height of the letters in units of the drawing.
        colour: Of the letters.
    """

    text: str
    x: float
    y: float
    size: float = 12.0
    colour: Colour = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A page on white ground.

    Args:
        width, height: In pixels.
        lines: From back to front.
        words: In front of the lines.
    """

    width: int
    height: int
    lines: tuple[Line, ...]
    words: tuple[Words, ...] = ()

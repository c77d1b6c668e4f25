"""Drawings as SVG (W3C SVG 1.1): lines and words alone, no scripts, no references."""

from __future__ import annotations

from collections.abc import Iterator

from dicomweb_server.dicom.page import escape
from dicomweb_server.model.drawing import Colour, Drawing, Line, Words

MEDIA_TYPE = "image/svg+xml"

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" viewBox="0 0 {0} {1}">\n'
    '<rect width="{0}" height="{1}" fill="#fff"/>\n'
)


def svg(drawing: Drawing) -> str:
    """The drawing as a text that is one SVG document.

    Args:
        drawing: Lines and words; the words are escaped.
    """
    return "".join(_pieces(drawing))


def _pieces(drawing: Drawing) -> Iterator[str]:
    yield _HEAD.format(drawing.width, drawing.height)
    yield '<g fill="none" stroke-linejoin="round" stroke-linecap="round">\n'
    yield from map(_line, drawing.lines)
    yield '</g>\n<g font-family="Helvetica,Arial,sans-serif" xml:space="preserve">\n'
    yield from map(_words, drawing.words)
    yield "</g>\n</svg>\n"


def _line(line: Line) -> str:
    points = " ".join(f"{_number(x)},{_number(y)}" for x, y in line.points)
    stroke = f'stroke="{_colour(line.colour)}" stroke-width="{_number(line.width)}"'
    return f'<polyline points="{points}" {stroke}/>\n'


def _words(words: Words) -> str:
    place = f'x="{_number(words.x)}" y="{_number(words.y)}"'
    size = f'font-size="{_number(words.size)}" fill="{_colour(words.colour)}"'
    return f"<text {place} {size}>{escape(words.text)}</text>\n"


def _number(value: float) -> str:
    return f"{round(value, 2):g}" if abs(value) < 1e5 else f"{value:.0f}"


def _colour(colour: Colour) -> str:
    red, green, blue = colour
    return f"#{red:02x}{green:02x}{blue:02x}"

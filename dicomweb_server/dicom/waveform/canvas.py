"""A page that grows from top to bottom while things are drawn on it."""

from __future__ import annotations

from collections.abc import Iterable

from dicomweb_server.model.drawing import Colour, Drawing, Line, Words

INK: Colour = (20, 20, 30)
SOFT: Colour = (95, 105, 115)
PALE: Colour = (222, 226, 230)
WIDTH = 1350
"""Pixels of a page from left to right."""
_LETTER = 0.55
"""Width of a letter on the average, as a share of its height."""


class Canvas:
    """Lines and words in the order in which they come.

    Attributes:
        height: How far down something is drawn.
    """

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._words: list[Words] = []
        self.height = 0.0

    def line(
        self,
        points: Iterable[tuple[float, float]],
        colour: Colour = INK,
        width: float = 1.0,
    ) -> None:
        """A line through points."""
        self._lines.append(Line(tuple(points), colour, width))

    def words(
        self, text: str, x: float, y: float, size: float = 14.0, colour: Colour = INK
    ) -> None:
        """A line of text, its base line at `y`."""
        if text:
            self._words.append(Words(text, x, y, size, colour))

    def words_right(
        self, text: str, x: float, y: float, size: float = 14.0, colour: Colour = INK
    ) -> None:
        """A line of text that ends about at `x`."""
        self.words(text, max(0.0, x - width_of(text, size)), y, size, colour)

    def down_to(self, height: float) -> None:
        """Let the page reach down to a place."""
        self.height = max(self.height, height)

    def drawing(self) -> Drawing:
        """The page."""
        return Drawing(WIDTH, round(self.height) + 1, tuple(self._lines), tuple(self._words))


def width_of(text: str, size: float) -> float:
    """About how wide a line of text is."""
    return len(text) * size * _LETTER

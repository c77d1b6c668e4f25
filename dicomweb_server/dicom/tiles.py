"""Which frame of a whole slide image lies where (PS3.3 C.7.6.17.3, C.8.12.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dicomweb_server.dicom.appearance.attributes import Attributes

_COLUMNS, _ROWS = 0x00480006, 0x00480007
_ORGANIZATION = 0x00209311
_PER_FRAME = 0x52009230
_PLANE = 0x0048021A
_LEFT, _TOP = 0x0048021E, 0x0048021F
_LARGEST = 1 << 24


@dataclass(frozen=True, slots=True)
class Tiles:
    """The total pixel matrix of a slide and the tiles in it.

    Args:
        width, height: Of the matrix in pixels.
        columns, rows: Of a tile in pixels.
        places: Frame number from 1 by the left and top of its tile from 0; empty where tiles
            follow each other row by row without a gap.
        count: Number of frames.
    """

    width: int
    height: int
    columns: int
    rows: int
    places: Mapping[tuple[int, int], int] = field(repr=False)
    count: int

    def within(self, left: float, top: float, right: float, bottom: float) -> list[Tile]:
        """The tiles that have pixels in a part of the matrix.

        Args:
            left, top, right, bottom: The part, in pixels from 0.
        """
        if self.places:
            return [
                Tile(x, y, number)
                for (x, y), number in self.places.items()
                if x < right and y < bottom and x + self.columns > left and y + self.rows > top
            ]
        across = -(-self.width // self.columns)
        found = []
        for row in range(int(top) // self.rows, -(-int(bottom + 0.999) // self.rows)):
            for column in range(int(left) // self.columns, -(-int(right + 0.999) // self.columns)):
                number = row * across + column + 1
                if column < across and number <= self.count:
                    found.append(Tile(column * self.columns, row * self.rows, number))
        return found

    def touched(self, left: float, top: float, right: float, bottom: float) -> int:
        """How many tiles a part of the matrix touches at the most, told without a list."""
        across = (right - left) / self.columns + 2
        down = (bottom - top) / self.rows + 2
        return min(int(across * down), self.count)


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile.

    Args:
        left, top: Its place in the matrix, from 0.
        number: Its frame, from 1.
    """

    left: int
    top: int
    number: int


def tiles_of(document: Attributes, columns: int, rows: int, count: int) -> Tiles | None:
    """The tiles of a slide; None where the object does not tell where they lie.

    Of several focal planes and optical paths the first one counts.

    Args:
        document: The data set.
        columns, rows: Of a frame.
        count: Number of frames.
    """
    width, height = document.whole(_COLUMNS), document.whole(_ROWS)
    if width is None or height is None or not (0 < width < _LARGEST and 0 < height < _LARGEST):
        return None
    places: dict[tuple[int, int], int] = {}
    if document.text(_ORGANIZATION) != "TILED_FULL":
        for number in range(1, count + 1):
            plane = document.child(_PER_FRAME, number).child(_PLANE)
            left, top = plane.whole(_LEFT), plane.whole(_TOP)
            if left is not None and top is not None:
                places.setdefault((left - 1, top - 1), number)
        if not places:
            return None
    return Tiles(width, height, columns, rows, places, count)

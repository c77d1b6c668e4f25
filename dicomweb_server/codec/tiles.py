"""Codestreams of JPEG 2000 that hold some of the tiles of another one (ISO/IEC 15444-1 A, B.3).

Tile-parts are copied as they are. Coordinates of the reference grid stay, since wavelets and
precincts hang on them; only the area of the image shrinks, and tiles get new numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from struct import error as StructError  # noqa: N812 - the class is spelt in lower case
from struct import pack_into, unpack_from

from dicomweb_server.codec.failure import undecodable

_SOT, _EOC = 0xFF90, b"\xff\xd9"
_TILE_LENGTHS, _PACKET_LENGTHS, _PACKET_HEADERS = 0xFF55, 0xFF57, 0xFF60
_LONGEST_SOT = 12


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels, `left` and `top` counted from 0 and inclusive."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class _Grid:
    """The area of an image and its tiles, on the reference grid."""

    right: int
    bottom: int
    left: int
    top: int
    tile_width: int
    tile_height: int
    tile_left: int
    tile_top: int

    @property
    def across(self) -> int:
        """Number of tiles in a row."""
        return -(-(self.right - self.tile_left) // self.tile_width)

    @property
    def down(self) -> int:
        """Number of tiles in a column."""
        return -(-(self.bottom - self.tile_top) // self.tile_height)

    def touched(self, box: Box) -> tuple[range, range]:
        """Columns and rows of tiles that a box of the image touches."""
        first = (self.left + box.left - self.tile_left) // self.tile_width
        last = (self.left + box.left + box.width - 1 - self.tile_left) // self.tile_width
        upper = (self.top + box.top - self.tile_top) // self.tile_height
        lower = (self.top + box.top + box.height - 1 - self.tile_top) // self.tile_height
        return range(first, last + 1), range(upper, lower + 1)

    def of(self, columns: range, rows: range) -> _Grid:
        """The grid of some tiles."""
        tile_left = self.tile_left + columns.start * self.tile_width
        tile_top = self.tile_top + rows.start * self.tile_height
        return _Grid(
            min(self.right, tile_left + len(columns) * self.tile_width),
            min(self.bottom, tile_top + len(rows) * self.tile_height),
            max(self.left, tile_left),
            max(self.top, tile_top),
            self.tile_width,
            self.tile_height,
            tile_left,
            tile_top,
        )


def cut(stream: bytes, box: Box) -> tuple[bytes, Box] | None:
    """Make a codestream of the tiles that a box touches.

    Args:
        stream: A bare codestream whose main header has been checked.
        box: Lies inside the image.

    Returns:
        The codestream and what it shows of the image; None where that would be all of it, or where
        its tiles cannot be taken apart.

    Raises:
        FrameUndecodable: Its tile-parts are damaged.
    """
    try:
        grid = _Grid(*unpack_from(">8I", stream, 8))
        columns, rows = grid.touched(box)
        wanted = grid.of(columns, rows)
        if wanted == grid:
            return None
        made = _main_header(stream, wanted)
        if made is None:
            return None
        for number, part in _tile_parts(stream):
            column, row = number % grid.across, number // grid.across
            if column in columns and row in rows:
                place = len(made)
                made += part
                index = (row - rows.start) * len(columns) + column - columns.start
                pack_into(">H", made, place + 4, index)
    except StructError as failure:
        raise undecodable("its JPEG 2000 codestream is cut off") from failure
    shown = Box(
        wanted.left - grid.left,
        wanted.top - grid.top,
        wanted.right - wanted.left,
        wanted.bottom - wanted.top,
    )
    return bytes(made + _EOC), shown


def require_whole(stream: bytes) -> None:
    """Refuse a codestream that is cut off, which OpenJPH decodes without a word.

    Args:
        stream: A bare codestream whose main header has been checked.

    Raises:
        FrameUndecodable: Tile-parts are cut off or tiles are missing.
    """
    try:
        grid = _Grid(*unpack_from(">8I", stream, 8))
        found = {number for number, _ in _tile_parts(stream)}
    except StructError as failure:
        raise undecodable("its JPEG 2000 codestream is cut off") from failure
    if len(found) < grid.across * grid.down:
        raise undecodable("its JPEG 2000 codestream is cut off: tiles are missing")


def _main_header(stream: bytes, grid: _Grid) -> bytearray | None:
    """The main header with another area; None where packet headers lie in it."""
    made, place = bytearray(stream[:2]), 2
    while True:
        marker, length = unpack_from(">HH", stream, place)
        if marker == _SOT:
            break
        if marker == _PACKET_HEADERS or length < 2:
            return None
        if marker not in (_TILE_LENGTHS, _PACKET_LENGTHS):
            made += stream[place : place + 2 + length]
        place += 2 + length
    pack_into(
        ">8I",
        made,
        8,
        grid.right,
        grid.bottom,
        grid.left,
        grid.top,
        grid.tile_width,
        grid.tile_height,
        grid.tile_left,
        grid.tile_top,
    )
    return made


def _tile_parts(stream: bytes) -> Iterator[tuple[int, memoryview]]:
    """Numbers of tiles, and their parts from SOT to the next one."""
    view, place = memoryview(stream), _first_tile_part(stream)
    while stream[place : place + 2] == b"\xff\x90":
        number, length = unpack_from(">HI", stream, place + 4)
        end = place + length if length else len(stream) - 2
        if end < place + _LONGEST_SOT or end > len(stream):
            raise undecodable("its JPEG 2000 codestream is cut off")
        yield number, view[place:end]
        place = end


def _first_tile_part(stream: bytes) -> int:
    place = 2
    while True:
        marker, length = unpack_from(">HH", stream, place)
        if marker == _SOT:
            return place
        place += 2 + max(length, 2)

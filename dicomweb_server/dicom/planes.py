"""Overlays in bits that pixels do not use, retired long ago (PS3.5 8.1.2, PS3.3 C.9.2.1.1).

Such bits are gone when frames are transcoded. So their planes move to where they belong since
then: into Overlay Data; where they cannot be read, their attributes go too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from dicomweb_server.dicom import edits
from dicomweb_server.dicom.edits import Edit
from dicomweb_server.dicom.rewrite import header, swap
from dicomweb_server.dicom.window import Window
from dicomweb_server.model.instance import NativeFrames, PixelHeader

GROUPS = range(0x6000, 0x6020, 2)
DATA = 0x3000
NUMBERS = frozenset((0x0100, 0x0102))
"""Elements of which the value is needed: Overlay Bits Allocated and Overlay Bit Position."""
_ROWS, _COLUMNS, _FRAMES, _FIRST_FRAME, _LOCATION = 0x0010, 0x0011, 0x0015, 0x0051, 0x0200
_CELLS = 64 * 1024
"""Pixels whose bits are put together in one go; a multiple of 8."""

Plane = Callable[[], Iterator[bytes]]
"""An element in pieces, none of them empty."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Pixels as they are stored.

    Args:
        pixel: Describes them.
        frames: Where they lie in the file; None where they are compressed.
    """

    pixel: PixelHeader
    frames: NativeFrames | None


def moved(
    found: Mapping[int, Mapping[int, int | None]], cells: Cells, window: Window
) -> tuple[dict[int, Edit], dict[int, Plane]]:
    """What becomes of overlays in unused bits.

    Args:
        found: Of each overlay group the elements that are there, with the values of `NUMBERS`.
        cells: The pixels.
        window: The file.

    Returns:
        Changes to elements, and new elements, both by tag.
    """
    changes: dict[int, Edit] = {}
    planes: dict[int, Plane] = {}
    for group, elements in found.items():
        position = elements.get(0x0102) or 0
        embedded = position > 0 or (elements.get(0x0100) or 1) > 1
        if DATA in elements or not embedded:
            continue
        base = group << 16
        if not _is_readable(cells, position):
            changes |= {base | element: edits.removed for element in elements}
            continue
        changes |= _attributes(base, elements, cells.pixel)
        planes[base | DATA] = _plane(base | DATA, cells, position, window)
    return changes, planes


def _is_readable(cells: Cells, position: int) -> bool:
    """Whether a bit is there, and no bit of a sample."""
    pixel, frames = cells.pixel, cells.frames
    if frames is None or pixel.samples_per_pixel != 1 or pixel.bits_allocated not in (8, 16, 32):
        return False
    if pixel.high_bit - pixel.bits_stored < position <= pixel.high_bit:
        return False
    size = pixel.bits_allocated // 8
    whole = frames.length == pixel.rows * pixel.columns * size and frames.word in (1, 2, size)
    return whole and 0 <= position < pixel.bits_allocated


def _attributes(base: int, elements: Iterable[int], pixel: PixelHeader) -> dict[int, Edit]:
    """Those of an overlay with data of its own, which is as large as the image."""
    numbers = {_ROWS: pixel.rows, _COLUMNS: pixel.columns, 0x0100: 1, 0x0102: 0}
    count = pixel.number_of_frames
    if count > 1:
        numbers[_FIRST_FRAME] = 1
    changes = {base | element: edits.word(base | element, n) for element, n in numbers.items()}
    if count > 1:
        changes[base | _FRAMES] = edits.text(base | _FRAMES, "IS", lambda _: str(count))
    if _LOCATION in elements:
        changes[base | _LOCATION] = edits.removed
    return changes


def _plane(tag: int, cells: Cells, position: int, window: Window) -> Plane:
    """Overlay Data: a bit for each pixel, one frame behind the other (PS3.5 8.1.2)."""
    pixel, frames = cells.pixel, cells.frames
    assert frames is not None  # noqa: S101 - for the type checker
    length = (pixel.rows * pixel.columns * frames.count + 7) // 8

    def pieces() -> Iterator[bytes]:
        yield header(tag, "OW", length + length % 2)
        size, (place, bit) = pixel.bits_allocated // 8, divmod(position, 8)
        marks = bytes(0x31 if byte >> bit & 1 else 0x30 for byte in range(256))
        whole = frames.length * frames.count
        for start, part in window.chunks(frames.start, whole, _CELLS * size):
            cell = swap(window.read(start, part), frames.word)
            number = int(cell[place::size].translate(marks)[::-1], 2)
            yield number.to_bytes((part // size + 7) // 8, "little")
        if length % 2:
            yield b"\0"

    return pieces

"""Overlay planes of one frame (PS3.3 C.9.2, C.9.3)."""

from __future__ import annotations

from collections.abc import Iterator

from dicomweb_server.dicom.appearance.attributes import Attributes, Bulk
from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.model.rendering import Overlay

_ROWS = 0x60000010
_COLUMNS = 0x60000011
_FRAMES = 0x60000015
_ORIGIN = 0x60000050
_IMAGE_FRAME_ORIGIN = 0x60000051
_BIT_POSITION = 0x60000102
_DATA = 0x60003000

GROUPS = range(0x6000, 0x6020, 2)
_ROWS_OF_GROUPS = tuple((group, f"{group:04X}0010") for group in GROUPS)
MOST_PIXELS = 1 << 26
_FARTHEST = 1 << 16
"""Pixels from the image's corner at which an overlay may begin."""


def groups_of(document: Attributes) -> tuple[int, ...]:
    """The groups in which the data set has overlays."""
    members = document.members
    return tuple(group for group, rows in _ROWS_OF_GROUPS if rows in members)


def overlays(
    document: Attributes, frame: int, bulk: Bulk, pixel: PixelHeader
) -> tuple[Overlay, ...]:
    """The overlay planes of a frame; damaged ones are left out.

    Args:
        document: The data set.
        frame: From 1.
        bulk: Values given by reference.
        pixel: Pixels of the frame, which may hold planes in bits that they do not use.
    """
    return tuple(_overlays(document, frame, bulk, pixel))


def _overlays(
    document: Attributes, frame: int, bulk: Bulk, pixel: PixelHeader
) -> Iterator[Overlay]:
    for group in groups_of(document):
        found = overlay_of(document, group, frame, bulk, pixel)
        if found is not None:
            yield found


def overlay_of(
    document: Attributes, group: int, frame: int, bulk: Bulk, pixel: PixelHeader
) -> Overlay | None:
    """The plane of one group, None where it has none for the frame or a damaged one.

    Args:
        document, frame, bulk, pixel: As for `overlays`.
        group: 0x6000 to 0x601E.
    """
    return overlay(document, group, frame, bulk) or _embedded(document, group, pixel)


def overlay(document: Attributes, group: int, frame: int, bulk: Bulk) -> Overlay | None:
    """A plane that has data of its own, None where it has none for the frame.

    Args:
        document: The data set.
        group: Its group, 0x6000 to 0x601E.
        frame: From 1.
        bulk: Values given by reference.
    """
    shift = group - 0x6000 << 16
    place = _place(document, shift)
    data = document.data(_DATA + shift, bulk)
    plane = _plane_of(document, shift, frame)
    if place is None or plane is None or not data:
        return None
    rows, columns, top, left = place
    bits = _cut(data, plane * rows * columns, rows * columns)
    return Overlay(rows, columns, top, left, bits) if bits else None


def _place(document: Attributes, shift: int) -> tuple[int, int, int, int] | None:
    rows, columns = document.whole(_ROWS + shift), document.whole(_COLUMNS + shift)
    if rows is None or columns is None or rows < 1 or columns < 1:
        return None
    top, left = document.whole(_ORIGIN + shift), document.whole(_ORIGIN + shift, 1)
    top, left = 1 if top is None else top, 1 if left is None else left
    if rows * columns > MOST_PIXELS or max(abs(top), abs(left)) > _FARTHEST:
        return None
    return rows, columns, top, left


def _plane_of(document: Attributes, shift: int, frame: int) -> int | None:
    """The plane that belongs to a frame, from 0; one without a number belongs to all frames."""
    planes = document.whole(_FRAMES + shift)
    first = document.whole(_IMAGE_FRAME_ORIGIN + shift)
    if planes is None and first is None:
        return 0
    plane = frame - (first or 1)
    return plane if 0 <= plane < (planes or 1) else None


def _cut(data: bytes, start: int, length: int) -> bytes:
    """A run of bits from the first bit of the first byte on; empty where there are fewer.

    Args:
        data: Bits, the first one the least of its byte.
        start, length: In bits.
    """
    first, spare = divmod(start, 8)
    size = (spare + length + 7) // 8
    part = data[first : first + size]
    if len(part) < size:
        return b""
    if not spare:
        return part
    bits = int.from_bytes(part, "little") >> spare & (1 << length) - 1
    return bits.to_bytes((length + 7) // 8, "little")


def _embedded(document: Attributes, group: int, pixel: PixelHeader) -> Overlay | None:
    """A plane in a bit of the pixels that no sample uses (retired)."""
    shift = group - 0x6000 << 16
    if f"{_DATA + shift:08X}" in document.members or pixel.samples_per_pixel != 1:
        return None
    position = document.whole(_BIT_POSITION + shift)
    place = _place(document, shift)
    lowest = pixel.high_bit - pixel.bits_stored + 1
    if position is None or place is None or lowest <= position <= pixel.high_bit:
        return None
    if not 0 <= position < pixel.bits_allocated:
        return None
    return Overlay(*place, b"", position)

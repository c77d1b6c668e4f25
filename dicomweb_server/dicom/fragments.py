"""Encapsulated pixel data: the walk over its items, and which of them make up a frame.

PS3.5 A.4: the first item is the Basic Offset Table, the others are fragments; one or several
fragments make a frame. An Extended Offset Table (7FE0,0001) may stand beside the pixel data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from struct import unpack, unpack_from

from dicomweb_server.dicom import refusal
from dicomweb_server.dicom.window import Window
from dicomweb_server.model.instance import ByteRange

ITEM = 0xFFFEE000
SEQUENCE_DELIMITER = 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\xff\x0a", b"\x00\x00\x00\x0cJXL ")
"""First bytes of a JPEG or JPEG-LS stream, a JPEG 2000 codestream, JPEG XL bare and boxed."""


@dataclass(frozen=True, slots=True)
class Fragments:
    """The items of one encapsulated element.

    Args:
        table: Bytes of the Basic Offset Table.
        ranges: Fragments in order, without item headers.
        first: Offset of the header of the first fragment: offset tables count from there.
        end: Offset behind the delimiter.
        closed: Whether the sequence delimiter is there.
    """

    table: ByteRange
    ranges: tuple[ByteRange, ...]
    first: int
    end: int
    closed: bool


def walk(window: Window, start: int, limit: int, most: int) -> Fragments:
    """Find the items of encapsulated pixel data.

    Args:
        window: The file.
        start: Offset of the first item.
        limit: Offset that nothing may go beyond.
        most: Number of fragments at the most.

    Raises:
        InstanceRejected: They are cut off, or something else than an item lies there.
    """
    ranges: list[ByteRange] = []
    place = start
    closed = False
    while place < limit and not closed:
        tag, length = _item(window, place, limit)
        place += 8
        if tag == SEQUENCE_DELIMITER:
            closed = True
        else:
            ranges.append(ByteRange(place, length))
            place += length
        if len(ranges) > most:
            raise refusal.too_large(f"more than {most} fragments of pixel data")
    if not ranges:
        raise refusal.cut_off("the encapsulated pixel data")
    table = ranges[0]
    return Fragments(table, tuple(ranges[1:]), table.start + table.length, place, closed)


def _item(window: Window, place: int, limit: int) -> tuple[int, int]:
    """Tag and length of an item header that lies complete in front of `limit`."""
    if place + 8 > limit:
        raise refusal.cut_off("the encapsulated pixel data")
    index = window.index(place, 8)
    group, element, length = unpack_from("<HHI", window.buffer, index)
    tag = group << 16 | element
    if tag == SEQUENCE_DELIMITER:
        return tag, 0
    if tag != ITEM or length == _UNDEFINED:
        raise refusal.not_understood(
            "the pixel data have no length, but do not consist of fragments",
            "native pixel data need a length; compressed pixel data lie in items",
        )
    if place + 8 + length > limit:
        raise refusal.cut_off("a fragment of the pixel data")
    return tag, length


@dataclass(frozen=True, slots=True)
class OffsetTables:
    """What the file says about where frames begin.

    Args:
        basic: Values of the Basic Offset Table; empty where it is.
        extended: Values of the Extended Offset Table; empty where absent.
        lengths: Values of Extended Offset Table Lengths; empty where absent.
    """

    basic: Sequence[int] = ()
    extended: Sequence[int] = ()
    lengths: Sequence[int] = ()


def basic_table(window: Window, fragments: Fragments, most: int) -> Sequence[int]:
    """Values of the Basic Offset Table; none where it is longer than `most` values."""
    table = fragments.table
    if table.length % 4 or table.length > 4 * most:
        return ()
    return unpack(f"<{table.length // 4}I", window.read(table.start, table.length))


Frames = tuple[tuple[ByteRange, ...], ...]


def frames(
    window: Window,
    fragments: Fragments,
    tables: OffsetTables,
    count: int,
    warn: Callable[[str], None],
) -> Frames | None:
    """Which fragments make up each frame; None where that cannot be told.

    Args:
        window: The file.
        fragments: What `walk` found.
        tables: The offset tables of the file.
        count: Number of frames that the data set tells, 1 or more.
        warn: Told about each deviation.
    """
    ranges = fragments.ranges
    if tables.extended:
        found = _by_extended_table(fragments, tables)
        if found is not None:
            return _agreed(found, count, warn)
        warn("the Extended Offset Table does not fit the fragments and is not used")
    if tables.basic and count > 1:
        found = _by_offsets(fragments, tables.basic)
        if found is not None:
            return _agreed(found, count, warn)
        warn("the Basic Offset Table does not fit the fragments and is not used")
    if count == 1:
        return (_filled(ranges),) if ranges else None
    return _without_table(window, ranges, count, warn)


def _filled(ranges: Sequence[ByteRange]) -> tuple[ByteRange, ...]:
    """Fragments that are not empty."""
    return tuple(part for part in ranges if part.length)


def _agreed(found: Frames, count: int, warn: Callable[[str], None]) -> Frames:
    """Frames of an offset table, not more than Number of Frames says."""
    if len(found) != count:
        warn(f"Number of Frames is {count}, the offset table has {len(found)}")
    return found[:count]


def _by_extended_table(fragments: Fragments, tables: OffsetTables) -> Frames | None:
    """One fragment per frame, with its length without padding (PS3.3 C.7.6.3.1.8)."""
    places = {part.start - 8 - fragments.first: part for part in fragments.ranges}
    if len(tables.extended) != len(tables.lengths):
        return _by_offsets(fragments, tables.extended)
    found = []
    for offset, length in zip(tables.extended, tables.lengths, strict=True):
        part = places.get(offset)
        if part is None or not part.length - 1 <= length <= part.length:
            return _by_offsets(fragments, tables.extended)
        found.append((ByteRange(part.start, length),))
    return tuple(found)


def _by_offsets(fragments: Fragments, offsets: Sequence[int]) -> Frames | None:
    """Frames that begin at these offsets; None where one of them is not the start of an item."""
    groups: list[list[ByteRange]] = []
    expected = iter(offsets)
    following = next(expected, None)
    if following != 0:
        return None
    for part in fragments.ranges:
        if part.start - 8 - fragments.first == following:
            groups.append([])
            following = next(expected, None)
        groups[-1].append(part)
    if following is not None:
        return None
    return tuple(_filled(group) for group in groups)


def _without_table(
    window: Window, ranges: Sequence[ByteRange], count: int, warn: Callable[[str], None]
) -> Frames | None:
    """Frames by the number of fragments, else by what compressed images begin with."""
    filled = ranges if len(ranges) == count else _filled(ranges)
    if len(filled) <= count:
        if len(filled) < count:
            warn(f"Number of Frames is {count}, but there are {len(filled)} fragments")
        return tuple((part,) for part in filled) or None
    groups: list[list[ByteRange]] = []
    for part in filled:
        if _begins_image(window, part):
            groups.append([part])
        elif groups:
            groups[-1].append(part)
        else:
            break
    if len(groups) != count:
        warn(f"{len(filled)} fragments without an offset table cannot be told into {count} frames")
        return None
    return tuple(tuple(group) for group in groups)


def _begins_image(window: Window, part: ByteRange) -> bool:
    return window.read(part.start, min(8, part.length)).startswith(_STARTS)

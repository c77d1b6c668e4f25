"""Data sets on their way out: without what stands in front of them, and in implicit VR (PS3.5 A.1).

Both work on pieces as they come and hold little of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from struct import pack, unpack

from dicomweb_server.dicom import refusal
from dicomweb_server.dicom.meta import read_meta
from dicomweb_server.dicom.vrs import LONG_VRS, SHORT_VRS
from dicomweb_server.dicom.window import Window
from dicomweb_server.model.limits import MIB
from dicomweb_server.model.source import MemorySource

_UNDEFINED = 0xFFFFFFFF
_OPEN = b"\xff\xff\xff\xff"
_DELIMITERS = 0xFFFE
_ITEM, _ITEM_END, _SEQUENCE_END = 0xE000, 0xE00D, 0xE0DD
_CLOSE_ITEM = b"\xfe\xff\x0d\xe0\0\0\0\0"
_CLOSE_SEQUENCE = b"\xfe\xff\xdd\xe0\0\0\0\0"


def data_set(pieces: Iterable[bytes]) -> Iterator[bytes | memoryview]:
    """A Part 10 file without its preamble and File Meta Information.

    Args:
        pieces: The file.

    Raises:
        InstanceRejected: It does not begin as one.
    """
    rest = iter(pieces)
    head = bytearray()
    for piece in rest:
        head += piece
        if len(head) > MIB:
            break
    window = Window(MemorySource(bytes(head)))
    yield memoryview(head)[read_meta(window, lambda _: None).end :]
    yield from rest


def even(pieces: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """A data set with a zero byte behind it where its length is odd.

    Deflated ones are padded so (PS3.5 A.5); others never should be odd, and cannot be sent so.
    """
    size = 0
    for piece in pieces:
        size += len(piece)
        yield piece
    if size % 2:
        yield b"\0"


@dataclass(slots=True)
class _Open:
    """A sequence or item that has begun.

    Args:
        is_item: Which of them.
        end: Place of its end in what is read, None where a delimiter ends it.
        implicit: Whether it is in implicit VR already: within UN (PS3.5 6.2.2).
    """

    is_item: bool
    end: int | None
    implicit: bool


class _Feed:
    """Pieces read in steps of other lengths.

    Args:
        pieces: What is read.
    """

    def __init__(self, pieces: Iterable[bytes | memoryview]) -> None:
        self._pieces = iter(pieces)
        self._held = memoryview(b"")
        self.place = 0

    def take(self, size: int) -> bytes:
        """That many bytes; nothing at the end.

        Raises:
            InstanceRejected: Fewer are left.
        """
        found = b"".join(bytes(part) for part in self.through(size, may_end=True))
        if found and len(found) < size:
            raise refusal.cut_off("the header of an element")
        return found

    def through(self, size: int, *, may_end: bool = False) -> Iterator[memoryview]:
        """That many bytes, as they come.

        Raises:
            InstanceRejected: Fewer are left.
        """
        while size:
            if not self._held:
                self._held = memoryview(next(self._pieces, b""))
                if not self._held and may_end:
                    return
                if not self._held:
                    raise refusal.cut_off("a value")
            part = self._held[:size]
            self._held = self._held[len(part) :]
            self.place += len(part)
            size -= len(part)
            yield part


def implicit(pieces: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """A data set in explicit VR little endian as one in implicit VR little endian.

    Sequences and items get undefined lengths; group lengths are left out.

    Args:
        pieces: The data set; none of them empty.

    Raises:
        InstanceRejected: It is no such data set, or its pixel data are compressed.
    """
    feed = _Feed(piece for piece in pieces if piece)
    opened: list[_Open] = []
    while True:
        while opened and opened[-1].end is not None and feed.place >= opened[-1].end:
            yield _CLOSE_ITEM if opened.pop().is_item else _CLOSE_SEQUENCE
        head = feed.take(8)
        if not head:
            break
        group, element, length = unpack("<HHI", head)
        if group == _DELIMITERS:
            yield _delimiter(opened, element, length, feed.place)
            continue
        yield from _element(feed, opened, head)
    if opened:
        raise refusal.cut_off("a sequence or item")


def _delimiter(opened: list[_Open], element: int, length: int, place: int) -> bytes:
    within = opened[-1] if opened else None
    if element == _ITEM and within is not None and not within.is_item:
        end = None if length == _UNDEFINED else place + length
        opened.append(_Open(True, end, within.implicit))
        return b"\xfe\xff\x00\xe0" + _OPEN
    if element == _ITEM_END and within is not None and within.is_item:
        opened.pop()
        return _CLOSE_ITEM
    if element == _SEQUENCE_END and within is not None and not within.is_item:
        opened.pop()
        return _CLOSE_SEQUENCE
    raise refusal.not_understood("a delimiter without anything to end")


def _element(feed: _Feed, opened: list[_Open], head: bytes) -> Iterator[bytes | memoryview]:
    tag = head[:4]
    within = bool(opened and opened[-1].implicit)
    is_sequence, length = _length(feed, head, within)
    if is_sequence:
        end = None if length == _UNDEFINED else feed.place + length
        is_unknown = within or head[4:6] == b"UN"
        opened.append(_Open(False, end, is_unknown))
        yield tag + _OPEN
        return
    if length == _UNDEFINED:
        raise refusal.not_understood("compressed pixel data have no form in implicit VR")
    if tag[2:] == b"\0\0":
        for _ in feed.through(length):
            continue
        return
    yield tag + pack("<I", length)
    yield from feed.through(length)


def _length(feed: _Feed, head: bytes, within: bool) -> tuple[bool, int]:
    """Whether an element is a sequence that has to be entered, and its length."""
    if within:
        (length,) = unpack("<I", head[4:])
        return length == _UNDEFINED, length
    code = head[4:6]
    if code in SHORT_VRS:
        return False, int.from_bytes(head[6:], "little")
    if code not in LONG_VRS:
        raise refusal.not_understood("an element without value representation")
    length = int.from_bytes(feed.take(4), "little")
    return code == b"SQ" or (code == b"UN" and length == _UNDEFINED), length

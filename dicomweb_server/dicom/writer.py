"""A data set as a Part 10 file in explicit little-endian form, piece by piece.

Sequences and items get undefined lengths, group lengths are not written. Text is UTF-8: where a
text goes beyond ASCII, Specific Character Set says so whatever the metadata said (PS3.18 F.2).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from struct import pack

from dicomweb_server.dicom.elements import (
    SOP_CLASS,
    SOP_INSTANCE,
    Bulk,
    DataSet,
    Element,
    Frames,
    Reference,
)
from dicomweb_server.dicom.meta import PREAMBLE
from dicomweb_server.dicom.values import MULTI_TEXT, SINGLE_TEXT
from dicomweb_server.dicom.vrs import LONG_VRS, SHORT_NAMES, explicit_header_size
from dicomweb_server.model.instance import ByteRange

IMPLEMENTATION_CLASS = "2.25.301272796499540216976698704238696941856"
"""Names this implementation in files that it writes (PS3.7 D.3.3.2)."""
IMPLEMENTATION_VERSION = "DICOMWEB_SERVER"

Piece = bytes | ByteRange
"""Bytes to write, or a range of the bulk data."""

_SPECIFIC_CHARACTER_SET = 0x00080005
_UTF8 = b"ISO_IR 192"
_TEXTS = MULTI_TEXT | SINGLE_TEXT | {"PN", "DS", "IS"}
_SPACED = _TEXTS - {"UI"}
_UNDEFINED = b"\xff\xff\xff\xff"
_ITEM = b"\xfe\xff\x00\xe0"
_ITEM_END = b"\xfe\xff\x0d\xe0\0\0\0\0"
_SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"
_LARGEST = 0xFFFFFFFE


def part10(found: DataSet, transfer_syntax: str) -> Iterator[Piece]:
    """Preamble, File Meta Information and data set (PS3.10 7.1).

    Args:
        found: The data set, without references, with its SOP Class and Instance UID.
        transfer_syntax: UID of an explicit little-endian syntax.
    """
    yield PREAMBLE + _file_meta(found, transfer_syntax)
    utf8 = not _is_ascii(found)
    if utf8 and found.get(_SPECIFIC_CHARACTER_SET) is None:
        found = found.replaced(Element(_SPECIFIC_CHARACTER_SET, "CS", _UTF8))
    yield from _data_set(found, utf8)


def _file_meta(found: DataSet, transfer_syntax: str) -> bytes:
    texts = (
        (0x00020002, "UI", found.text(SOP_CLASS)),
        (0x00020003, "UI", found.text(SOP_INSTANCE)),
        (0x00020010, "UI", transfer_syntax),
        (0x00020012, "UI", IMPLEMENTATION_CLASS),
        (0x00020013, "SH", IMPLEMENTATION_VERSION),
    )
    elements = [Element(0x00020001, "OB", b"\0\1")]
    elements += [Element(tag, vr, text.encode("ascii")) for tag, vr, text in texts]
    group = b"".join(_field(element, element.value, False) for element in elements)
    return pack("<HH2sHI", 2, 0, b"UL", 4, len(group)) + group


def _is_ascii(found: DataSet) -> bool:
    """Whether every text is plain ASCII."""
    for element in found.elements:
        value = element.value
        if isinstance(value, tuple):
            if not all(map(_is_ascii, value)):
                return False
        elif isinstance(value, bytes) and element.vr in _TEXTS and not value.isascii():
            return False
    return True


def _data_set(found: DataSet, utf8: bool) -> Iterator[Piece]:
    for element in found.elements:
        value = element.value
        if isinstance(value, tuple):
            yield _tag(element.tag) + b"SQ\0\0" + _UNDEFINED
            for item in value:
                yield _ITEM + _UNDEFINED
                yield from _data_set(item, utf8)
                yield _ITEM_END
            yield _SEQUENCE_END
        elif isinstance(value, Bulk):
            yield header(element.tag, element.vr, value.size + value.size % 2)
            yield from value.ranges
            yield _padding(element.vr, value.size)
        elif isinstance(value, Frames):
            yield from _frames(element.tag, value)
        else:
            yield _field(element, value, utf8)


def _field(element: Element, value: object, utf8: bool) -> bytes:
    if isinstance(value, Reference) or not isinstance(value, bytes):
        raise TypeError("references are resolved before a data set is written")
    if utf8 and element.tag == _SPECIFIC_CHARACTER_SET:
        value = _UTF8
    padding = _padding(element.vr, len(value))
    return header(element.tag, element.vr, len(value) + len(padding)) + value + padding


def _padding(vr: str, size: int) -> bytes:
    return (b" " if vr in _SPACED else b"\0") * (size % 2)


def _frames(tag: int, frames: Frames) -> Iterator[Piece]:
    yield _tag(tag) + b"OB\0\0" + _UNDEFINED
    yield _offset_table(frames)
    for fragment in frames.fragments:
        odd = fragment.length % 2
        yield _ITEM + pack("<I", fragment.length + odd)
        yield fragment
        if odd:
            yield b"\0"
    yield _SEQUENCE_END


def _offset_table(frames: Frames) -> bytes:
    starts = offsets(frames)
    if not frames.basic_table or starts[-1] > _LARGEST:
        return _ITEM + pack("<I", 0)
    return _ITEM + pack("<I", 4 * len(starts)) + pack(f"<{len(starts)}I", *starts)


def offsets(frames: Frames) -> list[int]:
    """Where each fragment's item begins, counted from the first one (PS3.5 A.4)."""
    starts = [0]
    for fragment in frames.fragments[:-1]:
        starts.append(starts[-1] + 8 + fragment.length + fragment.length % 2)
    return starts


def header(tag: int, vr: str, length: int) -> bytes:
    """Tag, VR and length of an element; UN where the length does not fit the VR (PS3.5 6.2.2)."""
    code = vr.encode("ascii")
    if explicit_header_size(vr, length) == 8:
        return _tag(tag) + code + pack("<H", length)
    code = code if code in LONG_VRS and vr not in SHORT_NAMES else b"UN"
    return _tag(tag) + code + pack("<HI", 0, length)


def _tag(tag: int) -> bytes:
    return pack("<HH", tag >> 16, tag & 0xFFFF)


def too_long(found: DataSet) -> Iterator[int]:
    """Tags of elements whose bulk value is too long for a length of 32 bits."""
    for element in found.elements:
        value = element.value
        if isinstance(value, tuple):
            for item in value:
                yield from too_long(item)
        elif isinstance(value, Bulk) and value.size > _LARGEST:
            yield element.tag


def gathered(pieces: Iterator[Piece], size: int) -> Iterator[Piece]:
    """The same with small byte strings put together and long ranges cut.

    Args:
        pieces: From `part10`.
        size: Bytes of a piece at the most.
    """
    held = bytearray()
    for piece in pieces:
        if isinstance(piece, bytes):
            held += piece
            if len(held) < size:
                continue
        if held:
            yield bytes(held)
            held.clear()
        if isinstance(piece, ByteRange):
            for start in range(0, piece.length, size):
                length = min(size, piece.length - start)
                yield replace(piece, start=piece.start + start, length=length)
    if held:
        yield bytes(held)

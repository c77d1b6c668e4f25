"""Preamble and File Meta Information of a Part 10 file (PS3.10 7.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from struct import pack, unpack_from

from dicomweb_server.dicom import refusal, vrs
from dicomweb_server.dicom.window import Window

GROUP_LENGTH = 0x00020000
_SOP_CLASS = 0x00020002
_SOP_INSTANCE = 0x00020003
_TRANSFER_SYNTAX = 0x00020010
_PREFIX_END = 132
_LARGEST = 1024 * 1024
_HINT = "send complete DICOM files as PS3.10 describes them"


@dataclass(frozen=True, slots=True)
class FileMeta:
    """What stands in front of the data set.

    Args:
        transfer_syntax: Transfer Syntax UID.
        sop_class, sop_instance: UIDs of the File Meta Information; empty where absent.
        end: Offset of the data set.
        elements: Tag, offset and length of each element with its header, in order.
    """

    transfer_syntax: str
    sop_class: str
    sop_instance: str
    end: int
    elements: tuple[tuple[int, int, int], ...]


def read_meta(window: Window, warn: Callable[[str], None]) -> FileMeta:
    """Read preamble and File Meta Information.

    Elements of group 0002 are read until another group comes: a wrong group length does no harm.

    Args:
        window: The file.
        warn: Told about each deviation.

    Raises:
        InstanceRejected: There is no Part 10 header, or no transfer syntax in it.
    """
    if window.size < _PREFIX_END or window.read(128, 4) != b"DICM":
        raise refusal.not_understood(
            "not a DICOM file: no Part 10 header (the letters DICM at byte 128)", _HINT
        )
    values: dict[int, bytes] = {}
    elements = []
    place = _PREFIX_END
    while (found := _element(window, place)) is not None:
        tag, offset, end = found
        if end > _LARGEST:
            raise refusal.not_understood("the File Meta Information is larger than 1 MiB")
        elements.append((tag, place, end - place))
        if tag in (GROUP_LENGTH, _SOP_CLASS, _SOP_INSTANCE, _TRANSFER_SYNTAX):
            values.setdefault(tag, window.read(offset, end - offset))
        place = end
    if values.get(GROUP_LENGTH) != _group_length(elements, place):
        warn("the length of the File Meta Information is wrong or absent")
    syntax = _uid(values.get(_TRANSFER_SYNTAX, b""))
    if not syntax:
        raise refusal.not_understood("no TransferSyntaxUID in the File Meta Information", _HINT)
    return FileMeta(
        syntax,
        _uid(values.get(_SOP_CLASS, b"")),
        _uid(values.get(_SOP_INSTANCE, b"")),
        place,
        tuple(elements),
    )


PREAMBLE = bytes(128) + b"DICM"
"""What stands in front of the File Meta Information (PS3.10 7.1)."""

BEGINNING = 8
"""Bytes that `lacks_preamble` has to see."""


def lacks_preamble(beginning: bytes) -> bool:
    """Whether a file begins with File Meta Information, as some libraries write it.

    Args:
        beginning: The first `BEGINNING` bytes.
    """
    return (
        beginning[:2] == b"\x02\x00"
        and beginning[3:4] == b"\x00"
        and (beginning[4:6] in vrs.LONG_VRS or beginning[4:6] in vrs.SHORT_VRS)
    )


def _element(window: Window, place: int) -> tuple[int, int, int] | None:
    """Tag, offset of the value and end of an element of group 0002; None where none follows."""
    if place + 8 > window.size:
        return None
    header = window.read(place, min(12, window.size - place))
    group, element, code, length = unpack_from("<HH2sH", header)
    if group != 2:
        return None
    offset = place + 8
    if code in vrs.LONG_VRS:
        if len(header) < 12:
            raise refusal.cut_off("the File Meta Information")
        (length,) = unpack_from("<I", header, 8)
        offset = place + 12
    elif code not in vrs.SHORT_VRS:
        raise refusal.not_understood(
            "the File Meta Information is not in Explicit VR Little Endian", _HINT
        )
    if offset + length > window.size:
        raise refusal.cut_off("the File Meta Information")
    return group << 16 | element, offset, offset + length


def _group_length(elements: list[tuple[int, int, int]], end: int) -> bytes:
    """What the value of (0002,0000) has to be."""
    first = elements[0] if elements else (0, 0, 0)
    behind = first[1] + first[2] if first[0] == GROUP_LENGTH else _PREFIX_END
    return pack("<I", end - behind)


def _uid(raw: bytes) -> str:
    return raw[:80].decode("ascii", "replace").strip(" \0")


def rewritten(
    window: Window,
    meta: FileMeta,
    transfer_syntax: str,
    others: Mapping[int, tuple[str, str]] | None = None,
) -> bytes:
    """Preamble and File Meta Information with another transfer syntax; all else of it is kept.

    The preamble is empty: what it told of places in the file holds no longer.

    Args:
        window: The file.
        meta: Its File Meta Information.
        transfer_syntax: The UID to put in.
        others: VR and ASCII text of further elements to put in, by their tags; then each element
            is there once, and they are in order.
    """
    texts = {**(others or {}), _TRANSFER_SYNTAX: ("UI", transfer_syntax)}
    body = [
        (tag, _text(tag, *texts[tag]) if tag in texts else window.read(start, length))
        for tag, start, length in meta.elements
        if tag != GROUP_LENGTH
    ]
    if others:
        body = list({tag: (tag, element) for tag, element in reversed(body)}.values())
        absent = texts.keys() - {tag for tag, _ in body}
        body += [(tag, _text(tag, *texts[tag])) for tag in absent]
        body.sort(key=itemgetter(0))
    group = b"".join(element for _, element in body)
    head = b"\x02\0\0\0UL\x04\0" + pack("<I", len(group))
    return PREAMBLE + head + group


def _text(tag: int, vr: str, text: str) -> bytes:
    value = text.encode("ascii")
    value += (b"\0" if vr == "UI" else b" ") * (len(value) % 2)
    return pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), len(value)) + value

"""Part 10 files put together by hand, so that fuzzers reach what lies behind their headers."""

from __future__ import annotations

import struct

from tests.dicom.metadata import UIDS

SYNTAXES = (
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.2",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.1.99",
)
LONG = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"))


def element(tag: int, vr: str, value: bytes, length: int | None = None) -> bytes:
    """An element in Explicit VR Little Endian.

    Args:
        tag: Its tag.
        vr: Its VR.
        value: Its value, padded where it is odd.
        length: What it says its length is; None for the truth.
    """
    value += b"\0" * (len(value) % 2)
    told = len(value) if length is None else length
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode("ascii"))
    if vr in LONG:
        return head + struct.pack("<HI", 0, told) + value
    return head + struct.pack("<H", told & 0xFFFF) + value


def header(syntax: str) -> bytes:
    """Preamble and File Meta Information."""
    meta = element(0x00020002, "UI", _uid("00080016"))
    meta += element(0x00020003, "UI", _uid("00080018"))
    meta += element(0x00020010, "UI", syntax.encode("ascii"))
    return bytes(128) + b"DICM" + element(0x00020000, "UL", struct.pack("<I", len(meta))) + meta


def file(low: bytes, high: bytes = b"", syntax: str = SYNTAXES[0]) -> bytes:
    """A whole file.

    Args:
        low: Elements between the SOP Instance UID and the Study Instance UID.
        high: Elements behind the Series Instance UID.
        syntax: Transfer syntax.
    """
    begin = element(0x00080016, "UI", _uid("00080016")) + element(
        0x00080018, "UI", _uid("00080018")
    )
    middle = element(0x0020000D, "UI", _uid("0020000D")) + element(
        0x0020000E, "UI", _uid("0020000E")
    )
    return header(syntax) + begin + low + middle + high


def _uid(key: str) -> bytes:
    return str(UIDS[key]["Value"][0]).encode("ascii")

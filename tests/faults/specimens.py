"""Instances made of a key and a number: the same ones again whenever they are asked for."""

from __future__ import annotations

import hashlib
import random
import struct
from dataclasses import dataclass
from functools import lru_cache

_BOUNDARY = "faults-faults-faults"
STOW_TYPE = f'multipart/related; type="application/dicom"; boundary={_BOUNDARY}'
_CT = "1.2.840.10008.5.1.4.1.1.2"
_EXPLICIT = "1.2.840.10008.1.2.1"
_UID_ELEMENT = b"\x08\x00\x18\x00UI"
_LONG = frozenset({"OB", "OW"})


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """The three UIDs of an instance."""

    study: str
    series: str
    instance: str

    @property
    def path(self) -> str:
        """Its path below the DICOMweb root."""
        return f"/studies/{self.study}/series/{self.series}/instances/{self.instance}"


@dataclass(frozen=True, slots=True)
class Version:
    """Which bytes an instance has.

    Args:
        seed: What its pixels are made of.
        side: Rows and columns of its 16 bit pixels.
    """

    seed: int
    side: int


def specimen(key: Key, version: Version) -> bytes:
    """The instance as a Part 10 file."""
    side = version.side
    pixels = random.Random(version.seed).randbytes(2 * side * side)
    meta = b"".join(
        (
            _element(0x00020001, "OB", b"\x00\x01"),
            _element(0x00020002, "UI", _uid(_CT)),
            _element(0x00020003, "UI", _uid(key.instance)),
            _element(0x00020010, "UI", _uid(_EXPLICIT)),
            _element(0x00020012, "UI", _uid("1.2.3.4")),
        )
    )
    length = _element(0x00020000, "UL", struct.pack("<I", len(meta)))
    body = [
        _element(0x00080016, "UI", _uid(_CT)),
        _element(0x00080018, "UI", _uid(key.instance)),
        _element(0x00080020, "DA", b"20240305"),
        _element(0x00080060, "CS", b"CT"),
        _element(0x00081030, "LO", b"Proof of reliability"),
        _element(0x00100010, "PN", b"Nobody^Nora "),
        _element(0x00100020, "LO", b"P1"),
        _element(0x0020000D, "UI", _uid(key.study)),
        _element(0x0020000E, "UI", _uid(key.series)),
        _element(0x00200013, "IS", f"{version.seed % 10**6:06}".encode()),
        _element(0x00280002, "US", struct.pack("<H", 1)),
        _element(0x00280004, "CS", b"MONOCHROME2 "),
        _element(0x00280010, "US", struct.pack("<H", side)),
        _element(0x00280011, "US", struct.pack("<H", side)),
        _element(0x00280100, "US", struct.pack("<H", 16)),
        _element(0x00280101, "US", struct.pack("<H", 16)),
        _element(0x00280102, "US", struct.pack("<H", 15)),
        _element(0x00280103, "US", struct.pack("<H", 0)),
        _element(0x7FE00010, "OW", pixels),
    ]
    return bytes(128) + b"DICM" + length + meta + b"".join(body)


@lru_cache(maxsize=100_000)
def digest(key: Key, version: Version) -> str:
    """SHA-256 of the Part 10 file."""
    return hashlib.sha256(specimen(key, version)).hexdigest()


def instance_uid(data: bytes) -> str:
    """SOP Instance UID of a specimen's Part 10 file."""
    place = data.index(_UID_ELEMENT) + len(_UID_ELEMENT)
    (length,) = struct.unpack_from("<H", data, place)
    return data[place + 2 : place + 2 + length].rstrip(b"\0").decode("ascii")


def store_body(files: list[bytes]) -> bytes:
    """The body of a store request, of the type `STOW_TYPE`."""
    head = f"\r\n--{_BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    return b"".join(head + data for data in files) + f"\r\n--{_BOUNDARY}--\r\n".encode()


def _element(tag: int, vr: str, value: bytes) -> bytes:
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    if vr in _LONG:
        return head + struct.pack("<HI", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def _uid(text: str) -> bytes:
    return text.encode() + b"\0" * (len(text) % 2)

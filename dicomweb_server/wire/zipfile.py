"""Writing a ZIP archive of stored members while they are read (APPNOTE 4.3, 4.5.3).

Checksums, and some lengths, are known only behind: each member has a data descriptor. Fields of
ZIP64 are there where a size, a place or a number needs them, or where a size is not known.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from zlib import crc32

_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_DESCRIPTOR = struct.Struct("<IIII")
_DESCRIPTOR_64 = struct.Struct("<IIQQ")
_END = struct.Struct("<IHHHHIIH")
_END_64 = struct.Struct("<IQHHIIQQQQ")
_LOCATOR_64 = struct.Struct("<IIQI")
_SIZES_64 = struct.Struct("<HHQQ")

_SEEN_BEHIND = 1 << 3
_UTF8 = 1 << 11
_FLAGS = _SEEN_BEHIND | _UTF8
_DATE = (1 << 5) | 1
"""1 January 1980: what is the same for the same instances gives the same bytes."""
_VERSION, _VERSION_64 = 20, 45
_UNIX = 3 << 8
_FILE_MODE = 0o100644 << 16
_MOST = 0xFFFFFFFF
_MOST_MEMBERS = 0xFFFF


@dataclass(slots=True)
class _Member:
    """One member as far as the directory tells it."""

    name: bytes
    size: int
    place: int
    told: bool = True
    checksum: int = 0

    @property
    def long(self) -> bool:
        """Whether its sizes have 64 bits."""
        return self.size >= _MOST or not self.told


class ZipWriter:
    """Makes the bytes around the members' own; they come one behind the other.

    For each member: `begin`, the data through `data`, `end`; `close` at the end of all.
    """

    def __init__(self) -> None:
        self._members: list[_Member] = []
        self._place = 0
        self._written = 0

    def begin(self, name: str, size: int | None) -> bytes:
        """What stands in front of a member.

        Args:
            name: Its path in the archive.
            size: Bytes of its data; None where they are not known yet.
        """
        member = _Member(name.encode(), size or 0, self._place, told=size is not None)
        self._members.append(member)
        self._written = 0
        extra = _SIZES_64.pack(1, 16, 0, 0) if member.long else b""
        told = _MOST if member.long else 0
        version = _VERSION_64 if member.long else _VERSION
        lengths = (len(member.name), len(extra))
        fields = (0x04034B50, version, _FLAGS, 0, 0, _DATE, 0, told, told, *lengths)
        return self._count(_LOCAL.pack(*fields) + member.name + extra)

    def data(self, chunk: bytes) -> bytes:
        """Note a piece of the member's data; it goes into the archive as it is."""
        member = self._members[-1]
        member.checksum = crc32(chunk, member.checksum)
        self._written += len(chunk)
        return self._count(chunk)

    def end(self) -> bytes:
        """What stands behind a member.

        Raises:
            ValueError: Its data are not as long as was said.
        """
        member = self._members[-1]
        if not member.told:
            member.size = self._written
        if self._written != member.size:
            raise ValueError("a member is not as long as was said")
        descriptor = _DESCRIPTOR_64 if member.long else _DESCRIPTOR
        return self._count(descriptor.pack(0x08074B50, member.checksum, member.size, member.size))

    def close(self) -> bytes:
        """The directory of all members."""
        directory = b"".join(map(_central, self._members))
        return directory + _ending(len(self._members), len(directory), self._place)

    def _count(self, chunk: bytes) -> bytes:
        self._place += len(chunk)
        return chunk


def length(members: list[tuple[str, int]]) -> int:
    """Bytes of a whole archive, told before any of it is made.

    Args:
        members: Name and bytes of each member.
    """
    place = directory = 0
    for name, size in members:
        member = _Member(name.encode(), size, place)
        directory += len(_central(member))
        around = _DESCRIPTOR_64.size + _SIZES_64.size if member.long else _DESCRIPTOR.size
        place += _LOCAL.size + len(member.name) + size + around
    return place + directory + len(_ending(len(members), directory, place))


def _central(member: _Member) -> bytes:
    """A member's entry in the directory."""
    far = member.place >= _MOST
    values = ([member.size, member.size] if member.long else []) + ([member.place] if far else [])
    extra = struct.pack(f"<HH{len(values)}Q", 1, 8 * len(values), *values) if values else b""
    version = _VERSION_64 if extra else _VERSION
    size = _MOST if member.long else member.size
    place = _MOST if far else member.place
    fields = (0x02014B50, version | _UNIX, version, _FLAGS, 0, 0, _DATE, member.checksum)
    lengths = (len(member.name), len(extra), 0, 0, 0)
    return _CENTRAL.pack(*fields, size, size, *lengths, _FILE_MODE, place) + member.name + extra


def _ending(count: int, size: int, place: int) -> bytes:
    """What stands behind the directory: how many members, its length, its place."""
    end_64 = b""
    if count >= _MOST_MEMBERS or size >= _MOST or place >= _MOST:
        made = _VERSION_64 | _UNIX
        totals = (count, count, size, place)
        end_64 = _END_64.pack(0x06064B50, 44, made, _VERSION_64, 0, 0, *totals)
        end_64 += _LOCATOR_64.pack(0x07064B50, 0, place + size, 1)
    few = min(count, _MOST_MEMBERS)
    fields = (0x06054B50, 0, 0, few, few, min(size, _MOST), min(place, _MOST), 0)
    return end_64 + _END.pack(*fields)

"""Instances inside ZIP archives: entries are streamed, their names are never paths."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from dicomweb_server.errors import InvalidRequest
from dicomweb_server.model.limits import GIB, MIB
from dicomweb_server.ops.candidates import (
    HEAD,
    Candidate,
    Found,
    Kind,
    Reader,
    Skipped,
    kind_of,
    read_exactly,
)

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_LENGTHS = struct.Struct("<3H")
_LONGEST_COMMENT = 0xFFFF
_ENTRY_BYTES = 46
"""Bytes of an entry of the directory without its name, extra field and comment."""
_UNREADABLE = (
    BadZipFile,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What zipfile raises where an archive is damaged, or lies about where things are."""
_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """Bounds of what a ZIP archive may make us do (T35).

    Args:
        entries: Number of entries.
        directory: Bytes of the central directory, which is read into memory.
        entry: Bytes of one entry, inflated.
        ratio: Inflated bytes per stored byte of one entry, beyond the first `free` bytes; and of
            all entries per byte of the archive, beyond the first `free_in_all`.
        free: Bytes that an entry may inflate to whatever its ratio.
        free_in_all: Bytes that all entries may inflate to whatever their ratio.
    """

    entries: int = 300_000
    directory: int = 64 * MIB
    entry: int = 64 * GIB
    ratio: int = 250
    free: int = 64 * MIB
    free_in_all: int = 4 * GIB


def entries(path: Path, limits: ArchiveLimits) -> Iterator[Found]:
    """Instances of a ZIP archive.

    Args:
        path: The archive; it stays open as long as one of its candidates is in use.
        limits: Bounds.

    Yields:
        Candidates, what is no instance, and entries that cannot be read.

    Raises:
        InvalidRequest: It is not a ZIP archive, or it breaks a bound as a whole.
    """
    try:
        _check_directory(path, limits)
        archive = ZipFile(path)
        listed = archive.infolist()
    except _UNREADABLE:
        raise InvalidRequest(f"{path} cannot be read as a ZIP archive", "unpack it first") from None
    _check_sizes(path, listed, limits)
    for number, entry in enumerate(listed, 1):
        if not entry.filename.endswith("/"):
            yield _found(archive, entry, f"{path}, entry {number}", limits)


def _check_sizes(path: Path, listed: list[ZipInfo], limits: ArchiveLimits) -> None:
    size = path.stat().st_size
    if sum(entry.compress_size for entry in listed) > size:
        raise InvalidRequest(
            f"{path}: its entries overlap, as those of a ZIP bomb do", "unpack it first"
        )
    most = limits.free_in_all + limits.ratio * size
    if sum(entry.file_size for entry in listed if not _refusal(entry, limits)) > most:
        raise InvalidRequest(
            f"{path}: its entries inflate too much in all, as those of a ZIP bomb do",
            "unpack it first",
        )


def _found(archive: ZipFile, entry: ZipInfo, name: str, limits: ArchiveLimits) -> Found:
    refusal = _refusal(entry, limits)
    if refusal:
        return Skipped(name, refusal)
    opener = partial(_open, archive, entry, name, limits)
    try:
        with archive.open(entry) as stream:
            kind, uid = kind_of(read_exactly(stream, min(HEAD, entry.file_size)))
    except _UNREADABLE:
        return Skipped(name, "the entry is damaged")
    if kind is Kind.INSTANCE:
        return Candidate(name, entry.file_size, entry.CRC, uid, opener)
    return Skipped(name)


def _refusal(entry: ZipInfo, limits: ArchiveLimits) -> str:
    if entry.flag_bits & _ENCRYPTED:
        return "the entry is encrypted"
    if entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        return "the entry's compression is not supported; stored and deflated are"
    if entry.file_size > limits.entry:
        return f"the entry is larger than {limits.entry} bytes"
    if entry.file_size > limits.free + limits.ratio * entry.compress_size:
        return "the entry inflates too much"
    return ""


def _open(archive: ZipFile, entry: ZipInfo, name: str, limits: ArchiveLimits) -> Reader:
    try:
        return _Entry(archive.open(entry), name)
    except _UNREADABLE:
        raise InvalidRequest(f"{name}: the entry is damaged") from None


class _Entry:
    """An entry being read; zipfile ends it at its declared size and checks its checksum."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._stream = stream
        self._name = name

    def read(self, size: int, /) -> bytes:
        """The next bytes."""
        try:
            return self._stream.read(size)
        except _UNREADABLE:
            raise InvalidRequest(f"{self._name}: the entry is damaged") from None

    def close(self) -> None:
        """Release it."""
        self._stream.close()


@dataclass(frozen=True, slots=True)
class _Directory:
    """What is told of the central directory: its entries, its bytes, its place."""

    count: int
    length: int
    begin: int


def _check_directory(path: Path, limits: ArchiveLimits) -> None:
    """Bound the central directory before zipfile reads it into memory.

    Raises:
        BadZipFile: There is none.
        InvalidRequest: It is larger than the bounds, whatever it says of itself.
    """
    with path.open("rb") as file:
        for told in _directories(file):
            large = told.count > limits.entries or told.length > limits.directory
            if large or _has_more(file, told, limits.entries):
                raise InvalidRequest(
                    f"{path} has more than {limits.entries} entries, or a directory of more than "
                    f"{limits.directory} bytes",
                    "unpack it first",
                )


def _directories(file: BinaryIO) -> Iterator[_Directory]:
    """All that the end of an archive tells of its directory; readers differ in what they take."""
    size = file.seek(0, 2)
    tail_size = min(size, _END.size + _LONGEST_COMMENT)
    file.seek(size - tail_size)
    tail = file.read(tail_size)
    place = tail.rfind(b"PK\x05\x06")
    if place < 0:
        raise BadZipFile
    end = _END.unpack_from(tail, place)
    adjacent = size - tail_size + place - _LOCATOR.size - _END64.size
    places = set()
    if place >= _LOCATOR.size:
        signature, _, offset, _ = _LOCATOR.unpack_from(tail, place - _LOCATOR.size)
        places = {adjacent, offset} if signature == b"PK\x06\x07" else set()
    found = set()
    for place64 in places:
        if 0 <= place64 <= size - _END64.size:
            file.seek(place64)
            end64 = _END64.unpack(file.read(_END64.size))
            if end64[0] == b"PK\x06\x06":
                found.add(place64)
                yield _Directory(end64[7], end64[8], place64 - end64[8])
    if adjacent not in found:
        yield _Directory(end[4], end[5], size - tail_size + place - end[5])


def _has_more(file: BinaryIO, told: _Directory, most: int) -> bool:
    """Whether a directory holds more entries than that; their number may be a lie."""
    if told.length <= most * _ENTRY_BYTES or told.begin < 0:
        return False
    file.seek(told.begin)
    data = file.read(told.length)
    place = count = 0
    while place + _ENTRY_BYTES <= len(data) and count <= most:
        place += _ENTRY_BYTES + sum(_LENGTHS.unpack_from(data, place + 28))
        count += 1
    return count > most

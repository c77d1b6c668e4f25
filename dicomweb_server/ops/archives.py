"""Instances inside ZIP archives: entries are streamed, their names are never paths."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO
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
_LONGEST_COMMENT = 0xFFFF
_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """Bounds of what a ZIP archive may make us do (T35).

    Args:
        entries: Number of entries.
        directory: Bytes of the central directory, which is read into memory.
        entry: Bytes of one entry, inflated.
        ratio: Inflated bytes per stored byte of one entry, beyond the first `free` bytes.
        free: Bytes that an entry may inflate to whatever its ratio.
    """

    entries: int = 1_000_000
    directory: int = 256 * MIB
    entry: int = 64 * GIB
    ratio: int = 250
    free: int = 64 * MIB


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
    except (BadZipFile, OSError, struct.error, NotImplementedError, ValueError):
        raise InvalidRequest(f"{path} cannot be read as a ZIP archive", "unpack it first") from None
    listed = archive.infolist()
    if sum(entry.compress_size for entry in listed) > path.stat().st_size:
        raise InvalidRequest(
            f"{path}: its entries overlap, as those of a ZIP bomb do", "unpack it first"
        )
    for number, entry in enumerate(listed, 1):
        if not entry.is_dir():
            yield _found(archive, entry, f"{path}, entry {number}", limits)


def _found(archive: ZipFile, entry: ZipInfo, name: str, limits: ArchiveLimits) -> Found:
    refusal = _refusal(entry, limits)
    if refusal:
        return Skipped(name, refusal)
    opener = partial(_open, archive, entry, name, limits)
    try:
        with archive.open(entry) as stream:
            kind, uid = kind_of(read_exactly(stream, min(HEAD, entry.file_size)))
    except (BadZipFile, OSError, EOFError, zlib.error, NotImplementedError):
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
    except (BadZipFile, NotImplementedError, RuntimeError):
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
        except (BadZipFile, EOFError, zlib.error):
            raise InvalidRequest(f"{self._name}: the entry is damaged") from None

    def close(self) -> None:
        """Release it."""
        self._stream.close()


def _check_directory(path: Path, limits: ArchiveLimits) -> None:
    """Bound the central directory before zipfile reads it into memory."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        tail_size = min(size, _END.size + _LONGEST_COMMENT)
        file.seek(size - tail_size)
        tail = file.read(tail_size)
        place = tail.rfind(b"PK\x05\x06")
        if place < 0:
            raise BadZipFile
        end = _END.unpack_from(tail, place)
        count, length = end[4], end[5]
        if place >= _LOCATOR.size:
            signature, _, offset, _ = _LOCATOR.unpack_from(tail, place - _LOCATOR.size)
            if signature == b"PK\x06\x07" and offset < size:
                file.seek(offset)
                end = _END64.unpack(file.read(_END64.size))
                count, length = end[7], end[8]
    if count > limits.entries or length > limits.directory:
        raise InvalidRequest(
            f"{path} has more than {limits.entries} entries, or a directory of more than "
            f"{limits.directory} bytes",
            "unpack it first",
        )

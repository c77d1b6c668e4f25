"""ZIP archives that mean harm, made in code (T35)."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path

from dicomweb_server.testing.datasets import demo_study
from tests.threats.names import HOSTILE

_CENTRAL = b"PK\x01\x02"
_FRONT = b"PK\x03\x04" + bytes(26)
"""What an archive is known by."""


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytearray:
    """An honest archive."""
    target = BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return bytearray(target.getvalue())


def _instance() -> bytes:
    return demo_study()[0]


@cache
def _bomb() -> bytes:
    """A Part 10 file with half a gigabyte of zeros behind it, deflated to half a megabyte."""
    size = 1 << 29
    head = _instance()
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = [packer.compress(head)]
    checksum, block = zlib.crc32(head), bytes(1 << 20)
    for _ in range(size >> 20):
        packed.append(packer.compress(block))
        checksum = zlib.crc32(block, checksum)
    packed.append(packer.flush())
    return _one_entry(b"".join(packed), len(head) + size, checksum)


def _one_entry(packed: bytes, size: int, checksum: int) -> bytes:
    fields = (20, 0, 8, 0, 33, checksum, len(packed), size, 5, 0)
    local = b"PK\x03\x04" + struct.pack("<5H3L2H", *fields) + b"a.dcm"
    central = _CENTRAL + struct.pack("<6H3L5H2L", 20, *fields, 0, 0, 0, 0, 0) + b"a.dcm"
    place = len(local) + len(packed)
    return local + packed + central + _end(1, len(central), place)


def _end(count: int, length: int, place: int) -> bytes:
    return struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, length, place, 0)


def _overlapping() -> bytes:
    """Many entries that are all the same bytes of the archive."""
    data = zipped({"a.dcm": _instance()})
    place = data.index(_CENTRAL)
    length = data.index(b"PK\x05\x06") - place
    entry = bytes(data[place : place + length])
    return bytes(data[:place]) + entry * 500 + _end(500, length * 500, place)


def _lying_count() -> bytes:
    """A directory of a million entries that says that it has one."""
    entry = _CENTRAL + bytes(42)
    many = 1_000_000
    return _FRONT + entry * many + _end(1, len(entry) * many, len(_FRONT))


def _two_directories() -> bytes:
    """ZIP64: the locator tells of a small directory, in front of it is told of a large one."""
    entry = _CENTRAL + bytes(42)
    many = 1_000_000

    def end64(count: int, length: int, place: int) -> bytes:
        return struct.pack(
            "<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, length, place
        )

    small = _FRONT + end64(1, 46, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(_FRONT), 1)
    return (
        small
        + entry * many
        + end64(many, len(entry) * many, len(small))
        + locator
        + _end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
    )


def _told_by_zip64(offset: int, *sizes: int) -> bytes:
    """An entry whose sizes and place are told in a ZIP64 field."""
    data = zipped({"a.dcm": _instance()}, zipfile.ZIP_STORED)
    place = data.index(_CENTRAL)
    entry = bytearray(data[place : data.index(b"PK\x05\x06")])
    struct.pack_into("<2L", entry, 20, 0xFFFFFFFF, 0xFFFFFFFF)
    struct.pack_into("<L", entry, 42, 0xFFFFFFFF)
    extra = struct.pack("<2H3Q", 1, 24, *sizes, offset)
    struct.pack_into("<H", entry, 30, len(extra))
    central = bytes(entry) + extra
    return bytes(data[:place]) + central + _end(1, len(central), place)


def _encrypted() -> bytes:
    data = zipped({"a.dcm": _instance()})
    data[data.index(_CENTRAL) + 8] |= 1
    data[6] |= 1
    return bytes(data)


def _symlink() -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        link = zipfile.ZipInfo("link.dcm")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "../../../etc-passwd")
    return target.getvalue()


def _unreadable_name() -> bytes:
    """A local name that is not the UTF-8 that the directory says it is."""
    data = zipped({"ä.dcm": _instance()})
    data[30:32] = b"\xff\xff"
    return bytes(data)


def _nested() -> bytes:
    inner = bytes(zipped({"a.dcm": _instance()}))
    for _ in range(5):
        inner = bytes(zipped({f"{number}.zip": inner for number in range(10)}))
    return inner


def _many_fat() -> bytes:
    """Each entry may inflate so far; all of them together may not."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    size = 60 << 20
    data = _instance() + bytes(size)
    packed = packer.compress(data) + packer.flush()
    local_fields = (20, 0, 8, 0, 33, zlib.crc32(data), len(packed), len(data), 5, 0)
    local = b"PK\x03\x04" + struct.pack("<5H3L2H", *local_fields) + b"a.dcm" + packed
    entries, count = [], 150
    for number in range(count):
        place = number * len(local)
        entries.append(
            _CENTRAL + struct.pack("<6H3L5H2L", 20, *local_fields, 0, 0, 0, 0, place) + b"a.dcm"
        )
    central = b"".join(entries)
    return local * count + central + _end(count, len(central), len(local) * count)


def _cut_off() -> bytes:
    data = zipped({"a.dcm": _instance()})
    return bytes(data[: len(data) // 2])


ARCHIVES: dict[str, Callable[[], bytes]] = {
    "bomb": _bomb,
    "overlapping entries": _overlapping,
    "directory that lies about its count": _lying_count,
    "two directories": _two_directories,
    "place beyond all files": lambda: _told_by_zip64(1 << 63, 100, 100),
    "size beyond all files": lambda: _told_by_zip64(0, (1 << 64) - 1, 100),
    "stored size beyond all files": lambda: _told_by_zip64(0, 100, (1 << 64) - 1),
    "encrypted": _encrypted,
    "symlink": _symlink,
    "local name in no encoding": _unreadable_name,
    "nested": _nested,
    "much in all": _many_fat,
    "lzma": lambda: bytes(zipped({"a.dcm": _instance()}, zipfile.ZIP_LZMA)),
    "bzip2": lambda: bytes(zipped({"a.dcm": _instance()}, zipfile.ZIP_BZIP2)),
    "cut off": _cut_off,
    "names of no letters": lambda: _FRONT + (_CENTRAL + bytes(42)) * 9 + _end(9, 46 * 9, 30),
}
"""Each must store nothing, and cost little."""


def slips() -> bytes:
    """Instances under names that lead elsewhere; the instances themselves are sound."""
    return bytes(zipped(dict(zip(HOSTILE, demo_study() * 3, strict=False))))


def write_all(folder: Path) -> None:
    """Write every archive into a folder."""
    for name, make in ARCHIVES.items():
        (folder / f"{name}.zip").write_bytes(make())

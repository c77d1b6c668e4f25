"""ZIP archives on import."""

from __future__ import annotations

import struct
import tempfile
import zlib
from collections.abc import Iterable
from functools import cache
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from dicomweb_server.errors import InvalidRequest
from dicomweb_server.ops.archives import ArchiveLimits, entries
from dicomweb_server.ops.candidates import Candidate, Skipped, kind_of
from tests import datasets
from tests.fuzz.harness import Harness, require_told

_LIMITS = ArchiveLimits(
    entries=50, directory=8192, entry=1 << 20, ratio=50, free=1 << 16, free_in_all=1 << 20
)
_PIECE = 4096


@cache
def _file() -> Path:
    return Path(tempfile.NamedTemporaryFile(prefix="fuzz-", suffix=".zip", delete=False).name)


def _run(data: bytes) -> None:
    kind_of(data)
    path = _file()
    path.write_bytes(data)
    total = 0
    try:
        for number, found in enumerate(entries(path, _LIMITS)):
            assert number < _LIMITS.entries
            if isinstance(found, Skipped):
                continue
            assert isinstance(found, Candidate)
            assert found.size <= _LIMITS.entry
            total += _read(found)
    except InvalidRequest as refusal:
        require_told(refusal)
    assert total <= _LIMITS.free_in_all + _LIMITS.ratio * len(data)


def _read(found: Candidate) -> int:
    size = 0
    try:
        stream = found.open()
        while piece := stream.read(_PIECE):
            size += len(piece)
            assert size <= found.size, "more than was told"
        stream.close()
    except (InvalidRequest, OSError):
        return size
    assert size == found.size, "less than was told"
    return size


def _seeds() -> Iterable[bytes]:
    image = datasets.part10(datasets.dataset())
    for method in (0, ZIP_DEFLATED):
        target = BytesIO()
        with ZipFile(target, "w", method) as made:
            made.writestr("a.dcm", image)
            made.writestr("../b/", b"")
            made.writestr("readme", b"text")
        yield target.getvalue()
    target = BytesIO()
    with (
        ZipFile(target, "w", ZIP_DEFLATED, allowZip64=True) as made,
        made.open("a", "w", force_zip64=True) as entry,
    ):
        entry.write(image)
    yield target.getvalue()
    yield b"PK\x05\x06" + bytes(18)
    crc = zlib.crc32(image)
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 45, 0, 0, 0, 0, crc, len(image), len(image), 1, 0)
    yield local + b"a" + image


HARNESS = Harness(
    promise="a ZIP archive is read or refused within its bounds; entries are as long as told",
    run=_run,
    seeds=_seeds,
    words=(
        b"PK\x03\x04",
        b"PK\x01\x02",
        b"PK\x05\x06",
        b"PK\x06\x06",
        b"PK\x06\x07",
        b"\x01\0\x10\0",
    ),
    longest=4096,
)

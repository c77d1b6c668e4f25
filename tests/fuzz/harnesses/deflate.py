"""Deflated data sets against zlib, within bounds."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from io import BytesIO

from dicomweb_server.dicom.inflate import inflate
from dicomweb_server.errors import InstanceRejected
from dicomweb_server.model.limits import MIB, ScanLimits
from dicomweb_server.model.source import MemorySource
from tests.fuzz import files
from tests.fuzz.harness import Harness, require_told

_LIMITS = ScanLimits(inflated=3 * MIB)
_HEAD = files.header("1.2.840.10008.1.2.1.99")


def _run(data: bytes) -> None:
    target = BytesIO()
    try:
        told = inflate(MemorySource(_HEAD + data), target.write, _LIMITS)
    except InstanceRejected as refusal:
        require_told(refusal)
        assert target.tell() <= _LIMITS.inflated + MIB
        return
    assert told == target.tell()
    engine = zlib.decompressobj(-15)
    plain = engine.decompress(data, _LIMITS.inflated + 1) + engine.flush()
    assert target.getvalue().endswith(plain)
    assert 0 < told - len(plain) < 1024


def _seeds() -> Iterable[bytes]:
    for level in (0, 1, 9):
        for text in (b"", b"abc" * 20, bytes(5000), bytes(4 * MIB)):
            packer = zlib.compressobj(level, zlib.DEFLATED, -15)
            packed = packer.compress(text) + packer.flush()
            if len(packed) < 8192:
                yield packed


HARNESS = Harness(
    promise="a deflated data set comes out as zlib has it, or is refused within its bounds",
    run=_run,
    seeds=_seeds,
    longest=8192,
)

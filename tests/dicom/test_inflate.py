"""Deflated files are inflated within bounds (PS3.5 A.5)."""

from __future__ import annotations

import os
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from dicomweb_server.dicom.inflate import InflatingSource, inflate
from dicomweb_server.dicom.rewrite import explicit
from dicomweb_server.dicom.scan import scan
from dicomweb_server.errors import InstanceRejected
from dicomweb_server.model.limits import ScanLimits
from dicomweb_server.model.outcome import FailureReason
from dicomweb_server.model.source import MemorySource
from tests import datasets
from tests.dicom import scans


def _deflated(data: bytes) -> bytes:
    """An explicit little endian file in the deflated syntax."""
    start = data.index(b"\x08\0\x16\0UI")
    engine = zlib.compressobj(wbits=-15)
    head = data[:start].replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99")
    head = head.replace(b"UI\x14\x001.2.840.10008.1.2.1.99", b"UI\x16\x001.2.840.10008.1.2.1.99")
    return head + engine.compress(data[start:]) + engine.flush()


@pytest.fixture(name="made")
def _made() -> bytes:
    return datasets.part10(datasets.dataset(PixelData=os.urandom(32) * 4_000, Rows=4_000 * 4))


def test_the_outcome_is_a_complete_explicit_file(made: bytes) -> None:
    deflated = _deflated(made)
    result = scans.inflated(deflated)
    assert result == made
    read = dcmread(BytesIO(result))
    assert read.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert read == dcmread(BytesIO(deflated))


def test_offsets_and_size_refer_to_the_inflated_file(made: bytes, tmp_path: Path) -> None:
    deflated = _deflated(made)
    found = scan(MemorySource(deflated), scans.PLAN, scans.LIMITS, tmp_path)
    result = scans.inflated(deflated)
    assert found.transfer_syntax == DeflatedExplicitVRLittleEndian
    assert found.explicit_size == len(result)
    assert scans.frame(result, found, 1) == dcmread(BytesIO(made)).PixelData
    assert b"".join(explicit(MemorySource(result), scans.LIMITS)) == result
    assert not list(tmp_path.iterdir())


def test_each_inflation_gives_the_same_bytes(made: bytes) -> None:
    deflated = _deflated(made)
    assert scans.inflated(deflated) == scans.inflated(deflated)


def test_bytes_behind_the_stream_do_not_matter(made: bytes) -> None:
    assert scans.inflated(_deflated(made) + b"\0") == made


def _bomb(size: int) -> bytes:
    made = datasets.dataset(PixelData=bytes(size))
    return _deflated(datasets.part10(made))


@pytest.mark.parametrize(
    "limits", [ScanLimits(), ScanLimits(inflate_ratio=10_000, inflated=2 * 1024 * 1024)]
)
def test_bombs_are_refused_before_they_unfold(limits: ScanLimits) -> None:
    written = 0

    def count(data: bytes) -> None:
        nonlocal written
        written += len(data)

    with pytest.raises(InstanceRejected, match="inflates to more than") as refused:
        inflate(MemorySource(_bomb(64_000 * 256)), count, limits)
    assert refused.value.reason is FailureReason.OUT_OF_RESOURCES
    assert written < 4 * 1024 * 1024


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.99])
def test_cut_off_streams_are_refused(made: bytes, keep: float) -> None:
    deflated = _deflated(made)
    with pytest.raises(InstanceRejected, match="cut off"):
        scans.scanned(deflated[: 400 + int((len(deflated) - 401) * keep)])


def test_damaged_streams_are_refused(made: bytes) -> None:
    deflated = bytearray(_deflated(made))
    deflated[500:600] = b"\xff" * 100
    with pytest.raises(InstanceRejected) as refused:
        scans.scanned(bytes(deflated))
    assert refused.value.reason is FailureReason.CANNOT_UNDERSTAND


LONG = datasets.part10(
    datasets.dataset(PixelData=os.urandom(4_000) * 25 + os.urandom(3_000_000), Rows=16_000)
)
DEFLATED = _deflated(LONG)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, len(LONG) + 10), st.integers(0, 2_000_000)), max_size=6))
def test_reading_anywhere_without_room_gives_the_slice(reads: list[tuple[int, int]]) -> None:
    source = InflatingSource(MemorySource(DEFLATED), len(LONG), ScanLimits())
    assert source.size == len(LONG)
    for offset, length in reads:
        assert source.read_at(offset, length) == LONG[offset : offset + length]


def test_a_deflated_data_set_in_implicit_vr_is_refused() -> None:
    made = datasets.part10(datasets.dataset(), ImplicitVRLittleEndian)
    start = made.index(b"\x08\0\x16\0")
    engine = zlib.compressobj(wbits=-15)
    explicit_file = datasets.part10(datasets.dataset())
    head = _deflated(explicit_file)[: explicit_file.index(b"\x08\0\x16\0UI") + 2]
    with pytest.raises(InstanceRejected, match="implicit VR") as refused:
        scans.scanned(head + engine.compress(made[start:]) + engine.flush())
    assert refused.value.reason is FailureReason.CANNOT_UNDERSTAND

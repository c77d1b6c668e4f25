"""Whatever the bytes are, a scan ends with an instance or with InstanceRejected."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicomweb_server.dicom.rewrite import explicit
from dicomweb_server.errors import InstanceRejected
from dicomweb_server.model.limits import ScanLimits
from dicomweb_server.model.source import MemorySource
from tests import datasets
from tests.dicom import scans

_LIMITS = ScanLimits(elements=5_000, inflated=4 * 1024 * 1024, document=1024 * 1024)
_NAMES = (
    "valid/generated/all_vrs_private_unicode.dcm",
    "valid/generated/nesting_24_levels.dcm",
    "valid/generated/encaps_no_bot_3_fragments_per_frame.dcm",
    "valid/generated/encaps_extended_offset_table.dcm",
    "valid/generated/undefined_length_sequence_and_empty_sequence.dcm",
    "valid/ts/big-endian/ExplVR_BigEnd.dcm",
    "valid/ts/deflated/deflated_ok.dcm",
    "valid/rt/2_rtplan.dcm",
    "valid/ts/jpeg-baseline-50/SC_rgb_jpeg.dcm",
)


def _survives(data: bytes) -> bool:
    """Scan and rewrite; anything but InstanceRejected fails the test."""
    try:
        found = scans.scanned(data, _LIMITS)
        size = found.explicit_size
        if size is not None and not found.transfer_syntax.endswith(".99"):
            assert sum(map(len, explicit(MemorySource(data), _LIMITS))) == size
    except InstanceRejected:
        return False
    return True


@pytest.mark.parametrize("name", _NAMES)
def test_a_file_that_is_cut_anywhere_is_stored_or_refused(name: str, data_folder: Path) -> None:
    data = (data_folder / name).read_bytes()
    step = max(50, len(data) // 400)
    for end in range(0, len(data), step):
        _survives(data[:end])


@pytest.mark.parametrize("name", _NAMES)
def test_a_file_cut_inside_its_data_set_is_refused(name: str, data_folder: Path) -> None:
    data = (data_folder / name).read_bytes()
    assert _survives(data)
    assert not _survives(data[: len(data) * 2 // 3 | 1])


@pytest.mark.parametrize("name", _NAMES)
@settings(max_examples=60, deadline=None)
@given(
    changes=st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from((0, 0xFF, 0xFE, 0x80, 1, 0x55, 0x10))),
        min_size=1,
        max_size=6,
    )
)
def test_changed_bytes_do_no_harm(name: str, changes: list[tuple[float, int]]) -> None:
    folder = scans.folder()
    if folder is None:
        pytest.skip("the folder of real DICOM files is not here (set DICOMWEB_TEST_DATA)")
    data = bytearray((folder / name).read_bytes())
    for place, value in changes:
        data[128 + int(place * (min(len(data), 6_000) - 129))] = value
    _survives(bytes(data))


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]
)
@settings(max_examples=120, deadline=None)
@given(tail=st.binary(max_size=200), end=st.integers(0, 2_000))
def test_any_bytes_behind_a_header_do_no_harm(syntax: str, tail: bytes, end: int) -> None:
    data = datasets.part10(datasets.dataset(), syntax)
    _survives(data[: 350 + end % 500] + tail)
    _survives(data + tail)

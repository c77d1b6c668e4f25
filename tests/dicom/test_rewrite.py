"""Files rewritten in Explicit VR Little Endian are the same data set (PS3.18 8.7.3)."""

from __future__ import annotations

from io import BytesIO
from struct import pack
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import DataElement, Dataset, dcmread
from pydicom._dicom_dict import DicomDictionary
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicomweb_server.dicom.rewrite import explicit, swap
from dicomweb_server.errors import InstanceRejected
from dicomweb_server.model.source import MemorySource
from tests import datasets
from tests.dicom import scans

NATIVE = (ImplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian)
each_syntax = pytest.mark.parametrize("syntax", NATIVE)

_WORDS = {"OW": 2, "OL": 4, "OF": 4, "OD": 8, "OV": 8}
_TEXT = st.text("ABCdef 0123", max_size=12).map(str.strip)
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "LO": _TEXT,
    "UT": _TEXT,
    "CS": st.sampled_from(("", "ORIGINAL", ["A", "B"])),
    "US": st.integers(0, 65_535),
    "SS": st.integers(-32_768, 32_767),
    "UL": st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=4),
    "SL": st.integers(-(2**31), 2**31 - 1),
    "FL": st.floats(width=32, allow_nan=False),
    "FD": st.lists(st.floats(allow_nan=False), min_size=1, max_size=3),
    "SV": st.integers(-(2**63), 2**63 - 1),
    "UV": st.integers(0, 2**64 - 1),
    "AT": st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=3),
    "OB": st.binary(max_size=9).map(lambda data: data + b"\0" * (len(data) % 2)),
    "OW": st.binary(min_size=2, max_size=2).map(lambda data: data * 3),
    "OL": st.binary(min_size=4, max_size=4).map(lambda data: data * 2),
    "OD": st.binary(min_size=8, max_size=8),
    "OV": st.binary(min_size=8, max_size=8),
}
_PUBLIC = {
    vr: next(
        tag
        for tag, entry in sorted(DicomDictionary.items())
        if entry[0] == vr and tag > 0x00080100 and tag >> 16 != 0x0028
    )
    for vr in _VALUES
}
"""A public element of each VR that the small data set does not have."""


@st.composite
def _elements(draw: st.DrawFn, depth: int = 0) -> Dataset:
    """A data set of random elements, private ones and sequences."""
    made = Dataset()
    for vr in draw(st.lists(st.sampled_from(sorted(_VALUES)), unique=True, max_size=6)):
        private = draw(st.booleans())
        value = draw(_VALUES[vr])
        if private:
            made.private_block(0x0031, "SOMEBODY", create=True).add_new(0x10, vr, value)
        else:
            made.add(DataElement(_PUBLIC[vr], vr, value))
    if depth < 3:
        for tag in draw(st.lists(st.sampled_from((0x00081032, 0x00400275)), max_size=2)):
            items = draw(st.lists(_elements(depth + 1), max_size=2))
            made.add(DataElement(tag, "SQ", items))
    return made


def rewritten(data: bytes) -> bytes:
    """The whole outcome."""
    return b"".join(explicit(MemorySource(data), scans.LIMITS))


def _same(before: Dataset, after: Dataset, big_endian: bool) -> None:
    assert [element.tag for element in after] == [
        element.tag for element in before if element.tag.element
    ]
    for old in before:
        if not old.tag.element:
            continue
        new = after[old.tag]
        if old.VR == "SQ":
            assert len(old.value) == len(new.value)
            for old_item, new_item in zip(old.value, new.value, strict=True):
                _same(old_item, new_item, big_endian)
        elif big_endian and old.VR in _WORDS and old.value:
            kind = f"u{_WORDS[old.VR]}"
            if old.tag != 0x7FE00010:
                assert (
                    np.frombuffer(old.value, ">" + kind) == np.frombuffer(new.value, "<" + kind)
                ).all()
        else:
            assert old.value == new.value, old.tag
            assert old.VR == new.VR, old.tag


@pytest.mark.filterwarnings("ignore::UserWarning")
@each_syntax
@settings(max_examples=80, deadline=None)
@given(extra=_elements())
def test_any_data_set_is_the_same_afterwards(syntax: str, extra: Dataset) -> None:
    made = datasets.dataset()
    made.update(extra)
    data = datasets.part10(made, syntax)
    found = scans.scanned(data)
    result = rewritten(data)
    if syntax == ExplicitVRLittleEndian:
        assert found.explicit_size is None
        assert result == data
    else:
        assert found.explicit_size == len(result)
    read = dcmread(BytesIO(result))
    assert read.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    _same(dcmread(BytesIO(data)), read, syntax == ExplicitVRBigEndian)
    again = scans.scanned(result)
    assert again.document.text(b"") == found.document.text(b"")
    assert again.values == found.values


@each_syntax
def test_pixels_are_the_same_afterwards(syntax: str) -> None:
    for bits in (8, 16, 32):
        made = datasets.dataset(
            BitsAllocated=bits, BitsStored=bits, HighBit=bits - 1, PixelData=bytes(range(bits * 2))
        )
        data = datasets.part10(made, syntax)
        before = dcmread(BytesIO(data)).pixel_array
        assert (dcmread(BytesIO(rewritten(data))).pixel_array == before).all()


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_values_too_long_for_their_vr_become_un() -> None:
    """PS3.18 8.7.3.4 note 3."""
    long = "\\".join(["1.25"] * 20_000)
    made = datasets.dataset(PixelData=None)
    made.add(DataElement(0x30060050, "DS", long.split("\\")))
    data = datasets.part10(made, ImplicitVRLittleEndian)
    result = rewritten(data)
    assert scans.scanned(data).explicit_size == len(result)
    start = result.index(pack("<HH", 0x3006, 0x0050))
    length = len(long) + len(long) % 2
    assert result[start + 4 : start + 12] == b"UN\0\0" + pack("<I", length)
    assert result[start + 12 : start + 12 + len(long)] == long.encode()


def test_large_values_come_in_chunks() -> None:
    made = datasets.dataset(Rows=2048, Columns=1024, PixelData=bytes(range(256)) * 16_384)
    data = datasets.part10(made, ExplicitVRBigEndian)
    chunks = list(explicit(MemorySource(data), scans.LIMITS))
    assert max(map(len, chunks)) <= 1024 * 1024
    pixels = np.frombuffer(bytes(range(256)), ">u2").astype("<u2").tobytes()
    assert b"".join(chunks).endswith(pixels * 16_384)


def test_group_lengths_fall_away() -> None:
    data = datasets.part10(datasets.dataset(), ImplicitVRLittleEndian)
    start = data.index(b"\x08\0\x16\0\x1a")
    with_length = data[:start] + b"\x08\0\0\0\4\0\0\0\x44\0\0\0" + data[start:]
    assert rewritten(with_length) == rewritten(data)
    assert scans.scanned(with_length).explicit_size == len(rewritten(data))


def test_file_meta_is_kept_and_the_preamble_is_emptied() -> None:
    data = datasets.part10(datasets.dataset(), ImplicitVRLittleEndian)
    data = b"II*\0" + data[4:]
    result = rewritten(data)
    assert result[:132] == bytes(128) + b"DICM"
    before, after = (dcmread(BytesIO(each)).file_meta for each in (data, result))
    assert after.TransferSyntaxUID == ExplicitVRLittleEndian
    for element in before:
        if element.keyword not in ("TransferSyntaxUID", "FileMetaInformationGroupLength"):
            assert after[element.tag] == element


def test_other_transfer_syntaxes_are_refused() -> None:
    data = datasets.part10(datasets.dataset()).replace(
        b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0"
    )
    with pytest.raises(InstanceRejected, match="not rewritten"):
        rewritten(data)


@pytest.mark.parametrize("word", [1, 2, 4, 8])
@given(data=st.binary(max_size=70))
def test_swapping_twice_changes_nothing(word: int, data: bytes) -> None:
    once = swap(data, word)
    assert swap(once, word) == data
    whole = len(data) - len(data) % word
    assert np.array_equal(
        np.frombuffer(once[:whole], f"<u{word}"), np.frombuffer(data[:whole], f">u{word}")
    )
    assert once[whole:] == data[whole:]

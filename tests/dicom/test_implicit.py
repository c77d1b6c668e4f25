"""Data sets in implicit VR: what another library reads in both forms is the same."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.filereader import read_dataset
from pydicom.uid import ExplicitVRLittleEndian

from dicomweb_server.dicom.implicit import data_set, implicit
from dicomweb_server.errors import InstanceRejected
from tests import data
from tests.datasets import dataset, part10


def pieces(raw: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(raw), size):
        yield raw[start : start + size]


def plain(raw: bytes, size: int = 1000) -> bytes:
    return b"".join(data_set(pieces(raw, size)))


def nested(defined: bool) -> Dataset:
    inner = Dataset()
    inner.CodeValue = "A"
    inner.is_undefined_length_sequence_item = not defined
    item = Dataset()
    item.ConceptNameCodeSequence = [inner, Dataset()]
    item["ConceptNameCodeSequence"].is_undefined_length = not defined
    item.TextValue = "x" * 500
    item.is_undefined_length_sequence_item = not defined
    found = dataset(ContentSequence=[item], ReferencedStudySequence=[])
    found["ContentSequence"].is_undefined_length = not defined
    found.add_new(0x00080000, "UL", 4711)
    return found


@pytest.mark.parametrize("defined", [True, False])
@given(size=st.integers(1, 3000))
@settings(deadline=None)
def test_sequences_of_both_kinds(defined: bool, size: int) -> None:
    found = nested(defined)
    raw = plain(part10(found))
    made = b"".join(implicit(pieces(raw, size)))
    read = read_dataset(BytesIO(made), True, True)
    expected = read_dataset(BytesIO(raw), False, True)
    assert read.to_json_dict() == {
        tag: value for tag, value in expected.to_json_dict().items() if tag != "00080000"
    }
    assert read.ContentSequence[0].TextValue == "x" * 500


def test_unknown_sequences_are_in_implicit_vr_already() -> None:
    inner = b"\xfe\xff\x00\xe0\xff\xff\xff\xff\x08\0\0\1\2\0\0\0A \xfe\xff\x0d\xe0\0\0\0\0"
    raw = b"\x09\0\x01\x10UN\0\0\xff\xff\xff\xff" + inner + b"\xfe\xff\xdd\xe0\0\0\0\0"
    assert b"".join(implicit([raw])) == b"\x09\0\x01\x10\xff\xff\xff\xff" + inner + (
        b"\xfe\xff\xdd\xe0\0\0\0\0"
    )


@pytest.mark.parametrize(
    "raw",
    [
        b"\x08\0\x05\0",
        b"\x08\0\x05\0CS\x08\0ISO",
        b"\x08\0\x05\0\0\0\0\0",
        b"\xfe\xff\x00\xe0\0\0\0\0",
        b"\xfe\xff\x0d\xe0\0\0\0\0",
        b"\x08\0\x10\x11SQ\0\0\xff\xff\xff\xff",
        b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\0\0\0\0",
    ],
)
def test_what_is_no_such_data_set_is_refused(raw: bytes) -> None:
    with pytest.raises(InstanceRejected):
        b"".join(implicit([raw]))


@given(st.binary(max_size=300), st.integers(1, 50))
def test_any_bytes_end(raw: bytes, size: int) -> None:
    try:
        made = b"".join(implicit(pieces(raw, size)))
    except InstanceRejected:
        return
    assert len(made) <= 3 * len(raw)


def test_files_without_a_header_are_refused() -> None:
    with pytest.raises(InstanceRejected):
        list(data_set([b"x" * 200]))


def raw_elements(found: Dataset) -> dict[int, bytes]:
    """Raw values of the elements at the root that are no sequences."""
    return {
        int(element.tag): element.value or b""
        for element in found.elements()
        if isinstance(element, RawDataElement) and element.VR != "SQ"
    }


@pytest.mark.filterwarnings("ignore::UserWarning")  # real files deviate
@pytest.mark.parametrize("path", data.valid_files(), ids=lambda path: path.name)
def test_real_files(path: Path) -> None:
    raw = path.read_bytes()
    found = dcmread(BytesIO(raw), force=True)
    syntax = found.file_meta.get("TransferSyntaxUID") if "file_meta" in vars(found) else None
    if syntax != ExplicitVRLittleEndian or raw[128:132] != b"DICM":
        return
    if "PixelData" in found and found["PixelData"].is_undefined_length:
        with pytest.raises(InstanceRejected):
            b"".join(implicit(data_set(pieces(raw, 65_536))))
        return
    made = b"".join(implicit(data_set(pieces(raw, 65_536))))
    read = raw_elements(read_dataset(BytesIO(made), True, True))
    wanted = raw_elements(read_dataset(BytesIO(plain(raw, 65_536)), False, True))
    for tag, value in wanted.items():
        if value and tag & 0xFFFF:
            assert read[tag] == value

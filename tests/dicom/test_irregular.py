"""Decisions of docs/input.md on irregular files."""

from __future__ import annotations

from struct import pack

import pytest
from pydicom import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicomweb_server.dicom.rewrite import explicit
from dicomweb_server.errors import InstanceRejected
from dicomweb_server.model.instance import ScannedInstance
from dicomweb_server.model.outcome import FailureReason
from dicomweb_server.model.source import MemorySource
from tests import datasets
from tests.dicom import scans

_ITEM = b"\xfe\xff\x00\xe0"
_ITEM_END = b"\xfe\xff\x0d\xe0\0\0\0\0"
_SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"
_OPEN = b"\xff\xff\xff\xff"


def _explicit_element(tag: int, vr: bytes, value: bytes) -> bytes:
    return pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


def _implicit_element(tag: int, value: bytes) -> bytes:
    return pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value


def _before_uids(extra: bytes, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """A file whose data set begins with elements made by hand."""
    data = datasets.part10(datasets.dataset(), syntax)
    start = data.index(b"\x08\0\x16\0")
    return data[:start] + extra + data[start:]


def _warned(data: bytes, words: str) -> ScannedInstance:
    found = scans.scanned(data)
    assert any(words in text for text in found.warnings), found.warnings
    return found


def _refused(data: bytes, words: str = ".") -> FailureReason:
    with pytest.raises(InstanceRejected, match=words) as refused:
        scans.scanned(data)
    return refused.value.reason


def test_bytes_without_a_part_10_header_are_refused() -> None:
    data = datasets.part10(datasets.dataset())
    for bad in (b"", b"DICM", data[132:], data[:131], b"PK\3\4" * 100):
        assert _refused(bad, "not a DICOM file") is FailureReason.CANNOT_UNDERSTAND


def test_a_refusal_names_the_instance_as_far_as_it_is_known() -> None:
    data = datasets.part10(datasets.dataset())
    names = ("1.2.840.10008.5.1.4.1.1.7", "1.2.3.4.5")
    for broken in (data[:-1], data[: data.index(b"\x08\0\x16\0") + 3]):
        with pytest.raises(InstanceRejected) as refused:
            scans.scanned(broken)
        assert (refused.value.sop_class, refused.value.instance) == names


def test_file_meta_without_transfer_syntax_is_refused() -> None:
    data = datasets.part10(datasets.dataset())
    _refused(
        data.replace(_explicit_element(0x00020010, b"UI", b"1.2.840.10008.1.2.1\0"), b""),
        "TransferSyntaxUID",
    )


@pytest.mark.parametrize("length", [0, 10, 5_000, 2**32 - 1])
def test_a_wrong_group_length_does_no_harm(length: int) -> None:
    data = datasets.part10(datasets.dataset())
    changed = data[:140] + pack("<I", length) + data[144:]
    assert _warned(changed, "length of the File Meta").key == scans.scanned(data).key


def test_the_data_set_counts_where_the_file_meta_differs() -> None:
    data = datasets.part10(datasets.dataset())
    place = data.index(b"1.2.3.4.5")
    changed = data[:place] + b"1.2.3.4.9" + data[place + 9 :]
    assert _warned(changed, "SOP Instance UID").key.instance == "1.2.3.4.5"


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_zero_bytes_behind_the_data_set_are_padding(syntax: str) -> None:
    data = datasets.part10(datasets.dataset(PixelData=None), syntax)
    for size in (1, 7, 8, 512, 200_000):
        _warned(data + bytes(size), f"{size} zero bytes")


def test_other_bytes_behind_the_pixel_data_are_left_over() -> None:
    data = datasets.part10(datasets.dataset())
    for tail in (b"garbage", b"some more garbage that is no element", b"\xff" * 40):
        found = _warned(data + tail, f"{len(tail)} bytes")
        assert found.bulk == scans.scanned(data).bulk


def test_other_bytes_without_pixel_data_are_refused() -> None:
    data = datasets.part10(datasets.dataset(PixelData=None))
    _refused(data + b"garbage that is no element")


def test_trailing_padding_is_not_in_the_document() -> None:
    padding = b"\xfc\xff\xfc\xffOB\0\0\4\0\0\0abcd"
    found = scans.scanned(datasets.part10(datasets.dataset()) + padding)
    assert not found.warnings
    assert "FFFCFFFC" not in scans.document(found)


def test_a_vr_that_does_not_exist_is_read_by_the_dictionary() -> None:
    extra = _explicit_element(0x00081030, b"Z@", b"abcd")
    found = _warned(
        _before_uids(extra + _explicit_element(0x00081040, b"LO", b"ef")), "does not exist"
    )
    assert scans.document(found)["00081030"] == {"vr": "LO", "Value": ["abcd"]}


def test_a_new_vr_with_a_long_header_is_read_too() -> None:
    extra = b"\x07\0\x10\x10ZZ\0\0\4\0\0\0abcd" + _explicit_element(0x00080012, b"DA", b"")
    found = _warned(_before_uids(extra), "does not exist")
    assert scans.document(found)["00071010"] == {"vr": "UN", "InlineBinary": "YWJjZA=="}


@pytest.mark.parametrize("definite", [True, False])
def test_items_in_implicit_vr_inside_an_explicit_data_set(definite: bool) -> None:
    inner = _implicit_element(0x00080100, b"CODE") + _implicit_element(0x00080104, b"ab")
    item = _ITEM + (pack("<I", len(inner)) + inner if definite else _OPEN + inner + _ITEM_END)
    sequence = b"\x08\0\x32\x10SQ\0\0" + _OPEN + item + _SEQUENCE_END
    found = _warned(_before_uids(sequence), "implicit VR")
    assert scans.document(found)["00081032"]["Value"] == [
        {
            "00080100": {"vr": "SH", "Value": ["CODE"]},
            "00080104": {"vr": "LO", "Value": ["ab"]},
        }
    ]


def test_items_in_explicit_vr_inside_an_implicit_data_set() -> None:
    inner = _explicit_element(0x00080100, b"SH", b"CODE")
    sequence = b"\x08\0\x32\x10" + _OPEN + _ITEM + pack("<I", len(inner)) + inner + _SEQUENCE_END
    data = _before_uids(sequence, ImplicitVRLittleEndian)
    found = _warned(data, "explicit VR")
    assert scans.document(found)["00081032"]["Value"] == [
        {"00080100": {"vr": "SH", "Value": ["CODE"]}}
    ]
    made = b"".join(explicit(MemorySource(data), scans.LIMITS))
    assert len(made) == found.explicit_size
    assert scans.scanned(made).document == found.document


def test_implicit_data_under_an_explicit_label_count_as_implicit() -> None:
    data = datasets.part10(datasets.dataset(), ImplicitVRLittleEndian)
    old = _explicit_element(0x00020010, b"UI", b"1.2.840.10008.1.2\0")
    changed = data.replace(old, _explicit_element(0x00020010, b"UI", b"1.2.840.10008.1.2.1\0"))
    found = _warned(changed, "implicit VR")
    assert found.transfer_syntax == ImplicitVRLittleEndian
    made = b"".join(explicit(MemorySource(changed), scans.LIMITS))
    assert len(made) == found.explicit_size
    assert scans.scanned(made).transfer_syntax == ExplicitVRLittleEndian


def test_delimiters_with_nothing_to_end_are_passed_over() -> None:
    inner = _explicit_element(0x00080100, b"SH", b"CODE")
    item = _ITEM + pack("<I", len(inner)) + inner
    sequence = b"\x08\0\x32\x10SQ\0\0" + pack("<I", len(item)) + item + _SEQUENCE_END
    found = _warned(_before_uids(sequence), "passed over")
    assert scans.document(found)["00081032"]["Value"] == [
        {"00080100": {"vr": "SH", "Value": ["CODE"]}}
    ]


def test_an_item_ends_where_its_sequence_does() -> None:
    item = _ITEM + _OPEN + _explicit_element(0x00080100, b"SH", b"CODE")
    sequence = b"\x08\0\x32\x10SQ\0\0" + _OPEN + item + _SEQUENCE_END
    found = _warned(_before_uids(sequence), "no delimiter")
    assert len(scans.document(found)["00081032"]["Value"]) == 1


@pytest.mark.parametrize(
    "value",
    [
        b"\x08\0\x32\x10SQ\0\0\x08\0\0\0" + b"not item",
        b"\x08\0\x32\x10SQ\0\0\x10\0\0\0" + _ITEM + b"\x20\0\0\0" + bytes(8),
        b"\x08\0\x32\x10SQ\0\0\x10\0\0\0" + _ITEM + b"\x08\0\0\0" + b"\x08\0\0\1SH\x09\0",
        b"\x08\0\x32\x10SQ\0\0\xff\xff\xff\x7f" + _ITEM,
        _ITEM + bytes(4),
        b"\x08\0\x30\x10UT\0\0\xff\xff\xff\xff",
        b"\x08\0\x30\x10LO\xff\xff",
    ],
)
def test_broken_structure_is_refused(value: bytes) -> None:
    assert _refused(_before_uids(value)) is FailureReason.CANNOT_UNDERSTAND


def test_rows_of_another_vr_do_not_count() -> None:
    data = datasets.part10(datasets.dataset())
    rows = _explicit_element(0x00280010, b"US", b"\4\0")
    changed = data.replace(rows, _explicit_element(0x00280010, b"UL", b"\4\0\0\xff"))
    found = scans.scanned(changed)
    assert found.frames is None
    assert found.pixel is not None
    assert found.pixel.rows == 0


def test_objects_without_study_lie_under_their_own_uid() -> None:
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.5.1.4.39.1", "1.2.9"
    found = _warned(datasets.part10(made), "no study")
    assert (found.key.study, found.key.series, found.key.instance) == ("1.2.9",) * 3
    assert b'"0020000D":{"vr":"UI","Value":["1.2.9"]}' in found.attributes.study
    assert b'"0020000E":{"vr":"UI","Value":["1.2.9"]}' in found.attributes.series
    assert "0020000D" not in scans.document(found)
    assert {value.value for value in found.values if value.path[0] >> 16 == 0x20} == {"1.2.9"}


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_values_of_odd_length_are_read_as_they_are(syntax: str) -> None:
    data = datasets.part10(datasets.dataset(PatientID="odd"), syntax)
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    even = pack(order + "HH2sH4s", 0x10, 0x20, b"LO", 4, b"odd ")
    odd = pack(order + "HH2sH3s", 0x10, 0x20, b"LO", 3, b"odd")
    found = scans.scanned(data.replace(even, odd))
    assert scans.document(found)["00100020"]["Value"] == ["odd"]


@pytest.mark.parametrize("value", [b"abcd", b"no items here"])
def test_a_private_dictionary_that_does_not_fit_is_not_believed(value: bytes) -> None:
    extra = _implicit_element(0x00710010, b"AGFA-AG_HPState ") + _implicit_element(
        0x00711018, value
    )
    data = datasets.part10(datasets.dataset(PixelData=None), ImplicitVRLittleEndian) + extra
    assert scans.document(scans.scanned(data))["00711018"]["vr"] == "UN"


def test_a_private_dictionary_that_fits_makes_sequences() -> None:
    item = _ITEM + pack("<I", 12) + _implicit_element(0x00100020, b"abcd")
    extra = _implicit_element(0x00710010, b"AGFA-AG_HPState ") + _implicit_element(0x00711018, item)
    data = datasets.part10(datasets.dataset(PixelData=None), ImplicitVRLittleEndian) + extra
    assert scans.document(scans.scanned(data))["00711018"]["Value"] == [
        {"00100020": {"vr": "LO", "Value": ["abcd"]}}
    ]

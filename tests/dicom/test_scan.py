"""Rules of the scan: what goes into the document, the index and the bulk table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from struct import pack
from typing import Any

import pytest
from pydicom import DataElement, Dataset
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)

from dicomweb_server.dicom.scan import scan
from dicomweb_server.errors import InstanceRejected
from dicomweb_server.model.ids import Level
from dicomweb_server.model.instance import ByteRange
from dicomweb_server.model.levels import IndexPlan
from dicomweb_server.model.limits import ScanLimits
from dicomweb_server.model.outcome import FailureReason
from dicomweb_server.model.source import MemorySource
from tests import datasets
from tests.dicom import scans

SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)
each_syntax = pytest.mark.parametrize("syntax", SYNTAXES)


def _document(syntax: str = ExplicitVRLittleEndian, **attributes: Any) -> dict[str, Any]:
    return scans.document(scans.scanned(datasets.part10(datasets.dataset(**attributes), syntax)))


def _item(**attributes: Any) -> Dataset:
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def _element(tag: int, vr: bytes, value: bytes) -> bytes:
    return pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


def _front(extra: bytes) -> bytes:
    """A file whose data set begins with elements made by hand."""
    data = datasets.part10(datasets.dataset())
    start = data.index(b"\x08\0\x16\0UI")
    return data[:start] + extra + data[start:]


class _CountingSource(MemorySource):
    """Tells how much was read."""

    def __init__(self, data: bytes, size: int) -> None:
        super().__init__(data)
        self._end = size
        self.asked = 0

    @property
    def size(self) -> int:
        return self._end

    def read_at(self, offset: int, length: int) -> bytes:
        self.asked += length
        return super().read_at(offset, length)


@each_syntax
def test_the_document_is_sorted_and_has_upper_case_tags(syntax: str) -> None:
    document = _document(syntax, PatientComments="x")
    assert list(document) == sorted(document)
    assert all(tag == tag.upper() and len(tag) == 8 for tag in document)
    assert not any(tag.startswith("0002") or tag.endswith("0000") for tag in document)


@each_syntax
def test_character_set_of_the_document_is_utf8(syntax: str) -> None:
    document = _document(syntax, SpecificCharacterSet="ISO_IR 100", PatientName="Müller^Jörg")
    assert document["00080005"] == {"vr": "CS", "Value": ["ISO_IR 192"]}
    assert document["00100010"]["Value"] == [{"Alphabetic": "Müller^Jörg"}]


@pytest.mark.parametrize("said", [None, "", "ISO_IR 6"])
def test_ascii_documents_tell_no_character_set(said: str | None) -> None:
    attributes = {} if said is None else {"SpecificCharacterSet": said}
    assert "00080005" not in _document(**attributes)


def test_text_beyond_ascii_without_character_set_makes_the_document_say_utf8() -> None:
    data = datasets.part10(datasets.dataset(PatientID="AxxB")).replace(b"AxxB", b"A\xc3\xb6B")
    assert scans.document(scans.scanned(data))["00080005"]["Value"] == ["ISO_IR 192"]


def test_items_inherit_the_character_set_or_bring_their_own() -> None:
    own = _item(SpecificCharacterSet="ISO_IR 144", CodeMeaning="\u0418\u0432")
    inherited = _item(CodeMeaning="é")
    document = _document(SpecificCharacterSet="ISO_IR 100", ProcedureCodeSequence=[own, inherited])
    first, second = document["00081032"]["Value"]
    assert first["00080104"]["Value"] == ["\u0418\u0432"]
    assert first["00080005"]["Value"] == ["ISO_IR 192"]
    assert second["00080104"]["Value"] == ["é"]
    assert "00080005" not in second


def test_a_character_set_behind_the_text_counts_nevertheless() -> None:
    late = _element(0x00100020, b"LO", b"M\xfcller") + _element(0x00080005, b"CS", b"ISO_IR 100")
    data = datasets.part10(datasets.dataset(PatientID=None))
    start = data.index(b"\x08\0\x16\0UI")
    found = scans.scanned(data[:start] + late + data[start:])
    assert scans.document(found)["00100020"]["Value"] == ["Müller"]
    assert found.warnings


def test_elements_out_of_order_are_sorted_and_doubled_ones_count_once() -> None:
    extra = _element(0x00100020, b"LO", b"FIRST ") + _element(0x00080050, b"SH", b"ACC1")
    found = scans.scanned(_front(extra))
    document = scans.document(found)
    assert list(document) == sorted(document)
    assert document["00100020"]["Value"] == ["FIRST"]
    assert document["00080050"]["Value"] == ["ACC1"]
    assert [value.value for value in found.values if value.path == (0x00100020,)] == ["FIRST"]
    assert any("twice" in text for text in found.warnings)


def test_a_doubled_sequence_counts_once() -> None:
    inner = _element(0x00080100, b"SH", b"BBBB")
    items = b"\xfe\xff\x00\xe0" + pack("<I", len(inner)) + inner
    again = b"\x08\0\x32\x10SQ\0\0" + pack("<I", len(items)) + items
    once = b"\x08\0\x32\x10SQ\0\0\0\0\0\0"
    found = scans.scanned(_front(once + again))
    assert scans.document(found)["00081032"] == {"vr": "SQ"}
    assert not [value for value in found.values if value.path[0] == 0x00081032]


@each_syntax
def test_empty_sequences_and_items_follow_annex_f(syntax: str) -> None:
    document = _document(
        syntax, ProcedureCodeSequence=[], ReferencedStudySequence=[Dataset(), Dataset()]
    )
    assert document["00081032"] == {"vr": "SQ"}
    assert document["00081110"] == {"vr": "SQ", "Value": [{}, {}]}


@each_syntax
def test_values_of_sequences_are_indexed_with_their_items(syntax: str) -> None:
    items = [_item(ScheduledProcedureStepID=name) for name in ("one", "two", "")]
    made = datasets.dataset(RequestAttributesSequence=items)
    found = scans.scanned(datasets.part10(made, syntax))
    values = [value for value in found.values if value.path == (0x00400275, 0x00400009)]
    assert [(value.item, value.value) for value in values] == [
        ("0001", "one"),
        ("0002", "two"),
        ("0003", ""),
    ]
    assert {value.level for value in values} == {Level.SERIES}


def test_an_empty_attribute_is_indexed_as_empty_and_an_absent_one_not_at_all() -> None:
    found = scans.scanned(datasets.part10(datasets.dataset(PatientID="", AccessionNumber=None)))
    assert [value.value for value in found.values if value.path == (0x00100020,)] == [""]
    assert not [value for value in found.values if value.path == (0x00080050,)]


def test_level_attributes_are_taken_from_the_root_alone() -> None:
    inner = _item(PatientID="inner", SeriesNumber=9)
    made = datasets.dataset(ReferencedStudySequence=[inner], PatientID="outer")
    attributes = scans.scanned(datasets.part10(made)).attributes
    assert json.loads(attributes.study)["00100020"]["Value"] == ["outer"]
    assert json.loads(attributes.series)["00200011"]["Value"] == [1]
    assert json.loads(attributes.instance)["00200013"]["Value"] == [1]


@each_syntax
def test_bulk_values_inside_sequences_have_their_path(syntax: str) -> None:
    item = _item(WaveformBitsAllocated=16, WaveformData=bytes(range(256)) * 40)
    item["WaveformData"].VR = "OW"
    made = datasets.dataset(WaveformSequence=[Dataset(), item])
    data = datasets.part10(made, syntax)
    found = scans.scanned(data)
    bulk = next(part for part in found.bulk if part.path == "54000100.2.54001010")
    raw = b"".join(data[part.start : part.start + part.length] for part in bulk.ranges)
    assert raw == bytes(range(256)) * 40
    uri = scans.document(found)["54000100"]["Value"][1]["54001010"]["BulkDataURI"]
    assert uri == (
        "http://here/dicom-web/studies/1.2.3/series/1.2.3.4/instances/1.2.3.4.5"
        "/bulkdata/54000100.2.54001010"
    )


def test_binary_values_go_out_by_reference_above_the_threshold() -> None:
    made = datasets.dataset(PixelData=None, ICCProfile=bytes(4096))
    assert not scans.scanned(datasets.part10(made)).bulk
    made = datasets.dataset(PixelData=None, ICCProfile=bytes(4098))
    assert [bulk.path for bulk in scans.scanned(datasets.part10(made)).bulk] == ["00282000"]


def test_pixel_data_go_out_by_reference_whatever_their_size() -> None:
    found = scans.scanned(datasets.part10(datasets.dataset()))
    assert [(bulk.path, bulk.size) for bulk in found.bulk] == [("7FE00010", 32)]


def test_long_text_goes_out_by_reference_but_never_names_and_identifiers() -> None:
    limits = ScanLimits(inline_text=64)
    made = datasets.dataset(
        PixelData=None, PatientComments="x" * 66, PatientName="Doe^Jane\\" * 12 + "A^B"
    )
    found = scans.scanned(datasets.part10(made), limits)
    assert [bulk.path for bulk in found.bulk] == ["00104000"]
    assert b"00104000" not in found.attributes.study


@each_syntax
def test_numbers_that_json_does_not_have_go_out_by_reference(syntax: str) -> None:
    made = datasets.dataset(PixelData=None, ExaminedBodyThickness=float("nan"))
    found = scans.scanned(datasets.part10(made, syntax))
    assert [(bulk.path, bulk.vr, bulk.size) for bulk in found.bulk] == [("00109431", "FL", 4)]


def test_a_document_that_is_too_long_gives_its_texts_by_reference() -> None:
    made = datasets.dataset(PatientComments="x" * 9_000)
    limits = ScanLimits(document=8_000)
    found = scans.scanned(datasets.part10(made), limits)
    assert "00104000" in [bulk.path for bulk in found.bulk]
    with pytest.raises(InstanceRejected) as refused:
        scans.scanned(datasets.part10(made), ScanLimits(document=500))
    assert refused.value.reason is FailureReason.OUT_OF_RESOURCES


@pytest.mark.parametrize(
    "keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"]
)
@pytest.mark.parametrize("value", [b"", b"1.2/3\0", b"a.b\0", b"1" * 66])
def test_an_instance_without_its_uids_is_refused_by_name(keyword: str, value: bytes) -> None:
    made = datasets.dataset(PixelData=None)
    tag = made[keyword].tag
    data = datasets.part10(made)
    old = _element(
        tag, b"UI", str(made[keyword].value).encode() + b"\0" * (len(made[keyword].value) % 2)
    )
    assert data.count(old) == 1
    for changed in (data.replace(old, b""), data.replace(old, _element(tag, b"UI", value))):
        with pytest.raises(InstanceRejected, match=keyword) as refused:
            scans.scanned(changed)
        assert refused.value.reason is FailureReason.CANNOT_UNDERSTAND


@pytest.mark.parametrize(
    ("limits", "match"),
    [
        (ScanLimits(elements=5), "elements"),
        (ScanLimits(depth=1), "deeper"),
        (ScanLimits(value=3), "longer"),
    ],
)
def test_limits_are_told(limits: ScanLimits, match: str) -> None:
    inner = _item(ReferencedStudySequence=[_item(PatientID="x")])
    data = datasets.part10(datasets.dataset(ReferencedStudySequence=[inner]))
    with pytest.raises(InstanceRejected, match=match):
        scans.scanned(data, limits)


def test_names_longer_than_any_real_one_are_refused() -> None:
    data = datasets.part10(datasets.dataset(PixelData=None), ImplicitVRLittleEndian)
    long = pack("<HHI", 0x7011, 0x10, 5 * 2**20) + b"A\\" * (5 * 2**19)
    with pytest.raises(InstanceRejected, match="longer") as refused:
        scans.scanned(data + long)
    assert refused.value.reason is FailureReason.OUT_OF_RESOURCES


def test_nesting_without_end_is_refused() -> None:
    deep = b"\x08\0\x32\x10SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 100_000
    with pytest.raises(InstanceRejected, match="deeper"):
        scans.scanned(_front(deep))


def test_a_large_file_is_not_read() -> None:
    made = datasets.dataset(PixelData=bytes(32))
    data = datasets.part10(made)
    size = 2**31 + len(data)
    start = data.index(b"\xe0\x7f\x10\0OW") + 8
    source = _CountingSource(data[:start] + pack("<I", 2**31 + 32) + data[start + 4 :], size)
    found = scan(source, scans.PLAN, scans.LIMITS)
    assert source.asked < 256 * 1024
    assert found.bulk[0].ranges == (ByteRange(start + 4, 2**31 + 32),)


def test_an_unknown_transfer_syntax_needs_fragments() -> None:
    data = datasets.part10(datasets.dataset())
    unknown = data.replace(b"UI\x14\x001.2.840.10008.1.2.1\0", b"UI\x14\x001.2.999.10008.1.2.1\0")
    with pytest.raises(InstanceRejected) as refused:
        scans.scanned(unknown)
    assert refused.value.reason is FailureReason.TRANSFER_SYNTAX_NOT_SUPPORTED
    start = unknown.index(b"\xe0\x7f\x10\0OW")
    items = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\x04\0\0\0abcd\xfe\xff\xdd\xe0\0\0\0\0"
    found = scans.scanned(unknown[:start] + b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff" + items)
    assert found.transfer_syntax == "1.2.999.10008.1.2.1"
    assert found.frames is not None
    assert found.explicit_size is None


def test_compressed_syntax_with_native_pixel_data_is_refused() -> None:
    with pytest.raises(InstanceRejected, match="fragments"):
        scans.scanned(_relabelled(JPEGBaseline8Bit))


def _relabelled(syntax: str) -> bytes:
    data = datasets.part10(datasets.dataset())
    old = b"UI\x14\x001.2.840.10008.1.2.1\0"
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    return data.replace(old, pack("<2sH", b"UI", len(uid)) + uid)


def test_explicit_data_under_an_implicit_label_count_as_implicit() -> None:
    found = scans.scanned(_relabelled(ImplicitVRLittleEndian))
    assert found.transfer_syntax == ImplicitVRLittleEndian
    assert found.explicit_size is not None
    assert found.warnings


def test_an_unknown_length_un_is_an_implicit_sequence() -> None:
    inner = b"\x10\0\x20\0\4\0\0\0abcd"
    value = b"\xfe\xff\x00\xe0" + pack("<I", len(inner)) + inner + b"\xfe\xff\xdd\xe0\0\0\0\0"
    found = scans.scanned(_front(b"\x07\0\x10\x10UN\0\0\xff\xff\xff\xff" + value))
    item = scans.document(found)["00071010"]
    assert item == {"vr": "SQ", "Value": [{"00100020": {"vr": "LO", "Value": ["abcd"]}}]}


def test_un_is_read_by_the_dictionary_where_it_knows_better() -> None:
    found = scans.scanned(_front(b"\x08\0\x30\x10UN\0\0\4\0\0\0abcd"))
    assert scans.document(found)["00081030"] == {"vr": "LO", "Value": ["abcd"]}
    found = scans.scanned(_front(b"\x08\0\x32\x10UN\0\0\4\0\0\0abcd"))
    assert scans.document(found)["00081032"] == {"vr": "UN", "InlineBinary": "YWJjZA=="}


def _signed(nested: bool, sign: int) -> Dataset:
    """Ambiguous elements in front of Pixel Representation, in the root or in an item."""
    made = datasets.dataset(PixelRepresentation=sign, PixelData=None)
    value = DataElement(0x00189810, "SS" if sign else "US", -2 if sign else 2)
    if nested:
        made[0x00081032] = DataElement(0x00081032, "SQ", [Dataset()])
        made[0x00081032].value[0].add(value)
    else:
        made.add(value)
    return made


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("sign", [0, 1])
def test_ambiguous_vrs_follow_pixel_representation(nested: bool, sign: int) -> None:
    data = datasets.part10(_signed(nested, sign), ImplicitVRLittleEndian)
    document = scans.document(scans.scanned(data))
    holder = document["00081032"]["Value"][0] if nested else document
    assert holder["00189810"] == {"vr": "SS" if sign else "US", "Value": [-2 if sign else 2]}


def test_the_nearest_pixel_representation_counts() -> None:
    icon = _item(PixelRepresentation=0, SmallestImagePixelValue=3)
    icon["SmallestImagePixelValue"].VR = "US"
    made = datasets.dataset(PixelRepresentation=1, IconImageSequence=[icon])
    document = scans.document(scans.scanned(datasets.part10(made, ImplicitVRLittleEndian)))
    assert document["00880200"]["Value"][0]["00280106"]["vr"] == "US"


def test_private_elements_of_known_creators_have_their_vr() -> None:
    made = datasets.dataset(PixelData=None)
    block = made.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x08, "CS", "IMAGE NUM 4")
    other = made.private_block(0x0031, "NOBODY KNOWS", create=True)
    other.add_new(0x08, "LO", "abcd")
    document = scans.document(scans.scanned(datasets.part10(made, ImplicitVRLittleEndian)))
    assert document["00290010"] == {"vr": "LO", "Value": ["SIEMENS CSA HEADER"]}
    assert document["00291008"] == {"vr": "CS", "Value": ["IMAGE NUM 4"]}
    assert document["00311008"] == {"vr": "UN", "InlineBinary": "YWJjZA=="}


def test_messages_hold_no_patient_data() -> None:
    data = datasets.part10(datasets.dataset(PatientName="Secret^Person", PatientID="S3CR3T"))
    for text in _messages(data):
        assert "Secret" not in text
        assert "S3CR3T" not in text


def _messages(data: bytes) -> Iterator[str]:
    for end in range(140, len(data), 7):
        try:
            yield from scans.scanned(data[:end]).warnings
        except InstanceRejected as refused:
            yield refused.detail + refused.hint


def test_only_planned_paths_are_indexed() -> None:
    plan = IndexPlan(frozenset({(0x00100020,)}))
    found = scan(MemorySource(datasets.part10(datasets.dataset())), plan, scans.LIMITS)
    assert [value.path for value in found.values] == [(0x00100020,)]

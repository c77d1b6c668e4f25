"""Identifiers as another library encodes them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from dicomweb_server.dimse import identifier
from dicomweb_server.dimse.identifier import Key
from dicomweb_server.errors import InvalidRequest, PayloadTooLarge
from tests.dimse.archives import EXPLICIT, IMPLICIT, encoded

BIG = "1.2.840.10008.1.2.2"


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_keys_of_every_kind(syntax: str) -> None:
    keys = Dataset()
    keys.SpecificCharacterSet = "ISO_IR 100"
    keys.QueryRetrieveLevel = "STUDY"
    keys.StudyDate = "20240101-20241231"
    keys.PatientName = "Müller*"
    keys.StudyInstanceUID = ["1.2.3", "1.2.34"]
    keys.AccessionNumber = ""
    keys.Rows = 512
    keys.OffendingElement = 0x00100010
    item = Dataset()
    item.CodeValue = "A"
    inner = Dataset()
    inner.RequestedProcedureID = ""
    item.RequestAttributesSequence = [inner]
    keys.ProcedureCodeSequence = [item]
    keys.ReferencedStudySequence = []
    target = DicomBytesIO()
    target.is_little_endian, target.is_implicit_VR = syntax != BIG, syntax == IMPLICIT
    write_dataset(target, keys)
    read = identifier.read(target.getvalue(), syntax)
    assert read.terms == ("ISO_IR 100",)
    assert [(key.tag, key.vr, key.text) for key in read.keys] == [
        (0x00000901, "AT", "00100010"),
        (0x00080020, "DA", "20240101-20241231"),
        (0x00080050, "SH", ""),
        (0x00080052, "CS", "STUDY"),
        (0x00081032, "SQ", ""),
        (0x00081110, "SQ", ""),
        (0x00100010, "PN", "Müller*"),
        (0x0020000D, "UI", "1.2.3\\1.2.34"),
        (0x00280010, "US", "512"),
    ]
    deeper = Key(0x00400275, "SQ", "", ((Key(0x00401001, "SH", ""),),))
    sequence = read.key(0x00081032)
    assert sequence is not None
    assert sequence.items == ((Key(0x00080100, "SH", "A"), deeper),)
    assert read.text(0x00080052) == "STUDY"
    assert read.text(0x00080060) == ""
    assert read.key(0x00080060) is None


@pytest.mark.parametrize(
    ("terms", "name", "raw"),
    [
        ("ISO_IR 192", "山田^太郎", "山田^太郎".encode()),
        ("GB18030", "张^小东", "张^小东".encode("gb18030")),
        ("\\ISO 2022 IR 87", "Yamada=山田", b"Yamada=\x1b$B;3ED\x1b(B"),
        ("ISO_IR 144", "Жуков", "Жуков".encode("iso8859_5")),
        ("ISO_IR 126", "Διον", "Διον".encode("iso8859_7")),
        ("\\ISO 2022 IR 149", "홍^길동", b"\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf"),
    ],
)
def test_names_are_read_in_the_set_of_the_request(terms: str, name: str, raw: bytes) -> None:
    keys = Dataset()
    keys.SpecificCharacterSet = terms.split("\\")
    keys.add_new(0x00100010, "UN", raw + b" " * (len(raw) % 2))
    read = identifier.read(encoded(keys), IMPLICIT)
    assert read.text(0x00100010) == name
    assert read.terms == tuple(terms.split("\\"))


def test_group_lengths_count_for_nothing() -> None:
    raw = b"\x08\0\0\0\4\0\0\0\1\2\3\4" + b"\x08\0\x52\0\6\0\0\0STUDY "
    assert [key.tag for key in identifier.read(raw, IMPLICIT).keys] == [0x00080052]


@pytest.mark.parametrize(
    "raw", [b"\x08", b"\x08\0\x52\0\xff\0\0\0STUDY ", b"\xfe\xff\0\xe0\0\0\0\0"]
)
def test_what_is_no_data_set_is_refused_without_its_values(raw: bytes) -> None:
    with pytest.raises(InvalidRequest) as caught:
        identifier.read(raw, IMPLICIT)
    assert "STUDY" not in caught.value.detail


def test_length_is_bounded() -> None:
    with pytest.raises(PayloadTooLarge):
        identifier.read(b"\0" * (identifier.LONGEST + 1), IMPLICIT)
    many = b"\x08\0\x50\0\0\0\0\0" * 20_000
    with pytest.raises(InvalidRequest):
        identifier.read(many, IMPLICIT)


@given(st.binary(max_size=200), st.sampled_from([IMPLICIT, EXPLICIT, BIG]))
def test_any_bytes_are_read_or_refused(raw: bytes, syntax: str) -> None:
    with contextlib.suppress(InvalidRequest):
        identifier.read(raw, syntax)

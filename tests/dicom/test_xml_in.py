"""The Native DICOM Model in, rule by rule (PS3.19 A.1; M1 to M6, T6)."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings

from dicomweb_server.dicom.elements import DataSet, Reference
from dicomweb_server.dicom.xml_in import read_xml
from dicomweb_server.dicom.xml_out import native_xml
from dicomweb_server.errors import InstanceRejected, InvalidRequest, PayloadTooLarge
from dicomweb_server.model.limits import ScanLimits
from tests.dicom.metadata import DATA_SETS, Json, complete, without_charset, written

LIMITS = ScanLimits()
_OPEN = '<NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM">'


def _read(inner: str, limits: ScanLimits = LIMITS) -> DataSet | InstanceRejected:
    return read_xml(f"{_OPEN}{inner}</NativeDicomModel>".encode(), limits)


def _attribute(content: str, vr: str = "LO", tag: str = "00140010") -> str:
    return f'<DicomAttribute tag="{tag}" vr="{vr}">{content}</DicomAttribute>'


def _value(content: str, vr: str = "LO") -> object:
    found = _read(_attribute(content, vr))
    assert isinstance(found, DataSet), found
    return found.elements[0].value


def _refusal(inner: str) -> str:
    found = _read(inner)
    assert isinstance(found, InstanceRejected)
    return f"{found.detail}; {found.hint}"


@settings(deadline=None, max_examples=150)
@given(DATA_SETS)
def test_what_the_archive_writes_comes_back(data: Json) -> None:
    whole = complete(data)
    found = read_xml(native_xml(orjson.dumps(whole)), LIMITS)
    assert without_charset(written(found)) == whole


def test_m1_the_namespace_may_be_missing_or_prefixed() -> None:
    assert read_xml(b"<NativeDicomModel/>", LIMITS) == DataSet(())
    name = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
    assert read_xml(f'<n:NativeDicomModel xmlns:n="{name}"/>'.encode(), LIMITS) == DataSet(())


@pytest.mark.parametrize(
    ("content", "vr", "wanted"),
    [
        ("", "LO", b""),
        ('<Value number="1"/>', "LO", b""),
        ('<Value number="1">a</Value><Value number="2"/>', "LO", b"a\\"),
        ('<Value number="2">b</Value><Value number="1">a</Value>', "LO", b"a\\b"),
        ('<Value number="1"> a&lt;&#228;<!-- no -->b</Value>', "LO", " a<\u00e4b".encode()),
        ('<Value number="1">1</Value><Value number="2">-2</Value>', "SS", b"\1\0\xfe\xff"),
        ('<Value number="1">1.50</Value>', "DS", b"1.50"),
        ('<Value number="1">NaN</Value>', "FL", b"\0\0\xc0\x7f"),
        ('<Value number="1">00100020</Value>', "AT", b"\x10\0\x20\0"),
        ("<InlineBinary>AA\n E=</InlineBinary>", "OB", b"\0\1"),
        ("", "SQ", ()),
        ('<Item number="1"/>', "SQ", (DataSet(()),)),
        ('<BulkData uri="b/1"/>', "OB", Reference("b/1")),
    ],
)
def test_values(content: str, vr: str, wanted: object) -> None:
    assert _value(content, vr) == wanted


def test_m5_names_are_put_together_from_components() -> None:
    name = (
        '<PersonName number="1"><Alphabetic><GivenName>Jane</GivenName>'
        "<FamilyName>Doe</FamilyName><NameSuffix>III</NameSuffix></Alphabetic>"
        "<Phonetic><FamilyName>Do</FamilyName></Phonetic></PersonName>"
        '<PersonName number="2"/>'
    )
    assert _value(name, "PN") == b"Doe^Jane^^^III==Do\\"


def test_m4_private_attributes_get_a_block_of_their_creator() -> None:
    private = '<DicomAttribute tag="{}" vr="LO" {}><Value number="1">{}</Value></DicomAttribute>'
    found = _read(
        private.format("00190001", 'privateCreator="A"', "1")
        + private.format("00190001", 'privateCreator="B"', "2")
        + private.format("00190002", 'privateCreator="A"', "3")
        + private.format("00190010", "", "C")
        + private.format("00191001", "", "4")
    )
    assert isinstance(found, DataSet)
    assert {element.tag: element.value for element in found.elements} == {
        0x00190010: b"C",
        0x00190011: b"A",
        0x00190012: b"B",
        0x00191001: b"4",
        0x00191101: b"1",
        0x00191102: b"3",
        0x00191201: b"2",
    }


def test_m4_blocks_run_out() -> None:
    private = '<DicomAttribute tag="00190001" vr="LO" privateCreator="{}"/>'
    told = _refusal("".join(private.format(number) for number in range(241)))
    assert told.startswith("00190001: no block is left")


@pytest.mark.parametrize(
    ("inner", "wanted"),
    [
        (_attribute("", "XX"), "00140010: has no vr"),
        (_attribute("", tag="0014001"), "an attribute: tag is no tag"),
        (_attribute("", tag="00020010"), "00020010: File Meta Information has no place"),
        (_attribute("<Value>a</Value>"), "00140010: Value has no number"),
        (_attribute('<Value number="0">a</Value>'), "00140010: Value has no number"),
        (_attribute('<Value number="1"/>' * 2), "00140010: Value number 1 stands twice"),
        (_attribute('<Value number="999999999"/>'), "00140010: a number is left out"),
        (_attribute("text"), "00140010: DicomAttribute holds text"),
        (_attribute("<Jane/>"), "00140010: Jane has no place in DicomAttribute"),
        ('<Value number="1"/>', "Value has no place in NativeDicomModel"),
        (_attribute('<BulkData uuid="1"/>', "OB"), "00140010: BulkDataURI is no URI"),
        (
            _attribute('<BulkData uri="a"/><InlineBinary/>', "OB"),
            "00140010: has more than one value",
        ),
        (_attribute('<Value number="1">1</Value>', "OB"), "00140010: OB has no Value"),
        (_attribute('<Value number="1">1</Value>', "SQ"), "00140010: SQ has items only"),
        (_attribute('<Item number="1"/>'), "00140010: LO has no items"),
        (_attribute('<Value number="1">A^B</Value>', "PN"), "00140010: value 1 is no person"),
        (_attribute("") * 2, "00140010: stands twice in one data set"),
        (
            _attribute(
                '<Item number="1"/><Item number="2">'
                + _attribute('<Value number="1">x</Value>', "US", "00280010")
                + "</Item>",
                "SQ",
            ),
            "00140010[2].00280010: value 1 is no integer",
        ),
    ],
)
def test_errors_are_located_and_tell_what_would_be_valid(inner: str, wanted: str) -> None:
    told = _refusal(inner)
    assert told.startswith(wanted)
    assert len(told.partition("; ")[2]) > 5


def test_a_refusal_names_its_instance() -> None:
    uid = '<DicomAttribute tag="00080018" vr="UI"><Value number="1">1.2.3</Value></DicomAttribute>'
    found = _read(uid + _attribute("<Value>a</Value>"))
    assert isinstance(found, InstanceRejected)
    assert found.instance == "1.2.3"


def _doctype(subset: str, name: str = "&a;") -> bytes:
    value = _attribute(f'<Value number="1">{name}</Value>')
    return f"<!DOCTYPE NativeDicomModel [{subset}]>{_OPEN}{value}</NativeDicomModel>".encode()


_LAUGHS = '<!ENTITY a0 "ha">' + "".join(
    f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)
)
_BOMBS = {
    "external entity": _doctype('<!ENTITY a SYSTEM "file:///etc/hostname">'),
    "external entity over the network": _doctype('<!ENTITY a SYSTEM "http://127.0.0.1:9/">'),
    "parameter entity": _doctype('<!ENTITY % a SYSTEM "http://127.0.0.1:9/"> %a;'),
    "external DTD": b'<!DOCTYPE NativeDicomModel SYSTEM "http://127.0.0.1:9/"><NativeDicomModel/>',
    "billion laughs": _doctype(_LAUGHS, "&a9;"),
    "quadratic blowup": _doctype('<!ENTITY a "' + "A" * 50_000 + '">', "&a;" * 10_000),
    "a DOCTYPE without anything": b"<!DOCTYPE NativeDicomModel><NativeDicomModel/>",
    "a DOCTYPE in UTF-16": _doctype("").decode().encode("utf-16"),
    "a DOCTYPE in UTF-7": b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE a+AD4-<a/>',
    "undefined entity": f"{_OPEN}&nbsp;</NativeDicomModel>".encode(),
    "deep elements": (_OPEN + "<a>" * 10_000).encode(),
    "deep items": (
        _OPEN + '<DicomAttribute tag="00140010" vr="SQ"><Item number="1">' * 40
    ).encode(),
    "long text": (_OPEN + _attribute('<Value number="1">' + "a" * 11_000_000)).encode(),
    "cut off": _OPEN.encode(),
    "nothing": b"",
    "no XML": b"[]",
    "another root": b"<html/>",
    "another encoding than told": b'<?xml version="1.0"?><NativeDicomModel>\xe4</NativeDicomModel>',
    "two roots": b"<NativeDicomModel/><NativeDicomModel/>",
    "attribute twice": b'<NativeDicomModel a="1" a="2"/>',
}


@pytest.mark.parametrize("bomb", _BOMBS.values(), ids=_BOMBS.keys())
def test_bombs_are_refused_as_a_whole(bomb: bytes) -> None:
    with pytest.raises(InvalidRequest):
        read_xml(bomb, LIMITS)


@pytest.mark.parametrize(
    "name",
    [
        "external entity",
        "external entity over the network",
        "parameter entity",
        "external DTD",
        "billion laughs",
        "quadratic blowup",
        "a DOCTYPE without anything",
    ],
)
def test_a_doctype_is_refused_as_such(name: str) -> None:
    with pytest.raises(InvalidRequest, match="DOCTYPE"):
        read_xml(_BOMBS[name], LIMITS)


def test_xinclude_and_schemas_are_text(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    include = f'<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="file://{secret}"/>'
    assert "has no place" in _refusal(_attribute(include))


def test_other_encodings_that_hold_ascii_are_taken() -> None:
    text = f'<?xml version="1.0" encoding="ISO-8859-1"?>{_OPEN}' + _attribute(
        '<Value number="1">\u00e4</Value>'
    )
    found = read_xml(f"{text}</NativeDicomModel>".encode("latin-1"), LIMITS)
    assert isinstance(found, DataSet)
    assert found.text(0x00140010) == "\u00e4"


def test_limits_hold() -> None:
    with pytest.raises(PayloadTooLarge):
        _read("", ScanLimits(document=10))
    found = _read(_attribute("") + _attribute("", tag="00140011"), ScanLimits(elements=1))
    assert isinstance(found, InstanceRejected)
    with pytest.raises(PayloadTooLarge):
        _read(_attribute('<Value number="1"/><Value number="2"/>'), ScanLimits(elements=1))

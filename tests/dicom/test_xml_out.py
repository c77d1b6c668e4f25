"""The Native DICOM Model, rule by rule (PS3.19 A.1)."""

from __future__ import annotations

import warnings
from pathlib import Path
from xml.etree import ElementTree

import orjson
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.dicom.xml_out import native_xml
from tests.data import valid_files

_NAMESPACE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"
_FILES = [path for path in valid_files() if path.stat().st_size < 1024 * 1024]


def _parse(data: object) -> ElementTree.Element:
    return ElementTree.fromstring(native_xml(orjson.dumps(data)))  # noqa: S314 -- our own text


def _only(data: object) -> ElementTree.Element:
    (attribute,) = _parse(data)
    return attribute


def _name(element: ElementTree.Element) -> str:
    return element.tag.removeprefix(_NAMESPACE)


def test_m1_root() -> None:
    root = _parse({})
    assert root.tag == f"{_NAMESPACE}NativeDicomModel"
    assert root.get("{http://www.w3.org/XML/1998/namespace}space") == "preserve"
    assert native_xml(b"{}").startswith(b'<?xml version="1.0" encoding="UTF-8"?>')


def test_m2_attribute_has_tag_vr_and_keyword() -> None:
    attribute = _only({"0020000D": {"vr": "UI", "Value": ["1.2"]}})
    assert attribute.attrib == {"tag": "0020000D", "vr": "UI", "keyword": "StudyInstanceUID"}
    assert _name(attribute) == "DicomAttribute"


def test_m2_items_are_data_sets() -> None:
    item = {"00080060": {"vr": "CS", "Value": ["CT"]}}
    attribute = _only({"00081115": {"vr": "SQ", "Value": [item, {}]}})
    assert [(_name(child), child.get("number")) for child in attribute] == [
        ("Item", "1"),
        ("Item", "2"),
    ]
    assert attribute[0][0].get("keyword") == "Modality"
    assert len(attribute[1]) == 0


def test_m3_values_are_numbered_from_one_and_may_be_empty() -> None:
    attribute = _only({"00080008": {"vr": "CS", "Value": ["A", None, "C"]}})
    found = [(_name(value), value.get("number"), value.text) for value in attribute]
    assert found == [("Value", "1", "A"), ("Value", "2", None), ("Value", "3", "C")]


def test_m3_empty_attribute_has_no_children() -> None:
    assert len(_only({"00100010": {"vr": "PN"}})) == 0


def test_m4_private_attributes_name_their_creator() -> None:
    data = {
        "00230010": {"vr": "LO", "Value": ['A & "B"']},
        "00231001": {"vr": "SH", "Value": ["x"]},
    }
    attribute = _only(data)
    assert attribute.attrib == {"tag": "00230001", "vr": "SH", "privateCreator": 'A & "B"'}


def test_m4_private_attribute_without_creator_keeps_its_tag() -> None:
    assert _only({"00231001": {"vr": "UN"}}).attrib == {"tag": "00231001", "vr": "UN"}


def test_m5_person_names_are_split() -> None:
    names = [{"Alphabetic": "A^B^C^D^E", "Phonetic": "X^^Y"}, None]
    attribute = _only({"00081048": {"vr": "PN", "Value": names}})
    assert [name.get("number") for name in attribute] == ["1", "2"]
    alphabetic, phonetic = attribute[0]
    assert (_name(alphabetic), _name(phonetic)) == ("Alphabetic", "Phonetic")
    assert [(_name(part), part.text) for part in alphabetic] == [
        ("FamilyName", "A"),
        ("GivenName", "B"),
        ("MiddleName", "C"),
        ("NamePrefix", "D"),
        ("NameSuffix", "E"),
    ]
    assert [_name(part) for part in phonetic] == ["FamilyName", "MiddleName"]
    assert len(attribute[1]) == 0


def test_m6_bulk_data_by_uri() -> None:
    uri = 'http://h/a?b=1&c="2"'
    attribute = _only({"7FE00010": {"vr": "OW", "BulkDataURI": uri}})
    assert _name(attribute[0]) == "BulkData"
    assert attribute[0].attrib == {"uri": uri}


def test_m6_binary_tags_and_numbers() -> None:
    root = _parse(
        {
            "00090000": {"vr": "UL", "Value": [4]},
            "00091000": {"vr": "OB", "InlineBinary": "AAE="},
            "00280009": {"vr": "AT", "Value": ["00181063"]},
            "00280010": {"vr": "US", "Value": [512]},
            "00280030": {"vr": "DS", "Value": [0.5, 1]},
        }
    )
    texts = [[(_name(child), child.text) for child in attribute] for attribute in root]
    assert texts == [
        [("InlineBinary", "AAE=")],
        [("Value", "00181063")],
        [("Value", "512")],
        [("Value", "0.5"), ("Value", "1")],
    ]


def test_line_ends_and_spaces_come_back() -> None:
    text = "  a\r\nb\tc\n<&>\"' "
    assert _only({"00204000": {"vr": "LT", "Value": [text]}})[0].text == text


def test_characters_that_xml_forbids_are_replaced() -> None:
    attribute = _only({"00204000": {"vr": "LT", "Value": ["a\0b\x1b\ufffec"]}})
    assert attribute[0].text == "a\ufffdb\ufffd\ufffdc"


@given(text=st.text(min_size=1), creator=st.text(min_size=1))
def test_any_text_is_well_formed(text: str, creator: str) -> None:
    data = {
        "00230010": {"vr": "LO", "Value": [creator]},
        "00231001": {"vr": "UT", "Value": [text]},
        "00231002": {"vr": "PN", "Value": [{"Alphabetic": text}]},
        "00231003": {"vr": "UR", "BulkDataURI": text},
    }
    assert len(_parse(data)) == 3


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.name)
def test_real_files_are_well_formed(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom tells of deviations in the files
        data = pydicom.dcmread(path, stop_before_pixels=True).to_json_dict(
            suppress_invalid_tags=True, bulk_data_threshold=1024, bulk_data_element_handler=_uri
        )
    for attribute in _parse(data):
        key = attribute.get("tag", "")
        assert len(key) == 8
        if "privateCreator" not in attribute.attrib and key in data:
            assert attribute.get("vr") == data[key]["vr"]


def _uri(_element: object) -> str:
    return "http://h/bulk"

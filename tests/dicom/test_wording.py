"""Values of attributes as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.dicom import wording
from dicomweb_server.dicom.json_item import JsonItem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20240229", "2024-02-29"),
        ("2024.02.29", "2024-02-29"),
        ("2024", "2024"),
        ("", ""),
        ("unknown", "unknown"),
        ("2024022", "2024022"),
    ],
)
def test_dates(text: str, expected: str) -> None:
    assert wording.date(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("131415.678900", "13:14:15"),
        ("1314", "13:14"),
        ("13", "13:00"),
        ("13:14:15", "13:14:15"),
        ("", ""),
        ("noon", "noon"),
    ],
)
def test_times(text: str, expected: str) -> None:
    assert wording.time(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20240229131415.5+0100", "2024-02-29 13:14:15 +01:00"),
        ("20240229", "2024-02-29"),
        ("202402291314-0530", "2024-02-29 13:14 -05:30"),
        ("2024", "2024"),
        ("soon", "soon"),
    ],
)
def test_moments(text: str, expected: str) -> None:
    assert wording.moment(text) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ({"Alphabetic": "Doe^Jane^Q^Dr.^MD"}, "Doe, Dr. Jane Q, MD"),
        ({"Alphabetic": "Doe"}, "Doe"),
        ({"Alphabetic": "^Jane"}, "Jane"),
        ({"Alphabetic": "^^^^"}, ""),
        ({}, ""),
        (
            {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"},
            "Yamada, Tarou (山田, 太郎, やまだ, たろう)",
        ),
    ],
)
def test_names(name: dict[str, str], expected: str) -> None:
    assert wording.name(name) == expected


def test_kinds_and_attributes_have_the_names_of_the_standard() -> None:
    assert wording.kind("1.2.840.10008.5.1.4.1.1.2") == "CT Image"
    assert wording.kind("1.2.3") == "Private kind of object"
    assert wording.kind("<b>") == "Unknown kind of object"
    assert wording.attribute(0x00100010) == "Patient's Name"
    assert wording.attribute(0x00091001) == "(0009,1001)"
    assert wording.registered("1.2.840.10008.1.2.1") == "Explicit VR Little Endian"
    for other in ("1.2.3", "1.2.0123", "1.2.840.10008.99.99.0123", "x"):
        assert wording.registered(other) == other


def test_ages_and_sexes() -> None:
    assert (wording.age("055Y"), wording.age("018M"), wording.age("old")) == (
        "55 years",
        "18 months",
        "old",
    )
    assert (wording.sex("F"), wording.sex("X")) == ("female", "X")


def test_lists_are_cut() -> None:
    assert wording.listed("abc", 3) == "a, b, c"
    assert wording.listed("abcde", 3) == "a, b, c and 2 more"


@given(st.text())
def test_clean_texts_have_no_controls_and_can_be_encoded(text: str) -> None:
    found = wording.clean(text)
    found.encode("utf-8")
    assert not {chr(code) for code in range(32) if chr(code) not in "\t\n"} & set(found)
    assert wording.clean(found) == found


_ANY = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["vr", "Value", "InlineBinary", "Alphabetic"]), inner),
    ),
    max_leaves=8,
)


@given(_ANY)
def test_items_never_fail_on_what_is_no_dicom_json(value: object) -> None:
    item = JsonItem({"00100010": value})
    item.text(0x00100010)
    item.texts(0x00100010)
    item.numbers(0x00100010)
    item.number(0x00100010)
    item.integer(0x00100010)
    item.items(0x00100010)
    item.names(0x00100010)
    item.binary(0x00100010)
    item.bulk_path(0x00100010)
    item.vr(0x00100010)


@pytest.mark.parametrize("text", ["ä", "A", "====", "A=B"])
def test_what_is_no_base64_has_no_bytes(text: str) -> None:
    item = JsonItem({"00420011": {"vr": "OB", "InlineBinary": text}})
    assert item.binary(0x00420011) in (b"", b"\0")


def test_items_tell_values_by_their_kind() -> None:
    item = JsonItem(
        {
            "00280010": {"vr": "US", "Value": [512]},
            "00281050": {"vr": "DS", "Value": [1.5, None, "2.5", "x"]},
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": "A^B", "Phonetic": "c"}]},
            "00081140": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["1.2"]}}]},
            "7FE00010": {"vr": "OW", "BulkDataURI": "http://a/b/bulkdata/7FE00010"},
            "00420011": {"vr": "OB", "InlineBinary": "AAE="},
            "00100020": {"vr": "LO"},
        }
    )
    assert (item.text(0x00280010), item.integer(0x00280010)) == ("512", 512)
    assert item.texts(0x00281050) == ["1.5", "", "2.5", "x"]
    assert item.numbers(0x00281050) == [1.5, 2.5]
    assert item.integer(0x00281050) is None
    assert item.names(0x00100010) == [{"Alphabetic": "A^B", "Phonetic": "c"}]
    assert item.text(0x00100010) == "A^B==c"
    assert item.item(0x00081140).text(0x00081155) == "1.2"
    assert item.texts(0x00081140) == []
    assert item.bulk_path(0x7FE00010) == "7FE00010"
    assert item.binary(0x00420011) == b"\0\1"
    assert (item.has(0x00100020), item.text(0x00100020), item.vr(0x00100020)) == (True, "", "LO")
    assert not item.item(0x00100020)

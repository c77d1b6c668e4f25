"""DICOM JSON in, rule by rule (PS3.18 Annex F; J1 to J19, T7)."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import orjson
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomweb_server.dicom.elements import DataSet
from dicomweb_server.dicom.json_in import read_metadata
from dicomweb_server.dicom.vrs import LONG_VRS, SHORT_VRS
from dicomweb_server.errors import InstanceRejected, InvalidRequest, PayloadTooLarge
from dicomweb_server.model.limits import ScanLimits
from tests.dicom.metadata import (
    DATA_SETS,
    UIDS,
    Json,
    complete,
    file_of,
    without_charset,
    written,
)
from tests.dicom.scans import scanned

LIMITS = ScanLimits()


def _only(data: object) -> DataSet | InstanceRejected:
    (found,) = read_metadata(orjson.dumps([data]), LIMITS)
    return found


def _field(vr: str, **members: object) -> bytes:
    """The field of one attribute."""
    found = _only({"00140010": {"vr": vr, **members}})
    assert isinstance(found, DataSet), found
    value = found.elements[0].value
    assert isinstance(value, bytes)
    return value


def _refusal(data: object) -> str:
    found = _only(data)
    assert isinstance(found, InstanceRejected)
    return f"{found.detail}; {found.hint}"


@settings(deadline=None, max_examples=150)
@given(DATA_SETS)
def test_what_the_archive_writes_comes_back(data: Json) -> None:
    whole = complete(data)
    assert without_charset(written(_only(whole))) == whole


@pytest.mark.parametrize(
    ("vr", "members", "wanted"),
    [
        ("LO", {}, b""),
        ("LO", {"Value": []}, b""),
        ("LO", {"Value": [None]}, b""),
        ("LO", {"Value": [""]}, b""),
        ("DS", {"Value": [""]}, b""),
        ("US", {"Value": [None]}, b""),
        ("LO", {"Value": ["a", None, "b"]}, b"a\\\\b"),
        ("LO", {"Value": ["\u00e4"]}, "\u00e4".encode()),
        ("DS", {"Value": ["1.50", 2, 0.5]}, b"1.50\\2\\0.5"),
        ("DS", {"Value": [0.30000000000000004]}, b"0.30000000000000"),
        ("IS", {"Value": [1.0, "007"]}, b"1\\007"),
        ("PN", {"Value": [{"Alphabetic": "A^B", "Phonetic": "C"}, None]}, b"A^B==C\\"),
        ("AT", {"Value": ["00100020"]}, b"\x10\x00\x20\x00"),
        ("US", {"Value": [1, "2"]}, b"\x01\0\x02\0"),
        ("SV", {"Value": ["-9223372036854775808"]}, b"\0\0\0\0\0\0\0\x80"),
        ("FL", {"Value": ["NaN"]}, b"\0\0\xc0\x7f"),
        ("FD", {"Value": ["-Infinity", "inf"]}, b"\0\0\0\0\0\0\xf0\xff\0\0\0\0\0\0\xf0\x7f"),
        ("OB", {"InlineBinary": "AAE="}, b"\0\1"),
        ("UN", {"InlineBinary": ""}, b""),
        ("OW", {"Value": []}, b""),
    ],
)
def test_values(vr: str, members: dict[str, object], wanted: bytes) -> None:
    field = _field(vr, **members)
    assert field == wanted or float(field) == float(wanted)


def test_digits_of_a_ds_stay() -> None:
    (found,) = read_metadata(b'[{"00140010":{"vr":"DS","Value":[1.50,1e-3,-0.0]}}]', LIMITS)
    assert isinstance(found, DataSet)
    assert found.text(0x00140010) == "1.50\\1e-3\\-0.0"


@pytest.mark.parametrize(
    ("attribute", "wanted"),
    [
        (1, "00140010: is no object"),
        ({"Value": ["x"]}, "00140010: has no vr"),
        ({"vr": "XX"}, "00140010: has no vr"),
        ({"vr": "LO", "Value": "x"}, "00140010: Value is no array"),
        ({"vr": "LO", "Value": [1]}, "00140010: value 1 is no text"),
        ({"vr": "LO", "Value": ["a", {}]}, "00140010: value 2 is no text"),
        ({"vr": "LO", "Values": ["a"]}, "00140010: Values is no member"),
        ({"vr": "LT", "Value": ["a", "b"]}, "00140010: has 2 values"),
        ({"vr": "PN", "Value": ["A^B"]}, "00140010: value 1 is no person name"),
        ({"vr": "PN", "Value": [{"Family": "A"}]}, "00140010: value 1 is no person name"),
        ({"vr": "DS", "Value": [True]}, "00140010: value 1 is no number"),
        ({"vr": "IS", "Value": [1.5]}, "00140010: value 1 is no integer"),
        ({"vr": "US", "Value": [65536]}, "00140010: a value is out of range"),
        ({"vr": "US", "Value": [1, None]}, "00140010: value 2 is no number"),
        ({"vr": "FL", "Value": [1e300]}, "00140010: a value is out of range"),
        ({"vr": "FD", "Value": ["much"]}, "00140010: value 1 is no number"),
        ({"vr": "AT", "Value": ["PatientID"]}, "00140010: value 1 is no tag"),
        ({"vr": "OB", "Value": [1]}, "00140010: OB has no Value"),
        ({"vr": "OB", "InlineBinary": "%%%"}, "00140010: InlineBinary is not base64"),
        ({"vr": "OB", "InlineBinary": ["AAE="]}, "00140010: InlineBinary is no text"),
        ({"vr": "LO", "InlineBinary": "AAE="}, "00140010: LO cannot be given as InlineBinary"),
        ({"vr": "LO", "BulkDataURI": "x"}, "00140010: LO cannot be given by BulkDataURI"),
        ({"vr": "OB", "BulkDataURI": ""}, "00140010: BulkDataURI is no URI"),
        ({"vr": "OB", "BulkDataURI": "x", "InlineBinary": ""}, "00140010: has more than one value"),
        ({"vr": "SQ", "Value": ["x"]}, "00140010[1]: is no object"),
        (
            {"vr": "SQ", "Value": [{}, {"00100020": {"vr": "LO", "Value": [7]}}]},
            "00140010[2].00100020: value 1 is no text",
        ),
    ],
)
def test_errors_are_located_and_tell_what_would_be_valid(attribute: object, wanted: str) -> None:
    told = _refusal({"00140010": attribute})
    assert told.startswith(wanted)
    assert len(told.partition("; ")[2]) > 5


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        ("0010002x", "0010002x: is no tag"),
        ("0010002a", "0010002a: is no tag"),
        ("PatientID", "PatientID: is no tag"),
        ("Jane Doe", "a member: is no tag"),
        ("Doe", "a member: is no tag"),
        ("00020010", "00020010: File Meta Information has no place"),
        ("00000100", "00000100: belongs to no data set"),
        ("FFFEE000", "FFFEE000: belongs to no data set"),
    ],
)
def test_keys_are_tags_of_data_sets(key: str, wanted: str) -> None:
    assert _refusal({key: {"vr": "LO", "Value": ["x"]}}).startswith(wanted)


def test_a_refusal_names_its_instance_and_no_value() -> None:
    data = {**UIDS, "00100010": {"vr": "PN", "Value": ["Doe^Jane"]}}
    found = _only(data)
    assert isinstance(found, InstanceRejected)
    assert (found.sop_class, found.instance) == ("1.2.840.10008.5.1.4.1.1.7", "1.2.3.4.5")
    assert "Doe" not in found.detail + found.hint


def test_one_misfit_harms_no_other_instance() -> None:
    bad = {**UIDS, "00100020": {"vr": "LO", "Value": [1]}}
    first, second, third = read_metadata(orjson.dumps([UIDS, bad, UIDS]), LIMITS)
    assert isinstance(first, DataSet)
    assert isinstance(second, InstanceRejected)
    assert isinstance(third, DataSet)


def test_group_lengths_are_dropped_and_elements_sorted() -> None:
    found = _only({"00200000": {"vr": "UL", "Value": [4]}, **dict(reversed(UIDS.items()))})
    assert isinstance(found, DataSet)
    assert [element.tag for element in found.elements] == [
        0x00080016,
        0x00080018,
        0x0020000D,
        0x0020000E,
    ]


def test_files_say_utf8_where_text_needs_it() -> None:
    data: Json = {
        **UIDS,
        "00080005": {"vr": "CS", "Value": ["ISO_IR 100"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Buc^J\u00e9r\u00f4me"}]},
    }
    found = _only(data)
    assert isinstance(found, DataSet)
    read = pydicom.dcmread(_file(file_of(found)))
    assert read.SpecificCharacterSet == "ISO_IR 192"
    assert read.PatientName == "Buc^J\u00e9r\u00f4me"


def _file(data: bytes) -> Any:
    return pydicom.filebase.DicomBytesIO(data)


_BOMBS = {
    "deep arrays": b"[" * 100_000,
    "deep arrays, closed": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "deep sequences": b"[" + b'{"00140010":{"vr":"SQ","Value":[' * 40 + b"]}}" * 40 + b"]",
    "many brackets": b"[" + b"[]," * 3_000_000 + b"[]]",
    "the same key twice": b'[{"00100020":{"vr":"LO"},"00100020":{"vr":"LO"}}]',
    "the same member twice": b'[{"00100020":{"vr":"LO","vr":"LO"}}]',
    "NaN": b'[{"00140010":{"vr":"FD","Value":[NaN]}}]',
    "Infinity": b'[{"00140010":{"vr":"FD","Value":[-Infinity]}}]',
    "no JSON": b"<xml/>",
    "cut off": b'[{"00100020":{"vr":"LO"',
    "two arrays": b"[][]",
    "a comma too many": b'[{"00100020":{"vr":"LO"}},]',
    "no objects": b"[1]",
    "a text": b'"00100020"',
    "nothing": b"",
    "Latin-1": '[{"00100020":{"vr":"LO","Value":["\u00e4"]}}]'.encode("latin-1"),
    "UTF-16": "[{}]".encode("utf-16"),
    "control characters": b'[{"00100020":{"vr":"LO","Value":["a\nb"]}}]',
    "an open string": b'["' + b"\\" * 1_000_001,
    "an open string of escaped quotes": b'["' + b'\\"' * 1_000_000,
    "many values": b'[{"00140010":{"vr":"US","Value":[' + b"1," * 4_000_000 + b"1]}}]",
}


@pytest.mark.parametrize("bomb", _BOMBS.values(), ids=_BOMBS.keys())
def test_bombs_are_refused_as_a_whole(bomb: bytes) -> None:
    with pytest.raises((InvalidRequest, PayloadTooLarge)):
        read_metadata(bomb, LIMITS)


@pytest.mark.parametrize("number", ["1e400", "-1e400", "9" * 5000, "0." + "1" * 5000])
@pytest.mark.parametrize("vr", ["FD", "FL", "US", "IS", "DS"])
def test_numbers_out_of_range_never_raise_else(vr: str, number: str) -> None:
    text = b'[{"00140010":{"vr":"%s","Value":[%s]}}]' % (vr.encode(), number.encode())
    try:
        (found,) = read_metadata(text, LIMITS)
    except InvalidRequest:
        return
    assert isinstance(found, (DataSet, InstanceRejected))


def test_lone_surrogates_are_refused() -> None:
    (found,) = read_metadata(b'[{"00100020":{"vr":"LO","Value":["\\ud800"]}}]', LIMITS)
    assert isinstance(found, InstanceRejected)
    assert found.detail == "00100020: holds half of a surrogate pair"


def test_limits_hold() -> None:
    text = orjson.dumps([UIDS])
    with pytest.raises(PayloadTooLarge):
        read_metadata(text, ScanLimits(document=len(text) - 1))
    (found,) = read_metadata(text, ScanLimits(elements=3))
    assert isinstance(found, InstanceRejected)


def test_depth_is_counted_in_sequences() -> None:
    for depth, fits in ((32, True), (33, False)):
        data: Json = {}
        for _ in range(depth):
            data = {"00140010": {"vr": "SQ", "Value": [data]}}
        found = _only(data)
        assert isinstance(found, DataSet) is fits


_ANY = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=8),
        st.sampled_from(["1.2.3", "20240101", "AAE=", "cid:a", "NaN", "1e999", "00100020"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["vr", "Value", "Alphabetic", "00100020", "7FE00010", "x"]), inner
        ),
    ),
    max_leaves=8,
)
_VRS = st.sampled_from([*(vr.decode() for vr in (*SHORT_VRS, *LONG_VRS)), "XX"])
_MEMBERS = st.dictionaries(
    st.sampled_from(["Value", "InlineBinary", "BulkDataURI"]), _ANY, max_size=2
)
_TAG_NAMES = st.sampled_from(
    ["00080005", "00080016", "00100010", "00280010", "00191001", "7FE00010", "FFFCFFFC", "00420011"]
)


@settings(deadline=None, max_examples=300)
@given(st.dictionaries(_TAG_NAMES, st.tuples(_VRS, _MEMBERS), max_size=4))
def test_whatever_comes_is_stored_or_refused(given_as: dict[str, tuple[str, Json]]) -> None:
    data = {tag: {"vr": vr, **members} for tag, (vr, members) in given_as.items()}
    (found,) = read_metadata(json.dumps([{**UIDS, **data}]).encode(), LIMITS)
    if isinstance(found, InstanceRejected):
        return
    with contextlib.suppress(InstanceRejected):
        scanned(file_of(found))

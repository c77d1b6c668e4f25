"""Attributes as DICOM JSON, rule by rule (PS3.18 Annex F), and texts for the index."""

from __future__ import annotations

import base64
import json
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.dicom import values
from dicomweb_server.dicom.charset import CharacterSets
from dicomweb_server.dicom.values import attribute, needs_bulk, sequence, texts

_DEFAULT = CharacterSets.default()
_UTF8 = CharacterSets.of(["ISO_IR 192"])
_VRS = [
    "AE",
    "AS",
    "AT",
    "CS",
    "DA",
    "DS",
    "DT",
    "FD",
    "FL",
    "IS",
    "LO",
    "LT",
    "OB",
    "OD",
    "OF",
    "OL",
    "OV",
    "OW",
    "PN",
    "SH",
    "SL",
    "SQ",
    "SS",
    "ST",
    "SV",
    "TM",
    "UC",
    "UI",
    "UL",
    "UN",
    "UR",
    "US",
    "UT",
    "UV",
]


def _read(vr: str, raw: bytes, big_endian: bool = False) -> dict[str, object]:
    read = json.loads(attribute(vr, raw, _UTF8, big_endian))
    assert isinstance(read, dict)
    return read


@pytest.mark.parametrize("vr", _VRS)
def test_j4_empty_attribute_has_no_value(vr: str) -> None:
    assert attribute(vr, b"", _DEFAULT, big_endian=False) == b'{"vr":"%s"}' % vr.encode()
    assert texts(vr, b"", _DEFAULT, big_endian=False) == []


@pytest.mark.parametrize("vr", ["CS", "LO", "PN", "UI", "DS", "IS", "LT", "UT", "UR", "DA"])
@pytest.mark.parametrize("raw", [b"  ", b"\0\0", b" \0"])
def test_j4_padding_alone_is_empty(vr: str, raw: bytes) -> None:
    assert _read(vr, raw) == {"vr": vr}
    assert texts(vr, raw, _DEFAULT, big_endian=False) == []


def test_j3_value_stands_beside_vr_in_compact_json() -> None:
    assert attribute("CS", b"MR", _DEFAULT, big_endian=False) == b'{"vr":"CS","Value":["MR"]}'


@pytest.mark.parametrize(
    ("vr", "raw", "members"),
    [
        ("CS", b"A\\\\B", ["A", None, "B"]),
        ("LO", b"\\B ", [None, "B"]),
        ("UI", b"1.2\\\\\0", ["1.2", None, None]),
        ("DS", b"40\\", [40, None]),
        ("DS", b"\\1.5\\ ", [None, 1.5, None]),
        ("IS", b"\\7 ", [None, 7]),
        ("PN", b"A^B\\\\=C", [{"Alphabetic": "A^B"}, None, {"Ideographic": "C"}]),
    ],
)
def test_j5_empty_member_is_null(vr: str, raw: bytes, members: list[object]) -> None:
    assert _read(vr, raw)["Value"] == members


@pytest.mark.parametrize(
    ("raw", "groups"),
    [
        (b"Doe^John ", {"Alphabetic": "Doe^John"}),
        (b"=\xe5\xb1\xb1", {"Ideographic": "山"}),
        (b"A==C ", {"Alphabetic": "A", "Phonetic": "C"}),
        (b"A=B=C=D", {"Alphabetic": "A", "Ideographic": "B", "Phonetic": "C=D"}),
        (b'A"B', {"Alphabetic": 'A"B'}),
    ],
)
def test_j6_only_groups_that_are_not_empty(raw: bytes, groups: dict[str, str]) -> None:
    assert _read("PN", raw) == {"vr": "PN", "Value": [groups]}


def test_j6_name_of_empty_groups_is_empty() -> None:
    assert _read("PN", b"== ") == {"vr": "PN"}


def test_j7_sequences() -> None:
    assert sequence([]) == b'{"vr":"SQ"}'
    assert json.loads(sequence([b"{}", b'{"00080060":{"vr":"CS","Value":["CT"]}}'])) == {
        "vr": "SQ",
        "Value": [{}, {"00080060": {"vr": "CS", "Value": ["CT"]}}],
    }


@pytest.mark.parametrize(("vr", "word"), values.BINARY_WORDS.items())
def test_j8_binary_is_little_endian_base64(vr: str, word: int) -> None:
    raw = bytes(range(16))
    assert base64.b64decode(str(_read(vr, raw)["InlineBinary"])) == raw
    swapped = b"".join(raw[n : n + word][::-1] for n in range(0, 16, word))
    assert base64.b64decode(str(_read(vr, raw, big_endian=True)["InlineBinary"])) == swapped


def test_j8_last_part_of_a_word_stays() -> None:
    raw = base64.b64decode(str(_read("OW", b"\1\2\3", big_endian=True)["InlineBinary"]))
    assert raw == b"\2\1\3"


def test_j11_tags_are_upper_case_hex() -> None:
    assert _read("AT", b"\x08\x00\x18\x00\xe0\x7f\x10\x00")["Value"] == ["00080018", "7FE00010"]
    assert _read("AT", b"\x7f\xe0\x00\x10", big_endian=True)["Value"] == ["7FE00010"]


@pytest.mark.parametrize(
    ("raw", "written"),
    [
        (b"1.50", b"1.50"),
        (b"-0.1 ", b"-0.1"),
        (b" 12", b"12"),
        (b"+1.5", b"1.5"),
        (b".5", b"0.5"),
        (b"1.", b"1.0"),
        (b"007", b"7"),
        (b"1E3", b"1000.0"),
        (b"0.71249997615814208984", b"0.7124999761581421"),
        (b"123456789.123456", b"123456789.123456"),
        (b"0e400", b"0.0"),
    ],
)
def test_j12_j18_decimal_strings_become_numbers(raw: bytes, written: bytes) -> None:
    assert attribute("DS", raw, _DEFAULT, big_endian=False) == b'{"vr":"DS","Value":[%s]}' % written


@pytest.mark.parametrize(
    "text",
    ["abc", "1.2e400", "1e-400", "9007199254740993", "nan", "inf", "1_0", "0x1F", "1,5", "٣"],
)
def test_j12_what_is_no_number_stays_text_alone(text: str) -> None:
    assert _read("DS", f"1\\{text}\\2".encode())["Value"] == [1, text, 2]


@pytest.mark.parametrize(
    ("raw", "members"),
    [
        (b"1\\2", [1, 2]),
        (b"+07 ", [7]),
        (b"9007199254740992", [2**53]),
        (b"-9007199254740993", ["-9007199254740993"]),
        (b"12.0", [12]),
        (b"1.5\\x", ["1.5", "x"]),
        (b"9" * 400, ["9" * 400]),
    ],
)
def test_j12_integer_strings(raw: bytes, members: list[object]) -> None:
    assert _read("IS", raw)["Value"] == members


def test_j12_64_bit_integers_beyond_doubles_are_texts() -> None:
    signed = struct.pack("<4q", 5, 2**53, 2**53 + 1, -(2**63))
    assert _read("SV", signed)["Value"] == [5, 2**53, str(2**53 + 1), str(-(2**63))]
    assert _read("UV", b"\xff" * 8)["Value"] == ["18446744073709551615"]


@pytest.mark.parametrize(
    ("vr", "code", "numbers"),
    [
        ("US", "H", [65535]),
        ("US", "H", [0, 65535]),
        ("SS", "h", [-32768, 5]),
        ("UL", "I", [2**32 - 1]),
        ("SL", "i", [-(2**31)]),
        ("FL", "f", [0.5, -1.25]),
        ("FD", "d", [0.1, 1e300]),
    ],
)
def test_j13_binary_numbers(vr: str, code: str, numbers: list[float]) -> None:
    little = struct.pack(f"<{len(numbers)}{code}", *numbers)
    big = struct.pack(f">{len(numbers)}{code}", *numbers)
    assert _read(vr, little)["Value"] == numbers
    assert _read(vr, big, big_endian=True)["Value"] == numbers
    assert texts(vr, big, _DEFAULT, big_endian=True) == [str(number) for number in numbers]


def test_j13_floats_are_exact() -> None:
    (number,) = struct.unpack("<f", struct.pack("<f", 0.1))
    assert _read("FL", struct.pack("<f", 0.1))["Value"] == [number]


@pytest.mark.parametrize("special", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(("vr", "code"), [("FL", "f"), ("FD", "d")])
def test_j14_special_numbers_need_a_reference(vr: str, code: str, special: float) -> None:
    little, big = struct.pack(f"<2{code}", 1, special), struct.pack(f">2{code}", 1, special)
    assert needs_bulk(vr, little, big_endian=False)
    assert needs_bulk(vr, big, big_endian=True)
    for raw, order in ((little, False), (big, True)):
        read = _read(vr, raw, order)
        assert read["vr"] == "UN"
        assert base64.b64decode(str(read["InlineBinary"])) == little


@pytest.mark.parametrize("vr", _VRS)
def test_j14_nothing_else_needs_a_reference(vr: str) -> None:
    assert not needs_bulk(vr, b"\0\0\x80\x3f" * 2, big_endian=False)
    assert needs_bulk(vr, b"\xff" * 8, big_endian=False) is (vr in ("FL", "FD"))


def test_j15_text_is_utf8() -> None:
    latin = CharacterSets.of(["ISO_IR 100"])
    written = attribute("LO", b"M\xfcller", latin, big_endian=False)
    assert written == '{"vr":"LO","Value":["Müller"]}'.encode()
    assert json.loads(values.UTF8_ATTRIBUTE) == {"vr": "CS", "Value": ["ISO_IR 192"]}


@pytest.mark.parametrize("vr", ["SH", "LO", "UC", "PN", "CS"])
def test_j19_backslash_never_stands_in_a_value(vr: str) -> None:
    members = _read(vr, b"A\\B")["Value"]
    assert isinstance(members, list)
    assert len(members) == 2


@pytest.mark.parametrize("vr", ["LT", "ST", "UT", "UR"])
def test_backslash_is_a_character_of_long_texts(vr: str) -> None:
    assert _read(vr, b"A\\B ")["Value"] == ["A\\B"]
    assert texts(vr, b"A\\B ", _DEFAULT, big_endian=False) == ["A\\B"]


def test_backslash_inside_a_character_splits_nothing() -> None:
    sets = CharacterSets.of(["GBK"])
    raw = "測俓試\\二".encode("gbk")
    assert json.loads(attribute("LO", raw, sets, big_endian=False))["Value"] == ["測俓試", "二"]


@pytest.mark.parametrize(
    ("vr", "raw", "value"),
    [
        ("LT", b"  x ", "  x"),
        ("UT", b" \r\n x\0", " \r\n x"),
        ("LO", b"  x ", "x"),
        ("AE", b"  x\0", "x"),
        ("UC", b" x ", " x"),
        ("UI", b"1.2.3\0", "1.2.3"),
        ("UI", b"1.2.3 ", "1.2.3"),
    ],
)
def test_padding_is_what_the_vr_says(vr: str, raw: bytes, value: str) -> None:
    assert _read(vr, raw)["Value"] == [value]
    assert texts(vr, raw, _DEFAULT, big_endian=False) == [value]


def test_control_characters_are_escaped() -> None:
    assert attribute("LT", b'a\0b\x1f"\\', _DEFAULT, big_endian=False) == (
        b'{"vr":"LT","Value":["a\\u0000b\\u001f\\"\\\\"]}'
    )


@pytest.mark.parametrize(
    ("vr", "raw"), [("US", b"abc"), ("AT", b"abcdef"), ("FD", b"abc"), ("SV", b"abc"), ("SQ", b"a")]
)
def test_lengths_that_do_not_fit_become_un(vr: str, raw: bytes) -> None:
    written = base64.b64encode(raw).decode()
    assert _read(vr, raw) == {"vr": "UN", "InlineBinary": written}


@pytest.mark.parametrize("vr", ["", "??", "XX", "\0\0", "ox", "LONG"])
def test_unknown_vr_is_un(vr: str) -> None:
    assert _read(vr, b"abcd") == {"vr": "UN", "InlineBinary": "YWJjZA=="}
    assert _read(vr, b"") == {"vr": "UN"}
    assert texts(vr, b"abcd", _DEFAULT, big_endian=False) == []


def test_index_texts_are_single_values() -> None:
    assert texts("CS", b"A\\\\B ", _DEFAULT, big_endian=False) == ["A", "B"]
    assert texts("PN", b"Doe^J=X ", _DEFAULT, big_endian=False) == ["Doe^J=X"]
    assert texts("AT", b"\x08\x00\x18\x00", _DEFAULT, big_endian=False) == ["00080018"]
    assert texts("DS", b" 1.50", _DEFAULT, big_endian=False) == ["1.50"]
    assert texts("OB", b"AB", _DEFAULT, big_endian=False) == []


def test_index_texts_are_bounded() -> None:
    assert len(texts("CS", b"A\\" * 10_000, _DEFAULT, big_endian=False)) == values.SEARCH_VALUES
    assert len(texts("US", b"AB" * 10_000, _DEFAULT, big_endian=False)) == values.SEARCH_VALUES
    assert len(texts("AT", b"ABCD" * 10_000, _DEFAULT, big_endian=False)) == values.SEARCH_VALUES
    (text,) = texts("UT", b"x" * 10_000_000, _DEFAULT, big_endian=False)
    assert len(text) == values.SEARCH_CHARACTERS


@given(
    vr=st.sampled_from([*_VRS, "??"]),
    raw=st.one_of(
        st.binary(max_size=64),
        st.text(alphabet="0123456789+-.eE\\ =^a", max_size=40).map(str.encode),
    ),
    term=st.sampled_from(
        ["", "ISO_IR 100", "ISO_IR 192", "GB18030", "ISO_IR 13", "ISO 2022 IR 87"]
    ),
    big_endian=st.booleans(),
)
def test_no_bytes_raise(vr: str, raw: bytes, term: str, big_endian: bool) -> None:
    sets = CharacterSets.of([term])
    read = json.loads(attribute(vr, raw, sets, big_endian), parse_constant=pytest.fail)
    assert set(read) in ({"vr"}, {"vr", "Value"}, {"vr", "InlineBinary"})
    assert read.get("Value") not in ([], [None], [""])
    assert all(texts(vr, raw, sets, big_endian))
    needs_bulk(vr, raw, big_endian)

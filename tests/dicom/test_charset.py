"""Character sets: the examples of PS3.5 Annexes H to K and what real files get wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.dicom.charset import NAMES, TEXT, VALUES, CharacterSets

_KANJI = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B"
_KATAKANA = (
    b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J"
    b"=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J"
)
_KOREAN = (
    b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf"
)
_CHINESE = b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab="


@pytest.mark.parametrize(
    ("terms", "raw", "text"),
    [
        (["", "ISO 2022 IR 87"], _KANJI, "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (["ISO 2022 IR 13", "ISO 2022 IR 87"], _KATAKANA, "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"),
        (["", "ISO 2022 IR 149"], _KOREAN, "Hong^Gildong=洪^吉洞=홍^길동"),
        (["", "ISO 2022 IR 58"], _CHINESE, "Zhang^XiaoDong=张^小东="),
        (["ISO_IR 192"], "Wang^XiaoDong=王^小東".encode(), "Wang^XiaoDong=王^小東"),
        (["GB18030"], "Wang^XiaoDong=王^小东".encode("gb18030"), "Wang^XiaoDong=王^小东"),
    ],
)
def test_names_of_the_annexes(terms: list[str], raw: bytes, text: str) -> None:
    assert CharacterSets.of(terms).decode(raw, NAMES) == text


@pytest.mark.parametrize(
    ("number", "codec", "escape"),
    [
        ("100", "iso8859_1", b"-A"),
        ("101", "iso8859_2", b"-B"),
        ("109", "iso8859_3", b"-C"),
        ("110", "iso8859_4", b"-D"),
        ("126", "iso8859_7", b"-F"),
        ("127", "iso8859_6", b"-G"),
        ("138", "iso8859_8", b"-H"),
        ("144", "iso8859_5", b"-L"),
        ("148", "iso8859_9", b"-M"),
        ("166", "tis_620", b"-T"),
        ("203", "iso8859_15", b"-b"),
    ],
)
def test_single_byte_sets_with_and_without_escape(number: str, codec: str, escape: bytes) -> None:
    raw = bytes(range(0xA1, 0x100))
    text = raw.decode(codec, "replace")
    assert CharacterSets.of([f"ISO_IR {number}"]).decode(raw) == text
    assert CharacterSets.of([f"ISO 2022 IR {number}"]).decode(raw) == text
    extended = CharacterSets.of(["", f"ISO 2022 IR {number}"])
    assert extended.decode(b"\x1b" + escape + raw) == text


def test_supplementary_kanji() -> None:
    raw = "丂丄丅".encode("iso2022_jp_2")
    assert CharacterSets.of(["", "ISO 2022 IR 159"]).decode(raw) == "丂丄丅"


@pytest.mark.parametrize("text", ["髙橋", "山﨑", "①㈱"])
def test_characters_that_vendors_added_to_kanji(text: str) -> None:
    raw = b"\x1b$B" + b"".join(map(_jis, text)) + b"\x1b(B"
    assert CharacterSets.of(["", "ISO 2022 IR 87"]).decode(raw) == text


def _jis(character: str) -> bytes:
    """The JIS code of a character, by way of its EUC form."""
    euc = {"髙": b"\xfc\xe2", "﨑": b"\xf9\xf5", "①": b"\xad\xa1", "㈱": b"\xad\xea"}
    raw = euc.get(character) or character.encode("euc_jp")
    return bytes(byte & 0x7F for byte in raw)


def test_unknown_pairs_become_replacement_characters() -> None:
    assert "\ufffd" in CharacterSets.of(["", "ISO 2022 IR 87"]).decode(b"\x1b$B;3~~\x1b(B")
    assert "\ufffd" in CharacterSets.of(["", "ISO 2022 IR 159"]).decode(b"\x1b$(D~~\x1b(B")


def test_katakana_and_kanji_share_one_value() -> None:
    raw = b"\x1b)I\xd4\xcf\x1b$B;3ED\x1b(J-\xc0"
    assert CharacterSets.of(["", "ISO 2022 IR 13", "ISO 2022 IR 87"]).decode(raw) == "ﾔﾏ山田-ﾀ"


@pytest.mark.parametrize("delimiter", [b"\\", b"\r", b"\n", b"\x0c", b"\t"])
def test_value_one_returns_behind_a_delimiter(delimiter: bytes) -> None:
    raw = b"\x1b-F\xc4" + delimiter + b"\xc4"
    text = CharacterSets.of(["ISO 2022 IR 100", "ISO 2022 IR 126"]).decode(raw, VALUES)
    assert text == "Δ" + delimiter.decode() + "Ä"


@pytest.mark.parametrize("delimiter", [b"^", b"="])
def test_value_one_returns_behind_name_delimiters_in_names_only(delimiter: bytes) -> None:
    raw = b"\x1b-F\xc4" + delimiter + b"\xc4"
    sets = CharacterSets.of(["ISO 2022 IR 100", "ISO 2022 IR 126"])
    assert sets.decode(raw, NAMES) == "Δ" + delimiter.decode() + "Ä"
    assert sets.decode(raw, VALUES) == "Δ" + delimiter.decode() + "Δ"


def test_backslash_is_text_where_one_value_is_held() -> None:
    sets = CharacterSets.of(["ISO 2022 IR 100", "ISO 2022 IR 126"])
    assert sets.decode(b"\x1b-F\xc4\\\xc4", TEXT) == "Δ\\Δ"


def test_bytes_of_delimiters_inside_kanji_do_not_end_it() -> None:
    raw = "構表".encode("iso2022_jp")
    assert b"=" in raw
    assert CharacterSets.of(["", "ISO 2022 IR 87"]).decode(raw, NAMES) == "構表"


def test_forgotten_switch_back_before_a_delimiter() -> None:
    raw = b"\x1b$B;3ED^\x1b$BB@O:\x1b(B"
    assert CharacterSets.of(["", "ISO 2022 IR 87"]).decode(raw, NAMES) == "山田^太郎"


@pytest.mark.parametrize("term", ["GB18030", "GBK"])
def test_second_byte_backslash_is_part_of_the_character(term: str) -> None:
    raw = "測俓試".encode("gbk")
    assert b"\\" in "俓".encode("gbk")
    assert CharacterSets.of([term]).decode(raw, VALUES) == "測俓試"


def test_shift_jis_in_the_place_of_ir_13() -> None:
    raw = "表示".encode("shift_jis")
    assert b"\\" in raw
    assert CharacterSets.of(["ISO_IR 13"]).decode(raw, VALUES) == "表示"


@pytest.mark.parametrize(
    "term",
    ["ISO-IR 100", "ISO IR 100", "ISO_IR_100", "iso_ir 100", "ISO_IR 100 ", "ISO 2022_IR_100"],
)
def test_misspelt_terms_are_understood(term: str) -> None:
    assert CharacterSets.of([term]).initial == "latin_1"
    assert CharacterSets.of([term.replace("100", "144")]).initial == "iso8859_5"


@pytest.mark.parametrize("term", ["UTF-8", "utf8", "ISO_IR 192", "ISO 2022 IR 192", "ISO-IR-192"])
def test_utf8_has_many_names(term: str) -> None:
    assert CharacterSets.of([term]).decode("ж中".encode()) == "ж中"


@pytest.mark.parametrize("terms", [[], [""], ["ISO_IR 6"], ["ISO_IR 999"], ["hex"], ["\0 \xff"]])
def test_undeclared_and_unknown_sets_are_latin_1(terms: list[str]) -> None:
    assert CharacterSets.of(terms).decode(b"M\xfcller") == "Müller"


def test_utf8_that_is_none_gets_replacement_characters() -> None:
    assert CharacterSets.of(["ISO_IR 192"]).decode(b"M\xfcller") == "M\ufffdller"


def test_escape_sequences_mean_nothing_in_utf8() -> None:
    assert CharacterSets.of(["ISO_IR 192", "ISO 2022 IR 87"]).decode(b"\x1b$B;3") == "\x1b$B;3"


def test_unknown_escape_sequences_stay() -> None:
    assert CharacterSets.default().decode(b"a\x1b[31mb") == "a\x1b[31mb"


def test_instances_are_shared() -> None:
    assert CharacterSets.of(["ISO_IR 100"]) is CharacterSets.of(["ISO_IR 100"])


_TERMS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["", "GBK", "GB18030", "ISO_IR 192", "ISO_IR 13", "ISO 2022 IR 87", "ISO 2022 IR 149"]
    ),
)
_BYTES = st.lists(
    st.one_of(
        st.binary(max_size=8),
        st.sampled_from([b"\x1b$B", b"\x1b(J", b"\x1b$)C", b"\x1b)I", b"\x1b", b"\\", b"^", b"="]),
    ),
    max_size=12,
).map(b"".join)


@given(
    terms=st.lists(_TERMS, max_size=4),
    raw=_BYTES,
    delimiters=st.sampled_from([TEXT, VALUES, NAMES]),
)
def test_no_bytes_raise(terms: list[str], raw: bytes, delimiters: bytes) -> None:
    CharacterSets.of(terms).decode(raw, delimiters).encode("utf-8")


@given(text=st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
def test_ascii_is_ascii_in_every_set(text: str) -> None:
    for term in ("", "ISO_IR 13", "ISO_IR 192", "GBK", "ISO 2022 IR 149", "ISO_IR 127"):
        assert CharacterSets.of([term]).decode(text.encode()) == text

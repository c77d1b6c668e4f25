"""Texts in the character sets of a reader (PS3.5 6.1.2, Annexes H, I, J, K)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.charset import convert_encodings, decode_bytes

from dicomweb_server.dicom.charset import NAMES, VALUES, CharacterSets
from dicomweb_server.dicom.charset_out import writer_of

KOREAN = ("", "ISO 2022 IR 149")
JAPANESE = ("", "ISO 2022 IR 87")
KATAKANA = ("ISO 2022 IR 13", "ISO 2022 IR 87")


@pytest.mark.parametrize(
    ("terms", "text", "raw"),
    [
        # PS3.5 H.3.1
        (
            JAPANESE,
            "Yamada^Tarou=山田^太郎=やまだ^たろう",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
        ),
        # PS3.5 H.3.2
        (
            KATAKANA,
            "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
            b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J="
            b"\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
        ),
        # PS3.5 I.2
        (
            KOREAN,
            "Hong^Gildong=洪^吉洞=홍^길동",
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7="
            b"\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        ),
        # PS3.5 J.3
        (("ISO_IR 192",), "Wang^XiaoDong=王^小东", "Wang^XiaoDong=王^小东".encode()),
        # PS3.5 J.4
        (
            ("GB18030",),
            "Wang^XiaoDong=王^小东",
            b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab",
        ),
        # PS3.5 K.2
        (
            ("", "ISO 2022 IR 58"),
            "Zhang^XiaoDong=张^小东",
            b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab",
        ),
        (("ISO_IR 144",), "Жуков", "Жуков".encode("iso8859_5")),
        (("ISO_IR 126",), "Διονυσιος", "Διονυσιος".encode("iso8859_7")),
        (("ISO_IR 100",), "Buc^Jérôme", b"Buc^J\xe9r\xf4me"),
    ],
)
def test_examples_of_the_standard(terms: tuple[str, ...], text: str, raw: bytes) -> None:
    assert writer_of(terms).encode(text, NAMES) == raw


@pytest.mark.parametrize(
    ("terms", "text"),
    [
        ((), "é"),
        (("ISO_IR 6",), "é"),
        (("ISO_IR 100",), "山"),
        (("ISO_IR 100", "ISO_IR 144"), "Ж"),  # no code extensions without ISO 2022
        (JAPANESE, "홍"),
        (("ISO_IR 999",), "é"),
        (("nonsense",), "é"),
        (("GBK",), "\U00020bb7"),
        (KATAKANA, "~ｱ"),
        (KATAKANA, "a~"),
    ],
)
def test_what_a_set_does_not_hold_is_not_written(terms: tuple[str, ...], text: str) -> None:
    assert writer_of(terms).encode(text, VALUES) is None


def test_a_set_that_the_other_library_does_not_know() -> None:
    assert writer_of(("ISO_IR 203",)).encode("10 €", VALUES) == b"10 \xa4"


def test_ascii_needs_no_set() -> None:
    assert writer_of(()).encode("Doe^Jane", NAMES) == b"Doe^Jane"


ALPHABETS = {
    ("", "ISO 2022 IR 87"): "aZ ^=山田太郎やまだアァ",
    ("ISO 2022 IR 13", "ISO 2022 IR 87"): "aZ ^=ｱｲｳﾞ山田",
    ("", "ISO 2022 IR 149"): "aZ ^=홍길동洪",
    ("", "ISO 2022 IR 58"): "aZ ^=张小东",
    ("ISO 2022 IR 100", "ISO 2022 IR 144", "ISO 2022 IR 126"): "aZ ^=éôЖЮΔω",
    ("ISO_IR 101",): "aZ ^=éőŁ",
    ("GB18030",): "aZ ^=张東é",
    ("ISO_IR 192",): "aZ ^=张東é홍",
}


OTHERS_FAULTS = {("", "ISO 2022 IR 58"), ("ISO 2022 IR 13", "ISO 2022 IR 87")}
"""Sets that the other library mixes up: single-byte katakana, and GB 2312 in G1."""


@given(st.data())
def test_what_is_written_is_read_again(data: st.DataObject) -> None:
    terms = data.draw(st.sampled_from(sorted(ALPHABETS)))
    text = data.draw(st.text(alphabet=ALPHABETS[terms], max_size=12))
    raw = writer_of(terms).encode(text, NAMES)
    assert raw is not None
    assert CharacterSets.of(terms).decode(raw, NAMES) == text


@given(st.data())
def test_another_library_reads_what_is_written(data: st.DataObject) -> None:
    terms = data.draw(st.sampled_from(sorted(ALPHABETS.keys() - OTHERS_FAULTS)))
    text = data.draw(st.text(alphabet=ALPHABETS[terms], max_size=12))
    raw = writer_of(terms).encode(text, NAMES)
    assert raw is not None
    delimiters = {ord(character) for character in "\\^=\r\n\t"}
    assert decode_bytes(raw, convert_encodings(list(terms)), delimiters) == text

"""Text of a data set from bytes, by its Specific Character Set (PS3.5 6.1, PS3.3 C.12.1.1.2).

What the standard leaves open is decided here:

- Bytes above 127 where no set is declared are read as Latin-1, which loses nothing.
- Bytes that the declared set does not know become U+FFFD; nothing ever raises.
- Misspelt terms ("ISO-IR 100", "utf-8") are understood; unknown ones count as not declared.
- Escape sequences of known sets are followed even where 00080005 does not announce them.
- Japanese characters that vendors added (NEC and IBM, as in code page 932) are understood.
- ISO_IR 13 is read as Shift JIS, of which it is a part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

TEXT = b""
"""Delimiters of VRs that hold one value: control characters alone (ST, LT, UT)."""
VALUES = b"\\"
"""Delimiters of VRs that can hold several values."""
NAMES = b"\\^="
"""Delimiters of person names: values, components and groups."""

_FALLBACK = "latin_1"
_SINGLE_BYTE = {
    "6": _FALLBACK,
    "13": "shift_jis",
    "100": "latin_1",
    "101": "iso8859_2",
    "109": "iso8859_3",
    "110": "iso8859_4",
    "126": "iso8859_7",
    "127": "iso8859_6",
    "138": "iso8859_8",
    "144": "iso8859_5",
    "148": "iso8859_9",
    "166": "iso8859_11",
    "203": "iso8859_15",
}
_MULTI_BYTE = {"58": "gb2312", "149": "euc_kr", "87": _FALLBACK, "159": _FALLBACK}
"""Sets of PS3.3 Table C.12-4; those of G0 need an escape sequence, so the start is ASCII."""
_ALONE = {"ISO IR 192": "utf_8", "GB18030": "gb18030", "GBK": "gbk"}
_ALIASES = {
    "UTF 8": "utf_8",
    "UTF8": "utf_8",
    "ISO 2022 GBK": "gbk",
    "GB2312": "gbk",
    "ISO 2022 58": "gb2312",
    "LATIN1": "latin_1",
    "ISO8859 1": "latin_1",
    "ISO 8859 1": "latin_1",
}
_TERM = re.compile(r"(?:ISO )?(?:2022 )?IR ?(\d{1,3})")
_SEPARATORS = re.compile(r"[-_\s]+")

_G0_DOUBLE = {
    b"$B": ("iso2022_jp", b"\x1b$B"),
    b"$@": ("iso2022_jp", b"\x1b$B"),
    b"$(D": ("iso2022_jp_2", b"\x1b$(D"),
}
_G0_SINGLE = (b"(B", b"(J")
_G1 = {
    b"-A": "latin_1",
    b"-B": "iso8859_2",
    b"-C": "iso8859_3",
    b"-D": "iso8859_4",
    b"-F": "iso8859_7",
    b"-G": "iso8859_6",
    b"-H": "iso8859_8",
    b"-L": "iso8859_5",
    b"-M": "iso8859_9",
    b"-T": "iso8859_11",
    b"-b": "iso8859_15",
    b")I": "shift_jis",
    b"$)C": "euc_kr",
    b"$)A": "gb2312",
}
_RUN = re.compile(rb"((?:[\x21-\x7e]{2})+)|([\x80-\xff]+)|(.)", re.DOTALL)
_RESETS = {
    delimiters: re.compile(rb"[\x00-\x1a\x1c-\x1f" + re.escape(delimiters) + rb"]")
    for delimiters in (TEXT, VALUES, NAMES)
}
_MAX_TERMS = 16
_MAX_TERM = 32


@dataclass(frozen=True, slots=True)
class CharacterSets:
    """The character sets of one data set or item.

    Args:
        initial: Python codec of value 1 of Specific Character Set: active at the start and again
            behind each delimiter (PS3.5 6.1.2.5.3).
        extensible: Whether escape sequences switch sets; never in UTF-8, GB18030 and GBK.
    """

    initial: str
    extensible: bool

    DEFAULT: ClassVar[tuple[str, ...]] = ("",)

    @classmethod
    def of(cls, values: Sequence[str]) -> CharacterSets:
        """The sets that Specific Character Set names.

        Args:
            values: Values of 00080005 in order, padded or not; none or an empty one in front is
                the default repertoire.
        """
        return _sets(tuple(value[:_MAX_TERM] for value in values[:_MAX_TERMS]) or cls.DEFAULT)

    @classmethod
    def default(cls) -> CharacterSets:
        """The sets of a data set without Specific Character Set."""
        return _sets(cls.DEFAULT)

    def decode(self, raw: bytes, delimiters: bytes = TEXT) -> str:
        """Decode a whole field; split it into values afterwards, never before.

        A multi-byte character may hold the byte of a backslash, which only decoding can tell.

        Args:
            raw: Bytes of the field, padding included.
            delimiters: TEXT, VALUES or NAMES: what ends the reach of an escape sequence, besides
                control characters.
        """
        if b"\x1b" in raw and self.extensible:
            return _Extended(self.initial, delimiters).decode(raw)
        if raw.isascii():
            return raw.decode("ascii")
        return raw.decode(self.initial, "replace")


class _Extended:
    """Decoder of one field with code extensions (ISO 2022 as in PS3.5 6.1.2.5)."""

    __slots__ = ("_double", "_initial", "_resets", "_upper")

    def __init__(self, initial: str, delimiters: bytes) -> None:
        self._initial = initial
        self._resets = _RESETS[delimiters]
        self._reset()

    def _reset(self) -> None:
        self._upper = self._initial
        self._double: tuple[str, bytes] | None = None

    def decode(self, raw: bytes) -> str:
        first, *rest = raw.split(b"\x1b")
        texts = [self._text(first)]
        texts += [self._text(self._switch(segment)) for segment in rest]
        return "".join(texts)

    def _switch(self, segment: bytes) -> bytes:
        """Follow the escape sequence in front; what comes behind it."""
        for length in (2, 3):
            code = segment[:length]
            if code in _G0_SINGLE:
                self._double = None
            elif code in _G0_DOUBLE:
                self._double = _G0_DOUBLE[code]
            elif code in _G1:
                self._upper = _G1[code]
            else:
                continue
            return segment[length:]
        return b"\x1b" + segment

    def _text(self, segment: bytes) -> str:
        if self._double is not None:
            return self._double_text(segment)
        found = self._resets.search(segment)
        if found is None:
            return segment.decode(self._upper, "replace")
        head = segment[: found.start()].decode(self._upper, "replace")
        self._reset()
        return head + segment[found.start() :].decode(self._upper, "replace")

    def _double_text(self, segment: bytes) -> str:
        """Pairs of bytes; a byte left alone is ASCII, where a writer forgot to switch back."""
        texts = []
        for found in _RUN.finditer(segment):
            pairs, upper, single = found.groups()
            if single is not None and self._resets.match(single):
                self._reset()
                texts.append(self._text(segment[found.start() :]))
                break
            if pairs is not None and self._double is not None:
                codec, lead = self._double
                texts.append(_pairs(codec, lead, pairs))
            else:
                texts.append((upper or single).decode(self._upper, "replace"))
        return "".join(texts)


def _pairs(codec: str, lead: bytes, pairs: bytes) -> str:
    """Double-byte characters of G0; what JIS X 0208 lacks is looked for in code page 932."""
    try:
        return (lead + pairs).decode(codec)
    except UnicodeDecodeError:
        if codec != "iso2022_jp":
            return (lead + pairs).decode(codec, "replace")
        return bytes(byte for pair in _couples(pairs) for byte in pair).decode("cp932", "replace")


def _couples(pairs: bytes) -> Iterator[tuple[int, int]]:
    """JIS codes as Shift JIS codes, which have room for the characters of vendors."""
    for row, cell in zip(pairs[::2], pairs[1::2], strict=True):
        first = ((row - 0x21) >> 1) + (0x81 if row <= 0x5E else 0xC1)
        if row & 1:
            yield first, cell + (0x1F if cell <= 0x5F else 0x20)
        else:
            yield first, cell + 0x7E


@lru_cache(maxsize=256)
def _sets(values: tuple[str, ...]) -> CharacterSets:
    """The sets for a list of terms."""
    term = _SEPARATORS.sub(" ", values[0].strip(" \0\t\r\n")).upper()
    alone = _ALONE.get(term)
    if alone is not None:
        return CharacterSets(alone, extensible=False)
    codec = _ALIASES.get(term)
    if codec is None:
        named = _TERM.fullmatch(term)
        number = named.group(1).lstrip("0") if named else "6"
        if number == "192":
            codec = "utf_8"
        else:
            codec = _SINGLE_BYTE.get(number) or _MULTI_BYTE.get(number) or _FALLBACK
    return CharacterSets(codec, extensible=codec not in ("utf_8", "gbk", "gb18030"))

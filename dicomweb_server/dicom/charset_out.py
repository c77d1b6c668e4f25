"""Text to bytes in the character sets that somebody else reads (PS3.5 6.1, PS3.3 C.12.1.1.2).

What the standard leaves open is decided here:

- A text is written in the reader's sets only where they hold every character of it; nothing is
  ever replaced. Sets that are not known exactly hold nothing beyond ASCII.
- Code extensions are used where a term of the reader begins with ``ISO 2022``. Double-byte sets of
  G0 (Japanese) are left at the end of each component, sets of G1 end with it by themselves.
- Under ISO_IR 13 a tilde is not written: its code is an overline there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from dicomweb_server.dicom.charset import VALUES, CharacterSets

__all__ = ["UTF8", "Writer", "writer_of"]

UTF8 = "ISO_IR 192"

_ESCAPE = b"\x1b"
_TERM = re.compile(r"ISO(?:_IR| 2022 IR) (\d{1,3})", re.ASCII)
_EXTENDED = "ISO 2022 "
_WHOLE = {UTF8: "utf_8", "GB18030": "gb18030", "GBK": "gbk"}
_JAPANESE_ROMAN = "13"


@dataclass(frozen=True, slots=True)
class _Set:
    """A coded character set.

    Args:
        codec: Python's codec for it.
        escape: What designates it, behind ESC.
        upper: Whether its bytes lie in G1; else it is a double-byte set of G0.
        width: Bytes of a character.
    """

    codec: str
    escape: bytes
    upper: bool = True
    width: int = 1

    def encode(self, character: str) -> bytes | None:
        """The bytes of one character beyond ASCII, None where the set does not hold it."""
        try:
            raw = character.encode(self.codec)
        except UnicodeEncodeError:
            return None
        if not self.upper:
            raw = raw[raw.find(self.escape) + len(self.escape) :][: self.width]
        if len(raw) != self.width or (raw[0] >= 0x80) is not self.upper:
            return None
        return raw


_SETS = {
    "13": _Set("shift_jis", b")I"),
    "58": _Set("gb2312", b"$)A", width=2),
    "87": _Set("iso2022_jp", b"$B", upper=False, width=2),
    "100": _Set("latin_1", b"-A"),
    "101": _Set("iso8859_2", b"-B"),
    "109": _Set("iso8859_3", b"-C"),
    "110": _Set("iso8859_4", b"-D"),
    "126": _Set("iso8859_7", b"-F"),
    "127": _Set("iso8859_6", b"-G"),
    "138": _Set("iso8859_8", b"-H"),
    "144": _Set("iso8859_5", b"-L"),
    "148": _Set("iso8859_9", b"-M"),
    "149": _Set("euc_kr", b"$)C", width=2),
    "159": _Set("iso2022_jp_2", b"$(D", upper=False, width=2),
    "166": _Set("iso8859_11", b"-T"),
    "203": _Set("iso8859_15", b"-b"),
}
_NEEDS_ESCAPE = frozenset(("58", "87", "149", "159"))
"""Sets that are not active at the start, even as value 1 (PS3.3 Table C.12-4)."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes texts in the sets that Specific Character Set of a reader names.

    Args:
        terms: Its values; written along with the texts where one goes beyond ASCII.
        whole: Codec of a set that stands alone, such as UTF-8; else empty.
        first: The set that is active at the start beside ASCII, None for ASCII alone.
        others: Sets that escape sequences switch to.
        roman: Whether the start is the Roman part of ISO_IR 13.
    """

    terms: tuple[str, ...]
    whole: str = ""
    first: _Set | None = None
    others: tuple[_Set, ...] = ()
    roman: bool = False

    def encode(self, text: str, delimiters: bytes = VALUES) -> bytes | None:
        """The bytes of a field, None where the sets do not hold all of it.

        Args:
            text: All values of the field, joined by backslashes where it can have several.
            delimiters: As for `CharacterSets.decode`.
        """
        if self.roman and "~" in text:
            return None
        if text.isascii():
            return text.encode("ascii")
        if self.whole:
            try:
                return text.encode(self.whole)
            except UnicodeEncodeError:
                return None
        parts = re.split(f"([{re.escape(delimiters.decode('ascii'))}\x00-\x1f])", text)
        written = [self._run(part) for part in parts]
        if any(part is None for part in written):
            return None
        raw = b"".join(part for part in written if part is not None)
        return raw if CharacterSets.of(self.terms).decode(raw, delimiters) == text else None

    def _run(self, text: str) -> bytes | None:
        """The bytes of a text without delimiters."""
        found = bytearray()
        upper, lower = self.first, False
        for character in text:
            if character.isascii():
                if lower:
                    found += self._back()
                    lower = False
                found += character.encode("ascii")
                continue
            chosen = self._choose(character, upper)
            if chosen is None:
                return None
            used, raw = chosen
            if used.upper and used is not upper:
                found += _ESCAPE + used.escape
                upper = used
            if not used.upper and not lower:
                found += _ESCAPE + used.escape
                lower = True
            found += raw
        return bytes(found + self._back()) if lower else bytes(found)

    def _back(self) -> bytes:
        """The escape sequence that ends a set of G0."""
        return _ESCAPE + (b"(J" if self.roman else b"(B")

    def _choose(self, character: str, upper: _Set | None) -> tuple[_Set, bytes] | None:
        """The set for a character, the active one before others."""
        for candidate in (upper, *self.others):
            raw = candidate.encode(character) if candidate else None
            if candidate is not None and raw is not None:
                return candidate, raw
        return None


@lru_cache(maxsize=256)
def writer_of(terms: Sequence[str]) -> Writer:
    """What writes in the sets of a reader.

    Args:
        terms: Values of its Specific Character Set, a tuple; none is the default repertoire.
    """
    named = tuple(term.strip() for term in terms)
    if named and named[0] in _WHOLE:
        return Writer(named[:1], whole=_WHOLE[named[0]])
    numbers = [found[1] if (found := _TERM.fullmatch(term)) else "6" for term in named]
    sets = [_SETS.get(number) for number in numbers]
    extended = any(term.startswith(_EXTENDED) for term in named)
    first = sets[0] if sets and numbers[0] not in _NEEDS_ESCAPE else None
    doubles = [each for each in sets if each is not None and not each.upper]
    # Two double-byte sets of G0 at once would need to tell which of them is active.
    usable = tuple(each for each in sets if each is not None and each not in doubles[1:])
    others = usable if extended else ()
    return Writer(named, "", first, others, bool(numbers) and numbers[0] == _JAPANESE_ROMAN)

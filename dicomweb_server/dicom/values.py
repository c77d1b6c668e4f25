"""Values of attributes from raw bytes: as DICOM JSON, and as text for the search index.

The rules are those of PS3.18 Annex F; what it leaves open is decided here:

- A DS or IS that is a number becomes one, written as in the file where JSON allows it (``1.50``
  stays ``1.50``, ``+.5`` becomes ``0.5``); else that one value stays a text.
- FL values are written as the exact value, the double that equals them (0.1f is
  0.10000000149011612), so that a reader's comparison with the stored bytes holds.
- Fields that their VR does not allow (a US of 3 bytes, an unknown VR) become UN with InlineBinary:
  nothing is lost and nothing is invented. So do NaN and infinities, where the caller did not
  publish a BulkDataURI as `needs_bulk` told it to.
- Spaces in front are padding for AE, CS, DS, IS, LO and SH alone (PS3.5 6.2), spaces and NULs
  behind for all texts.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Callable, Sequence
from itertools import islice

import orjson

from dicomweb_server.dicom import numbers
from dicomweb_server.dicom.charset import NAMES, TEXT, VALUES, CharacterSets

SINGLE_TEXT = frozenset(("LT", "ST", "UT", "UR"))
"""Text VRs that hold one value, in which a backslash is a character (PS3.5 6.4)."""
MULTI_TEXT = frozenset(("AE", "AS", "CS", "DA", "DT", "LO", "SH", "TM", "UC", "UI"))
"""Text VRs whose values a backslash separates."""
TEXTS = SINGLE_TEXT | MULTI_TEXT | {"DS", "IS", "PN"}
"""VRs whose bytes the character sets tell."""
LEADING_PADDED = frozenset(("AE", "CS", "DS", "IS", "LO", "SH"))
"""VRs in which leading spaces are padding too."""
BINARY_WORDS = {"OB": 1, "OD": 8, "OF": 4, "OL": 4, "OV": 8, "OW": 2, "UN": 1}
"""VRs that travel as InlineBinary or BulkDataURI, with the bytes of one word."""

SEARCH_VALUES = 64
"""Values of one attribute that `texts` gives at the most."""
SEARCH_CHARACTERS = 1024
"""Characters of one value that `texts` gives at the most."""
_SEARCH_BYTES = 64 * 1024

UTF8_ATTRIBUTE = b'{"vr":"CS","Value":["ISO_IR 192"]}'
"""Specific Character Set of every JSON text that is not plain ASCII (PS3.18 F.2)."""
EMPTY_SEQUENCE = b'{"vr":"SQ"}'

_PADDING = " \0"
_PLAIN = re.compile(rb"[ !#-\[\]-~]+")
"""Printable ASCII that JSON writes as it is, in one value."""
_DS = rb"-?(?:0|[1-9]\d{0,6})(?:\.\d{1,8})?"
_PLAIN_DS = re.compile(_DS + rb"(?:\\" + _DS + rb")*")
_PLAIN_IS = re.compile(rb"-?(?:0|[1-9]\d{0,14})(?:\\-?(?:0|[1-9]\d{0,14}))*")
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")

Member = str | int | float | dict[str, str] | None
Encoder = Callable[[str, bytes, CharacterSets, bool], bytes]


def attribute(vr: str, raw: bytes, sets: CharacterSets, big_endian: bool) -> bytes:
    """One attribute as a finished DICOM JSON object in compact UTF-8 (PS3.18 F.2.2). Never raises.

    Args:
        vr: Value representation; one that is not known counts as UN.
        raw: The field as it lies in the file.
        sets: Character sets of the data set or item that holds the attribute.
        big_endian: Byte order of `raw`.
    """
    encoder = _ENCODERS.get(vr)
    if encoder is None:
        return _binary("UN", raw, big_endian=False)
    if not raw:
        return _EMPTY[vr]
    return encoder(vr, raw, sets, big_endian)


def needs_bulk(vr: str, raw: bytes, big_endian: bool) -> bool:
    """Whether a field can only be published by reference: FL or FD with NaN or an infinity.

    JSON has no such numbers; a BulkDataURI loses nothing (PS3.18 10.4.3.3.2).
    """
    return vr in ("FL", "FD") and numbers.has_special(vr, raw, big_endian)


def sequence(items: Sequence[bytes]) -> bytes:
    """A sequence from its items, each a finished JSON object; an empty item is ``{}``."""
    if not items:
        return EMPTY_SEQUENCE
    return b'{"vr":"SQ","Value":[' + b",".join(items) + b"]}"


def texts(vr: str, raw: bytes, sets: CharacterSets, big_endian: bool) -> list[str]:
    """Single values for the search index: decoded, without padding, numbers as text.

    Empty values are left out, so an empty list is an empty attribute. Binary VRs and sequences
    have none. SEARCH_VALUES and SEARCH_CHARACTERS bound what comes back.

    Args:
        vr: Value representation.
        raw: The field as it lies in the file.
        sets: Character sets of the data set or item that holds the attribute.
        big_endian: Byte order of `raw`.
    """
    if vr in numbers.BINARY:
        return _number_texts(vr, raw, big_endian)
    if vr == "AT":
        return numbers.tags(raw[: min(len(raw) & ~3, 4 * SEARCH_VALUES)], big_endian)
    raw = raw[:_SEARCH_BYTES]
    if vr in SINGLE_TEXT:
        value = sets.decode(raw, TEXT).rstrip(_PADDING)[:SEARCH_CHARACTERS]
        return [value] if value else []
    if vr not in _MULTI_VALUED:
        return []
    if b"\\" not in raw and raw.isascii() and b"\x1b" not in raw:
        text = raw.decode("ascii")
        value = text.strip(_PADDING) if vr in LEADING_PADDED else text.rstrip(_PADDING)
        return [value[:SEARCH_CHARACTERS]] if value else []
    values = _split(vr, raw, sets)
    return [value[:SEARCH_CHARACTERS] for value in islice(filter(None, values), SEARCH_VALUES)]


def _number_texts(vr: str, raw: bytes, big_endian: bool) -> list[str]:
    size = numbers.SIZES[vr]
    length = min(len(raw) - len(raw) % size, size * SEARCH_VALUES)
    return [str(value) for value in numbers.unpack(vr, raw[:length], big_endian)]


def _split(vr: str, raw: bytes, sets: CharacterSets) -> list[str]:
    """Values of a multi-valued text VR without padding."""
    text = sets.decode(raw, NAMES if vr == "PN" else VALUES)
    if vr in LEADING_PADDED:
        return [value.strip(_PADDING) for value in text.split("\\")]
    return [value.rstrip(_PADDING) for value in text.split("\\")]


def _members(vr: str, members: Sequence[Member]) -> bytes:
    """The object for a list of values; one value that is empty is an empty attribute (F.2.5)."""
    if len(members) == 1 and members[0] is None:
        return _EMPTY[vr]
    return b"%s%s}" % (_HEAD[vr], orjson.dumps(members))


def _single_text(vr: str, raw: bytes, sets: CharacterSets, _big_endian: bool) -> bytes:
    text = sets.decode(raw, TEXT).rstrip(_PADDING)
    return _members(vr, [text or None])


def _multi_text(vr: str, raw: bytes, sets: CharacterSets, _big_endian: bool) -> bytes:
    plain = raw.strip(b" \0") if vr in LEADING_PADDED else raw.rstrip(b" \0")
    if _PLAIN.fullmatch(plain) is not None:
        return b'%s["%s"]}' % (_HEAD[vr], plain)
    return _members(vr, [value or None for value in _split(vr, raw, sets)])


def _name(vr: str, raw: bytes, sets: CharacterSets, _big_endian: bool) -> bytes:
    plain = raw.rstrip(b" \0")
    if b"=" not in plain and _PLAIN.fullmatch(plain) is not None:
        return b'{"vr":"PN","Value":[{"Alphabetic":"%s"}]}' % plain
    return _members(vr, [_groups(value) for value in _split(vr, raw, sets)])


def _groups(value: str) -> dict[str, str] | None:
    """The groups of a person name that are not empty (PS3.18 F.2.2), None where all are."""
    parts = (part.rstrip(_PADDING) for part in value.split("=", len(_GROUPS) - 1))
    return {name: part for name, part in zip(_GROUPS, parts, strict=False) if part} or None


def _decimal_text(vr: str, raw: bytes, sets: CharacterSets, _big_endian: bool) -> bytes:
    plain = raw.strip(b" \0")
    if _PLAIN_DS.fullmatch(plain) is not None:
        return b"%s[%s]}" % (_HEAD[vr], plain.replace(b"\\", b","))
    return _members(vr, [numbers.decimal(value) for value in _split(vr, raw, sets)])


def _integer_text(vr: str, raw: bytes, sets: CharacterSets, _big_endian: bool) -> bytes:
    plain = raw.strip(b" \0")
    if _PLAIN_IS.fullmatch(plain) is not None:
        return b"%s[%s]}" % (_HEAD[vr], plain.replace(b"\\", b","))
    return _members(vr, [numbers.integer(value) for value in _split(vr, raw, sets)])


def _number(vr: str, raw: bytes, _sets: CharacterSets, big_endian: bool) -> bytes:
    size = numbers.SIZES[vr]
    if len(raw) % size:
        return _binary("UN", raw, big_endian=False)
    return b"%s%s}" % (_HEAD[vr], orjson.dumps(numbers.unpack(vr, raw, big_endian).tolist()))


def _short(vr: str, raw: bytes, sets: CharacterSets, big_endian: bool) -> bytes:
    if len(raw) == 2:
        return b'{"vr":"US","Value":[%d]}' % int.from_bytes(raw, "big" if big_endian else "little")
    return _number(vr, raw, sets, big_endian)


def _float(vr: str, raw: bytes, sets: CharacterSets, big_endian: bool) -> bytes:
    size = numbers.SIZES[vr]
    if len(raw) % size == 0 and numbers.has_special(vr, raw, big_endian):
        return _binary("UN", numbers.swap(raw, size) if big_endian else raw, big_endian=False)
    return _number(vr, raw, sets, big_endian)


def _long_integer(vr: str, raw: bytes, _sets: CharacterSets, big_endian: bool) -> bytes:
    if len(raw) % 8:
        return _binary("UN", raw, big_endian=False)
    return _members(vr, numbers.long_integers(numbers.unpack(vr, raw, big_endian)))


def _tags(vr: str, raw: bytes, _sets: CharacterSets, big_endian: bool) -> bytes:
    if len(raw) % 4:
        return _binary("UN", raw, big_endian=False)
    return _members(vr, numbers.tags(raw, big_endian))


def _binary_field(vr: str, raw: bytes, _sets: CharacterSets, big_endian: bool) -> bytes:
    return _binary(vr, raw, big_endian)


def _binary(vr: str, raw: bytes, big_endian: bool) -> bytes:
    """InlineBinary in little endian (PS3.18 F.2.7)."""
    if not raw:
        return _EMPTY[vr]
    word = BINARY_WORDS[vr]
    data = numbers.swap(raw, word) if big_endian and word > 1 else raw
    base64 = b2a_base64(data, newline=False)
    return b'{"vr":"%s","InlineBinary":"%s"}' % (vr.encode("ascii"), base64)


def _misplaced(_vr: str, raw: bytes, _sets: CharacterSets, _big_endian: bool) -> bytes:
    """A sequence whose bytes were not parsed."""
    return _binary("UN", raw, big_endian=False)


_MULTI_VALUED = MULTI_TEXT | {"DS", "IS", "PN"}
_ENCODERS: dict[str, Encoder] = {
    **dict.fromkeys(MULTI_TEXT, _multi_text),
    **dict.fromkeys(SINGLE_TEXT, _single_text),
    **dict.fromkeys(BINARY_WORDS, _binary_field),
    **dict.fromkeys(("UL", "SL", "SS"), _number),
    **dict.fromkeys(("FL", "FD"), _float),
    **dict.fromkeys(("SV", "UV"), _long_integer),
    "US": _short,
    "AT": _tags,
    "DS": _decimal_text,
    "IS": _integer_text,
    "PN": _name,
    "SQ": _misplaced,
}
_EMPTY = {vr: b'{"vr":"%s"}' % vr.encode("ascii") for vr in _ENCODERS}
_HEAD = {vr: b'{"vr":"%s","Value":' % vr.encode("ascii") for vr in _ENCODERS}

"""Values of metadata as DICOM fields in little endian: the reverse of `values`.

What PS3.18 Annex F leaves open is decided here:

- Empty texts and nulls alone are an empty attribute, as some libraries write it.
- DS, IS and all binary numbers may be numbers or texts; NaN and infinities of FL and FD are the
  texts ``NaN``, ``Infinity``, ``-Infinity`` and their short forms.
- A number for DS keeps the digits that it is written with, up to the 16 characters of a DS.
- A backslash inside one value of a VR that can have several separates values (F.2.4).
"""

from __future__ import annotations

import math
import re
import struct
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Sequence

from dicomweb_server.dicom import numbers
from dicomweb_server.dicom.elements import Misfit
from dicomweb_server.dicom.values import MULTI_TEXT, SINGLE_TEXT

GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


class Number(str):
    """A number with a fraction or an exponent as JSON writes it, its digits kept."""

    __slots__ = ()


_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,32}", re.ASCII)
_TAG = re.compile(r"[0-9A-Fa-f]{8}", re.ASCII)
_SPECIAL = {
    "nan": math.nan,
    "inf": math.inf,
    "infinity": math.inf,
    "+inf": math.inf,
    "+infinity": math.inf,
    "-inf": -math.inf,
    "-infinity": -math.inf,
}
_LONGEST_NUMBER = 64
_LONGEST_DS = 16
_FORMATS = {
    "US": "H",
    "SS": "h",
    "UL": "I",
    "SL": "i",
    "UV": "Q",
    "SV": "q",
    "FL": "f",
    "FD": "d",
}
Member = object
"""One value: text, int, Number, None, or the groups of a person name."""


def encode(vr: str, members: Sequence[Member]) -> bytes:
    """The field for the values of an attribute, without padding.

    Args:
        vr: A VR that is neither binary nor SQ.
        members: Its values in order; None for an empty one.

    Raises:
        Misfit: A value is not one of its VR.
    """
    if all(member is None or member == "" for member in members) and len(members) < 2:
        return b""
    return _ENCODERS[vr](vr, members)


def binary(text: str) -> bytes:
    """The bytes of an InlineBinary (PS3.18 F.2.7).

    Raises:
        Misfit: It is not base64.
    """
    try:
        return b64decode(text, validate=True)
    except (NotBase64, ValueError):
        raise Misfit(
            "InlineBinary is not base64", "encode the field, in little endian, as RFC 4648 says"
        ) from None


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise Misfit("holds half of a surrogate pair", "send well-formed Unicode") from None


def _text(number: int, member: Member) -> str:
    if member is None:
        return ""
    if isinstance(member, Number) or not isinstance(member, str):
        raise Misfit(f"value {number} is no text", "send texts, or null for an empty value")
    return member


def _multi_text(_vr: str, members: Sequence[Member]) -> bytes:
    texts = [_text(number, member) for number, member in enumerate(members, 1)]
    return _utf8("\\".join(texts))


def _single_text(vr: str, members: Sequence[Member]) -> bytes:
    if len(members) > 1:
        raise Misfit(f"has {len(members)} values", f"{vr} holds one value (PS3.5 6.2)")
    return _utf8(_text(1, members[0]))


def _names(_vr: str, members: Sequence[Member]) -> bytes:
    names = [_name(number, member) for number, member in enumerate(members, 1)]
    return _utf8("\\".join(names))


def _name(number: int, member: Member) -> str:
    if member is None:
        return ""
    if not isinstance(member, dict) or not member.keys() <= set(GROUPS):
        raise Misfit(
            f"value {number} is no person name",
            'send objects with Alphabetic, Ideographic, Phonetic: {"Alphabetic":"A^B"}',
        )
    groups = [_text(number, member.get(group)) for group in GROUPS]
    return "=".join(groups).rstrip("=")


def _written(number: int, member: Member) -> str:
    """A number or the text of one."""
    if isinstance(member, int) and not isinstance(member, bool):
        return Number(member)
    if isinstance(member, str):
        return member
    raise Misfit(f"value {number} is no number", "send numbers, or texts that hold numbers")


def _decimals(_vr: str, members: Sequence[Member]) -> bytes:
    return _utf8("\\".join(_decimal(number, member) for number, member in enumerate(members, 1)))


def _decimal(number: int, member: Member) -> str:
    if member is None:
        return ""
    text = _written(number, member)
    return _shortened(text) if isinstance(text, Number) and len(text) > _LONGEST_DS else text


def _shortened(text: str) -> str:
    """A number in at most 16 characters with as many digits as fit."""
    value = float(text)
    if not math.isfinite(value):
        raise Misfit("a number is out of range", "DS holds numbers of up to 16 characters")
    for digits in range(17, 0, -1):
        short = f"{value:.{digits}g}"
        if len(short) <= _LONGEST_DS:
            return short
    return f"{value:.9e}"


def _integers(_vr: str, members: Sequence[Member]) -> bytes:
    return _utf8("\\".join(_integer(number, member) for number, member in enumerate(members, 1)))


def _integer(number: int, member: Member) -> str:
    if member is None:
        return ""
    text = _written(number, member)
    return str(_whole(number, text)) if isinstance(text, Number) else text


def _whole(number: int, text: str) -> int:
    if _INTEGER.fullmatch(text):
        return int(text)
    if len(text) <= _LONGEST_NUMBER and _DECIMAL.fullmatch(text):
        value = float(text)
        if value.is_integer() and abs(value) <= numbers.MAX_EXACT:
            return int(value)
    raise Misfit(f"value {number} is no integer", "send integers")


def _real(number: int, text: str) -> float:
    special = _SPECIAL.get(text.lower())
    if special is not None:
        return special
    if len(text) > 1024 or not _DECIMAL.fullmatch(text):
        raise Misfit(f"value {number} is no number", 'send numbers, "NaN", "Infinity", "-Infinity"')
    value = float(text)
    if not math.isfinite(value):
        raise Misfit(f"value {number} is out of range", "send what the VR can hold")
    return value


def _packed(vr: str, members: Sequence[Member]) -> bytes:
    read: Callable[[int, str], float] = _real if vr in ("FL", "FD") else _whole
    values = [read(n, _written(n, member)) for n, member in enumerate(members, 1)]
    try:
        return struct.pack(f"<{len(values)}{_FORMATS[vr]}", *values)
    except (struct.error, OverflowError):
        raise Misfit("a value is out of range", f"send what {vr} can hold (PS3.5 6.2)") from None


def _tags(_vr: str, members: Sequence[Member]) -> bytes:
    found = []
    for number, member in enumerate(members, 1):
        if not isinstance(member, str) or not _TAG.fullmatch(member):
            raise Misfit(f"value {number} is no tag", "send 8 upper-case hex digits")
        found.append(struct.pack("<HH", int(member[:4], 16), int(member[4:], 16)))
    return b"".join(found)


_ENCODERS: dict[str, Callable[[str, Sequence[Member]], bytes]] = {
    **dict.fromkeys(MULTI_TEXT, _multi_text),
    **dict.fromkeys(SINGLE_TEXT, _single_text),
    **dict.fromkeys(_FORMATS, _packed),
    "AT": _tags,
    "DS": _decimals,
    "IS": _integers,
    "PN": _names,
}

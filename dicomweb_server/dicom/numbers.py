"""Numbers of DICOM: binary ones in fields, and those written as text (DS, IS)."""

from __future__ import annotations

import math
import re
import struct
import sys
from array import array

MAX_EXACT = 2**53
"""Integers up to here are the same in JSON readers, which keep numbers as doubles."""

_CODES = {
    "US": "H",
    "SS": "h",
    "UL": "I",
    "SL": "i",
    "UV": "Q",
    "SV": "q",
    "FL": "f",
    "FD": "d",
}
BINARY = frozenset(_CODES)
"""VRs whose values are binary numbers."""
SIZES = {vr: struct.calcsize("=" + code) for vr, code in _CODES.items()}
"""Bytes of one value."""

_SWAPPED = {2: "H", 4: "I", 8: "Q"}
_NATIVE_IS_BIG = sys.byteorder == "big"

_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,64}", re.ASCII)
_MAX_DECIMAL = 64


def unpack(vr: str, raw: bytes, big_endian: bool) -> array[int] | array[float]:
    """Values of a binary VR.

    Args:
        vr: One of BINARY.
        raw: A whole number of values.
        big_endian: Byte order of `raw`.
    """
    values: array[int] | array[float] = array(_CODES[vr])
    values.frombytes(raw)
    if big_endian is not _NATIVE_IS_BIG:
        values.byteswap()
    return values


def swap(raw: bytes, word: int) -> bytes:
    """Bytes with the order turned inside each word; bytes left over at the end stay.

    Args:
        raw: Any bytes.
        word: 2, 4 or 8.
    """
    whole = len(raw) - len(raw) % word
    words = array(_SWAPPED[word])
    words.frombytes(raw[:whole])
    words.byteswap()
    return words.tobytes() + raw[whole:]


def has_special(vr: str, raw: bytes, big_endian: bool) -> bool:
    """Whether FL or FD values hold NaN or an infinity, which JSON cannot write."""
    whole = len(raw) - len(raw) % SIZES[vr]
    return not all(map(math.isfinite, unpack(vr, raw[:whole], big_endian)))


def tags(raw: bytes, big_endian: bool) -> list[str]:
    """AT values as 8 upper-case hex digits each (PS3.18 F.2.3); `raw` holds 4 bytes for each."""
    halves = unpack("US", raw, big_endian)
    return [f"{group:04X}{element:04X}" for group, element in _pairs(halves)]


def _pairs(halves: array[int] | array[float]) -> list[tuple[int, int]]:
    numbers = [int(half) for half in halves]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def decimal(text: str) -> float | int | str | None:
    """A DS value as a JSON number, the text itself where no number tells the same value.

    Of the 16 characters of a DS a fraction leaves 15 digits, which a double always keeps; longer,
    invalid ones are taken as the nearest double, as every reader does. Texts stay: what is no
    number, integers beyond 2^53, what is above the range of doubles or becomes zero in it
    (PS3.18 F.2.3 note). None where the text is empty.
    """
    if not text:
        return None
    if len(text) > _MAX_DECIMAL or _DECIMAL.fullmatch(text) is None:
        return text
    if _INTEGER.fullmatch(text) is not None:
        return integer(text)
    number = float(text)
    if not math.isfinite(number) or (number == 0) != _is_zero(text):
        return text
    return number


def _is_zero(text: str) -> bool:
    mantissa = text.lower().partition("e")[0]
    return not any("1" <= digit <= "9" for digit in mantissa)


def integer(text: str) -> int | str | None:
    """An IS value as a JSON number, the text itself where it is none or beyond 2^53.

    An integer written as a DS (``12.0``) counts as one. None where the text is empty.
    """
    if not text:
        return None
    number = _whole(text) if _INTEGER.fullmatch(text) is None else int(text)
    if number is None:
        return text
    return number if -MAX_EXACT <= number <= MAX_EXACT else text


def _whole(text: str) -> int | None:
    if len(text) > _MAX_DECIMAL or _DECIMAL.fullmatch(text) is None:
        return None
    number = float(text)
    return int(number) if number.is_integer() else None


def long_integers(values: array[int] | array[float]) -> list[int | str]:
    """SV and UV values: numbers up to 2^53, texts beyond (PS3.18 F.2.3)."""
    integers = map(int, values)
    return [n if -MAX_EXACT <= n <= MAX_EXACT else str(n) for n in integers]

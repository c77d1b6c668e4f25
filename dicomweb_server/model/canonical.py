"""Canonical texts of values, so that comparing values is comparing texts.

Stored values and the values of queries go through the same functions. Forms:

- DA ``YYYYMMDD``, TM ``HHMMSS.FFFFFF``, DT ``YYYYMMDDHHMMSS.FFFFFF``; what is not told precisely
  counts as its beginning (``2230`` is 22:30:00). A DT that tells its offset is moved to UTC.
- Numbers (IS, DS and binary ones) as plain decimals without needless zeros: ``007`` is ``7``.
- PN folded (`fold_name`), its groups without the empty ones joined by ``=``.
- Everything else without padding. What does not parse stays as it is.
"""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from datetime import datetime, timedelta
from decimal import Decimal

_DATE = re.compile(r"(\d{4})(\.?)(\d\d)\2(\d\d)", re.ASCII)
_TIME = re.compile(r"(\d\d)(?:(:?)(\d\d)(?:\2(\d\d)(?:\.(\d{1,6}))?)?)?", re.ASCII)
_MOMENT = re.compile(
    r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d(?:\d\d(?:\d\d(?:\.\d{1,6})?)?)?))?)?)?([+-]\d{4})?",
    re.ASCII,
)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_OFFSET = re.compile(r"([+-])(\d\d)([0-5]\d)", re.ASCII)

_NUMERIC = frozenset({"IS", "DS", "US", "SS", "UL", "SL", "UV", "SV", "FL", "FD"})
_KEEP_LEADING = frozenset({"LT", "ST", "UT", "UC", "UR"})
_NUMBER_LENGTH = 64
_PLAIN_EXPONENT = 40

_EARLIEST = "00010101000000.000000"
_LATEST = "99991231235959.999999"

_APOSTROPHES = re.compile("['`\u2018\u2019\u02bc\u02b9]")
_SEPARATORS = re.compile(r"[\s^=,;.+\-\u2010-\u2015_/()*?\u3001\u30fb]+")
_LETTERS = str.maketrans(
    {
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "ł": "l",
        "ħ": "h",
        "\u0131": "i",  # dotless i
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
    }
)


def canonical(vr: str, value: str) -> str:
    """The canonical text of one value (PS3.4 C.2.2.2.1).

    Args:
        vr: Value representation, for example ``DA``.
        value: One decoded value, padding allowed.
    """
    text = value.rstrip(" \0") if vr in _KEEP_LEADING else value.strip(" \0")
    if vr in ("DA", "TM", "DT"):
        found = _span(vr, text)
        return found[0] if found else text
    if vr in _NUMERIC:
        return _number(text)
    if vr == "PN":
        return "=".join(name_groups(text))
    return text.upper() if vr == "AT" else text


def is_canonical(vr: str, text: str) -> bool:
    """Whether a text is a real date, time or moment in canonical form.

    Args:
        vr: ``DA``, ``TM`` or ``DT``; False for any other.
        text: What `canonical` gave.
    """
    found = _span(vr, text)
    return found is not None and found[0] == text


def bounds(vr: str, text: str) -> tuple[str, str]:
    """First and last canonical value that a date, time or moment of partial precision covers.

    Args:
        vr: ``DA``, ``TM`` or ``DT``.
        text: For example ``18`` (TM), which covers 180000.000000 to 185959.999999.

    Raises:
        ValueError: It is not a value of that representation.
    """
    found = _span(vr, text.strip(" \0"))
    if found is None:
        raise ValueError(f"not a {vr} value")
    return found


def _span(vr: str, text: str) -> tuple[str, str] | None:
    if vr == "DA":
        return _date_span(text)
    if vr == "TM":
        return _time_span(text)
    return _moment_span(text) if vr == "DT" else None


def _date_span(text: str) -> tuple[str, str] | None:
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, _, month, day = found.groups()
    if not _is_date(int(year), int(month), int(day)):
        return None
    return (year + month + day,) * 2


def _time_span(text: str) -> tuple[str, str] | None:
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    hour, _, minute, second, fraction = found.groups()
    if int(hour) > 23 or int(minute or 0) > 59 or int(second or 0) > 60:
        return None
    low = hour + (minute or "00") + (second or "00") + "." + (fraction or "").ljust(6, "0")
    high = hour + (minute or "59") + (second or "59") + "." + (fraction or "").ljust(6, "9")
    return low, high


def _moment_span(text: str) -> tuple[str, str] | None:
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    year, month, day, time, suffix = found.groups()
    if not _is_date(int(year), int(month or 1), int(day or 1)):
        return None
    times = _time_span(time) if time else ("000000.000000", "235959.999999")
    offset = offset_minutes(suffix) if suffix else 0
    if times is None or offset is None:
        return None
    last_month = month or "12"
    last_day = day or f"{monthrange(int(year), int(last_month))[1]:02}"
    low = year + (month or "01") + (day or "01") + times[0]
    high = year + last_month + last_day + times[1]
    return (to_utc(low, offset), to_utc(high, offset)) if offset else (low, high)


def _is_date(year: int, month: int, day: int) -> bool:
    return year > 0 and 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]


def _number(text: str) -> str:
    if len(text) > _NUMBER_LENGTH or not _NUMBER.fullmatch(text):
        return text
    sign, digits, exponent = Decimal(text).as_tuple()
    whole = "".join(map(str, digits)).lstrip("0")
    if not whole or not isinstance(exponent, int):
        return "0"
    kept = whole.rstrip("0")
    exponent += len(whole) - len(kept)
    plain = _plain(kept, exponent) if abs(exponent) <= _PLAIN_EXPONENT else f"{kept}E{exponent}"
    return "-" + plain if sign else plain


def _plain(digits: str, exponent: int) -> str:
    if exponent >= 0:
        return digits + "0" * exponent
    digits = digits.rjust(1 - exponent, "0")
    return f"{digits[:exponent]}.{digits[exponent:]}"


def fold_name(text: str) -> str:
    """A person's name without case, accents and width: one group, or a pattern for one.

    Accents are the combining marks of alphabets (Latin, Greek, Cyrillic, Hebrew points, Arabic
    vowel signs) and of letters such as ``ø`` and ``ł``; voicing marks of kana and vowel signs of
    Indic scripts make other letters and stay. Runs of spaces become one, spaces around ``^`` and
    empty components at the end go. ``*`` and ``?`` stay.

    Args:
        text: Decoded text.
    """
    folded = _without_accents(_without_accents(text).casefold()).translate(_LETTERS)
    components = [" ".join(part.split()) for part in folded.replace("\0", " ").split("^")]
    return unicodedata.normalize("NFC", "^".join(components).rstrip("^"))


def _without_accents(text: str) -> str:
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not _is_accent(ord(c)))


def _is_accent(code: int) -> bool:
    if code < 0x0300:
        return False
    if code <= 0x036F or 0x1AB0 <= code <= 0x1AFF or 0x1DC0 <= code <= 0x1DFF:
        return True
    if 0x0591 <= code <= 0x05C7 or 0x064B <= code <= 0x0670:
        return unicodedata.combining(chr(code)) > 0
    return code == 0x0640 or 0x20D0 <= code <= 0x20FF or 0xFE20 <= code <= 0xFE2F


def name_groups(value: str) -> tuple[str, ...]:
    """The folded groups of a PN value (alphabetic, ideographic, phonetic), empty ones left out.

    Args:
        value: One PN value, groups separated by ``=`` (PS3.5 6.2.1).
    """
    return tuple(folded for group in value.split("=") if (folded := fold_name(group)))


def name_words(text: str) -> tuple[str, ...]:
    """The folded words of a name or of a part of one, for fuzzy matching.

    Words end at spaces, ``^``, ``=``, commas, points, hyphens, slashes, brackets and wildcards;
    apostrophes go without ending a word (``O'Brien`` is ``obrien``).

    Args:
        text: Decoded text, folded or not.
    """
    plain = _APOSTROPHES.sub("", fold_name(text.replace("=", "^")))
    return tuple(word for word in _SEPARATORS.split(plain) if word)


def offset_minutes(text: str) -> int | None:
    """Minutes east of UTC of a Timezone Offset From UTC such as ``+0100``; None if malformed.

    Args:
        text: ``&ZZXX`` between ``-1200`` and ``+1400`` (PS3.3 C.12.1.1.8).
    """
    found = _OFFSET.fullmatch(text.strip(" \0"))
    if found is None:
        return None
    minutes = int(found[2]) * 60 + int(found[3])
    if found[1] == "-":
        minutes = -minutes
    return minutes if -12 * 60 <= minutes <= 14 * 60 else None


def to_utc(moment: str, minutes: int) -> str:
    """Move a canonical moment to UTC; years end at 0001 and 9999.

    Args:
        moment: ``YYYYMMDDHHMMSS.FFFFFF``.
        minutes: Minutes east of UTC in which it is told.
    """
    local = datetime(
        int(moment[:4]), int(moment[4:6]), int(moment[6:8]), int(moment[8:10]), int(moment[10:12])
    )
    try:
        utc = local - timedelta(minutes=minutes)
    except OverflowError:
        return _EARLIEST if minutes > 0 else _LATEST
    date = f"{utc.year:04}{utc.month:02}{utc.day:02}"
    return f"{date}{utc.hour:02}{utc.minute:02}{moment[12:]}"

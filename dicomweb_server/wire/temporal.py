"""Dates, times and moments of a search: single values, ranges, date with time, timezone."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from dicomweb_server.errors import InvalidParameter
from dicomweb_server.model.canonical import bounds, to_utc
from dicomweb_server.model.query import Between, Exact, Moment
from dicomweb_server.model.tags import keyword_of, lookup, tag_of
from dicomweb_server.wire.attribute import Attribute

Alone = Exact | Between
"""Clauses of one attribute that has no partner."""

_SUFFIX = re.compile(r"[+-]\d{4}$", re.ASCII)
_PATIENT_BIRTH_DATE = 0x00100030
_FIRST, _LAST = "000000.000000", "235959.999999"
_HINTS = {
    "DA": "a date is YYYYMMDD; a range is A-B, -B or A-",
    "TM": "a time is HH, HHMM, HHMMSS or HHMMSS.FFFFFF; a range is A-B, -B or A-",
    "DT": "a moment is YYYYMMDDHHMMSS.FFFFFF or a beginning of it, with an offset such as +0100 "
    "where known; a range is A-B, -B or A-",
}


@dataclass(frozen=True, slots=True)
class Span:
    """What a query says about one DA, TM or DT attribute.

    Args:
        attribute: Which one.
        low, high: Canonical values, inclusive; None is open.
        single: It was one value, not a range; `low` is that value.
    """

    attribute: Attribute
    low: str | None
    high: str | None
    single: bool

    def same_form(self, other: Span) -> bool:
        """Whether both are ranges open at the same ends (PS3.18 8.3.4.1.1)."""
        if self.single or other.single:
            return False
        ends = (self.low is None, self.high is None)
        return ends == (other.low is None, other.high is None)

    def clause(self) -> Alone:
        """The clause of this attribute alone.

        Raises:
            InvalidParameter: The range ends before it begins.
        """
        if self.single and self.low is not None:
            return Exact(self.attribute.path, self.low)
        _check(self.attribute, self.low, self.high)
        return Between(self.attribute.path, self.low, self.high)


def read(attribute: Attribute, value: str, offset: int | None) -> Span:
    """Read a date, time or moment, or a range of them (PS3.4 C.2.2.2.1.3, C.2.2.2.5).

    Args:
        attribute: Of VR DA, TM or DT.
        value: As decoded from the URL, not empty.
        offset: Minutes east of UTC of the query; moments (DT) without an offset of their own are
            then told in it.

    Raises:
        InvalidParameter: It is malformed.
    """
    text = value.strip(" ")
    single = _ends(attribute.vr, text, offset)
    if single is not None:
        return Span(attribute, single[0], single[1], single=True)
    for place, character in enumerate(text):
        if character != "-" or len(text) == 1:
            continue
        low, high = text[:place].strip(" "), text[place + 1 :].strip(" ")
        first = _ends(attribute.vr, low, offset) if low else (None, None)
        last = _ends(attribute.vr, high, offset) if high else (None, None)
        if first is not None and last is not None:
            return Span(attribute, first[0], last[1], single=False)
    raise InvalidParameter(attribute.name, "is malformed", _HINTS[attribute.vr])


def _ends(vr: str, text: str, offset: int | None) -> tuple[str, str] | None:
    try:
        low, high = bounds(vr, text)
    except ValueError:
        return None
    if vr == "DT" and offset is not None and not _SUFFIX.search(text):
        return to_utc(low, offset), to_utc(high, offset)
    return low, high


def clauses(
    spans: dict[int, Span],
    offset: int | None,
    indexed: Callable[[int], bool],
    combined: bool = True,
) -> list[Alone | Moment]:
    """The clauses of all dates, times and moments at the root of the data set.

    A date and its time with ranges of the same form make one interval (PS3.18 8.3.4.1.1); with a
    timezone every date is a moment, where its time is indexed and it is no date of birth.

    Args:
        spans: By tag.
        offset: Minutes east of UTC of the query; None where it does not say.
        indexed: Whether a tag at the root is indexed.
        combined: Whether a date and its time make one interval at all.

    Raises:
        InvalidParameter: A range ends before it begins.
    """
    found: list[Alone | Moment] = []
    alone = dict(spans)
    for tag, date in spans.items():
        pair = _time_of(tag) if date.attribute.vr == "DA" else None
        if pair is None:
            continue
        zone = None if tag == _PATIENT_BIRTH_DATE or not indexed(pair) else offset
        time = _partner(date, spans.get(pair) if combined else None, zone)
        if time is None and zone is None:
            continue
        low, high = _interval(date, time)
        _check(date.attribute, low, high)
        found.append(Moment((tag,), (pair,), low, high, zone))
        alone.pop(tag)
        if time is not None:
            alone.pop(pair)
    return found + [span.clause() for span in alone.values()]


def _time_of(date: int) -> int | None:
    """The TM attribute that belongs to a DA attribute: StudyTime to StudyDate."""
    keyword = keyword_of(date)
    time = tag_of(keyword[:-4] + "Time") if keyword.endswith("Date") else None
    entry = lookup(time) if time is not None else None
    return time if entry is not None and entry.vr == "TM" else None


def _partner(date: Span, time: Span | None, zone: int | None) -> Span | None:
    """The time that makes one interval with a date, None where it stands alone."""
    if time is None or date.same_form(time):
        return time
    return time if zone is not None and date.single else None


def _interval(date: Span, time: Span | None) -> tuple[str | None, str | None]:
    first, last = _FIRST, _LAST
    if time is not None:
        first = time.low or _FIRST
        last = (time.low if time.single else time.high) or _LAST
    return date.low and date.low + first, date.high and date.high + last


def _check(attribute: Attribute, low: str | None, high: str | None) -> None:
    if low is not None and high is not None and low > high:
        hint = "write the earlier end first"
        if attribute.vr == "TM":
            hint += "; a range of times cannot cross midnight"
        raise InvalidParameter(attribute.name, "the range ends before it begins", hint)

"""Values of attributes as people read them: dates, times, names, codes, kinds of objects."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pydicom.config import IGNORE
from pydicom.datadict import dictionary_description
from pydicom.uid import UID

from dicomweb_server.dicom.json_item import JsonItem
from dicomweb_server.model.ids import is_uid

_DATE = re.compile(r"(\d{4})[.]?(\d{2})?[.]?(\d{2})?")
_TIME = re.compile(r"(\d{2}):?(\d{2})?:?(\d{2})?(?:\.\d{1,6})?")
_MOMENT = re.compile(
    r"(\d{4}(?:\d{2}(?:\d{2})?)?)(\d{2}(?:\d{2}(?:\d{2}(?:\.\d+)?)?)?)?([+-]\d{4})?"
)
_KEPT = frozenset(map(ord, "\t\n\r"))
_CONTROLS = dict.fromkeys(
    code for code in (*range(32), *range(127, 160), 0xFFFE, 0xFFFF) if code not in _KEPT
)
_ENDING = " Storage"
_REGISTERED = "1.2.840.10008."


def date(text: str) -> str:
    """A DA value as 2024-02-29; anything else stays as it is (PS3.5 6.2)."""
    found = _DATE.fullmatch(text.strip())
    return "-".join(part for part in found.groups() if part) if found else text


def time(text: str) -> str:
    """A TM value as 13:14:15, without parts of a second; anything else stays as it is."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return text
    parts = [part for part in found.groups() if part]
    return ":".join(parts) if len(parts) > 1 else f"{parts[0]}:00"


def moment(text: str) -> str:
    """A DT value as 2024-02-29 13:14:15 +01:00; anything else stays as it is."""
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        return text
    day, hours, zone = found.groups()
    words = [date(day)]
    if hours:
        words.append(time(hours))
    if zone:
        words.append(f"{zone[:3]}:{zone[3:]}")
    return " ".join(words)


def day_and_time(item: JsonItem, day: int, hours: int) -> str:
    """The values of a DA and a TM attribute together."""
    words = (date(item.text(day)), time(item.text(hours)))
    return " ".join(word for word in words if word)


def name(groups: dict[str, str]) -> str:
    """A person name as "Family, Prefix Given Middle, Suffix", other scripts in brackets."""
    found = [_components(text) for text in groups.values()]
    found = list(dict.fromkeys(text for text in found if text))
    return f"{found[0]} ({', '.join(found[1:])})" if len(found) > 1 else "".join(found)


def names(item: JsonItem, tag: int) -> str:
    """All person names of an attribute."""
    return "; ".join(text for text in map(name, item.names(tag)) if text)


def _components(text: str) -> str:
    parts = [part.strip() for part in text.split("^")] + [""] * 5
    family, given, middle, prefix, suffix = parts[:5]
    first = " ".join(part for part in (prefix, given, middle) if part)
    return ", ".join(part for part in (family, first, suffix) if part)


def age(text: str) -> str:
    """An AS value as "55 years"; anything else stays as it is."""
    units = {"Y": "years", "M": "months", "W": "weeks", "D": "days"}
    if len(text) == 4 and text[:3].isdecimal() and text[3] in units:
        return f"{int(text[:3])} {units[text[3]]}"
    return text


def sex(text: str) -> str:
    """Patient's Sex as a word."""
    return {"M": "male", "F": "female", "O": "other"}.get(text, text)


def kind(sop_class: str) -> str:
    """What an object is by its SOP Class UID (PS3.6 Annex A): "Enhanced SR"."""
    if not is_uid(sop_class):
        return "Unknown kind of object"
    told = registered(sop_class)
    return told.removesuffix(_ENDING) if told != sop_class else "Private kind of object"


def registered(uid: str) -> str:
    """Name of a UID that PS3.6 Annex A registers; others stay as they are."""
    return str(UID(uid, IGNORE).name) if uid.startswith(_REGISTERED) else uid


def attribute(tag: int) -> str:
    """What an attribute is called (PS3.6), its tag where it has no name."""
    try:
        return dictionary_description(tag)
    except KeyError:
        return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def number(value: float) -> str:
    """A number as short as it can be told."""
    return f"{value:.10g}"


def clean(text: str) -> str:
    """A text without control characters except line ends and tabs, and without broken ones."""
    if text.isprintable():
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_CONTROLS)
    return text.encode("utf-8", "replace").decode("utf-8")


def listed(words: Iterable[str], most: int) -> str:
    """Words with commas between them; behind `most` only how many more there are."""
    found = list(words)
    shown = ", ".join(found[:most])
    return f"{shown} and {len(found) - most} more" if len(found) > most else shown

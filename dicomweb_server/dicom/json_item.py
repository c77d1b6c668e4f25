"""Reading attributes out of the DICOM JSON of a data set or item (PS3.18 F.2).

Nothing here raises: an attribute that is absent, empty or of another kind has no values.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from math import isfinite

from dicomweb_server.model.tags import hex_of

Json = Mapping[str, object]
"""A parsed DICOM JSON object."""

_BULK = "/bulkdata/"
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


class JsonItem:
    """One data set or item.

    Args:
        members: Its parsed DICOM JSON object.
    """

    __slots__ = ("members",)

    def __init__(self, members: Json) -> None:
        self.members = members

    def __bool__(self) -> bool:
        return bool(self.members)

    def has(self, tag: int) -> bool:
        """Whether the attribute is there, empty or not."""
        return hex_of(tag) in self.members

    def vr(self, tag: int) -> str:
        """Value representation, empty where the attribute is absent."""
        vr = self._attribute(tag).get("vr")
        return vr if isinstance(vr, str) else ""

    def values(self, tag: int) -> list[object]:
        """What its `Value` holds."""
        values = self._attribute(tag).get("Value")
        return values if isinstance(values, list) else []

    def texts(self, tag: int) -> list[str]:
        """Its values as texts; empty ones stay as empty texts, sequences have none."""
        return [_text(value) for value in self.values(tag) if not _is_item(value)]

    def text(self, tag: int) -> str:
        """Its first value as text, empty where there is none."""
        values = self.values(tag)
        return _text(values[0]) if values and not _is_item(values[0]) else ""

    def numbers(self, tag: int) -> list[float]:
        """Those of its values that are finite numbers, or texts of such."""
        found = (_number(value) for value in self.values(tag))
        return [number for number in found if number is not None]

    def number(self, tag: int) -> float | None:
        """Its first value where that is a finite number."""
        values = self.values(tag)
        return _number(values[0]) if values else None

    def integer(self, tag: int) -> int | None:
        """Its first value where that is a whole number."""
        number = self.number(tag)
        return int(number) if number is not None and number == int(number) else None

    def items(self, tag: int) -> list[JsonItem]:
        """The items of a sequence."""
        return [JsonItem(value) for value in self.values(tag) if isinstance(value, dict)]

    def item(self, tag: int) -> JsonItem:
        """The first item of a sequence; an empty one where there is none."""
        found = self.items(tag)
        return found[0] if found else _NOTHING

    def names(self, tag: int) -> list[dict[str, str]]:
        """Person names: their groups that are not empty."""
        return [
            {group: str(value[group]) for group in _GROUPS if value.get(group)}
            for value in self.values(tag)
            if isinstance(value, dict)
        ]

    def bulk_path(self, tag: int) -> str:
        """Path of its value as in BulkRef where that is not in the document; else empty."""
        uri = self._attribute(tag).get("BulkDataURI")
        return uri.rpartition(_BULK)[2] if isinstance(uri, str) and _BULK in uri else ""

    def binary(self, tag: int) -> bytes:
        """Its InlineBinary: little endian bytes."""
        text = self._attribute(tag).get("InlineBinary")
        try:
            return b64decode(text) if isinstance(text, str) else b""
        except ValueError:  # binascii.Error is one, and so is what letters beyond ASCII raise
            return b""

    def _attribute(self, tag: int) -> dict[str, object]:
        found = self.members.get(hex_of(tag))
        return found if isinstance(found, dict) else {}


_NOTHING = JsonItem({})


def _is_item(value: object) -> bool:
    return isinstance(value, dict) and not any(group in value for group in _GROUPS)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return "=".join(str(value.get(group, "")) for group in _GROUPS).rstrip("=")
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) else None

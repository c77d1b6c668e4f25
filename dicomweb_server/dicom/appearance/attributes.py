"""Reading attributes of an instance's DICOM JSON, with values that were given by reference."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from itertools import islice
from math import isfinite
from sys import byteorder
from typing import cast

import orjson

from dicomweb_server.dicom.json_item import Json, JsonItem
from dicomweb_server.model.tags import hex_of

Bulk = Mapping[str, bytes]
"""Values that are not in the document, in little endian, by their BulkRef.path."""

MOST_VALUES = 65_536
"""Values of one attribute, or items of one sequence, that are looked at."""
_GREATEST = 1e30
"""Numbers beyond are taken for damage; what is left of the range keeps arithmetic finite."""


def number_of(value: object) -> float | None:
    """One value as a number that can be reckoned with, None where it is not one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) and abs(number) <= _GREATEST else None


class Attributes(JsonItem):
    """One data set or item that knows where in its instance it lies.

    Args:
        members: Its parsed DICOM JSON object.
        path: Sequence tags and item numbers on the way to it, each with a dot behind, as they
            stand in BulkRef.path; empty for the data set itself.
        length: Bytes of the document that it was parsed from; 0 for items. What goes through a
            long one has no place in an event loop.
    """

    __slots__ = ("length", "path")

    def __init__(self, members: Json, path: str = "", length: int = 0) -> None:
        super().__init__(members)
        self.path = path
        self.length = length

    @classmethod
    def parse(cls, text: bytes) -> Attributes:
        """Read a document.

        Args:
            text: What `Document.text` gives; the base URL does not matter.
        """
        members = orjson.loads(text)
        return cls(members if isinstance(members, dict) else {}, length=len(text))

    def child(self, tag: int, number: int = 1) -> Attributes:
        """One item of a sequence; an empty one where there is none.

        Args:
            tag: The sequence.
            number: Which item, from 1.
        """
        items = self.values(tag)
        if not 1 <= number <= len(items):
            return NOTHING
        item = items[number - 1]
        if not isinstance(item, dict):
            return NOTHING
        return Attributes(item, f"{self.path}{hex_of(tag)}.{number}.")

    def children(self, tag: int, most: int = MOST_VALUES) -> list[Attributes]:
        """The items of a sequence, `most` of them at the most."""
        count = min(len(self.values(tag)), most)
        return [self.child(tag, number) for number in range(1, count + 1)]

    def floats(self, tag: int, most: int = MOST_VALUES) -> list[float | None]:
        """Its values in their places, None for each that is no number."""
        return [number_of(value) for value in islice(self.values(tag), most)]

    def float_at(self, tag: int, index: int = 0) -> float | None:
        """One of its values, None where that is no number.

        Args:
            tag: The attribute.
            index: Which value, from 0.
        """
        values = self.values(tag)
        return number_of(values[index]) if index < len(values) else None

    def whole(self, tag: int, index: int = 0) -> int | None:
        """One of its values, None where that is no whole number."""
        number = self.float_at(tag, index)
        return int(number) if number is not None and number.is_integer() else None

    def data(self, tag: int, bulk: Bulk) -> bytes:
        """Its bytes in little endian; empty where there are none.

        Numbers, as of a US element, come as 16-bit words.

        Args:
            tag: The attribute.
            bulk: Values given by reference.
        """
        attribute = self.members.get(hex_of(tag))
        if not isinstance(attribute, dict):
            return b""
        if "BulkDataURI" in attribute:
            return bulk.get(f"{self.path}{hex_of(tag)}", b"")
        return self.binary(tag) if "InlineBinary" in attribute else _words(self.values(tag))


NOTHING = Attributes({})
"""An item that is not there."""


def _words(values: list[object]) -> bytes:
    if len(values) > MOST_VALUES:
        return b""
    try:
        words = array("H", cast("list[int]", values))  # mostly they are
    except (TypeError, OverflowError):
        words = array("H", [int(number_of(value) or 0) & 0xFFFF for value in values])
    if byteorder == "big":
        words.byteswap()
    return words.tobytes()

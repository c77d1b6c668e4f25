"""DICOM JSON to data sets (PS3.18 Annex F): strict in structure, bounded before it is parsed.

What is tolerated besides: one object in place of an array of one, ``"Value": []``, ``[""]`` and
``[null]`` for an empty attribute, attributes in any order, group lengths (they are dropped).
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterator
from itertools import accumulate

from dicomweb_server.dicom import refusal, values_in
from dicomweb_server.dicom.elements import DataSet, Element, Misfit, Reference
from dicomweb_server.dicom.values_in import Number
from dicomweb_server.dicom.vrs import BINARY_VRS, REFERABLE_VRS, is_known
from dicomweb_server.errors import InstanceRejected, InvalidRequest, PayloadTooLarge
from dicomweb_server.model.limits import KIB, ScanLimits
from dicomweb_server.model.tags import tag_of

_KEY = re.compile(r"[0-9A-F]{8}", re.ASCII)
_SHOWN = re.compile(
    r"[0-9A-Fa-f]{4}[0-9A-Za-z]{4}|(?i:vr|values?|alphabetic|inline_?binary|bulk_?data_?(uri)?)",
    re.ASCII,
)
_BLANKS = re.compile(r"[ \t\n\r]*")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_MEMBERS = frozenset(("vr", "Value", "BulkDataURI", "InlineBinary"))
_LONGEST_URI = 8 * KIB
_EXAMPLE = 'for example {"00100020":{"vr":"LO","Value":["1"]}}'
_PIECE = 256 * KIB
_BRACKETS_PER_ELEMENT = 8
_MEMBERS_PER_ELEMENT = 3
"""Commas, and so values, for each element allowed: a number takes a hundred times its text."""


def read_metadata(text: bytes | bytearray, limits: ScanLimits) -> list[DataSet | InstanceRejected]:
    """The data sets of a metadata part; for one that cannot be, why.

    Args:
        text: UTF-8 JSON, an array of DICOM JSON objects.
        limits: `depth`, `elements` and `document` bound it.

    Raises:
        InvalidRequest: It is no JSON, or no array of objects, or nests too deeply.
        PayloadTooLarge: It is too long, or holds too many elements.
    """
    _require_bounds(text, limits)
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidRequest("the metadata are not UTF-8", "DICOM JSON is UTF-8") from None
    read = _Reader(limits)
    return [read.root(found) for found in _members(decoded)]


def _require_bounds(text: bytes | bytearray, limits: ScanLimits) -> None:
    """Bound length, depth and number of elements before anything is built (T7)."""
    if len(text) > limits.document:
        raise PayloadTooLarge(
            f"metadata may have {limits.document} bytes at most", "send large values as bulk data"
        )
    structure = _structure(text)
    brackets = structure.translate(None, _NOT_BRACKETS)
    if (
        structure.count(b",") > _MEMBERS_PER_ELEMENT * limits.elements
        or len(brackets) > _BRACKETS_PER_ELEMENT * limits.elements
    ):
        raise PayloadTooLarge(
            "the metadata hold too many elements or values", "send long ones as bulk data"
        )
    deepest = max(accumulate(array("b", brackets.translate(_STEPS))), default=0)
    if deepest > 3 * limits.depth + 5:  # object, attribute and array for each; a name below
        raise InvalidRequest("the metadata nest too deeply", f"{limits.depth} sequences at most")


def _structure(text: bytes | bytearray) -> bytes:
    """What stands outside of strings, with memory of its own for a piece at a time only."""
    plain = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside = []
    inside = False
    for start in range(0, len(plain), _PIECE):
        pieces = plain[start : start + _PIECE].split(b'"')
        outside.append(b"".join(pieces[inside::2]))
        inside ^= len(pieces) % 2 == 0
    return b"".join(outside)


def _members(text: str) -> Iterator[object]:
    """The members of the array, one at a time."""
    decoder = json.JSONDecoder(
        object_pairs_hook=_object,
        parse_float=Number,
        parse_constant=_no_constant,
    )
    place = _blanks(text, 0)
    if text[place : place + 1] != "[":
        found, place = _value(decoder, text, place)
        yield found
    else:
        place = _blanks(text, place + 1)
        more = text[place : place + 1] != "]"
        while more:
            found, place = _value(decoder, text, place)
            yield found
            place = _blanks(text, place)
            more = text[place : place + 1] == ","
            place = _blanks(text, place + more)
        if text[place : place + 1] != "]":
            raise _no_json(place)
        place += 1
    if _blanks(text, place) != len(text):
        raise _no_json(place)


def _value(decoder: json.JSONDecoder, text: str, place: int) -> tuple[object, int]:
    try:
        return decoder.raw_decode(text, place)
    except json.JSONDecodeError as error:
        raise _no_json(error.pos) from None
    except ValueError:  # an integer of more digits than Python takes
        raise _no_json(place) from None


def _blanks(text: str, place: int) -> int:
    found = _BLANKS.match(text, place)
    return found.end() if found else place


def _no_json(place: int) -> InvalidRequest:
    return InvalidRequest(
        f"the metadata are no JSON at character {place}", f"send an array of objects, {_EXAMPLE}"
    )


def _no_constant(name: str) -> float:
    raise InvalidRequest(
        f"{name} is no JSON", f'send the text "{name}" for FL and FD, or bulk data'
    )


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in found if keys.count(key) > 1)
        raise InvalidRequest(f"{_shown(twice)} stands twice in one object", "send it once")
    return found


def _shown(key: str) -> str:
    """A key, unless it may be something else than a tag, a keyword or a member: a name, say."""
    return key if _SHOWN.fullmatch(key) or tag_of(key) is not None else "a member"


class _Reader:
    """Turns JSON values into data sets.

    Args:
        limits: Bounds.
    """

    def __init__(self, limits: ScanLimits) -> None:
        self._limits = limits
        self._left = limits.elements

    def root(self, value: object) -> DataSet | InstanceRejected:
        """One member of the array."""
        if not isinstance(value, dict):
            raise InvalidRequest("a member of the metadata is no object", _EXAMPLE)
        try:
            return self._data_set(value, 0)
        except Misfit as misfit:
            return misfit.rejection(self._names(value))
        except InstanceRejected as refused:
            return refused

    def _names(self, value: dict[str, object]) -> DataSet:
        """What names the instance, as far as it can be read."""
        found = []
        for key in ("00080016", "00080018"):
            try:
                found.append(self._element(key, value.get(key), 0))
            except Misfit:
                continue
        return DataSet.of(found)

    def _data_set(self, value: object, depth: int) -> DataSet:
        if not isinstance(value, dict):
            raise Misfit("is no object", "send {} for an empty item")
        if depth > self._limits.depth:
            raise Misfit("sequences nest too deeply", f"{self._limits.depth} deep at most")
        elements = []
        for key, attribute in value.items():
            try:
                element = self._element(key, attribute, depth)
            except Misfit as misfit:
                raise misfit.at(_shown(key)) from None
            if element.tag & 0xFFFF:
                elements.append(element)
        return DataSet.of(elements)

    def _element(self, key: str, attribute: object, depth: int) -> Element:
        self._left -= 1
        if self._left < 0:
            raise refusal.too_large("the metadata hold too many elements")
        tag = _tag(key)
        if not isinstance(attribute, dict):
            raise Misfit("is no object", 'for example {"vr":"LO","Value":["text"]}')
        vr = attribute.get("vr")
        if not isinstance(vr, str) or not is_known(vr.encode("ascii", "replace")):
            raise Misfit("has no vr of PS3.5", 'for example {"vr":"LO","Value":["text"]}')
        if not attribute.keys() <= _MEMBERS:
            unknown = min(attribute.keys() - _MEMBERS)
            raise Misfit(
                f"{_shown(unknown)} is no member", "vr, Value, BulkDataURI and InlineBinary are"
            )
        if len(attribute) > 2:
            raise Misfit(
                "has more than one value", "send one of Value, BulkDataURI and InlineBinary"
            )
        return Element(tag, vr, self._content(vr, attribute, depth))

    def _content(
        self, vr: str, attribute: dict[str, object], depth: int
    ) -> bytes | tuple[DataSet, ...] | Reference:
        if "BulkDataURI" in attribute:
            return reference(vr, attribute["BulkDataURI"])
        if "InlineBinary" in attribute:
            return inline(vr, attribute["InlineBinary"])
        members = attribute.get("Value", [])
        if not isinstance(members, list):
            raise Misfit("Value is no array", 'for example "Value":["text"]')
        if vr == "SQ":
            return tuple(self._item(n, item, depth) for n, item in enumerate(members, 1))
        if vr in BINARY_VRS:
            if members and members != [None]:
                raise Misfit(f"{vr} has no Value", "send InlineBinary or BulkDataURI")
            return b""
        return values_in.encode(vr, members)

    def _item(self, number: int, item: object, depth: int) -> DataSet:
        try:
            return self._data_set(item, depth + 1)
        except Misfit as misfit:
            raise misfit.at_item(number) from None


def _tag(key: str) -> int:
    if not _KEY.fullmatch(key):
        raise Misfit("is no tag", "name attributes by 8 upper-case hex digits")
    tag = int(key, 16)
    require_group(tag)
    return tag


def require_group(tag: int) -> None:
    """Make sure that an element may stand in metadata.

    Raises:
        Misfit: Its group belongs to commands, files or structure.
    """
    if tag >> 16 == 2:
        raise Misfit(
            "File Meta Information has no place in metadata",
            "name the transfer syntax in the Content-Type of the pixel data",
        )
    if tag >> 16 <= 7 or tag >> 16 >= 0xFFFE:
        raise Misfit("belongs to no data set", "send groups 0008 to FFFC")


def reference(vr: str, uri: object) -> Reference:
    """A value given by reference.

    Raises:
        Misfit: It is no URI, or values of the VR cannot be given so.
    """
    if not isinstance(uri, str) or not uri or len(uri) > _LONGEST_URI:
        raise Misfit("BulkDataURI is no URI", "send the Content-Location of a bulk data part")
    if vr not in REFERABLE_VRS:
        raise Misfit(f"{vr} cannot be given by BulkDataURI", "send Value (PS3.18 F.2.2)")
    return Reference(uri)


def inline(vr: str, text: object) -> bytes:
    """A value given as base64.

    Raises:
        Misfit: It is no base64, or values of the VR cannot be given so.
    """
    if vr not in BINARY_VRS:
        raise Misfit(f"{vr} cannot be given as InlineBinary", "send Value (PS3.18 F.2.2)")
    if not isinstance(text, str):
        raise Misfit("InlineBinary is no text", "send one base64 text")
    return values_in.binary(text)

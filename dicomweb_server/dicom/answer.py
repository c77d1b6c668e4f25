"""A DICOM JSON object as an encoded data set in the character sets of its reader (PS3.4 C.4.1).

What the standard leaves open is decided here:

- Plain ASCII has no Specific Character Set. Other text is written in the sets that the reader named
  where they hold all of it, else in UTF-8, which is then told (docs/dimse.md).
- Characters beyond ASCII in values that no character set concerns (codes, UIDs) become ``?``.
- Values that are only referred to, such as pixels, are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from struct import pack

from dicomweb_server.dicom import values_in
from dicomweb_server.dicom.charset import NAMES, TEXT, VALUES
from dicomweb_server.dicom.charset_out import UTF8, Writer, writer_of
from dicomweb_server.dicom.elements import DataSet, Element, Misfit
from dicomweb_server.dicom.selection import JsonAttribute, Tree, select
from dicomweb_server.dicom.values import SINGLE_TEXT, TEXTS
from dicomweb_server.dicom.values_in import Number
from dicomweb_server.dicom.vrs import BINARY_VRS
from dicomweb_server.dicom.writer import header

_SPECIFIC_CHARACTER_SET = 0x00080005
_CONCERNED = frozenset(("LO", "LT", "PN", "SH", "ST", "UC", "UT"))
"""VRs whose text Specific Character Set concerns (PS3.5 6.1.2.3)."""
_SPACED = TEXTS - {"UI"}
_ITEM = 0xFFFEE000


class _Beyond(Exception):
    """A text holds characters that the sets of the reader do not."""


def chosen(row: bytes, tree: Tree) -> DataSet:
    """What a reader asked for, out of a DICOM JSON object that this archive has written.

    Args:
        row: The object.
        tree: What to choose, see `selection.tree_of`; what is absent is left out.
    """
    found: Mapping[str, JsonAttribute] = json.loads(row, parse_float=Number)
    return _data_set(select(found, tree))


def encode(found: DataSet, reader: Writer, implicit: bool) -> bytes:
    """The data set in little endian, its sequences and items with defined lengths.

    Args:
        found: Text in UTF-8, without Specific Character Set.
        reader: Writes in the sets of the reader.
        implicit: Whether value representations are left out.
    """
    if _is_ascii(found):
        return _write(found, writer_of(()), implicit)
    try:
        return _write(_labelled(found, reader.terms), reader, implicit)
    except _Beyond:
        return _write(_labelled(found, (UTF8,)), writer_of((UTF8,)), implicit)


def _data_set(found: Mapping[str, JsonAttribute]) -> DataSet:
    elements = (_element(key, attribute) for key, attribute in found.items())
    return DataSet.of(element for element in elements if element is not None)


def _element(key: str, attribute: JsonAttribute) -> Element | None:
    tag, vr = int(key, 16), str(attribute.get("vr"))
    members = attribute.get("Value", [])
    binary = attribute.get("InlineBinary")
    if (
        tag == _SPECIFIC_CHARACTER_SET
        or "BulkDataURI" in attribute
        or not isinstance(members, list)
    ):
        return None
    if vr == "SQ":
        return Element(tag, vr, tuple(map(_data_set, members)))
    try:
        if isinstance(binary, str):
            return Element(tag, vr, values_in.binary(binary))
        return Element(tag, vr, b"" if vr in BINARY_VRS else values_in.encode(vr, members))
    except Misfit:
        return None


def _labelled(found: DataSet, terms: Iterable[str]) -> DataSet:
    text = "\\".join(terms).encode("ascii", "replace")
    return found.replaced(Element(_SPECIFIC_CHARACTER_SET, "CS", text))


def _is_ascii(found: DataSet) -> bool:
    for element in found.elements:
        value = element.value
        if isinstance(value, tuple):
            if not all(map(_is_ascii, value)):
                return False
        elif element.vr in _CONCERNED and isinstance(value, bytes) and not value.isascii():
            return False
    return True


def _write(found: DataSet, writer: Writer, implicit: bool) -> bytes:
    return b"".join(_written(element, writer, implicit) for element in found.elements)


def _written(element: Element, writer: Writer, implicit: bool) -> bytes:
    value = element.value
    if isinstance(value, tuple):
        items = [_write(item, writer, implicit) for item in value]
        field = b"".join(_head(_ITEM, len(item)) + item for item in items)
    elif isinstance(value, bytes):
        field = _text(element.vr, value, writer) if element.vr in TEXTS else value
        field += (b" " if element.vr in _SPACED else b"\0") * (len(field) % 2)
    else:
        raise TypeError("values of answers lie in memory")
    size = len(field)
    head = _head(element.tag, size) if implicit else header(element.tag, element.vr, size)
    return head + field


def _text(vr: str, value: bytes, writer: Writer) -> bytes:
    if vr not in _CONCERNED:
        return value if value.isascii() else value.decode().encode("ascii", "replace")
    if value.isascii() and not writer.roman:
        return value
    delimiters = NAMES if vr == "PN" else TEXT if vr in SINGLE_TEXT else VALUES
    raw = writer.encode(value.decode(), delimiters)
    if raw is None:
        raise _Beyond
    return raw


def _head(tag: int, length: int) -> bytes:
    return pack("<HHI", tag >> 16, tag & 0xFFFF, length)

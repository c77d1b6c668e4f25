"""The Native DICOM Model (PS3.19 A.1) from DICOM JSON.

What the standard leaves open is decided here: characters that XML 1.0 cannot hold become U+FFFD;
carriage returns are written as references, so that a parser gives them back; a private attribute
whose creator is unknown keeps the tag that it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dicomweb_server.dicom.selection import JsonAttribute, JsonObject, read
from dicomweb_server.model.tags import is_private, keyword_of

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM" '
    'xml:space="preserve">'
)
_TAIL = "</NativeDicomModel>"

_CONTROLS = [*range(0x20), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF]
_ESCAPES: dict[int, str] = {
    **dict.fromkeys(_CONTROLS, "\ufffd"),
    ord("\t"): "&#9;",
    ord("\n"): "\n",
    ord("\r"): "&#13;",
    ord("&"): "&amp;",
    ord("<"): "&lt;",
    ord(">"): "&gt;",
    ord('"'): "&quot;",
}
_ATTRIBUTE_ESCAPES = {**_ESCAPES, ord("\n"): "&#10;"}
_COMPONENTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


def native_xml(json_object: bytes) -> bytes:
    """One data set as an XML document in UTF-8 (PS3.18 8.7.3.2, Table A.1.5-2 of PS3.19).

    Args:
        json_object: A DICOM JSON object that this archive has written.
    """
    text = "".join((_HEAD, *_attributes(read(json_object)), _TAIL))
    return text.encode("utf-8")


def _attributes(data: JsonObject) -> Iterator[str]:
    for key, attribute in data.items():
        tag = int(key, 16)
        private = is_private(tag)
        if tag & 0xFFFF == 0 or (private and 0x10 <= tag & 0xFFFF <= 0xFF):
            continue  # group lengths and the elements that name private creators are not sent
        creator = _creator(data, tag) if private else ""
        yield _start(key, str(attribute.get("vr", "UN")), creator)
        yield from _content(attribute)
        yield "</DicomAttribute>"


def _start(key: str, vr: str, creator: str) -> str:
    if creator:
        shown = f'tag="{key[:4]}00{key[6:]}" vr="{_quoted(vr)}" privateCreator="{_quoted(creator)}"'
    else:
        shown = f'tag="{key}" vr="{_quoted(vr)}"'
    keyword = keyword_of(int(key, 16))
    if keyword:
        shown += f' keyword="{keyword}"'
    return f"<DicomAttribute {shown}>"


def _creator(data: JsonObject, tag: int) -> str:
    """Name of the private creator of a tag's block, empty where it is not known."""
    block = f"{tag & 0xFFFF0000 | tag >> 8 & 0xFF:08X}"
    values = data.get(block, {}).get("Value")
    return str(values[0] or "") if isinstance(values, list) and values else ""


def _content(attribute: JsonAttribute) -> Iterator[str]:
    values = attribute.get("Value")
    if isinstance(values, list):
        write = _WRITERS.get(str(attribute["vr"]), _value)
        for number, value in enumerate(values, 1):
            yield from write(number, value)
    elif "InlineBinary" in attribute:
        yield f"<InlineBinary>{attribute['InlineBinary']}</InlineBinary>"
    elif "BulkDataURI" in attribute:
        yield f'<BulkData uri="{_quoted(str(attribute["BulkDataURI"]))}"/>'


def _value(number: int, value: object) -> Iterator[str]:
    if value is None:
        yield f'<Value number="{number}"/>'
    else:
        yield f'<Value number="{number}">{_escaped(str(value))}</Value>'


def _item(number: int, value: object) -> Iterator[str]:
    yield f'<Item number="{number}">'
    if isinstance(value, dict):
        yield from _attributes(value)
    yield "</Item>"


def _person(number: int, value: object) -> Iterator[str]:
    yield f'<PersonName number="{number}">'
    if isinstance(value, dict):
        for group in _GROUPS:
            if value.get(group):
                yield f"<{group}>{_components(str(value[group]))}</{group}>"
    yield "</PersonName>"


def _components(group: str) -> str:
    parts = zip(_COMPONENTS, group.split("^", len(_COMPONENTS) - 1), strict=False)
    return "".join(f"<{name}>{_escaped(part)}</{name}>" for name, part in parts if part)


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)


def _quoted(text: str) -> str:
    return text.translate(_ATTRIBUTE_ESCAPES)


_WRITERS: dict[str, Callable[[int, object], Iterator[str]]] = {"SQ": _item, "PN": _person}

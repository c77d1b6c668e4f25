"""The Native DICOM Model to data sets (PS3.19 A.1): built while it is read, nothing is resolved.

What is tolerated besides: group lengths (they are dropped), elements that name private creators
beside `privateCreator`, documents in other encodings that contain ASCII.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from lxml import etree

from dicomweb_server.dicom import refusal, values_in
from dicomweb_server.dicom.elements import DataSet, Element, Misfit, Reference
from dicomweb_server.dicom.json_in import inline, reference, require_group
from dicomweb_server.dicom.vrs import BINARY_VRS, is_known
from dicomweb_server.errors import InstanceRejected, InvalidRequest, PayloadTooLarge
from dicomweb_server.model.limits import MIB, ScanLimits
from dicomweb_server.model.tags import is_private

_NAMESPACE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"
_ROOT = "NativeDicomModel"
_TAG = re.compile(r"[0-9A-F]{8}", re.ASCII)
_NUMBER = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_ENCODING = re.compile(rb"""\A<\?xml[^>]{0,80}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_ASCII_BASED = re.compile(r"(?:utf-?8|us-ascii|iso-8859-\d{1,2}|windows-125\d)", re.IGNORECASE)
_COMPONENTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
_GROUPS = values_in.GROUPS
_INSIDE: dict[str, frozenset[str]] = {
    _ROOT: frozenset(("DicomAttribute",)),
    "Item": frozenset(("DicomAttribute",)),
    "DicomAttribute": frozenset(("Value", "Item", "PersonName", "BulkData", "InlineBinary")),
    "PersonName": frozenset(_GROUPS),
    **dict.fromkeys(_GROUPS, frozenset(_COMPONENTS)),
}
_WITH_TEXT = frozenset(("Value", "InlineBinary", *_COMPONENTS))
_BLOCKS = range(0x10, 0x100)
_NODES_PER_ELEMENT = 3
"""XML elements for each element of a data set that is allowed: values take memory too."""


def read_xml(text: bytes, limits: ScanLimits) -> DataSet | InstanceRejected:
    """The data set of one document; where it cannot be one, why.

    Args:
        text: The document.
        limits: `depth`, `elements` and `document` bound it.

    Raises:
        InvalidRequest: It is no XML, has a DOCTYPE, or nests too deeply.
        PayloadTooLarge: It is too long.
    """
    if len(text) > limits.document:
        raise PayloadTooLarge(
            f"metadata may have {limits.document} bytes at most", "send large values as bulk data"
        )
    plain = _utf8(text)
    if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
        raise _no_doctype()
    builder = _Builder(limits)
    try:
        _parse(plain, builder)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        raise InvalidRequest(
            f"the metadata are no XML at line {line}, column {column}",
            "send a NativeDicomModel document (PS3.19 A.1)",
        ) from None
    return builder.result()


def _parse(text: bytes, builder: _Builder) -> None:
    parser = etree.XMLParser(
        target=builder,
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    for start in range(0, len(text), MIB):
        parser.feed(text[start : start + MIB])
    parser.close()


def _utf8(text: bytes) -> bytes:
    """The document in UTF-8: in any encoding beyond ASCII a DOCTYPE could hide."""
    text = text.removeprefix(b"\xef\xbb\xbf")
    declared = _ENCODING.match(text)
    encoding = declared.group(1).decode("ascii") if declared else "utf-8"
    if b"\0" in text[:4] or not _ASCII_BASED.fullmatch(encoding):
        raise InvalidRequest("the encoding of the metadata is not taken", "send UTF-8")
    if encoding.lower() in ("utf-8", "utf8"):
        return text
    try:
        return text.decode(encoding).encode("utf-8")
    except (UnicodeDecodeError, LookupError):
        raise InvalidRequest(f"the metadata are not {encoding}", "send UTF-8") from None


def _no_doctype() -> InvalidRequest:
    return InvalidRequest("the metadata have a DOCTYPE", "send the document without it")


@dataclass(slots=True)
class _Node:
    """One XML element that is open."""

    name: str
    attributes: dict[str, str]
    number: int = 0
    texts: list[str] = field(default_factory=list)
    values: dict[int, object] = field(default_factory=dict)
    """Values, items or names by their number; of a name its groups, in their order."""
    others: list[Reference | bytes] = field(default_factory=list)
    found: list[Element] = field(default_factory=list)
    """Attributes of a data set or item that have no private creator."""
    private: list[tuple[str, Element]] = field(default_factory=list)
    """Private attributes with the creator of their block."""


class _Builder:
    """Takes the events of the parser and puts data sets together.

    The first misfit ends the data set; what follows is only checked to be XML.

    Args:
        limits: Bounds.
    """

    def __init__(self, limits: ScanLimits) -> None:
        self._limits = limits
        self._left = limits.elements
        self._nodes = _NODES_PER_ELEMENT * limits.elements
        self._stack: list[_Node] = []
        self._misfit: Misfit | None = None
        self._refused: InstanceRejected | None = None
        self._result: DataSet | None = None
        self._known: list[Element] = []

    def result(self) -> DataSet | InstanceRejected:
        """The data set, or why there is none."""
        if self._refused is not None:
            return self._refused
        if self._misfit is not None:
            return self._misfit.rejection(DataSet.of(self._known))
        if self._result is None:
            raise InvalidRequest("the metadata hold no data set", "send a NativeDicomModel")
        return self._result

    def doctype(self, *_parts: str | None) -> None:
        """Refuse a DOCTYPE, wherever it hides."""
        raise _no_doctype()

    def comment(self, _text: str | bytes) -> None:
        """A comment says nothing."""

    def start(self, tag: str | bytes, attrib: Mapping[str | bytes, str | bytes]) -> None:
        """An XML element begins."""
        name = _str(tag).removeprefix(_NAMESPACE)
        node = _Node(name, {_str(key): _str(value) for key, value in attrib.items()})
        if not self._stack and name != _ROOT:
            raise InvalidRequest("the metadata are no NativeDicomModel", "see PS3.19 A.1")
        self._nodes -= 1
        if self._nodes < 0:
            raise PayloadTooLarge("the metadata hold too many values", "send them as bulk data")
        if len(self._stack) > 2 * self._limits.depth + 4:
            raise InvalidRequest(
                "the metadata nest too deeply", f"{self._limits.depth} sequences at most"
            )
        self._stack.append(node)
        if self._open():
            try:
                self._begin(node)
            except Misfit as misfit:
                self._fail(misfit)

    def data(self, data: str | bytes) -> None:
        """Text."""
        if self._open():
            self._stack[-1].texts.append(_str(data))

    def end(self, tag: str | bytes) -> None:
        """An XML element is complete."""
        if self._open():
            try:
                self._finish(self._stack[-1])
            except Misfit as misfit:
                self._fail(misfit)
        self._stack.pop()

    def close(self) -> None:
        """The document is complete."""

    def _open(self) -> bool:
        return self._misfit is None and self._refused is None

    def _fail(self, misfit: Misfit) -> None:
        """Keep a misfit with its place, told by what is open."""
        for node in reversed(self._stack):
            if node.name == "Item":
                misfit.at_item(node.number)
            elif node.name == "DicomAttribute":
                tag = node.attributes.get("tag", "")
                misfit.at(tag if _TAG.fullmatch(tag) else "an attribute")
        self._misfit = misfit

    def _begin(self, node: _Node) -> None:
        if len(self._stack) > 1 and node.name not in _INSIDE.get(self._stack[-2].name, frozenset()):
            raise Misfit(
                f"{_shown(node.name)} has no place in {self._stack[-2].name}", "see PS3.19 A.1"
            )
        if node.name == "DicomAttribute":
            self._left -= 1
            if self._left < 0:
                self._refused = refusal.too_large("the metadata hold too many elements")
        elif node.name in ("Value", "Item", "PersonName"):
            node.number = _number(node, self._stack[-2])

    def _finish(self, node: _Node) -> None:
        text = "".join(node.texts)
        if node.name not in _WITH_TEXT and text.strip(" \t\r\n"):
            raise Misfit(f"{node.name} holds text", "put texts into Value")
        if node.name == _ROOT:
            self._result = _data_set(node)
            return
        around = self._stack[-2]
        if node.name == "DicomAttribute":
            self._attribute(node, around)
        else:
            _close(node, around, text)

    def _attribute(self, node: _Node, around: _Node) -> None:
        tag, vr = node.attributes.get("tag", ""), node.attributes.get("vr", "")
        if not _TAG.fullmatch(tag):
            raise Misfit("tag is no tag", "send 8 upper-case hex digits")
        if not is_known(vr.encode("ascii", "replace")):
            raise Misfit("has no vr of PS3.5", 'for example vr="LO"')
        require_group(int(tag, 16))
        element = Element(int(tag, 16), vr, _content(vr, node))
        creator = node.attributes.get("privateCreator", "")
        if creator and is_private(element.tag):
            around.private.append((creator, element))
        elif element.tag & 0xFFFF:
            around.found.append(element)
        if len(self._stack) == 2 and element.tag in (0x00080016, 0x00080018):
            self._known.append(element)


def _str(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode("utf-8")


def _shown(name: str) -> str:
    return name if name.isascii() and name.isalnum() and len(name) <= 40 else "an XML element"


def _number(node: _Node, around: _Node) -> int:
    number = node.attributes.get("number", "")
    if not _NUMBER.fullmatch(number):
        raise Misfit(f"{node.name} has no number", "number them from 1")
    if int(number) in around.values:
        raise Misfit(f"{node.name} number {number} stands twice", "number them from 1")
    return int(number)


def _close(node: _Node, around: _Node, text: str) -> None:
    """Hand what an XML element holds to the one around it."""
    if node.name == "Value":
        around.values[node.number] = text or None
    elif node.name == "Item":
        around.values[node.number] = _data_set(node)
    elif node.name == "PersonName":
        around.values[node.number] = {_GROUPS[n]: name for n, name in node.values.items()} or None
    elif node.name in _GROUPS:
        parts = [str(node.values.get(n, "")) for n in range(len(_COMPONENTS))]
        around.values[_GROUPS.index(node.name)] = "^".join(parts).rstrip("^")
    elif node.name in _COMPONENTS:
        around.values[_COMPONENTS.index(node.name)] = text
    elif node.name == "InlineBinary":
        around.others.append(text.encode("utf-8"))
    else:
        around.others.append(Reference(node.attributes.get("uri", "")))


def _content(vr: str, node: _Node) -> bytes | tuple[DataSet, ...] | Reference:
    """The value of an attribute."""
    if len(node.others) + bool(node.values) > 1:
        raise Misfit("has more than one value", "send one of Value, BulkData and InlineBinary")
    for other in node.others:
        if isinstance(other, Reference):
            return reference(vr, other.uri)
        return inline(vr, "".join(other.decode("utf-8").split()))
    members = [node.values[number] for number in sorted(node.values)]
    if sorted(node.values) != list(range(1, len(members) + 1)):
        raise Misfit("a number is left out", "number values from 1, an empty value too")
    if vr == "SQ":
        return tuple(_item(member) for member in members)
    if any(isinstance(member, DataSet) for member in members):
        raise Misfit(f"{vr} has no items", "items are those of SQ")
    if vr in BINARY_VRS:
        if members:
            raise Misfit(f"{vr} has no Value", "send InlineBinary or BulkData")
        return b""
    return values_in.encode(vr, members)


def _item(member: object) -> DataSet:
    if not isinstance(member, DataSet):
        raise Misfit("SQ has items only", "put attributes into Item")
    return member


def _data_set(node: _Node) -> DataSet:
    """A data set or item, its private attributes in blocks (PS3.5 7.8.1)."""
    found = DataSet.of([*node.found, *_blocks(node)])
    for before, element in zip(found.elements, found.elements[1:], strict=False):
        if before.tag == element.tag:
            raise Misfit("stands twice in one data set", "send it once").at(f"{element.tag:08X}")
    return found


def _blocks(node: _Node) -> list[Element]:
    """Private attributes with the block of their creator in their tags, and the creators."""
    creators = {e.tag: e.value for e in node.found if is_private(e.tag) and e.tag & 0xFFFF < 0x100}
    taken = {(e.tag >> 16, e.tag >> 8 & 0xFF) for e in node.found if is_private(e.tag)}
    taken |= {(tag >> 16, tag & 0xFF) for tag in creators}
    blocks = {
        (tag >> 16, value.decode("utf-8", "replace").strip(" ")): tag & 0xFF
        for tag, value in creators.items()
        if isinstance(value, bytes)
    }
    placed = []
    for creator, element in node.private:
        group = element.tag >> 16
        block = blocks.get((group, creator))
        if block is None:
            block = next((b for b in _BLOCKS if (group, b) not in taken), None)
            if block is None:
                raise Misfit("no block is left for a private creator").at(f"{element.tag:08X}")
            taken.add((group, block))
            blocks[group, creator] = block
            name = values_in.encode("LO", [creator])
            placed.append(Element(group << 16 | block, "LO", name))
        tag = group << 16 | block << 8 | element.tag & 0xFF
        placed.append(Element(tag, element.vr, element.value))
    return placed

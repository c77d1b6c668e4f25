"""The identifier of a query or retrieval: an encoded data set of keys (PS3.4 C.2.2)."""

from __future__ import annotations

from dataclasses import dataclass, field

from dicomweb_server.dicom import values
from dicomweb_server.dicom.charset import NAMES, TEXT, VALUES, CharacterSets
from dicomweb_server.dicom.reader import ELEMENT, ITEM, ITEM_END, SEQUENCE, SEQUENCE_END, Walker
from dicomweb_server.dicom.scope import Scope
from dicomweb_server.dicom.window import Window
from dicomweb_server.errors import InstanceRejected, InvalidRequest, PayloadTooLarge
from dicomweb_server.model import media
from dicomweb_server.model.limits import MIB, ScanLimits
from dicomweb_server.model.source import MemorySource

SPECIFIC_CHARACTER_SET = 0x00080005
LONGEST = 4 * MIB
"""Bytes of an identifier at the most: a list of 50,000 UIDs fits."""
_LIMITS = ScanLimits(elements=10_000, depth=16)
_PADDING = " \0"
_NUMBERS = frozenset(("US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "AT"))


@dataclass(frozen=True, slots=True)
class Key:
    """An attribute of an identifier.

    Args:
        tag: Its tag.
        vr: Its value representation as encoded, or as the dictionary has it.
        text: Its values, decoded and without padding, joined by backslashes; empty for sequences.
        items: Of a sequence the keys of each item.
    """

    tag: int
    vr: str
    text: str
    items: tuple[tuple[Key, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Identifier:
    """All keys of a request.

    Args:
        keys: In the order of their tags, Specific Character Set not among them.
        terms: Values of Specific Character Set.
    """

    keys: tuple[Key, ...]
    terms: tuple[str, ...] = ()

    def key(self, tag: int) -> Key | None:
        """The key of a tag, None where it is absent."""
        return next((key for key in self.keys if key.tag == tag), None)

    def text(self, tag: int) -> str:
        """The text of a key; empty where it is absent or empty."""
        key = self.key(tag)
        return key.text if key else ""


@dataclass(slots=True)
class _Node:
    """A data set or item that is being read."""

    sets: CharacterSets
    keys: list[Key] = field(default_factory=list)
    items: list[tuple[Key, ...]] = field(default_factory=list)
    terms: tuple[str, ...] = ()


def read(data: bytes, transfer_syntax: str) -> Identifier:
    """Read an encoded identifier; group lengths count for nothing.

    Args:
        data: The data set, without preamble and File Meta Information.
        transfer_syntax: Of its presentation context; not deflated.

    Raises:
        InvalidRequest: It is no data set.
        PayloadTooLarge: It is too long, or holds too many elements.
    """
    if len(data) > LONGEST:
        raise PayloadTooLarge(f"identifier has over {LONGEST} bytes", "ask for less at once")
    implicit = transfer_syntax == media.IMPLICIT_LITTLE
    big = transfer_syntax == media.EXPLICIT_BIG
    window = Window(MemorySource(data))
    walker = Walker(window, _LIMITS, lambda _: None)
    scope = Scope(None, len(data), implicit=implicit, big=big, definite=True)
    root = _Node(CharacterSets.default())
    try:
        _read(walker, scope, root)
    except InstanceRejected as refused:
        raise InvalidRequest(f"identifier unreadable: {refused.detail}") from None
    return Identifier(tuple(sorted(root.keys, key=lambda key: key.tag)), root.terms)


def _read(walker: Walker, scope: Scope, root: _Node) -> None:
    nodes = [root]
    for kind, tag, vr, offset, length in walker.walk(0, scope):
        node = nodes[-1]
        if kind == ELEMENT:
            raw = walker.window.read(offset, length)
            _take(node, tag, vr, raw, walker.scope.big)
        elif kind == ITEM:
            nodes.append(_Node(node.sets))
        elif kind == ITEM_END and len(nodes) > 1:
            nodes.pop()
            nodes[-1].items.append(tuple(node.keys))
        elif kind == SEQUENCE:
            nodes.append(_Node(node.sets))
        elif kind == SEQUENCE_END:
            nodes.pop()
            nodes[-1].keys.append(Key(tag, "SQ", "", tuple(node.items)))
        else:
            raise InvalidRequest("the identifier holds pixel data", "send keys only")


def _take(node: _Node, tag: int, vr: str, raw: bytes, big: bool) -> None:
    if not tag & 0xFFFF:
        return
    if tag == SPECIFIC_CHARACTER_SET:
        node.terms = tuple(term.strip(_PADDING) for term in raw.decode("latin_1").split("\\"))
        node.sets = CharacterSets.of(node.terms)
        return
    node.keys.append(Key(tag, vr, _text(vr, raw, node.sets, big)))


def _text(vr: str, raw: bytes, sets: CharacterSets, big: bool) -> str:
    if vr in _NUMBERS:
        return "\\".join(values.texts(vr, raw, sets, big))
    if vr not in values.TEXTS:
        return ""
    delimiters = NAMES if vr == "PN" else TEXT if vr in values.SINGLE_TEXT else VALUES
    text = sets.decode(raw, delimiters)
    if vr in values.SINGLE_TEXT:
        return text.rstrip(_PADDING)
    return "\\".join(value.strip(_PADDING) for value in text.split("\\"))

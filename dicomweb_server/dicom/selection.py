"""Choosing attributes out of DICOM JSON objects by paths of tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import orjson

from dicomweb_server.model.query import Path
from dicomweb_server.model.tags import hex_of, is_private

JsonAttribute: TypeAlias = dict[str, object]
"""One attribute: ``vr`` and at most one of Value, BulkDataURI, InlineBinary."""
JsonObject: TypeAlias = dict[str, JsonAttribute]
"""A data set or item: attributes by 8 hex digits."""
Tree: TypeAlias = Mapping[str, "Tree | None"]
"""What is chosen at one depth: None is the whole attribute, else what of each item."""

_FIRST = b'":{"vr":"'
_SEQUENCE = b'"vr":"SQ"'
_NEXT = b'},"'
_OPEN = b'":{'


def read(text: bytes) -> JsonObject:
    """Read a DICOM JSON object that this archive has written."""
    found: JsonObject = orjson.loads(text)
    return found


def tree_of(paths: Iterable[Path]) -> dict[str, Tree | None]:
    """Paths as a tree; the whole attribute wins over parts of it.

    A private attribute brings the element that names its creator (PS3.18 8.3.4.3, PS3.5 7.8.1).

    Args:
        paths: Tags from the root; none of them empty.
    """
    tree: dict[str, Tree | None] = {}
    deeper: dict[str, list[Path]] = {}
    for path in paths:
        key = hex_of(path[0])
        if is_private(path[0]) and path[0] & 0xF000:
            tree[hex_of(path[0] & 0xFFFF0000 | path[0] >> 8 & 0xFF)] = None
        if len(path) == 1:
            tree[key] = None
        else:
            deeper.setdefault(key, []).append(path[1:])
    for key, rest in deeper.items():
        if key not in tree:
            tree[key] = tree_of(rest)
    return tree


def select(source: Mapping[str, JsonAttribute], tree: Tree) -> JsonObject:
    """The attributes that a tree names, as far as they are there; items keep their places.

    Args:
        source: A data set or an item.
        tree: What to choose.
    """
    chosen: JsonObject = {}
    for key, below in tree.items():
        attribute = source.get(key)
        if attribute is not None:
            chosen[key] = attribute if below is None else _items(attribute, below)
    return chosen


def _items(attribute: JsonAttribute, below: Tree) -> JsonAttribute:
    items = attribute.get("Value")
    if attribute.get("vr") != "SQ" or not isinstance(items, list):
        return attribute
    return {"vr": "SQ", "Value": [select(item, below) for item in items]}


def extract(document: bytes, paths: Iterable[Path]) -> JsonObject:
    """Attributes of a whole document, for answers that go beyond what the index keeps.

    Args:
        document: The DICOM JSON object of one instance.
        paths: What to take; of a sequence only the asked members, unless the path ends there.
    """
    return select(read(document), tree_of(paths))


def entries(chosen: Mapping[str, JsonAttribute]) -> dict[str, bytes]:
    """The entries of an object, each as ``"key":{...}``."""
    return {
        key: b'"%s":%s' % (key.encode("ascii"), orjson.dumps(attribute))
        for key, attribute in chosen.items()
    }


class Chooser:
    """Takes what a tree names out of texts, as finished ``"key":{...}`` entries by key.

    A text in compact form without sequences is cut without parsing: that is the hot path of
    searches for instances.

    Args:
        tree: What to choose.
    """

    __slots__ = ("_marks", "_tree")

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._marks = [(key, b'"%s":{"' % key.encode("ascii")) for key in sorted(tree)]

    def entries(self, text: bytes) -> dict[str, bytes]:
        """The entries of a DICOM JSON object with sorted keys that this archive has written."""
        if text[10:19] == _FIRST and _SEQUENCE not in text:
            return self._cut(text)
        return entries(select(read(text), self._tree))

    def _cut(self, text: bytes) -> dict[str, bytes]:
        """Entries of a flat compact object, each from its key up to the next one.

        Neither mark can stand inside a string, where quotation marks are escaped; one that closes
        a string has no colon behind the eight characters that follow.
        """
        found: dict[str, bytes] = {}
        end = 0
        for key, mark in self._marks:
            start = text.find(mark, end)
            if start < 0:
                continue
            end = text.find(_NEXT, start)
            while end >= 0 and text[end + 11 : end + 14] != _OPEN:
                end = text.find(_NEXT, end + 1)
            if end < 0:
                found[key] = text[start:-1]
                break
            end += 1
            found[key] = text[start:end]
        return found

"""Putting the DICOM JSON of an instance together while its elements come by.

Where a BulkDataURI has to stand a NUL byte marks the place, which JSON text never holds: the UIDs
in it may come later in the file, and the base URL comes with a request.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache

from dicomweb_server.dicom.charset import CharacterSets
from dicomweb_server.dicom.values import UTF8_ATTRIBUTE
from dicomweb_server.model.document import LEVEL, Document
from dicomweb_server.model.ids import InstanceKey, Level, Scope
from dicomweb_server.model.levels import level_of, levels_of
from dicomweb_server.model.query import Path

MARK = b"\0"
_ABOVE_ALL = 1 << 32
SPECIFIC_CHARACTER_SET = 0x00080005
UTF8_MEMBER = b'"%08X":%b' % (SPECIFIC_CHARACTER_SET, UTF8_ATTRIBUTE)
_ASCII = ("", "ISO_IR 6", "ISO 2022 IR 6")


@dataclass(frozen=True, slots=True)
class Branch:
    """What an index plan wants at one place of the tree.

    Args:
        path: Tags from the root to the attribute.
        level: Level that it belongs to.
        wanted: Whether values of the attribute itself are indexed.
        below: What is wanted in the items of the sequence.
    """

    path: Path
    level: Level
    wanted: bool = False
    below: dict[int, Branch] = field(default_factory=dict)


@lru_cache(maxsize=8)
def tree(paths: frozenset[Path]) -> dict[int, Branch]:
    """The tree of an index plan's paths; nobody changes it."""
    root: dict[int, Branch] = {}
    for path in sorted(paths):
        branches = root
        for depth, tag in enumerate(path, 1):
            branch = branches.get(tag) or Branch(path[:depth], level_of(path[0]))
            if depth == len(path):
                branch = replace(branch, wanted=True)
            branches[tag] = branch
            branches = branch.below
    return root


class Node:
    """One data set or item that is being put together.

    Args:
        sets: Its character sets.
        branches: What the index wants of it.
        around: The node that holds its sequence, None for the root.
        tag: The sequence.
        number: Its number in the sequence, from 1 on.

    Attributes:
        charset: Whether it told a character set beyond ASCII.
        dropped: Whether nothing of it counts.
        start: Offset of its first element.
        highest: Highest tag so far; above all tags where the order was broken.
        members: Tags with finished JSON members, as `member` makes them.
    """

    __slots__ = (
        "_seen",
        "around",
        "branches",
        "charset",
        "dropped",
        "highest",
        "members",
        "number",
        "sets",
        "start",
        "tag",
    )

    def __init__(
        self,
        sets: CharacterSets,
        branches: dict[int, Branch],
        around: Node | None = None,
        tag: int = 0,
        number: int = 0,
    ) -> None:
        self.sets = sets
        self.branches = branches
        self.around = around
        self.tag = tag
        self.number = number
        self.charset = False
        self.dropped = False
        self.start = 0
        self.members: list[tuple[int, bytes]] = []
        self.highest = -1
        self._seen: set[int] | None = None

    def drop(self) -> None:
        """Let nothing of it count."""
        self.dropped = True
        self.highest = _ABOVE_ALL

    def fresh(self, tag: int) -> bool:
        """Whether a tag comes for the first time; asked once for each element."""
        if tag > self.highest:
            self.highest = tag
            return True
        if self._seen is None:
            self._seen = {known for known, _ in self.members}
            self._seen.add(self.highest)
            self.highest = _ABOVE_ALL
        if tag in self._seen:
            return False
        self._seen.add(tag)
        return True

    def path_of(self, tag: int) -> str:
        """The path of an element as in a BulkRef."""
        steps = [f"{tag:08X}"]
        node: Node | None = self
        while node is not None and node.around is not None:
            steps.append(f"{node.tag:08X}.{node.number}")
            node = node.around
        return ".".join(reversed(steps))

    def item(self) -> str:
        """Item numbers on the way as in an IndexedValue."""
        steps = []
        node: Node | None = self
        while node is not None and node.around is not None:
            steps.append(f"{node.number:04X}")
            node = node.around
        return ".".join(reversed(steps))

    def text(self) -> bytes:
        """The JSON object, sorted by tags."""
        if not self.members:
            return b"{}"
        if self._seen is not None:
            self.members.sort()
        return _object(self.members)


def member(tag: int, text: bytes) -> bytes:
    """The member of a JSON object for an attribute, from the attribute's own object."""
    return b'"%08X":%b' % (tag, text)


def _object(members: Iterable[tuple[int, bytes]]) -> bytes:
    return b"{%b}" % b",".join([text for _, text in members])


def is_ascii(terms: list[str]) -> bool:
    """Whether values of Specific Character Set mean the default repertoire alone."""
    return all(term in _ASCII for term in terms)


def finish(root: Node) -> bytes:
    """The document of the root, with marks; adds Specific Character Set where text needs it."""
    text = root.text()
    if not root.charset and not text.isascii():
        root.members.append((SPECIFIC_CHARACTER_SET, UTF8_MEMBER))
        root.members.sort()
        text = _object(root.members)
    return text


_levels_of = lru_cache(maxsize=16_384)(levels_of)


def level_objects(root: Node, given: list[tuple[int, bytes]]) -> dict[Level, bytes]:
    """The JSON object of each level; attributes given by reference are left out.

    Args:
        root: The data set, whose text was made already.
        given: Attributes that the data set does not have.
    """
    chosen: list[list[bytes]] = [[] for _ in range(max(Level) + 1)]
    for tag, text in sorted(root.members + given) if given else root.members:
        for level in _levels_of(tag):
            if MARK not in text:
                chosen[level].append(text)
    return {level: b"{%b}" % b",".join(chosen[level]) for level in Level}


def cut(text: bytes, key: InstanceKey, level: int = LEVEL) -> Document:
    """The document, cut where the base URL belongs.

    Args:
        text: JSON with a mark in front of the path of each bulk value.
        key: The instance, whose path comes behind the base URL.
        level: zlib level.
    """
    first, *others = text.split(MARK)
    if not others:
        return Document.of((first,), level)
    lead = f"{Scope.of(key).path}/bulkdata/".encode("ascii")
    return Document.of((first, *(lead + other for other in others)), level)

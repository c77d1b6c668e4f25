"""One pass over a data set: the document, the searchable values and the bulk table grow in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from dicomweb_server.dicom import document, reader, refusal, values, vrs
from dicomweb_server.dicom.charset import CharacterSets
from dicomweb_server.dicom.document import MARK, Branch, Node
from dicomweb_server.dicom.fragments import Fragments
from dicomweb_server.dicom.frames import EXTENDED_LENGTHS, EXTENDED_OFFSETS, PIXEL_TAGS
from dicomweb_server.dicom.plain import HEADER, KEPT, PlainElements, Vocabulary
from dicomweb_server.dicom.reader import Walker
from dicomweb_server.dicom.scope import Scope
from dicomweb_server.dicom.window import Window
from dicomweb_server.model.instance import BulkRef, ByteRange, IndexedValue
from dicomweb_server.model.limits import MIB, ScanLimits

_TABLES = frozenset((EXTENDED_OFFSETS, EXTENDED_LENGTHS))
_CHARACTER_SET = document.SPECIFIC_CHARACTER_SET
_LENGTH_TO_END = 0x00080001
_TRAILING_PADDING = 0xFFFCFFFC
_WIDEST = 100_000
"""Elements in one data set or item at the most, not counting those in its sequences."""
_LONGEST_VALUE = 4 * MIB
"""Bytes of a value of a VR that can only stand in the document: names, UIDs, codes."""
_NOTHING: dict[int, Branch] = {}
_MOST_BULK = 100_000
"""Elements given by reference at the most: each one cuts the document."""


class DocumentTooLong(Exception):
    """The document grows beyond its limit; shorter texts have to go out by reference."""


@dataclass(slots=True)
class Pixels:
    """The pixel data element that was met."""

    tag: int
    vr: str
    offset: int
    length: int
    word: int
    fragments: Fragments | None = None


@dataclass(frozen=True, slots=True)
class Setup:
    """What a pass works with.

    Args:
        limits: Bounds.
        vocabulary: Plain elements that other scans for the same index have met.
        inline_text: Bytes up to which text and numbers stay in the document.
        sizing: Whether the size in Explicit VR Little Endian is wanted.
        charsets: Character sets by the start of data sets that tell them too late.
    """

    limits: ScanLimits
    vocabulary: Vocabulary
    inline_text: int
    sizing: bool = False
    charsets: dict[int, CharacterSets] = field(default_factory=dict)


class Pass:
    """One pass.

    Args:
        window: The file.
        setup: What it works with.
        warn: Told about each deviation.

    Attributes:
        root: The data set's document.
        bulk: The bulk table.
        indexed: The searchable values.
        kept: VR, raw value and byte order of what identifies the instance and describes pixels.
        tables: Places of the Extended Offset Table and its lengths.
        pixels: The pixel data element.
        explicit_size: Bytes of the data set in Explicit VR Little Endian, where it was wanted.
        given: Attributes that the data set lacks and searches return all the same.
        late: Character sets by start of data set, where text came before them.
    """

    def __init__(self, window: Window, setup: Setup, warn: Callable[[str], None]) -> None:
        self._window = window
        self._setup = setup
        self._warn = warn
        self._walker = Walker(window, setup.limits, warn)
        self._inline_binary = setup.limits.inline_binary
        self._inline_text = setup.inline_text
        self._sizing = setup.sizing
        self._longest = min(setup.limits.value, max(_LONGEST_VALUE, self._inline_text))
        self._smallest = min(self._inline_binary, self._inline_text, setup.limits.value)
        self._plainest = min(self._smallest, vrs.IMPLICIT_LIMIT)
        self._room = setup.limits.document
        self.root = Node(CharacterSets.default(), setup.vocabulary.branches)
        self._node = self.root
        self._open: list[tuple[Node, bool, list[bytes]]] = []
        self.bulk: list[BulkRef] = []
        self.indexed: list[IndexedValue] = []
        self.kept: dict[int, tuple[str, bytes, bool]] = {}
        self.tables: dict[int, ByteRange] = {}
        self.pixels: Pixels | None = None
        self.explicit_size = 0
        self.late: dict[int, CharacterSets] = {}
        self.given: list[tuple[int, bytes]] = []

    def run(self, start: int, scope: Scope) -> None:
        """Go over the data set.

        Args:
            start: Offset of its first element.
            scope: Its encoding and end.

        Raises:
            InstanceRejected: It is broken or meets a limit.
            DocumentTooLong: Texts have to go out by reference.
        """
        self._begin(self.root, start)
        for kind, tag, vr, offset, length in self._walker.walk(start, scope):
            if kind == reader.ELEMENT:
                self._element(tag, vr, offset, length)
            elif kind == reader.ITEM:
                self._item(tag, offset, length)
            elif kind == reader.ITEM_END:
                self._item_end()
            elif kind == reader.SEQUENCE:
                self._sequence(tag)
            elif kind == reader.SEQUENCE_END:
                self._sequence_end(tag)
            else:
                self._fragments(tag, vr, offset, length)
            self._plain()

    def _plain(self) -> None:
        """Go over the plain elements that follow, without an event for each."""
        walker, node, scope = self._walker, self._node, self._walker.scope
        root = node is self.root
        begun = walker.place > scope.start or not scope.implicit  # the walker judges the first one
        if scope.items or scope.big or not begun or (node.branches and not root):
            return
        count, place = len(node.members), walker.place
        elements = self._setup.vocabulary.of(root=root, implicit=scope.implicit)
        self._stride(elements, min(walker.left, _WIDEST - count))
        walker.left -= len(node.members) - count
        self.explicit_size += walker.place - place
        if self._room < 0:
            raise DocumentTooLong

    def _stride(self, elements: PlainElements, most: int) -> None:
        """Take in plain elements up to one that is not, or that the window does not hold."""
        walker, node, window = self._walker, self._node, self._window
        known, length_at, sets = elements.known, elements.length_at, node.sets
        buffer, members, highest = window.buffer, node.members, node.highest
        place, longest = walker.place - window.base, self._plainest
        limit = min(len(buffer), walker.scope.limit - window.base)
        while most > 0 and 0 <= place <= limit - HEADER:
            (length,) = length_at(buffer, place)
            end = place + HEADER + length
            found = known.get(buffer[place:end]) if end <= limit and length <= longest else None
            if found is None:
                found, end = elements.meet(buffer, place, limit, longest, sets)
            if found is None or found[0] <= highest:
                break
            highest, member, indexed, value = found
            members.append((highest, member))
            self._room -= len(member) + 1
            if indexed:
                self.indexed += indexed
            if value is not None:
                self._depend(highest, *value)
            place = end
            most -= 1
        node.highest = highest
        walker.place = window.base + place

    def _depend(self, tag: int, vr: str, raw: bytes) -> None:
        """Take in an element that something else depends on."""
        if tag in KEPT and self._node is self.root:
            self.kept[tag] = vr, raw, False
        self._walker.scope.heed(tag, raw)

    def give_uid(self, tag: int, uid: str) -> None:
        """Add a UID that the data set lacks, for searches alone."""
        raw = uid.encode("ascii")
        self.kept[tag] = ("UI", raw, False)
        text = values.attribute("UI", raw, self.root.sets, False)
        self.given.append((tag, document.member(tag, text)))
        branch = self.root.branches.get(tag)
        if branch is not None and branch.wanted:
            self._index(branch, self.root, "UI", raw, False)

    def _begin(self, node: Node, start: int) -> None:
        node.start = start
        if self._setup.charsets:
            node.sets = self._setup.charsets.get(start, node.sets)

    def _element(self, tag: int, vr: str, offset: int, length: int) -> None:
        if not tag & 0xFFFF:
            return
        if self._sizing:
            self.explicit_size += vrs.explicit_header_size(vr, length) + length
        node = self._node
        if node.highest < tag > _CHARACTER_SET:
            node.highest = tag
        elif not self._counts(node, tag):
            return
        elif tag == _CHARACTER_SET:
            self._character_set(node, offset, length)
            return
        if length <= self._smallest and tag < EXTENDED_OFFSETS:
            self._inline(node, tag, vr, offset, length)
        elif tag != _TRAILING_PADDING:
            self._large(node, tag, vr, offset, length)

    def _large(self, node: Node, tag: int, vr: str, offset: int, length: int) -> None:
        """An element that may have to go out by reference, or that frames depend on."""
        if node is self.root and tag >= EXTENDED_OFFSETS:
            self._note(Pixels(tag, vr, offset, length, self._walker.scope.word(tag, vr)))
        if length and self._refers(tag, vr, length):
            self._refer(node, tag, vr, ByteRange(offset, length))
        elif length > self._longest:
            raise refusal.too_large(f"{refusal.tag_text(tag)} is longer than can be read")
        else:
            self._inline(node, tag, vr, offset, length)

    def _inline(self, node: Node, tag: int, vr: str, offset: int, length: int) -> None:
        """An attribute with its value."""
        window = self._window
        place = offset - window.base
        if place >= 0 and place + length <= len(window.buffer):
            raw = window.buffer[place : place + length]
        else:
            raw = window.read(offset, length)
        big = self._walker.scope.big
        if vr[0] == "F" and raw and values.needs_bulk(vr, raw, big):
            self._refer(node, tag, vr, ByteRange(offset, length))
        else:
            text = values.attribute(vr, raw, node.sets, big)
            self._room -= len(text) + 12
            if self._room < 0:
                raise DocumentTooLong
            node.members.append((tag, document.member(tag, text)))
            if len(node.members) > _WIDEST:
                raise refusal.too_large(f"more than {_WIDEST} elements in one data set or item")
        if tag in KEPT and node is self.root:
            self.kept[tag] = (vr, raw, big)
        branch = node.branches.get(tag)
        if branch is not None and branch.wanted:
            self._index(branch, node, vr, raw, big)

    def _counts(self, node: Node, tag: int) -> bool:
        """Whether an element belongs to the document; warns where the file is irregular."""
        if node.dropped:
            return False
        if not node.fresh(tag):
            self._warn("an element is there twice: the first one counts")
            return False
        if tag >> 16 == 2:
            self._warn("an element of group 0002 lies inside the data set")
            return False
        return tag not in (_LENGTH_TO_END, _TRAILING_PADDING)

    def _refers(self, tag: int, vr: str, length: int) -> bool:
        """Whether a value goes out by reference (PS3.18 10.4.3.3.2)."""
        if vr in vrs.BINARY_VRS:
            return length > self._inline_binary or tag in PIXEL_TAGS
        return length > self._inline_text and vr in vrs.REFERABLE_VRS

    def _note(self, found: Pixels) -> None:
        """Remember where pixel data and offset tables of the root lie."""
        if found.tag in PIXEL_TAGS and self.pixels is None:
            self.pixels = found
        elif found.tag in _TABLES:
            self.tables[found.tag] = ByteRange(found.offset, found.length)

    def _refer(self, node: Node, tag: int, vr: str, *ranges: ByteRange) -> None:
        """Publish a value by reference."""
        if len(self.bulk) >= _MOST_BULK:
            raise refusal.too_large(
                f"more than {_MOST_BULK} values that are published by reference"
            )
        path = node.path_of(tag)
        word = self._walker.scope.word(tag, vr)
        self.bulk.append(BulkRef(path, vr, ranges, word))
        text = b'{"vr":"%b","BulkDataURI":"%b%b"}' % (vr.encode(), MARK, path.encode())
        self._room -= len(text) + 12
        if self._room < 0:
            raise DocumentTooLong
        node.members.append((tag, document.member(tag, text)))

    def _fragments(self, tag: int, vr: str, offset: int, length: int) -> None:
        found = self._walker.fragments
        assert found is not None  # noqa: S101 - the walker sets it with each event of this kind
        self.explicit_size += 12 + length + (0 if found.closed else 8)
        node = self._node
        if not self._counts(node, tag):
            return
        if node is self.root:
            self._note(Pixels(tag, vr, offset, length, 1, found))
        self._refer(node, tag, vr, *(part for part in found.ranges if part.length))

    def _index(self, branch: Branch, node: Node, vr: str, raw: bytes, big: bool) -> None:
        item = node.item() if node.around is not None else ""
        for text in values.texts(vr, raw, node.sets, big) or ("",):
            self.indexed.append(IndexedValue(branch.level, branch.path, item, vr, text))

    def _character_set(self, node: Node, offset: int, length: int) -> None:
        """Specific Character Set of this data set: the document itself is in UTF-8 (J15)."""
        raw = self._window.read(offset, min(length, 1024)).decode("ascii", "replace")
        terms = [term.strip(" \0") for term in raw.split("\\")]
        if not any(terms):
            return
        sets = CharacterSets.of(terms)
        if node.highest > _CHARACTER_SET:
            self._warn("Specific Character Set comes behind other elements")
            self.late[node.start] = sets
        node.sets = sets
        if not document.is_ascii(terms):
            node.charset = True
            node.members.append((_CHARACTER_SET, document.UTF8_MEMBER))

    def _sequence(self, tag: int) -> None:
        self.explicit_size += 12
        node = self._node
        counts = self._counts(node, tag)
        self._open.append((node, counts, []))

    def _item(self, tag: int, offset: int, number: int) -> None:
        self.explicit_size += 8
        around, counts, _ = self._open[-1]
        branch = around.branches.get(tag)
        node = Node(around.sets, branch.below if branch else _NOTHING, around, tag, number)
        if not counts:
            node.drop()
        self._begin(node, offset)
        self._node = node

    def _item_end(self) -> None:
        self.explicit_size += 8
        text = self._node.text()
        around, counts, items = self._open[-1]
        self._node = around
        if counts:
            items.append(text)

    def _sequence_end(self, tag: int) -> None:
        self.explicit_size += 8
        node, counts, items = self._open.pop()
        if counts:
            self._room -= 24
            node.members.append((tag, document.member(tag, values.sequence(items))))

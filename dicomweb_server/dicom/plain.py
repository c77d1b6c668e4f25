"""Elements that need no decision, and what they come to by their bytes alone.

Most elements of a data set are plain, and most of those come again, byte for byte, in the next
instance of the series: what they come to is remembered.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct

from dicomweb_server.dicom import document, values, vrs
from dicomweb_server.dicom.charset import CharacterSets
from dicomweb_server.dicom.document import Branch
from dicomweb_server.dicom.frames import DESCRIPTION_TAGS, EXTENDED_OFFSETS
from dicomweb_server.dicom.scope import WATCHED
from dicomweb_server.model.instance import IndexedValue
from dicomweb_server.model.query import Path

STUDY_UID, SERIES_UID, INSTANCE_UID, CLASS_UID = 0x0020000D, 0x0020000E, 0x00080018, 0x00080016
KEPT = DESCRIPTION_TAGS | {STUDY_UID, SERIES_UID, INSTANCE_UID, CLASS_UID}
"""Elements of the root that identify the instance or describe its pixels."""

Plain = tuple[int, bytes, tuple[IndexedValue, ...], tuple[str, bytes] | None]
"""What an element comes to: tag, JSON member, searchable values, and VR and raw value of one that
something else depends on."""

_HEAD = Struct("<HH2s").unpack_from
_SHORT_LENGTH = Struct("<6xH").unpack_from
_IMPLICIT_LENGTH = Struct("<4xI").unpack_from
_LONG_LENGTH = Struct("<8xI").unpack_from
_LONG_VRS = {code: vr for code, vr in vrs.LONG_VRS.items() if vr not in ("SQ", "UN")}
_VRS = vrs.SHORT_VRS | _LONG_VRS
HEADER = 8
"""Bytes of the header of a plain element, at least."""
_LONG_HEADER = 12
_LONGEST = 128
"""Bytes of the longest value that is remembered."""
_MOST_VALUES = 4
"""Searchable values that are remembered of one element at the most."""
_MOST = 8_192
"""Elements that are remembered; with the bounds of each they take a few MiB."""


class PlainElements:
    """The plain elements of one encoding at one place: in the root, or in items.

    Args:
        branches: What the index wants of the root; None for items of which it wants nothing.
        implicit: Whether the VR is implicit; the byte order is little endian.

    Attributes:
        known: What was learnt, by the bytes of whole elements. Threads share it.
        length_at: Reads the length of the value of an element whose header has `HEADER` bytes.
    """

    def __init__(self, branches: dict[int, Branch] | None, *, implicit: bool) -> None:
        self._branches = branches or {}
        self._root = branches is not None
        self._implicit = implicit
        # Long ones among implicit elements would grow when they are written with their VR
        self._vrs = frozenset((vrs.SHORT_VRS if implicit else _VRS).values())
        self.length_at = _IMPLICIT_LENGTH if implicit else _SHORT_LENGTH
        self._public = vrs.public_vrs()
        self.known: dict[bytes, Plain] = {}

    def meet(
        self, buffer: bytes, place: int, limit: int, most: int, sets: CharacterSets
    ) -> tuple[Plain | None, int]:
        """What an element comes to, None where it is not plain, and where it ends.

        Args:
            buffer: Holds it.
            place: Where it begins.
            limit: What must not be looked at any more; `HEADER` bytes or more lie in front of it.
            most: Bytes of the longest value that counts as plain.
            sets: Character sets of the data set or item that holds it.
        """
        header, read = HEADER, self.length_at
        if not self._implicit and buffer[place + 4 : place + 6] in _LONG_VRS:
            header, read = _LONG_HEADER, _LONG_LENGTH
            if place + header > limit:
                return None, place
        (length,) = read(buffer, place)
        end: int = place + header + length
        if length > most or end > limit:
            return None, place
        element = buffer[place:end]
        return self.known.get(element) or self._learn(element, header, sets), end

    def _learn(self, element: bytes, header: int, sets: CharacterSets) -> Plain | None:
        group, number, code = _HEAD(element)
        tag: int = group << 16 | number
        vr = self._public.get(tag, "") if self._implicit else _VRS.get(code, "")
        if vr not in self._vrs or not _is_plain_tag(tag):
            return None
        raw = element[header:]
        if vr[0] == "F" and raw and values.needs_bulk(vr, raw, big_endian=False):
            return None
        member = document.member(tag, values.attribute(vr, raw, sets, big_endian=False))
        indexed = self._indexed(tag, vr, raw, sets)
        found = tag, member, indexed, (vr, raw) if self._matters(tag) else None
        if len(raw) <= _LONGEST and len(indexed) <= _MOST_VALUES and _is_told(vr, raw):
            if len(self.known) >= _MOST:
                self.known.clear()
            self.known[element] = found
        return found

    def _matters(self, tag: int) -> bool:
        """Whether something else depends on an element."""
        return _is_creator(tag) or tag in WATCHED or (self._root and tag in KEPT)

    def _indexed(
        self, tag: int, vr: str, raw: bytes, sets: CharacterSets
    ) -> tuple[IndexedValue, ...]:
        branch = self._branches.get(tag)
        if branch is None or not branch.wanted:
            return ()
        texts = values.texts(vr, raw, sets, big_endian=False) or ("",)
        return tuple(IndexedValue(branch.level, branch.path, "", vr, text) for text in texts)


class Vocabulary:
    """The plain elements that the scans for one index plan have met.

    Args:
        branches: What the index wants.
    """

    def __init__(self, branches: dict[int, Branch]) -> None:
        self.branches = branches
        self._root = tuple(PlainElements(branches, implicit=known) for known in (False, True))
        self._items = tuple(PlainElements(None, implicit=known) for known in (False, True))

    def of(self, *, root: bool, implicit: bool) -> PlainElements:
        """Those of one encoding at one place."""
        return (self._root if root else self._items)[implicit]


@lru_cache(maxsize=8)
def vocabulary(paths: frozenset[Path]) -> Vocabulary:
    """The vocabulary of an index plan's paths."""
    return Vocabulary(document.tree(paths))


def _is_plain_tag(tag: int) -> bool:
    """Whether a tag has no meaning for the structure of the file or the order of its elements."""
    return document.SPECIFIC_CHARACTER_SET < tag < EXTENDED_OFFSETS and tag & 0xFFFF != 0


def _is_creator(tag: int) -> bool:
    return tag & 0x10000 != 0 and 0x10 <= tag & 0xFFFF <= 0xFF


def _is_told(vr: str, raw: bytes) -> bool:
    """Whether the bytes tell the value without the character sets."""
    return vr not in values.TEXTS or (raw.isascii() and b"\x1b" not in raw)

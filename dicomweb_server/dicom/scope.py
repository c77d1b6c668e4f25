"""A data set, an item or a sequence on the way through a file."""

from __future__ import annotations

from dicomweb_server.dicom.frames import PIXEL_DATA
from dicomweb_server.dicom.vrs import WORDS, private_vr, repeating_vr

_SAMPLE_BITS = (16, 32, 64)
_BITS_ALLOCATED = 0x00280100
_PIXEL_REPRESENTATION = 0x00280103
_LUT_DESCRIPTOR = 0x00283002
WATCHED = frozenset((_BITS_ALLOCATED, _PIXEL_REPRESENTATION, _LUT_DESCRIPTOR))
"""Elements that the encoding of others depends on."""


class Scope:
    """A data set, an item or a sequence that is open.

    Attributes:
        parent: The scope around it, None for the root.
        tag: Tag of the sequence; of an item too.
        items: Whether it is a sequence.
        limit: Offset that nothing in it may go beyond.
        definite: Whether it ends at `limit`; else a delimiter ends it.
        implicit, big: Encoding of what it holds.
        start: Offset of its first element.
        number: Items so far, of an item its own number from 1 on.
        creators: Private creators by group and block.
        sign: Pixel Representation, None until it is met.
        searched: Whether Pixel Representation was looked for ahead.
        bits: Bits Allocated, 0 until it is met.
        single: Whether the LUT Descriptor tells a single entry.
    """

    __slots__ = (
        "big",
        "bits",
        "creators",
        "definite",
        "implicit",
        "items",
        "limit",
        "number",
        "parent",
        "searched",
        "sign",
        "single",
        "start",
        "tag",
    )

    def __init__(
        self, parent: Scope | None, limit: int, implicit: bool, big: bool, definite: bool
    ) -> None:
        self.parent = parent
        self.limit = limit
        self.implicit = implicit
        self.big = big
        self.definite = definite
        self.tag = 0
        self.items = False
        self.start = 0
        self.number = 0
        self.creators: dict[int, str] | None = None
        self.sign: int | None = None
        self.searched = False
        self.bits = 0
        self.single = False

    def word(self, tag: int, vr: str) -> int:
        """Bytes of one word of a value that has to be swapped for little endian, 1 where none.

        Pixel data count by their samples: 32-bit samples are swapped as a whole, whatever the VR.

        Args:
            tag: The element.
            vr: Its value representation.
        """
        if not self.big:
            return 1
        if tag == PIXEL_DATA and self.bits in _SAMPLE_BITS:
            return self.bits // 8
        return WORDS.get(vr, 1)

    def watch(self, tag: int, raw: bytes) -> None:
        """Take in one of WATCHED.

        Args:
            tag: The element.
            raw: Its first two bytes.
        """
        value = int.from_bytes(raw, "big" if self.big else "little")
        if tag == _PIXEL_REPRESENTATION:
            self.sign = value
        elif tag == _BITS_ALLOCATED:
            self.bits = value
        else:
            self.single = value == 1

    def own(self, tag: int, raw: bytes) -> None:
        """Take in who owns a block of private elements (PS3.5 7.8.1).

        Args:
            tag: A private creator.
            raw: Its value.
        """
        if self.creators is None:
            self.creators = {}
        self.creators[tag] = raw.decode("ascii", "replace").strip(" \0")

    def heed(self, tag: int, raw: bytes) -> None:
        """Take in an element if the encoding of others depends on it.

        Args:
            tag: A private creator, one of WATCHED, or any other public element.
            raw: Its value.
        """
        if tag & 0x10000:
            self.own(tag, raw[:64])
        elif tag in WATCHED and len(raw) >= 2:
            self.watch(tag, raw[:2])

    def dictionary_vr(self, tag: int) -> str:
        """VR of an element by the dictionaries, or alternatives as PS3.6 names them.

        Args:
            tag: An element of this data set that `vrs.public_vrs` does not have.
        """
        if not tag & 0x10000:
            return repeating_vr(tag)
        element = tag & 0xFFFF
        if element == 0:
            return "UL"
        if element <= 0xFF:
            return "LO" if element >= 0x10 else "UN"
        creator = (self.creators or {}).get(tag & 0xFFFF0000 | element >> 8)
        return private_vr(tag, creator) if creator else "UN"

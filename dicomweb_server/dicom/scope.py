"""A data set, an item or a sequence on the way through a file."""

from __future__ import annotations

from dicomweb_server.dicom.frames import PIXEL_DATA
from dicomweb_server.dicom.vrs import WORDS

_SAMPLE_BITS = (16, 32, 64)


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

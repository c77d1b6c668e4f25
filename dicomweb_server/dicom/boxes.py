"""Boxes of files in the ISO base media format, such as MP4 (ISO/IEC 14496-12)."""

from __future__ import annotations

from collections.abc import Iterator

from dicomweb_server.model.instance import ByteRange
from dicomweb_server.model.source import ByteSource

_MOST = 1000


class Boxes:
    """Walks over boxes; a number of them ends the walk, whatever their nesting.

    Args:
        source: Holds the file.
    """

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._left = _MOST

    def inside(self, around: ByteRange, kind: bytes) -> Iterator[ByteRange]:
        """What boxes of a kind hold that lie directly in a range."""
        start, end = around.start, around.start + around.length
        while start + 8 <= end and self._left:
            self._left -= 1
            head = self._source.read_at(start, 16)
            length, header = int.from_bytes(head[:4], "big"), 8
            if length == 1:
                length, header = int.from_bytes(head[8:16], "big"), 16
            elif length == 0:
                length = end - start
            if length < header or start + length > end:
                return
            if head[4:8] == kind:
                yield ByteRange(start + header, length - header)
            start += length

    def down(self, around: ByteRange, *kinds: bytes) -> ByteRange | None:
        """What the first box holds on a way down."""
        place: ByteRange | None = around
        for kind in kinds:
            place = next(self.inside(place, kind), None) if place else None
        return place

    def read(self, place: ByteRange | None, offset: int, length: int) -> bytes:
        """Some bytes of what a box holds; none where there is no box, or it is too short."""
        if place is None or place.length < offset + length:
            return b""
        return self._source.read_at(place.start + offset, length)

"""What a video tells of its frames: MP4 boxes (ISO/IEC 14496-12), MPEG-2 headers (13818-2).

Only headers are read, wherever in the video they stand; the pictures themselves are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from struct import unpack

from dicomweb_server.model.instance import ByteRange
from dicomweb_server.model.limits import KIB
from dicomweb_server.model.source import ByteSource

_MOST_BOXES = 1000
_PICTURES = frozenset((b"avc1", b"avc3", b"hvc1", b"hev1", b"mp4v"))
_SEQUENCE = b"\0\0\1\xb3"
_HEAD = 64 * KIB


@dataclass(frozen=True, slots=True)
class Video:
    """Size and length of a video.

    Args:
        rows, columns: Size of a frame in pixels.
        frames: Number of frames; None where headers do not tell it.
    """

    rows: int
    columns: int
    frames: int | None


def read_video(source: ByteSource, place: ByteRange) -> Video | None:
    """Read the headers of a video.

    Args:
        source: Holds the video.
        place: Where.

    Returns:
        None where they are of another kind or tell no size.
    """
    head = source.read_at(place.start, min(place.length, _HEAD))
    if head[4:8] == b"ftyp":
        return _mp4(source, place)
    found = head.find(_SEQUENCE)
    if found >= 0 and len(head) >= found + 7:
        sizes = int.from_bytes(head[found + 4 : found + 7], "big")
        return _sized(sizes & 0xFFF, sizes >> 12, None)
    return None


def _sized(rows: int, columns: int, frames: int | None) -> Video | None:
    return Video(rows, columns, frames) if rows and columns else None


def _mp4(source: ByteSource, place: ByteRange) -> Video | None:
    """The first track of pictures."""
    boxes = _Boxes(source)
    for movie in boxes.inside(place, b"moov"):
        for track in boxes.inside(movie, b"trak"):
            tables = boxes.down(track, b"mdia", b"minf", b"stbl")
            found = boxes.down(tables, b"stsd") if tables else None
            entry = boxes.read(found, 8, 36)
            if tables is None or entry[4:8] not in _PICTURES or len(entry) < 36:
                continue
            columns, rows = unpack(">HH", entry[32:36])
            count = boxes.read(boxes.down(tables, b"stsz"), 8, 4)
            return _sized(rows, columns, int.from_bytes(count, "big") or None)
    return None


class _Boxes:
    """Walks over boxes; a number of them ends the walk, whatever their nesting."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._left = _MOST_BOXES

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

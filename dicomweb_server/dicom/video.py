"""What a video tells of its frames: MP4 boxes (ISO/IEC 14496-12), MPEG-2 headers (13818-2).

Only headers are read, wherever in the video they stand; the pictures themselves are not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import unpack

from dicomweb_server.dicom.boxes import Boxes
from dicomweb_server.model.instance import ByteRange
from dicomweb_server.model.limits import KIB
from dicomweb_server.model.source import ByteSource

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
    boxes = Boxes(source)
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

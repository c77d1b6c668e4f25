"""Part 10 files in another transfer syntax: all but the frames, which come from elsewhere.

Made in one walk over the stored file: up to the pixel data with the Image Pixel attributes put
right, an empty piece where the frames go, and what lies behind them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from struct import pack

from dicomweb_server.dicom import edits, planes, reader, rewrite
from dicomweb_server.dicom import meta as file_meta
from dicomweb_server.dicom.edits import Edit
from dicomweb_server.dicom.frames import (
    DOUBLE_PIXEL_DATA,
    EXTENDED_LENGTHS,
    EXTENDED_OFFSETS,
    FLOAT_PIXEL_DATA,
    PIXEL_TAGS,
)
from dicomweb_server.dicom.planes import Cells, Plane
from dicomweb_server.dicom.reader import Event, Walker
from dicomweb_server.dicom.scope import Scope
from dicomweb_server.dicom.window import Window
from dicomweb_server.dicom.writer import IMPLEMENTATION_CLASS, IMPLEMENTATION_VERSION
from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.model.limits import ScanLimits
from dicomweb_server.model.source import ByteSource

_TOTAL_LENGTH = 0x7FE00003
_OFFSET_TABLES = (EXTENDED_OFFSETS, EXTENDED_LENGTHS, _TOTAL_LENGTH)
_FLOATS = {FLOAT_PIXEL_DATA: "OF", DOUBLE_PIXEL_DATA: "OD"}
_ITEM = b"\xfe\xff\x00\xe0"
_NO_OFFSETS = _ITEM + b"\0\0\0\0"
"""Basic Offset Table without a value (PS3.5 A.4): one fragment holds one frame."""
_LONGEST_CHANGED = 64 * 1024
"""Bytes of a value that is changed; longer ones count as absent."""
_BEHIND_ALL = 1 << 32


@dataclass(frozen=True, slots=True)
class Rewriting:
    """What a file is to become.

    Args:
        transfer_syntax: Transfer Syntax UID, one of explicit little endian.
        pixel: Description of the frames as they are delivered; None for a file without pixels.
        length: Bytes of all frames without padding where they are native; None where each is a
            fragment of its own.
        edits: Changes to elements of the data set itself, by their tags.
        appended: Items that are put behind those of sequences of the data set, by their tags.
        sop_class, instance: UIDs for the File Meta Information; those of the data set, which the
            stored file may contradict.
        icons: Whether sequences may hold compressed pixels; they are left out then.
        cells: The pixels as they are stored, whose unused bits may hold overlays.
    """

    transfer_syntax: str
    sop_class: str
    instance: str
    pixel: PixelHeader | None
    length: int | None
    edits: Mapping[int, Edit] = field(default_factory=dict)
    appended: Mapping[int, bytes] = field(default_factory=dict)
    icons: bool = False
    cells: Cells | None = None


def transcoded(source: ByteSource, limits: ScanLimits, rewriting: Rewriting) -> Iterator[bytes]:
    """A file in another transfer syntax, in chunks of at most about 1 MiB.

    Sequences and items get undefined lengths, group lengths of the data set fall away, as do offset
    tables. Sequences that hold compressed pixels (icons) fall away too: they are optional, and
    would be in the transfer syntax that the file no longer has (PS3.5 A.4). Overlays in unused bits
    become Overlay Data, or fall away where the pixels are compressed.

    Args:
        source: Part 10 file that was scanned; a deflated one goes through `inflate.inflate` first.
        limits: Bounds, those of the scan.
        rewriting: What it is to become.

    Yields:
        One empty piece stands for the frames: for `length` bytes of them, or for one `fragment`
        for each. Without pixel data there is none.

    Raises:
        InstanceRejected: The scan would have refused it too.
    """
    window = Window(source)
    meta = file_meta.read_meta(window, _ignore)
    others = {
        0x00020002: ("UI", rewriting.sop_class),
        0x00020003: ("UI", rewriting.instance),
        0x00020012: ("UI", IMPLEMENTATION_CLASS),
        0x00020013: ("SH", IMPLEMENTATION_VERSION),
    }
    head = file_meta.rewritten(window, meta, rewriting.transfer_syntax, others)
    walker = Walker(window, limits, _ignore)
    survey = _survey(walker, meta.end, rewrite.scope_of(window, meta))
    writer = _Writer(Walker(window, limits, _ignore), rewriting, survey)
    pieces = writer.pieces(meta.end, rewrite.scope_of(window, meta))
    yield from rewrite.gathered(chain((head,), pieces))


def fragment(data: bytes) -> bytes:
    """One frame as an item of encapsulated pixel data, padded to even length (PS3.5 A.4)."""
    odd = len(data) % 2
    return b"".join((_ITEM, pack("<I", len(data) + odd), data, b"\0" * odd))


def image_edits(before: PixelHeader, after: PixelHeader) -> dict[int, Edit]:
    """The Image Pixel attributes that change with the frames (PS3.3 C.7.6.3).

    Args:
        before: Description of the frames as they are stored.
        after: Description of the frames as they are delivered.
    """
    numbers = {
        0x00280002: (before.samples_per_pixel, after.samples_per_pixel),
        0x00280100: (before.bits_allocated, after.bits_allocated),
        0x00280101: (before.bits_stored, after.bits_stored),
        0x00280102: (before.high_bit, after.high_bit),
        0x00280103: (before.pixel_representation, after.pixel_representation),
    }
    found = {tag: edits.word(tag, new) for tag, (old, new) in numbers.items() if old != new}
    several = after.samples_per_pixel > 1
    planar = edits.word(0x00280006, after.planar_configuration) if several else edits.removed
    found[0x00280006] = planar
    photometric = after.photometric_interpretation
    if photometric != before.photometric_interpretation:
        found[0x00280004] = edits.text(0x00280004, "CS", lambda _: photometric)
    return found


def _ignore(_detail: str) -> None:
    """Deviations were told when the file was scanned."""


@dataclass(frozen=True, slots=True)
class _Survey:
    """What has to be known of a data set in front of its pixels before it is written.

    Args:
        icons: Where the sequences begin that hold compressed pixels themselves.
        overlays: Of each overlay group its elements, with the values of `planes.NUMBERS`.
    """

    icons: frozenset[int]
    overlays: dict[int, dict[int, int | None]]


def _survey(walker: Walker, start: int, scope: Scope) -> _Survey:
    icons: set[int] = set()
    around: list[int] = []
    overlays: dict[int, dict[int, int | None]] = {}
    for event in walker.walk(start, scope):
        kind, tag, _, offset, _ = event
        if kind == reader.SEQUENCE:
            around.append(offset)
        elif kind == reader.SEQUENCE_END:
            around.pop()
        elif around:
            if kind == reader.FRAGMENTS:
                icons.add(around[-1])
        elif tag in PIXEL_TAGS:
            break
        elif tag >> 16 in planes.GROUPS:
            overlays.setdefault(tag >> 16, {})[tag & 0xFFFF] = _number(walker, event)
    return _Survey(frozenset(icons), overlays)


def _number(walker: Walker, event: Event) -> int | None:
    _, tag, vr, offset, length = event
    if tag & 0xFFFF not in planes.NUMBERS or length != 2:
        return None
    value = rewrite.swap(walker.window.read(offset, length), walker.scope.word(tag, vr))
    return int.from_bytes(value, "little")


class _Writer:
    """The walk over the data set.

    Args:
        walker: Goes over the stored file.
        rewriting: What it is to become.
        survey: Of its data set.
    """

    def __init__(self, walker: Walker, rewriting: Rewriting, survey: _Survey) -> None:
        self._walker = walker
        self._rewriting = rewriting
        self._icons = survey.icons if rewriting.icons else frozenset()
        self._edits = {**dict.fromkeys(_OFFSET_TABLES, edits.removed), **rewriting.edits}
        self._planes: dict[int, Plane] = {}
        if rewriting.cells is not None:
            changes, self._planes = planes.moved(survey.overlays, rewriting.cells, walker.window)
            self._edits |= changes
        self._appended = dict(rewriting.appended)
        self._waiting = deque(sorted({*self._edits, *self._appended, *self._planes}))
        self._depth = 0
        self._left_out = 0
        self._pixels = False

    def pieces(self, start: int, scope: Scope) -> Iterator[bytes]:
        """The data set."""
        for event in self._walker.walk(start, scope):
            kind = event[0]
            if kind == reader.SEQUENCE:
                yield from self._begin(event)
            elif kind == reader.SEQUENCE_END:
                yield from self._end(event)
            elif self._left_out:
                continue
            elif self._depth == 0 and kind in (reader.ELEMENT, reader.FRAGMENTS):
                yield from self._element(event)
            elif kind != reader.FRAGMENTS:
                yield from rewrite.written(self._walker, event)
        yield from self._inserted(_BEHIND_ALL)

    def _begin(self, event: Event) -> Iterator[bytes]:
        tag, offset = event[1], event[3]
        if self._depth == 0:
            yield from self._inserted(tag)
        self._depth += 1
        if self._left_out:
            return
        edited = self._depth == 1 and tag in self._edits
        if edited or offset in self._icons:
            self._left_out = self._depth
        else:
            yield from rewrite.written(self._walker, event)

    def _end(self, event: Event) -> Iterator[bytes]:
        self._depth -= 1
        if self._left_out:
            if self._left_out > self._depth:
                self._left_out = 0
            return
        if self._depth == 0 and event[1] in self._appended:
            yield self._appended.pop(event[1])
        yield from rewrite.written(self._walker, event)

    def _inserted(self, tag: int) -> Iterator[bytes]:
        """Elements that belong in front of a tag and are not there."""
        while self._waiting and self._waiting[0] < tag:
            yield from self._put(self._waiting.popleft(), None)

    def _put(self, tag: int, value: bytes | None) -> Iterator[bytes]:
        element = self._edits[tag](value) if tag in self._edits else b""
        if element:
            yield element
        if tag in self._planes:
            yield from self._planes[tag]()
        if tag in self._appended:
            yield edits.sequence(tag, self._appended.pop(tag))

    def _element(self, event: Event) -> Iterator[bytes]:
        kind, tag, _, offset, length = event
        yield from self._inserted(tag)
        if tag in self._edits:
            if self._waiting and self._waiting[0] == tag:
                self._waiting.popleft()
                short = kind == reader.ELEMENT and length <= _LONGEST_CHANGED
                value = self._walker.window.read(offset, length) if short else None
                yield from self._put(tag, value)
        elif tag not in PIXEL_TAGS:
            yield from rewrite.written(self._walker, event)
        elif not self._pixels:
            self._pixels = True
            yield from self._pixel_data(tag)

    def _pixel_data(self, tag: int) -> Iterator[bytes]:
        length, pixel = self._rewriting.length, self._rewriting.pixel
        if length is None or pixel is None:
            yield rewrite.fragments_head(tag, "OB") + _NO_OFFSETS
            yield b""
            yield rewrite.SEQUENCE_END
            return
        wide = "OW" if pixel.bits_allocated > 8 else "OB"
        yield rewrite.header(tag, _FLOATS.get(tag, wide), length + length % 2)
        yield b""
        if length % 2:
            yield b"\0"

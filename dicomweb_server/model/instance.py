"""What the archive knows of one stored instance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dicomweb_server.model.document import Document
from dicomweb_server.model.ids import InstanceKey, Level


@dataclass(frozen=True, slots=True)
class ByteRange:
    """A run of bytes inside a blob: `start` inclusive, `length` bytes."""

    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Blob:
    """Stored bytes, named by their SHA-256 in lower-case hex."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class PixelHeader:
    """The Image Pixel attributes that delivery of frames needs (PS3.3 C.7.6.3)."""

    rows: int
    columns: int
    samples_per_pixel: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    pixel_representation: int
    planar_configuration: int
    photometric_interpretation: str
    number_of_frames: int
    tag: int
    """The element that holds the pixels: 7FE00010, 7FE00008 or 7FE00009."""


@dataclass(frozen=True, slots=True)
class NativeFrames:
    """Uncompressed frames of equal length, one behind the other.

    Args:
        start: Offset of the first frame in the (inflated) Part 10 file.
        length: Bytes of one frame.
        count: Number of frames, 1 or more.
        word: Bytes of one word to swap when the data are big endian: 1 (nothing to swap), 2, 4, 8.
    """

    start: int
    length: int
    count: int
    word: int = 1


@dataclass(frozen=True, slots=True)
class BitFrames:
    """1-bit frames packed without padding between them (PS3.5 8.1.1, PS3.18 8.7.3.3.1).

    Args:
        start: Offset of the byte that holds the first bit of frame 1.
        bit_length: Bits of one frame.
        count: Number of frames.
        word: As in NativeFrames.
    """

    start: int
    bit_length: int
    count: int
    word: int = 1


@dataclass(frozen=True, slots=True)
class FragmentedFrames:
    """Encapsulated frames: for each frame the ranges of its fragments, without item headers.

    An index may hand out a sequence that is decoded where it is looked at; it equals the tuple.
    """

    frames: Sequence[tuple[ByteRange, ...]]

    @property
    def count(self) -> int:
        """Number of frames."""
        return len(self.frames)


FrameTable = NativeFrames | BitFrames | FragmentedFrames


@dataclass(frozen=True, slots=True)
class BulkRef:
    """Where the value of one bulk element lies.

    Args:
        path: Name inside the instance: tags in upper-case hex and 1-based item numbers, joined by
            dots, for example ``7FE00010`` or ``54000100.1.54001010``.
        vr: Value representation.
        ranges: Byte ranges of the value in the (inflated) file, in order; fragments of encapsulated
            pixel data without item headers.
        word: Bytes of one word to swap when the data are big endian: 1, 2, 4, 8.
    """

    path: str
    vr: str
    ranges: tuple[ByteRange, ...]
    word: int = 1

    @property
    def size(self) -> int:
        """Length of the value in bytes."""
        return sum(part.length for part in self.ranges)


class IndexedValue(NamedTuple):
    """One value of one attribute that searches can match; there are dozens of each instance.

    Args:
        level: Level that the attribute belongs to.
        path: Tags from the data set's root to the attribute; sequences come first.
        item: Item numbers on the way, each as four hex digits, joined by dots; empty at the root.
        vr: Value representation of the last tag.
        value: Decoded text of one value without padding; empty for a zero-length attribute.
    """

    level: Level
    path: tuple[int, ...]
    item: str
    vr: str
    value: str


@dataclass(frozen=True, slots=True)
class LevelAttributes:
    """DICOM JSON objects (UTF-8, keys sorted) of what searches return at each level."""

    study: bytes
    series: bytes
    instance: bytes


@dataclass(frozen=True, slots=True)
class ScannedInstance:
    """All that one pass over a Part 10 file yields.

    Args:
        key: Study, Series and SOP Instance UID.
        sop_class: SOP Class UID.
        transfer_syntax: Transfer Syntax UID of the file.
        pixel: Pixel description, None without pixel data.
        frames: Where each frame lies, None without pixel data or where frames cannot be told apart.
        bulk: Every element whose value is not in the document, in document order.
        attributes: What searches return.
        values: What searches match.
        document: The finished DICOM JSON of the instance (one object).
        explicit_size: Bytes of the file when rewritten as Explicit VR Little Endian; None where
            it is one already, or where its pixels are compressed.
        warnings: Deviations that were tolerated, without patient data.
    """

    key: InstanceKey
    sop_class: str
    transfer_syntax: str
    pixel: PixelHeader | None
    frames: FrameTable | None
    bulk: tuple[BulkRef, ...]
    attributes: LevelAttributes
    values: tuple[IndexedValue, ...]
    document: Document
    explicit_size: int | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewInstance:
    """A scanned instance whose bytes are safe in the store, ready for the index.

    Args:
        scanned: Outcome of the scan.
        blob: The bytes as received.
        received_at: Nanoseconds since 1970 (UTC) when the bytes were committed.
    """

    scanned: ScannedInstance
    blob: Blob
    received_at: int


@dataclass(frozen=True, slots=True)
class InstanceRecord:
    """What retrieval needs of one stored instance: one index row, no document.

    Args:
        key: Study, Series and SOP Instance UID.
        sop_class: SOP Class UID.
        transfer_syntax: Transfer Syntax UID as stored.
        blob: The bytes as received.
        received_at: Nanoseconds since 1970 (UTC).
        sequence: The change that stored it; grows with time, never used twice.
        pixel, frames, explicit_size: As in ScannedInstance.
        bulk: As in ScannedInstance; may be decoded when it is looked at.
    """

    key: InstanceKey
    sop_class: str
    transfer_syntax: str
    blob: Blob
    received_at: int
    sequence: int
    pixel: PixelHeader | None
    frames: FrameTable | None
    bulk: Sequence[BulkRef]
    explicit_size: int | None

"""Compact binary forms of frame tables, bulk tables and pixel descriptions.

Large tables are decoded where they are looked at: asking for one frame of an instance with half a
million fragments makes one range, not half a million.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterator, Sequence
from typing import overload

from dicomweb_server.model.instance import (
    BitFrames,
    BulkRef,
    ByteRange,
    FragmentedFrames,
    FrameTable,
    NativeFrames,
    PixelHeader,
)

_PIXEL = struct.Struct("<8iqI")
_REGULAR = struct.Struct("<BQQQB")
_FRAGMENTED = struct.Struct("<BBIQ")
_BULK = struct.Struct("<H2sBBI")
_COUNT = struct.Struct("<I")
_NATIVE, _BITS, _FRAGMENTS = 1, 2, 3
_ONE_EACH, _WIDE = 1, 2
_OWN_RANGES, _RANGES_OF_FRAMES = 0, 1
_NARROW_LIMIT = 1 << 32


def pack_pixel(pixel: PixelHeader | None) -> bytes | None:
    """Pack a pixel description."""
    if pixel is None:
        return None
    numbers = _PIXEL.pack(
        pixel.rows,
        pixel.columns,
        pixel.samples_per_pixel,
        pixel.bits_allocated,
        pixel.bits_stored,
        pixel.high_bit,
        pixel.pixel_representation,
        pixel.planar_configuration,
        pixel.number_of_frames,
        pixel.tag,
    )
    return numbers + pixel.photometric_interpretation.encode("utf-8", "replace")


def unpack_pixel(data: bytes | None) -> PixelHeader | None:
    """Read what `pack_pixel` made."""
    if data is None:
        return None
    (
        rows,
        columns,
        samples,
        allocated,
        stored,
        high_bit,
        representation,
        planar,
        frames,
        tag,
    ) = _PIXEL.unpack_from(data)
    photometric = data[_PIXEL.size :].decode("utf-8")
    return PixelHeader(
        rows,
        columns,
        samples,
        allocated,
        stored,
        high_bit,
        representation,
        planar,
        photometric,
        frames,
        tag,
    )


class FragmentTable(Sequence[tuple[ByteRange, ...]]):
    """The fragments of each frame, decoded frame by frame.

    Args:
        starts: Offsets of all fragments.
        lengths: Their lengths.
        firsts: Number of each frame's first fragment and, last, the number of fragments; None
            where each frame has one.
    """

    __slots__ = ("_firsts", "_lengths", "_starts")

    def __init__(self, starts: array[int], lengths: array[int], firsts: array[int] | None) -> None:
        self._starts = starts
        self._lengths = lengths
        self._firsts = firsts

    def __len__(self) -> int:
        return len(self._starts) if self._firsts is None else len(self._firsts) - 1

    @overload
    def __getitem__(self, place: int) -> tuple[ByteRange, ...]: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[tuple[ByteRange, ...], ...]: ...

    def __getitem__(
        self, place: int | slice
    ) -> tuple[ByteRange, ...] | tuple[tuple[ByteRange, ...], ...]:
        if isinstance(place, slice):
            return tuple(self[number] for number in range(*place.indices(len(self))))
        number = place + len(self) if place < 0 else place
        if not 0 <= number < len(self):
            raise IndexError(place)
        if self._firsts is None:
            return (ByteRange(self._starts[number], self._lengths[number]),)
        first, last = self._firsts[number], self._firsts[number + 1]
        return tuple(map(ByteRange, self._starts[first:last], self._lengths[first:last]))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or len(self) != len(other):
            return NotImplemented if not isinstance(other, Sequence) else False
        return all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def fragments(self) -> Iterator[ByteRange]:
        """All fragments of all frames."""
        return map(ByteRange, self._starts, self._lengths)


def pack_frames(frames: FrameTable | None) -> bytes | None:
    """Pack a frame table."""
    if frames is None:
        return None
    if isinstance(frames, NativeFrames):
        return _REGULAR.pack(_NATIVE, frames.start, frames.length, frames.count, frames.word)
    if isinstance(frames, BitFrames):
        return _REGULAR.pack(_BITS, frames.start, frames.bit_length, frames.count, frames.word)
    ranges = [part for frame in frames.frames for part in frame]
    one_each = all(len(frame) == 1 for frame in frames.frames)
    wide = any(part.start >= _NARROW_LIMIT or part.length >= _NARROW_LIMIT for part in ranges)
    flags = (_ONE_EACH if one_each else 0) | (_WIDE if wide else 0)
    head = _FRAGMENTED.pack(_FRAGMENTS, flags, len(frames.frames), len(ranges))
    width = "Q" if wide else "I"
    starts = _to_bytes(array(width, [part.start for part in ranges]))
    lengths = _to_bytes(array(width, [part.length for part in ranges]))
    return head + starts + lengths + (b"" if one_each else _to_bytes(_firsts(frames.frames)))


def unpack_frames(data: bytes | None) -> FrameTable | None:
    """Read what `pack_frames` made."""
    if data is None:
        return None
    if data[0] == _FRAGMENTS:
        return FragmentedFrames(_fragment_table(data))
    kind, start, length, count, word = _REGULAR.unpack(data)
    made: type[NativeFrames] | type[BitFrames] = NativeFrames if kind == _NATIVE else BitFrames
    return made(start, length, count, word)


def _firsts(frames: Sequence[tuple[ByteRange, ...]]) -> array[int]:
    firsts = array("I", [0])
    for frame in frames:
        firsts.append(firsts[-1] + len(frame))
    return firsts


def _fragment_table(data: bytes) -> FragmentTable:
    _, flags, frames, fragments = _FRAGMENTED.unpack_from(data)
    width = "Q" if flags & _WIDE else "I"
    place = _FRAGMENTED.size
    starts, place = _from_bytes(width, data, place, fragments)
    lengths, place = _from_bytes(width, data, place, fragments)
    if flags & _ONE_EACH:
        return FragmentTable(starts, lengths, None)
    return FragmentTable(starts, lengths, _from_bytes("I", data, place, frames + 1)[0])


def _to_bytes(numbers: array[int]) -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _from_bytes(width: str, data: bytes, place: int, count: int) -> tuple[array[int], int]:
    numbers = array(width)
    end = place + count * numbers.itemsize
    numbers.frombytes(memoryview(data)[place:end])
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers, end


def pack_bulk(bulk: Sequence[BulkRef], frames: FrameTable | None) -> bytes | None:
    """Pack a bulk table; ranges that are just the fragments of the frames are not repeated."""
    if not bulk:
        return None
    fragments: tuple[ByteRange, ...] | None = None
    if isinstance(frames, FragmentedFrames):
        fragments = tuple(part for frame in frames.frames for part in frame)
    parts = [_COUNT.pack(len(bulk))]
    for ref in bulk:
        path = ref.path.encode("ascii")
        same = len(ref.ranges) > 1 and ref.ranges == fragments
        kind = _RANGES_OF_FRAMES if same else _OWN_RANGES
        count = 0 if same else len(ref.ranges)
        vr = ref.vr.encode("ascii")
        parts.append(_BULK.pack(len(path), vr, ref.word, kind, count) + path)
        if not same:
            numbers = [number for part in ref.ranges for number in (part.start, part.length)]
            parts.append(struct.pack(f"<{2 * count}Q", *numbers))
    return b"".join(parts)


class BulkTable(Sequence[BulkRef]):
    """The bulk table of an instance, decoded when first looked at."""

    __slots__ = ("_data", "_frames", "_refs")

    def __init__(self, data: bytes, frames: FrameTable | None) -> None:
        self._data = data
        self._frames = frames
        self._refs: tuple[BulkRef, ...] | None = None

    def _decoded(self) -> tuple[BulkRef, ...]:
        if self._refs is None:
            self._refs = _unpack_bulk(self._data, self._frames)
        return self._refs

    def __len__(self) -> int:
        return int(_COUNT.unpack_from(self._data)[0])

    @overload
    def __getitem__(self, place: int) -> BulkRef: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[BulkRef, ...]: ...

    def __getitem__(self, place: int | slice) -> BulkRef | tuple[BulkRef, ...]:
        return self._decoded()[place]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return self._decoded() == tuple(other)

    def __hash__(self) -> int:
        return hash(self._decoded())


def unpack_bulk(data: bytes | None, frames: FrameTable | None) -> Sequence[BulkRef]:
    """Read what `pack_bulk` made.

    Args:
        data: The packed table.
        frames: The frame table of the same instance.
    """
    return () if data is None else BulkTable(data, frames)


def _unpack_bulk(data: bytes, frames: FrameTable | None) -> tuple[BulkRef, ...]:
    refs = []
    place = _COUNT.size
    for _ in range(_COUNT.unpack_from(data)[0]):
        length, vr, word, kind, count = _BULK.unpack_from(data, place)
        place += _BULK.size
        path = data[place : place + length].decode("ascii")
        place += length
        if kind == _RANGES_OF_FRAMES:
            ranges = _fragments_of(frames)
        else:
            numbers = struct.unpack_from(f"<{2 * count}Q", data, place)
            place += 16 * count
            ranges = tuple(map(ByteRange, numbers[::2], numbers[1::2]))
        refs.append(BulkRef(path, vr.decode("ascii"), ranges, word))
    return tuple(refs)


def _fragments_of(frames: FrameTable | None) -> tuple[ByteRange, ...]:
    if isinstance(frames, FragmentedFrames) and isinstance(frames.frames, FragmentTable):
        return tuple(frames.frames.fragments())
    return ()

"""Frames of one instance: as byte ranges, without parsing DICOM, and as input of codecs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from dicomweb_server.dicom.rewrite import swap
from dicomweb_server.errors import FrameOutOfRange, FrameUndecodable
from dicomweb_server.model import media
from dicomweb_server.model.frame import SUBSAMPLED, Frame, frame_bits
from dicomweb_server.model.instance import (
    BitFrames,
    ByteRange,
    FragmentedFrames,
    FrameTable,
    InstanceRecord,
    NativeFrames,
    PixelHeader,
)
from dicomweb_server.model.limits import MIB
from dicomweb_server.service.content import Content, within
from dicomweb_server.service.delivery import Body, cut

_BATCH_BYTES = 4 * MIB
_LONGEST_FRAME = 512 * MIB
"""Bytes of one stored frame that codecs are given at the most."""


@dataclass(frozen=True, slots=True)
class FramePlan:
    """How to read one frame and how long it will be.

    Args:
        ranges: What to read.
        length: Bytes of the frame when finished.
        bit_offset: For bit-packed frames the bits to drop in front, 0 to 7 (0 to 63 when swapped).
        bits: For bit-packed frames the bits of the frame, else 0.
        word: Bytes of a word to swap, 1 for none.
    """

    ranges: tuple[ByteRange, ...]
    length: int
    bit_offset: int = 0
    bits: int = 0
    word: int = 1

    def finish(self, pieces: Sequence[bytes]) -> bytes:
        """Make the frame of what was read from `ranges`."""
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if self.word > 1:
            data = swap(data, self.word)
        return extract_bits(data, self.bit_offset, self.bits) if self.bits else data


def table_of(record: InstanceRecord) -> FrameTable:
    """The frame table of an instance.

    Raises:
        FrameOutOfRange: It has no frames, or they cannot be told apart.
    """
    if record.frames is None or record.frames.count == 0:
        raise FrameOutOfRange(
            "this instance has no frames", "retrieve the instance or its bulkdata"
        )
    return record.frames


def source_syntax(record: InstanceRecord) -> str:
    """Transfer Syntax UID of what `read_frame` gives: native frames are Explicit VR Little Endian.

    Float pixel data are native whatever the transfer syntax of the file is.
    """
    compressed = isinstance(record.frames, FragmentedFrames)
    return record.transfer_syntax if compressed else media.EXPLICIT_LITTLE


def source_pixel(record: InstanceRecord) -> PixelHeader | None:
    """Description of what `read_frame` gives; None where the instance has no frames.

    Pixel data that are not subsampled although Photometric Interpretation says so are YBR_FULL.
    """
    pixel, table = record.pixel, record.frames
    if pixel is None or table is None or not table.count:
        return None
    if pixel.photometric_interpretation not in SUBSAMPLED or not isinstance(table, NativeFrames):
        return pixel
    as_told = table.length * 8 == frame_bits(pixel)
    return pixel if as_told else replace(pixel, photometric_interpretation="YBR_FULL")


async def read_frame(content: Content, record: InstanceRecord, number: int) -> Frame:
    """One frame as codecs take it.

    Args:
        content: How bytes are read.
        record: The instance.
        number: Frame number from 1.

    Raises:
        FrameOutOfRange: There is no such frame.
        FrameUndecodable: It is longer than anything that codecs are given.
        BlobDamaged: Stored bytes are missing.
    """
    found = plan(table_of(record), number)
    pixel = source_pixel(record)
    if pixel is None:
        raise FrameOutOfRange("this instance has no frames")
    if found.length > _LONGEST_FRAME:
        raise FrameUndecodable(f"frame {number} is longer than {_LONGEST_FRAME} bytes")
    pieces = await content.read(record, found.ranges)
    if found.length > MIB:
        data = await asyncio.to_thread(found.finish, pieces)
    else:
        data = found.finish(pieces)
    return Frame(pixel, source_syntax(record), data)


def plan(table: FrameTable, number: int) -> FramePlan:
    """How to read one frame.

    Args:
        table: Frame table of the instance.
        number: Frame number from 1.

    Raises:
        FrameOutOfRange: There are fewer frames.
    """
    if not 1 <= number <= table.count:
        raise FrameOutOfRange(
            f"frame {number} does not exist", f"the instance has {table.count} frames"
        )
    if isinstance(table, NativeFrames):
        start = table.start + (number - 1) * table.length
        return FramePlan((ByteRange(start, table.length),), table.length, word=table.word)
    if isinstance(table, FragmentedFrames):
        ranges = table.frames[number - 1]
        return FramePlan(ranges, sum(part.length for part in ranges))
    return _bit_plan(table, number)


def _bit_plan(table: BitFrames, number: int) -> FramePlan:
    unit = 8 * table.word
    first = (number - 1) * table.bit_length
    last = first + table.bit_length
    start = first // unit * table.word
    end = -(-last // unit) * table.word
    return FramePlan(
        (ByteRange(table.start + start, end - start),),
        (table.bit_length + 7) // 8,
        bit_offset=first % unit,
        bits=table.bit_length,
        word=table.word,
    )


def extract_bits(data: bytes, offset: int, count: int) -> bytes:
    """Cut a run of bits out of bytes whose first pixel is the least significant bit (PS3.5 8.1.1).

    Args:
        data: Bytes that hold the run.
        offset: Bits in front of the run.
        count: Bits of the run.

    Returns:
        The run from the first bit of the first byte; bits behind it are zero.
    """
    number = int.from_bytes(data, "little") >> offset
    return (number & ((1 << count) - 1)).to_bytes((count + 7) // 8, "little")


class FrameReader:
    """Reads the frames of one request in batches of about 4 MiB, in order.

    Args:
        content: How bytes are read.
        record: The instance.
        plans: The frames, in the order of the answer.
    """

    def __init__(
        self, content: Content, record: InstanceRecord, plans: Sequence[FramePlan]
    ) -> None:
        self._content = content
        self._record = record
        self._plans = plans
        self._ready: dict[int, bytes] = {}

    def body(self, place: int) -> Body:
        """The body of one part of the answer."""

        def read(part: ByteRange | None) -> AsyncIterator[bytes]:
            frame = self._plans[place]
            if frame.bits or frame.length <= _BATCH_BYTES:
                return cut(self._whole(place), part)
            if frame.word == 1:
                return self._content.read_through(self._record, within(frame.ranges, part), 1)
            return cut(self._content.read_through(self._record, frame.ranges, frame.word), part)

        return read

    async def _whole(self, place: int) -> AsyncIterator[bytes]:
        if place not in self._ready:
            self._ready = await self._batch(place)
        yield self._ready.pop(place)

    async def _batch(self, first: int) -> dict[int, bytes]:
        """Read a frame and those behind it that fit into one batch, in one go."""
        end, held = first + 1, self._plans[first].length
        while end < len(self._plans) and held + self._plans[end].length <= _BATCH_BYTES:
            held += self._plans[end].length
            end += 1
        wanted = [part for frame in self._plans[first:end] for part in frame.ranges]
        pieces = await self._content.read(self._record, wanted)
        frames, place = {}, 0
        for number in range(first, end):
            frame = self._plans[number]
            frames[number] = frame.finish(pieces[place : place + len(frame.ranges)])
            place += len(frame.ranges)
        return frames

"""Packed tables: what goes in comes out, and large ones are decoded where they are looked at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.index.sqlite import packing
from dicomweb_server.model.instance import (
    BitFrames,
    BulkRef,
    ByteRange,
    FragmentedFrames,
    NativeFrames,
    PixelHeader,
)

OFFSETS = st.integers(0, 2**63)
RANGES = st.builds(ByteRange, OFFSETS, OFFSETS)
FRAGMENTED = st.builds(
    FragmentedFrames, st.lists(st.lists(RANGES, max_size=3).map(tuple), max_size=6).map(tuple)
)
REGULAR = st.builds(NativeFrames, OFFSETS, OFFSETS, st.integers(1, 2**31), st.sampled_from((1, 8)))
BITS = st.builds(BitFrames, OFFSETS, OFFSETS, st.integers(1, 2**31), st.sampled_from((1, 2)))
FRAMES = st.none() | REGULAR | BITS | FRAGMENTED
BULK = st.lists(
    st.builds(
        BulkRef,
        st.sampled_from(("7FE00010", "54000100.65535.54001010")),
        st.sampled_from(("OW", "UN")),
        st.lists(RANGES, max_size=3).map(tuple),
        st.sampled_from((1, 2, 4, 8)),
    ),
    max_size=4,
).map(tuple)


@given(FRAMES, BULK)
def test_tables_come_back(frames: object, bulk: tuple[BulkRef, ...]) -> None:
    assert frames is None or isinstance(frames, NativeFrames | BitFrames | FragmentedFrames)
    unpacked = packing.unpack_frames(packing.pack_frames(frames))
    assert unpacked == frames
    assert packing.unpack_bulk(packing.pack_bulk(bulk, frames), unpacked) == bulk


@given(st.integers(0, 2**40), st.text(alphabet="ABC_ \u00e9", max_size=16))
def test_pixel_descriptions_come_back(frames: int, photometric: str) -> None:
    pixel = PixelHeader(1, 65535, 3, 16, 12, 11, 1, 0, photometric, frames, 0x7FE00008)
    assert packing.unpack_pixel(packing.pack_pixel(pixel)) == pixel
    assert packing.unpack_pixel(packing.pack_pixel(None)) is None


def test_fragments_of_the_frames_are_not_stored_twice() -> None:
    fragments = tuple(ByteRange(10 * n, 9) for n in range(10_000))
    frames = FragmentedFrames(tuple((fragment,) for fragment in fragments))
    packed = packing.pack_bulk((BulkRef("7FE00010", "OB", fragments),), frames)
    assert packed is not None
    assert len(packed) < 100
    unpacked = packing.unpack_frames(packing.pack_frames(frames))
    assert packing.unpack_bulk(packed, unpacked)[0].ranges == fragments


def test_a_table_is_a_sequence() -> None:
    frames = FragmentedFrames(((ByteRange(1, 2),), (ByteRange(3, 4), ByteRange(5, 6))))
    unpacked = packing.unpack_frames(packing.pack_frames(frames))
    assert isinstance(unpacked, FragmentedFrames)
    table = unpacked.frames
    assert (table[-1], table[:1]) == (frames.frames[1], frames.frames[:1])
    assert hash(table) == hash(frames.frames)
    assert table != frames.frames[:1]
    assert table != object()
    with pytest.raises(IndexError):
        table[2]

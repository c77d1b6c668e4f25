"""Frames are told by byte ranges alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.errors import FrameOutOfRange
from dicomweb_server.model.instance import BitFrames, ByteRange, FragmentedFrames, NativeFrames
from dicomweb_server.service.frames import extract_bits, plan


@given(st.binary(min_size=1, max_size=64), st.data())
def test_extracted_bits_are_those_that_numpy_unpacks(data: bytes, draw: st.DataObject) -> None:
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
    offset = draw.draw(st.integers(0, len(bits) - 1))
    count = draw.draw(st.integers(1, len(bits) - offset))
    expected = np.packbits(bits[offset : offset + count], bitorder="little").tobytes()
    assert extract_bits(data, offset, count) == expected


@given(st.integers(1, 50), st.integers(1, 12), st.sampled_from([1, 2, 4]), st.data())
def test_every_bit_frame_is_cut_where_it_begins(
    bit_length: int, count: int, word: int, draw: st.DataObject
) -> None:
    unit = 8 * word
    size = -(-bit_length * count // unit) * word
    data = draw.draw(st.binary(min_size=size, max_size=size))
    stored = np.frombuffer(data, f"u{word}").byteswap().tobytes() if word > 1 else data
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
    table = BitFrames(0, bit_length, count, word)
    for number in range(1, count + 1):
        frame = plan(table, number)
        (part,) = frame.ranges
        expected = bits[(number - 1) * bit_length : number * bit_length]
        found = frame.finish([stored[part.start : part.start + part.length]])
        assert found == np.packbits(expected, bitorder="little").tobytes()
        assert len(found) == frame.length


def test_native_frames_follow_each_other() -> None:
    table = NativeFrames(start=1000, length=50, count=3)
    assert plan(table, 3).ranges == (ByteRange(1100, 50),)


def test_a_fragmented_frame_is_all_of_its_fragments() -> None:
    table = FragmentedFrames(((ByteRange(8, 2), ByteRange(20, 3)), (ByteRange(40, 1),)))
    frame = plan(table, 1)
    assert frame.length == 5
    assert frame.finish([b"ab", b"cde"]) == b"abcde"


@pytest.mark.parametrize("number", [0, 4, 10**9])
def test_a_frame_out_of_range_is_told_with_the_number_of_frames(number: int) -> None:
    with pytest.raises(FrameOutOfRange) as caught:
        plan(NativeFrames(0, 10, 3), number)
    assert "3 frames" in caught.value.hint

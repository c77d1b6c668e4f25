"""Ranges are cut and joined without losing or moving a byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.model.instance import ByteRange
from dicomweb_server.service.content import batches, within
from dicomweb_server.service.delivery import cut

DATA = bytes(range(256)) * 4


def read(ranges: list[ByteRange]) -> bytes:
    return b"".join(DATA[part.start : part.start + part.length] for part in ranges)


ranges_lists = st.lists(
    st.builds(ByteRange, st.integers(0, 900), st.integers(0, 100)), min_size=1, max_size=8
)


@given(ranges_lists, st.integers(1, 64))
def test_batches_hold_every_byte_once_and_meet_the_size(ranges: list[ByteRange], size: int) -> None:
    groups = list(batches(ranges, size))
    assert b"".join(read(group) for group in groups) == read(ranges)
    assert all(sum(part.length for part in group) <= size for group in groups)


@given(ranges_lists, st.integers(0, 800), st.integers(0, 800))
def test_a_part_of_joined_ranges_is_the_slice_of_the_joined_bytes(
    ranges: list[ByteRange], start: int, length: int
) -> None:
    found = read(list(within(ranges, ByteRange(start, length))))
    assert found == read(ranges)[start : start + length]


@given(st.lists(st.binary(max_size=20), max_size=8), st.integers(0, 100), st.integers(0, 100))
def test_a_cut_stream_is_the_slice_of_the_stream(
    chunks: list[bytes], start: int, length: int
) -> None:
    async def stream() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    async def collect() -> bytes:
        return b"".join([piece async for piece in cut(stream(), ByteRange(start, length))])

    assert asyncio.run(collect()) == b"".join(chunks)[start : start + length]

"""Ranges are cut and joined without losing or moving a byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.dicom.preamble import disarmed
from dicomweb_server.model.instance import ByteRange
from dicomweb_server.service.content import Content, batches, within
from dicomweb_server.service.delivery import cut
from dicomweb_server.store.filesystem import FilesystemStore
from dicomweb_server.store.wrappers import CountingStore
from dicomweb_server.testing.store_contract import put
from tests.datasets import dataset, part10
from tests.service.stored import LIMITS, Stored, opened

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


LONG = b"MZ".ljust(128) + part10(dataset(Rows=1024, PixelData=bytes(2_000_000)))[128:]


@pytest.mark.parametrize("chunk", [1, 3, 100, 127, 128, 129, 5_000, 1 << 20])
def test_a_range_of_a_file_is_the_slice_of_it_with_a_harmless_preamble(
    chunk: int, tmp_path: Path
) -> None:
    data = LONG[:5_000]

    async def stream(blob: object, part: ByteRange | None) -> AsyncIterator[bytes]:
        wanted = data if part is None else data[part.start : part.start + part.length]
        for place in range(0, len(wanted), chunk):
            yield wanted[place : place + chunk]

    async def check(held: Stored) -> None:
        record = await held.keep(part10(dataset()))
        held.store.stream = stream  # type: ignore[method-assign, assignment] # chunks as chosen
        for start in (0, 1, 2, 64, 127, 128, 129, 4_000):
            for length in (1, 2, 126, 127, 128, 129, 900):
                part = ByteRange(start, length)
                got = [piece async for piece in held.content.as_stored(record, part)]
                assert b"".join(got) == disarmed(data)[start : start + length]
        whole = [piece async for piece in held.content.as_stored(record, None)]
        assert b"".join(whole) == disarmed(data)

    with opened(tmp_path) as held:
        asyncio.run(check(held))


@pytest.mark.parametrize("part", [None, ByteRange(0, 10), ByteRange(5, 300), ByteRange(500, 900)])
def test_a_harmless_preamble_costs_no_further_reading(
    part: ByteRange | None, tmp_path: Path
) -> None:
    async def check(held: Stored) -> None:
        files = FilesystemStore.open(tmp_path / "files", reserve=0)
        store = CountingStore(files)
        content = Content(store, held.renditions, LIMITS)
        blob = (await put(files, LONG)).blob
        record = replace(await held.keep(part10(dataset())), blob=blob)
        plain = [len(piece) async for piece in store.stream(blob, part)]
        sizes = [len(piece) async for piece in content.as_stored(record, part)]
        assert store.calls == {"stream": 2}
        assert sizes == plain
        await files.close()

    with opened(tmp_path / "renditions") as held:
        asyncio.run(check(held))

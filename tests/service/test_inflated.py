"""Deflated instances are read whether or not there is room for their inflated form (F4, F5)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from dicomweb_server.dicom.inflate import inflate
from dicomweb_server.model.instance import ByteRange, InstanceRecord
from dicomweb_server.model.source import ByteSource, MemorySource
from dicomweb_server.service.inflated import Inflated
from dicomweb_server.store.renditions import FilesystemRenditions
from tests.dicom.test_inflate import DEFLATED
from tests.service.stored import LIMITS, Stored, opened

RANGES = [ByteRange(3_000_000, 9), ByteRange(0, 500), ByteRange(100, 2_000_000)]


@pytest.mark.parametrize("reserve", [0, 2**60], ids=["kept", "full"])
def test_ranges_streams_and_generators_give_the_inflated_bytes(
    tmp_path: Path, reserve: int
) -> None:
    pieces: list[bytes] = []
    inflate(MemorySource(DEFLATED), pieces.append, LIMITS)
    wanted = b"".join(pieces)

    async def check(inflated: Inflated, record: InstanceRecord) -> None:
        expected = [wanted[part.start : part.start + part.length] for part in RANGES]
        assert await inflated.read(record, RANGES) == expected
        assert b"".join([each async for each in inflated.stream(record)]) == wanted
        for part, slice_ in zip(RANGES, expected, strict=True):
            assert b"".join([each async for each in inflated.stream(record, part)]) == slice_
        assert [each async for each in inflated.transform(record, _ends)] == [
            wanted[-5:],
            wanted[:5],
        ]

    async def run(held: Stored) -> None:
        renditions = FilesystemRenditions.open(tmp_path / "kept", 1, 1 << 30, reserve)
        record = await held.keep(DEFLATED)
        await check(Inflated(held.store, renditions, LIMITS), record)
        assert bool(list(renditions.walk())) == (reserve == 0)
        await renditions.close()

    with opened(tmp_path / "other") as held:
        asyncio.run(run(held))


def _ends(source: ByteSource) -> Iterator[bytes]:
    yield source.read_at(source.size - 5, 5)
    yield source.read_at(0, 5)

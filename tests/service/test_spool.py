"""Instances that wait for the end of their request, in memory and in a file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from dicomweb_server.errors import StoreFull
from dicomweb_server.service.spool import Spool
from dicomweb_server.testing.instances import recipe

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def kept(spool: Spool) -> list[int]:
    return [place async for batch in spool.batches() for place, _ in batch]


async def test_all_come_in_order_as_often_as_they_are_asked_for(tmp_path: Path) -> None:
    made = recipe().make()
    async with Spool(tmp_path) as spool:
        for number in range(300):
            await spool.add(number, made)
        assert await kept(spool) == await kept(spool) == list(range(300))
        async for batch in spool.batches():
            assert all(instance == made for _, instance in batch)
        await spool.add(300, made)
        assert await kept(spool) == list(range(301))


async def test_none_is_forgotten_where_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are to be buried: nobody was told of them (RELIABILITY F4)."""
    made = recipe().make()

    def full(**options: object) -> BinaryIO:
        return cast("BinaryIO", Path("/dev/full").open("r+b", buffering=0))

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    async with Spool(tmp_path) as spool:
        for number in range(127):
            await spool.add(number, made)
        with pytest.raises(StoreFull):
            await spool.add(127, made)
        assert await kept(spool) == list(range(128))

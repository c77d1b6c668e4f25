"""Stores around a store."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from dicomweb_server.errors import BlobDamaged
from dicomweb_server.model.instance import ByteRange
from dicomweb_server.store.filesystem import FilesystemStore
from dicomweb_server.store.memory import MemoryStore
from dicomweb_server.store.port import BlobStore
from dicomweb_server.store.verifying import VerifyingStore
from dicomweb_server.store.wrappers import CountingStore
from dicomweb_server.testing.store_contract import StoreContract, collect, put, sample

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def inner(tmp_path: Path) -> Iterator[FilesystemStore]:
    opened = FilesystemStore.open(tmp_path, reserve=0)
    yield opened
    asyncio.run(opened.close())


async def gather_into(seen: list[bytes], chunks: AsyncIterator[bytes]) -> None:
    async for chunk in chunks:
        seen.append(chunk)  # noqa: PERF401 - what came before an error is wanted


class TestCountingStore(StoreContract):
    @pytest.fixture
    def store(self) -> BlobStore:
        return CountingStore(MemoryStore())


class TestVerifyingStore(StoreContract):
    @pytest.fixture
    def store(self, inner: FilesystemStore) -> BlobStore:
        return VerifyingStore(inner)


async def test_calls_are_counted_by_name() -> None:
    store = CountingStore(MemoryStore())
    committed = await put(store, b"0123456789", step=5)
    await store.read(committed.blob.digest, [ByteRange(0, 1), ByteRange(2, 1)])
    assert store.calls == {
        "stage": 1,
        "stage.write": 2,
        "stage.commit": 1,
        "read": 1,
        "read.ranges": 2,
    }


@pytest.mark.parametrize("size", [1, 100, 524_288, 2_000_000])
@pytest.mark.parametrize("place", ["first", "last"])
async def test_a_changed_byte_never_ends_a_stream_well(
    inner: FilesystemStore, tmp_path: Path, size: int, place: str
) -> None:
    blob = (await put(inner, sample(size))).blob
    path = tmp_path / "blobs" / blob.digest[:2] / blob.digest[2:]
    data = bytearray(path.read_bytes())
    data[0 if place == "first" else -1] ^= 1
    path.write_bytes(data)
    seen: list[bytes] = []
    with pytest.raises(BlobDamaged):
        await gather_into(seen, VerifyingStore(inner).stream(blob))
    assert sum(map(len, seen)) < size
    assert len(await collect(inner.stream(blob))) == size


async def test_a_truncated_blob_sends_nothing(inner: FilesystemStore, tmp_path: Path) -> None:
    blob = (await put(inner, sample(2_000_000))).blob
    os.truncate(tmp_path / "blobs" / blob.digest[:2] / blob.digest[2:], 1_500_000)
    with pytest.raises(BlobDamaged):
        await anext(VerifyingStore(inner).stream(blob))

"""Stores around a store."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from dicomweb_server.errors import BlobDamaged
from dicomweb_server.model.damage import Damage, Harm
from dicomweb_server.model.instance import Blob, ByteRange
from dicomweb_server.model.source import ByteSource
from dicomweb_server.store import verifying
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


class Log:
    """A DamageLog in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, Damage] = {}

    def known(self, digest: str) -> Damage | None:
        return self.kept.get(digest)

    def note(self, damage: Damage) -> None:
        self.kept[damage.digest] = damage

    def clear(self, digest: str) -> None:
        self.kept.pop(digest, None)


def path_of(folder: Path, blob: Blob) -> Path:
    return folder / "blobs" / blob.digest[:2] / blob.digest[2:]


def flip(folder: Path, blob: Blob) -> None:
    data = bytearray(path_of(folder, blob).read_bytes())
    data[-1] ^= 1
    path_of(folder, blob).write_bytes(data)


async def test_a_hash_is_reckoned_once_until_the_file_is_written_to(
    inner: FilesystemStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = (await put(inner, sample(600_000))).blob
    store, judged = VerifyingStore(inner), []
    digest = verifying._HashingSource.hexdigest

    def counted(self: verifying._HashingSource) -> str:
        judged.append(1)
        return digest(self)

    monkeypatch.setattr(verifying._HashingSource, "hexdigest", counted)
    for _ in range(3):
        await collect(store.stream(blob))
    await store.read(blob.digest, [ByteRange(0, 10)], blob.size)
    assert len(judged) == 1
    flip(tmp_path, blob)
    with pytest.raises(BlobDamaged):
        await store.read(blob.digest, [ByteRange(0, 10)], blob.size)
    assert len(judged) == 2


async def test_nothing_made_of_damaged_bytes_is_complete(
    inner: FilesystemStore, tmp_path: Path
) -> None:
    blob = (await put(inner, sample(600_000))).blob
    flip(tmp_path, blob)

    def reads_little(source: ByteSource) -> Iterator[bytes]:
        yield source.read_at(0, 10)
        yield source.read_at(300_000, 10)

    def fails(source: ByteSource) -> Iterator[bytes]:
        yield from ()
        raise LookupError(source.read_at(0, 10))

    for work, count in ((reads_little, 1), (fails, 0)):
        seen: list[bytes] = []
        with pytest.raises(BlobDamaged):
            await gather_into(seen, VerifyingStore(inner).transform(blob, work))
        assert len(seen) == count
    with pytest.raises(BlobDamaged), VerifyingStore(inner).source(blob):
        pass


async def test_damage_is_noted_with_what_it_is_and_goes_when_mended(
    inner: FilesystemStore, tmp_path: Path
) -> None:
    log = Log()
    store = VerifyingStore(inner, log)
    blobs = [(await put(inner, sample(size))).blob for size in (1000, 2000, 3000)]
    flip(tmp_path, blobs[0])
    os.truncate(path_of(tmp_path, blobs[1]), 5)
    path_of(tmp_path, blobs[2]).unlink()
    for blob in blobs:
        assert not await store.intact(blob)
    assert [log.kept[blob.digest].harm for blob in blobs] == [
        Harm.CONTENT,
        Harm.SIZE,
        Harm.MISSING,
    ]
    for size in (1000, 2000, 3000):
        await put(store, sample(size))
    assert log.kept == {}
    for blob, size in zip(blobs, (1000, 2000, 3000), strict=True):
        assert await collect(store.stream(blob)) == sample(size)


async def test_a_range_of_a_large_blob_known_to_be_damaged_is_refused(
    inner: FilesystemStore, tmp_path: Path
) -> None:
    store = VerifyingStore(inner, Log())
    blob = (await put(inner, sample(3_000_000))).blob
    flip(tmp_path, blob)
    assert await store.read(blob.digest, [ByteRange(0, 4)], blob.size)
    assert not await store.intact(blob)
    for _ in range(2):
        with pytest.raises(BlobDamaged):
            await store.read(blob.digest, [ByteRange(0, 4)], blob.size)
    path_of(tmp_path, blob).write_bytes(sample(3_000_000))
    assert await store.read(blob.digest, [ByteRange(0, 4)], blob.size) == [sample(4)]


async def test_nothing_is_sent_of_a_large_blob_known_to_be_damaged(
    inner: FilesystemStore, tmp_path: Path
) -> None:
    """Who asks for it alone gets an error, not a beginning that breaks off (RELIABILITY F6)."""
    store = VerifyingStore(inner, Log())
    blob = (await put(inner, sample(3_000_000))).blob
    flip(tmp_path, blob)

    def halves(source: ByteSource) -> Iterator[bytes]:
        for place in range(0, source.size, 1_500_000):
            yield source.read_at(place, 1_500_000)

    begun: list[bytes] = []
    with pytest.raises(BlobDamaged):
        await gather_into(begun, store.stream(blob))
    assert begun, "nobody knew of it yet"
    for chunks in (store.stream(blob), store.transform(blob, halves)):
        seen: list[bytes] = []
        with pytest.raises(BlobDamaged):
            await gather_into(seen, chunks)
        assert not seen
    path_of(tmp_path, blob).write_bytes(sample(3_000_000))
    assert await collect(store.stream(blob)) == sample(3_000_000)

"""The store in a folder: the contract, the layout on the disk, cleaning up, damage."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from dicomweb_server.errors import BlobDamaged, ConfigurationError, StoreFull
from dicomweb_server.model.instance import Blob, ByteRange
from dicomweb_server.model.source import ByteSource
from dicomweb_server.store.files import neighbours
from dicomweb_server.store.filesystem import FilesystemStore
from dicomweb_server.store.port import BlobStore
from dicomweb_server.testing.store_contract import StoreContract, collect, put, sample

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FilesystemStore]:
    opened = FilesystemStore.open(tmp_path / "data", reserve=0)
    yield opened
    asyncio.run(opened.close())


def files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def staged_files(folder: Path) -> list[Path]:
    return [path for path in files_below(folder / "data" / "staging") if path.name != "lock"]


def path_of(folder: Path, blob: Blob) -> Path:
    return folder / "data" / "blobs" / blob.digest[:2] / blob.digest[2:]


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class TestFilesystemStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[BlobStore]:
        opened = FilesystemStore.open(tmp_path / "data", reserve=0)
        yield opened
        asyncio.run(opened.close())


async def test_a_blob_is_a_file_named_by_its_hash(store: FilesystemStore, tmp_path: Path) -> None:
    committed = await put(store, b"hello")
    path = path_of(tmp_path, committed.blob)
    assert path.read_bytes() == b"hello"
    assert path.stat().st_mtime_ns == committed.received_at
    assert json.loads((tmp_path / "data" / "format.json").read_text()) == {"store": 1}


async def test_nobody_else_may_read_anything(store: FilesystemStore, tmp_path: Path) -> None:
    await put(store, b"hello")
    await put(store, sample(2_000_000))
    for path in [tmp_path / "data", *(tmp_path / "data").rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


async def test_a_small_body_needs_no_file_before_the_commit(
    store: FilesystemStore, tmp_path: Path
) -> None:
    async with store.stage() as staging:
        await staging.write([sample(1_000_000)])
        assert await staging.run(lambda source: source.size) == 1_000_000
        assert staged_files(tmp_path) == []


async def test_a_large_body_lies_in_a_file(store: FilesystemStore, tmp_path: Path) -> None:
    async with store.stage() as staging:
        await staging.write([sample(1_048_577)])
        (path,) = staged_files(tmp_path)
        assert path.stat().st_size == 1_048_577
    assert staged_files(tmp_path) == []


async def test_staged_bytes_go_when_the_writer_is_cancelled(
    store: FilesystemStore, tmp_path: Path
) -> None:
    written = asyncio.Event()

    async def upload() -> None:
        async with store.stage() as staging:
            await staging.write([sample(2_000_000)])
            written.set()
            await asyncio.Event().wait()

    before = descriptors()
    task = asyncio.create_task(upload())
    await written.wait()
    assert len(staged_files(tmp_path)) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert staged_files(tmp_path) == []
    assert descriptors() <= before


async def test_staged_bytes_go_when_the_write_itself_is_cancelled(
    store: FilesystemStore, tmp_path: Path
) -> None:
    started = asyncio.Event()

    async def upload() -> None:
        async with store.stage() as staging:
            while True:
                started.set()
                await staging.write([sample(2_000_000)])

    task = asyncio.create_task(upload())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert staged_files(tmp_path) == []


async def test_a_stream_that_is_left_early_closes_its_file(store: FilesystemStore) -> None:
    blob = (await put(store, sample(3_000_000))).blob
    await collect(store.stream(blob))
    before = descriptors()
    stream = store.stream(blob)
    await anext(stream)
    assert descriptors() == before + 1
    await stream.aclose()  # type: ignore[attr-defined]  # the port promises an iterator only
    assert descriptors() == before


async def test_a_transform_that_is_left_early_ends_its_generator(store: FilesystemStore) -> None:
    blob = (await put(store, sample(100))).blob
    ended = []

    def work(source: ByteSource) -> Iterator[bytes]:
        try:
            while True:
                yield source.read_at(0, 1)
        finally:
            ended.append(True)

    before = descriptors()
    items = store.transform(blob, work)
    await anext(items)
    await items.aclose()  # type: ignore[attr-defined]  # the port promises an iterator only
    assert ended == [True]
    assert descriptors() == before


async def test_a_file_cut_short_is_damage(store: FilesystemStore, tmp_path: Path) -> None:
    blob = (await put(store, sample(100_000))).blob
    os.truncate(path_of(tmp_path, blob), 99_999)
    with pytest.raises(BlobDamaged):
        await collect(store.stream(blob))
    with pytest.raises(BlobDamaged):
        await store.read(blob.digest, [ByteRange(99_000, 1_000)])
    assert await store.read(blob.digest, [ByteRange(0, 10)]) == [sample(100_000)[:10]]


async def test_storing_the_bytes_again_heals_a_file_cut_short(
    store: FilesystemStore, tmp_path: Path
) -> None:
    blob = (await put(store, sample(100_000))).blob
    os.truncate(path_of(tmp_path, blob), 10)
    await put(store, sample(100_000))
    assert await collect(store.stream(blob)) == sample(100_000)


async def test_a_path_is_no_digest(store: FilesystemStore) -> None:
    with pytest.raises(BlobDamaged):
        await store.read("../../format.json", [ByteRange(0, 1)])
    with pytest.raises(BlobDamaged):
        await store.discard("AB" * 32, 2**62)


async def test_foreign_files_are_not_walked(store: FilesystemStore, tmp_path: Path) -> None:
    blob = (await put(store, b"x")).blob
    path_of(tmp_path, blob).with_name("notes.txt").write_text("x")
    (tmp_path / "data" / "blobs" / "lost+found").mkdir()
    assert [walked.blob for walked in store.walk()] == [blob]


async def test_bytes_are_committed_once(store: FilesystemStore) -> None:
    async with store.stage() as staging:
        await staging.write([b"x"])
        await staging.commit()
        with pytest.raises(RuntimeError, match="committed"):
            await staging.write([b"y"])
        with pytest.raises(RuntimeError, match="committed"):
            await staging.commit()


async def test_bytes_that_were_left_are_gone(store: FilesystemStore) -> None:
    async with store.stage() as staging:
        await staging.write([b"x"])
    with pytest.raises(RuntimeError, match="thrown away"):
        await staging.commit()


async def test_the_reserve_stays_free(tmp_path: Path) -> None:
    opened = FilesystemStore.open(tmp_path / "data", reserve=2**60)
    with pytest.raises(StoreFull):
        await put(opened, b"x")
    with pytest.raises(StoreFull):
        await put(opened, sample(2_000_000))
    assert list(opened.walk()) == []
    assert staged_files(tmp_path) == []
    with pytest.raises(StoreFull):
        await opened.check()
    await opened.close()


async def test_a_newer_layout_is_refused(tmp_path: Path) -> None:
    await FilesystemStore.open(tmp_path / "data").close()
    (tmp_path / "data" / "format.json").write_text('{"store": 2}')
    with pytest.raises(ConfigurationError, match="version 2"):
        FilesystemStore.open(tmp_path / "data")


@pytest.mark.parametrize("text", ["{", "[]", '{"store": "1"}', "{}"])
async def test_a_damaged_format_file_is_refused(tmp_path: Path, text: str) -> None:
    await FilesystemStore.open(tmp_path / "data").close()
    (tmp_path / "data" / "format.json").write_text(text)
    with pytest.raises(ConfigurationError):
        FilesystemStore.open(tmp_path / "data")


async def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    with pytest.raises(ConfigurationError, match="cannot be used"):
        FilesystemStore.open(tmp_path / "data")


async def test_opening_removes_what_dead_processes_left(tmp_path: Path) -> None:
    staging = tmp_path / "data" / "staging"
    dead = staging / "4711-cafe"
    dead.mkdir(parents=True)
    (dead / "lock").touch()
    (dead / "0").write_bytes(b"left over")
    (staging / "stray").write_bytes(b"left over")
    opened = FilesystemStore.open(tmp_path / "data")
    assert staged_files(tmp_path) == []
    assert not dead.exists()
    await opened.close()


async def test_opening_leaves_what_living_processes_stage(
    store: FilesystemStore, tmp_path: Path
) -> None:
    async with store.stage() as staging:
        await staging.write([sample(2_000_000)])
        other = FilesystemStore.open(tmp_path / "data", reserve=0)
        assert len(staged_files(tmp_path)) == 1
        await other.close()
        committed = await staging.commit()
    assert await collect(store.stream(committed.blob)) == sample(2_000_000)


async def test_a_staging_folder_swept_away_is_made_anew(
    store: FilesystemStore, tmp_path: Path
) -> None:
    (own,) = (tmp_path / "data" / "staging").iterdir()
    (own / "lock").unlink()
    own.rmdir()
    await put(store, b"x")
    await store.check()


async def test_closing_leaves_no_staging_folder(tmp_path: Path) -> None:
    opened = FilesystemStore.open(tmp_path / "data")
    await opened.close()
    assert list((tmp_path / "data" / "staging").iterdir()) == []


async def test_removal_waits_for_commits_and_looks_again(
    store: FilesystemStore, tmp_path: Path
) -> None:
    """A commit that holds the lock renews the time; the removal that waited sees that."""
    committed = await put(store, b"wanted again")
    path = path_of(tmp_path, committed.blob)
    descriptor = os.open(tmp_path / "data" / "store.lock", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    removal = asyncio.create_task(store.discard(committed.blob.digest, committed.received_at + 1))
    for _ in range(1_000):
        await asyncio.sleep(0)
    assert not removal.done()
    os.utime(path, ns=(committed.received_at + 5, committed.received_at + 5))
    os.close(descriptor)
    assert await removal is False
    assert path.exists()


async def test_removals_that_race_with_commits_take_nothing_that_was_acknowledged(
    store: FilesystemStore, tmp_path: Path
) -> None:
    """One commits the same bytes again and again, one removes whatever came before."""
    other = FilesystemStore.open(tmp_path / "data", reserve=0)
    last = await put(store, b"wanted")
    floor = last.received_at
    going = True

    async def collect_old() -> int:
        removed = 0
        while going:
            removed += await other.discard(last.blob.digest, floor)
        return removed

    collecting = asyncio.create_task(collect_old())
    for _ in range(150):
        floor = last.received_at + 1
        last = await put(store, b"wanted")
        assert await store.size(last.blob.digest) == 6
    going = False
    assert await collecting > 0
    await other.close()


async def test_a_removed_folder_of_blobs_comes_back(store: FilesystemStore, tmp_path: Path) -> None:
    committed = await put(store, b"x")
    await store.discard(committed.blob.digest, committed.received_at + 1)
    path_of(tmp_path, committed.blob).parent.rmdir()
    await put(store, b"x")
    assert await collect(store.stream(committed.blob)) == b"x"


def test_neighbouring_ranges_are_read_together() -> None:
    ranges = [ByteRange(0, 10), ByteRange(18, 10), ByteRange(10_000, 10), ByteRange(36, 10)]
    assert list(neighbours(ranges)) == [[0, 1, 3], [2]]


def test_large_ranges_are_read_alone() -> None:
    ranges = [ByteRange(0, 100_000), ByteRange(100_008, 100_000)]
    assert list(neighbours(ranges)) == [[0], [1]]

"""The index is a cache: rebuilt from the bytes, it answers as before."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicomweb_server.errors import ConfigurationError
from dicomweb_server.index.memory import MemoryIndex
from dicomweb_server.model.ids import Scope
from dicomweb_server.model.outcome import DuplicatePolicy
from dicomweb_server.ops.datafolder import DataFolder, Use
from dicomweb_server.ops.inventory import ReindexReport
from dicomweb_server.ops.reindex import rebuild, reindex
from dicomweb_server.ops.scanning import ThreadScanner
from dicomweb_server.testing.datasets import demo_study
from tests.data import files_below
from tests.ops.archive import LIMITS, PLAN, changed, opened

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data")


async def rebuilt(folder: DataFolder) -> ReindexReport:
    return await rebuild(folder, PLAN, LIMITS, processes=1)


def lose_index(folder: DataFolder) -> None:
    folder.remove_database(folder.index)


@pytest.mark.parametrize("lost", [False, True])
async def test_a_rebuilt_index_equals_the_old_one(folder: DataFolder, lost: bool) -> None:
    async with opened(folder) as archive:
        for data in demo_study():
            await archive.add(data)
        before = await archive.picture()
    if lost:
        lose_index(folder)
    report = await rebuilt(folder)
    assert report.instances == report.blobs == len(demo_study())
    async with opened(folder) as archive:
        assert await archive.picture() == before
    left = sorted(path.name for path in folder.path.glob("index.db*"))
    assert left in (["index.db"], ["index.db", "index.db.lock"])


async def test_a_damaged_index_is_replaced(folder: DataFolder) -> None:
    async with opened(folder) as archive:
        await archive.add(demo_study()[0])
        before = await archive.picture()
    folder.index.write_bytes(b"no database" * 1_000)
    await rebuilt(folder)
    async with opened(folder) as archive:
        assert await archive.picture() == before


async def test_what_was_deleted_does_not_come_back(folder: DataFolder) -> None:
    async with opened(folder) as archive:
        gone, _ = await archive.add(demo_study()[0])
        kept, _ = await archive.add(demo_study()[1])
        await archive.delete(Scope.of(gone.scanned.key))
    lose_index(folder)
    report = await rebuilt(folder)
    assert (report.blobs, report.buried, report.instances) == (2, 1, 1)
    async with opened(folder) as archive:
        assert set(await archive.records()) == {kept.scanned.key}


async def test_bytes_nobody_was_told_of_do_not_undo_a_later_deletion(folder: DataFolder) -> None:
    """A server that dies leaves such bytes: of a request without answer, or replaced ones."""
    data = demo_study()[0]
    async with opened(folder) as archive:
        async with archive.store.stage() as staging:
            await staging.write([changed(data, PatientID="unheard")])
            await staging.commit()
        gone, _ = await archive.add(data)
        await archive.delete(Scope.of(gone.scanned.key))
    for _ in range(2):  # the second rebuild has no deletion in its old index
        report = await rebuilt(folder)
        assert (report.blobs, report.buried, report.instances) == (2, 2, 0)


async def test_bytes_nobody_was_told_of_come_where_nothing_was_deleted(folder: DataFolder) -> None:
    async with opened(folder) as archive, archive.store.stage() as staging:
        await staging.write([demo_study()[0]])
        await staging.commit()
    assert (await rebuilt(folder)).instances == 1


async def test_what_was_stored_again_after_its_deletion_stays(folder: DataFolder) -> None:
    async with opened(folder) as archive:
        new, _ = await archive.add(demo_study()[0])
        await archive.delete(Scope.of(new.scanned.key))
        await archive.add(demo_study()[0])
    lose_index(folder)
    await rebuilt(folder)
    async with opened(folder) as archive:
        assert set(await archive.records()) == {new.scanned.key}


@pytest.mark.parametrize("policy", [DuplicatePolicy.KEEP, DuplicatePolicy.REPLACE])
async def test_the_choice_among_different_bytes_lasts(
    folder: DataFolder, policy: DuplicatePolicy
) -> None:
    async with opened(folder) as archive:
        await archive.add(demo_study()[0])
        await archive.add(changed(demo_study()[0], StudyDescription="other"), policy)
        before = await archive.picture()
    lose_index(folder)
    await rebuilt(folder)
    async with opened(folder) as archive:
        assert await archive.picture() == before


async def test_the_newest_of_different_bytes_wins(folder: DataFolder) -> None:
    async with opened(folder) as archive:
        await archive.commit(demo_study()[0])
        newest = await archive.commit(changed(demo_study()[0], StudyDescription="other"))
    report = await rebuilt(folder)
    assert (report.instances, report.replaced) == (1, 1)
    async with opened(folder) as archive:
        assert [one.blob for one in (await archive.records()).values()] == [newest.blob]


async def test_what_was_acknowledged_wins_over_what_never_was(folder: DataFolder) -> None:
    """Bytes whose request died between commit and row must not push out those that have one."""
    async with opened(folder) as archive:
        new, _ = await archive.add(demo_study()[0])
        await archive.commit(changed(demo_study()[0], StudyDescription="other"))
    await rebuilt(folder)
    async with opened(folder) as archive:
        assert [one.blob for one in (await archive.records()).values()] == [new.blob]


async def test_what_is_no_instance_is_told_and_left_out(folder: DataFolder) -> None:
    async with opened(folder) as archive:
        await archive.add(demo_study()[0])
        stray = await archive.commit(b"not DICOM")
    report = await rebuilt(folder)
    assert (report.blobs, report.instances) == (2, 1)
    assert report.refused.digests == [stray.blob.digest]
    assert report.damaged.count == 0


async def test_a_folder_in_use_is_refused(folder: DataFolder) -> None:
    with folder.acquire(Use.TOOL), pytest.raises(ConfigurationError, match="in use"):
        await rebuilt(folder)


async def test_a_rebuild_cut_off_before_leaves_the_old_index(folder: DataFolder) -> None:
    async with opened(folder) as archive:
        await archive.add(demo_study()[0])
        before = await archive.picture()
    (folder.path / "index.db.new").write_bytes(b"half of an index")
    (folder.path / "index.db.new-wal").write_bytes(b"half of its log")
    async with opened(folder) as archive:
        assert await archive.picture() == before
    await rebuilt(folder)
    async with opened(folder) as archive:
        assert await archive.picture() == before


async def test_any_index_and_any_store_can_be_rebuilt(folder: DataFolder) -> None:
    seen: list[tuple[int, int | None]] = []
    async with opened(folder) as archive:
        for data in demo_study()[:5]:
            await archive.add(data)
        index = MemoryIndex()
        scanner = ThreadScanner(archive.store, PLAN, LIMITS)
        report = await reindex(
            archive.store,
            index,
            archive.tombstones,
            scanner,
            progress=lambda done, total: seen.append((done, total)),
        )
        assert report.instances == 5
        assert seen == [(5, 5)]
        keys = {record.key for record in await index.records(Scope())}
        assert keys == set(await archive.records())


async def test_real_files_give_the_same_index_again(folder: DataFolder, data_folder: Path) -> None:
    small = [path for path in files_below("valid") if path.stat().st_size < 200_000]
    async with opened(folder) as archive:
        for path in small[::3]:
            await archive.add(path.read_bytes())
        before = await archive.picture()
    lose_index(folder)
    await rebuilt(folder)
    async with opened(folder) as archive:
        assert await archive.picture() == before

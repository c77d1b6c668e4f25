"""A database that is missing is told; none begins anew beside instances."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from dicomweb_server.errors import ConfigurationError, Unavailable
from dicomweb_server.index.port import Removed
from dicomweb_server.index.sqlite.index import SqliteIndex
from dicomweb_server.model.ids import Scope
from dicomweb_server.ops.datafolder import DataFolder
from dicomweb_server.ops.presence import require_databases, tell_of_strays
from dicomweb_server.ops.reindex import rebuild
from dicomweb_server.testing.datasets import demo_study
from tests.ops.archive import LIMITS, PLAN, opened

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path / "data")
    async with opened(made) as archive:
        gone, _ = await archive.add(demo_study()[0])
        await archive.add(demo_study()[1])
        await archive.delete(Scope.of(gone.scanned.key))
    return made


@pytest.mark.parametrize("name", ["index.db", "state.db"])
@pytest.mark.parametrize("emptied", [False, True])
async def test_a_missing_database_is_refused(folder: DataFolder, name: str, emptied: bool) -> None:
    require_databases(folder)
    (folder.path / name).write_bytes(b"") if emptied else (folder.path / name).unlink()
    with pytest.raises(ConfigurationError, match="missing or empty"):
        require_databases(folder)


async def test_what_lives_loses_the_tombstone_of_a_deletion_that_was_broken_off(
    folder: DataFolder,
) -> None:
    async with opened(folder) as archive:
        ((key, record),) = (await archive.records()).items()
        digests = [found.blob.digest for found in archive.store.walk()]
        assert len(digests) == 2
        await archive.tombstones.bury([Removed(key, record.blob.digest)])
        assert await archive.tombstones.buried(digests) == set(digests)
        await tell_of_strays(folder, archive.store, archive.index, archive.tombstones)
        assert await archive.tombstones.buried(digests) == set(digests) - {record.blob.digest}


async def test_a_lost_state_is_made_anew_from_the_index(folder: DataFolder) -> None:
    folder.state.unlink()
    report = await rebuild(folder, PLAN, LIMITS, processes=1)
    assert (report.instances, report.buried) == (1, 1)
    folder.remove_database(folder.index)
    assert (await rebuild(folder, PLAN, LIMITS, processes=1)).instances == 1


async def test_nothing_comes_back_silently_where_nothing_tells_of_deletions(
    folder: DataFolder,
) -> None:
    folder.state.unlink()
    folder.remove_database(folder.index)
    with pytest.raises(ConfigurationError, match="come back"):
        await rebuild(folder, PLAN, LIMITS, processes=1)
    report = await rebuild(folder, PLAN, LIMITS, processes=1, forget_deletions=True)
    assert report.instances == 2


async def test_an_older_index_is_refused_and_brings_nothing_back(folder: DataFolder) -> None:
    older = folder.index.read_bytes()
    async with opened(folder) as archive:
        for key in list(await archive.records()):
            await archive.delete(Scope.of(key))
    folder.index.write_bytes(older)
    with pytest.raises(ConfigurationError, match="older copy"):
        SqliteIndex.open(folder.index, PLAN)
    report = await rebuild(folder, PLAN, LIMITS, processes=1)
    assert (report.instances, report.buried) == (0, 2)


async def test_damage_met_in_a_query_is_told_to_all_and_to_the_next_start(
    folder: DataFolder,
) -> None:
    async with opened(folder) as archive:
        archive.index._readers._integrity.found("test")  # type: ignore[union-attr]  # it has one
        with pytest.raises(Unavailable, match="damaged"):
            await archive.index.check()
        with pytest.raises(Unavailable, match="damaged"):
            await archive.index.remove(Scope())
    assert (folder.path / "index.db.damaged").exists()
    async with opened(folder) as archive:  # it was looked through, and is whole
        await archive.index.check()
    assert not (folder.path / "index.db.damaged").exists()


async def test_a_damaged_page_is_found_before_use(folder: DataFolder) -> None:
    with closing(sqlite3.connect(folder.index)) as connection:
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'instance'"
        ).fetchone()
    with folder.index.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xff" * 4096)
    with pytest.raises(ConfigurationError, match="damaged"):
        SqliteIndex.open(folder.index, PLAN)

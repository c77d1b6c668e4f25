"""Backing up and restoring: what is in a snapshot, what is copied, and what damage does."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from dicomweb_server.errors import ConfigurationError, Unavailable
from dicomweb_server.index.port import Removed
from dicomweb_server.model.ids import Scope
from dicomweb_server.ops.backup import back_up
from dicomweb_server.ops.backupfolder import BackupFolder
from dicomweb_server.ops.datafolder import DataFolder, Use
from dicomweb_server.ops.fsck import check as fsck
from dicomweb_server.ops.gc import collect
from dicomweb_server.ops.restore import check, restore
from dicomweb_server.testing.datasets import demo_study
from tests.ops.archive import opened

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    (tmp_path / "data").mkdir()
    return DataFolder(tmp_path / "data")


@pytest.fixture
def backup(tmp_path: Path) -> BackupFolder:
    return BackupFolder(tmp_path / "backup")


@pytest.fixture
def target(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "restored")


async def filled(folder: DataFolder, count: int = 3) -> list[str]:
    """Digests of instances that were stored."""
    async with opened(folder) as archive:
        return [(await archive.add(data))[0].blob.digest for data in demo_study()[:count]]


def blob_files(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "blobs").rglob("*") if path.is_file())


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


async def test_a_restored_archive_answers_as_the_old_one_did(
    folder: DataFolder, backup: BackupFolder, target: DataFolder
) -> None:
    await filled(folder)
    async with opened(folder) as archive:
        before = await archive.picture()
        done = back_up(folder, backup)  # while the archive is open
    assert (done.instances, done.blobs, done.copied) == (3, 3, 3)
    found = restore(backup, None, target)
    assert (found.restored, found.whole, found.snapshot) == (3, True, done.snapshot)
    async with opened(target) as archive:
        assert await archive.picture() == before
        report = await fsck(
            archive.store, archive.layout, archive.index, archive.damage, hashes=True
        )
        assert report.healthy


async def test_files_keep_the_time_of_their_arrival(
    folder: DataFolder, backup: BackupFolder, target: DataFolder
) -> None:
    await filled(folder)
    back_up(folder, backup)
    restore(backup, None, target)
    old, new = blob_files(folder.path), blob_files(target.path)
    assert [path.stat().st_mtime_ns for path in old] == [path.stat().st_mtime_ns for path in new]


async def test_only_new_blobs_are_copied(folder: DataFolder, backup: BackupFolder) -> None:
    await filled(folder, 2)
    back_up(folder, backup)
    before = {path: path.stat().st_ino for path in blob_files(backup.path)}
    await filled(folder, 5)
    done = back_up(folder, backup)
    assert (done.blobs, done.copied, done.snapshots) == (5, 3, 2)
    assert {path: path.stat().st_ino for path in before} == before


async def test_copies_share_nothing_with_the_archive(
    folder: DataFolder, backup: BackupFolder
) -> None:
    await filled(folder)
    back_up(folder, backup)
    assert all(path.stat().st_nlink == 1 for path in blob_files(backup.path))


async def test_older_snapshots_go_with_the_blobs_that_only_they_need(
    folder: DataFolder, backup: BackupFolder, target: DataFolder
) -> None:
    await filled(folder)
    first = back_up(folder, backup, keep=2)
    async with opened(folder) as archive:
        (key, *_) = await archive.records()
        await archive.delete(Scope.of(key))
    second = back_up(folder, backup, keep=2)
    assert (second.instances, second.removed, second.dropped) == (2, 0, 0)
    assert restore(backup, first.snapshot, target).restored == 3
    third = back_up(folder, backup, keep=2)
    assert (third.removed, third.dropped, third.snapshots) == (1, 1, 2)
    assert len(blob_files(backup.path)) == 2
    assert check(backup, None).whole


async def test_nothing_is_removed_while_the_needs_of_a_snapshot_are_unknown(
    folder: DataFolder, backup: BackupFolder
) -> None:
    await filled(folder)
    first = back_up(folder, backup)
    async with opened(folder) as archive:
        await archive.delete(Scope(next(iter(await archive.records())).study))
    damage(backup.snapshots / first.snapshot / "blobs.txt")
    done = back_up(folder, backup)
    assert (done.pruned, done.removed, len(blob_files(backup.path))) == (False, 0, 3)
    (backup.snapshots / first.snapshot / "snapshot.json").write_text("{")
    assert not back_up(folder, backup, keep=1).pruned
    assert len(blob_files(backup.path)) == 3


async def test_a_deletion_is_in_the_next_snapshot(
    folder: DataFolder, backup: BackupFolder, target: DataFolder
) -> None:
    await filled(folder)
    async with opened(folder) as archive:
        (key, *_) = await archive.records()
        await archive.delete(Scope.of(key))
        back_up(folder, backup)
    restore(backup, None, target)
    async with opened(target) as archive:
        assert key not in await archive.records()
        assert len(blob_files(target.path)) == 2


async def test_what_has_a_row_has_no_tombstone_in_a_snapshot(
    folder: DataFolder, backup: BackupFolder, target: DataFolder
) -> None:
    digests = await filled(folder)
    async with opened(folder) as archive:  # a deletion that has come half-way
        (key, *_) = await archive.records()
        await archive.tombstones.bury([Removed(key, digest) for digest in digests])
        back_up(folder, backup)
    restore(backup, None, target)
    async with opened(target) as archive:
        assert await archive.tombstones.buried(digests) == frozenset()


async def test_a_restored_index_numbers_its_changes_anew(
    folder: DataFolder, backup: BackupFolder, target: DataFolder
) -> None:
    await filled(folder)
    back_up(folder, backup)
    restore(backup, None, target)
    async with opened(folder) as old, opened(target) as new:
        assert old.index.generation != new.index.generation


async def test_damage_in_the_archive_is_found_and_the_rest_is_copied(
    folder: DataFolder, backup: BackupFolder
) -> None:
    await filled(folder)
    flipped, cut, _ = blob_files(folder.path)
    damage(flipped)
    os.truncate(cut, 100)
    done = back_up(folder, backup)
    assert (done.copied, done.damaged.count, done.instances) == (1, 2, 3)
    found = check(backup, None)
    assert sorted(found.damaged.digests) == sorted(done.damaged.digests)


async def test_damage_in_the_backup_is_found_and_mended_on_request(
    folder: DataFolder, backup: BackupFolder
) -> None:
    await filled(folder)
    back_up(folder, backup)
    first, second, _ = blob_files(backup.path)
    damage(first)
    damage(second)
    assert check(backup, None).damaged.count == 2
    assert back_up(folder, backup).copied == 0
    blob_files(folder.path)[1].unlink()
    done = back_up(folder, backup, verify=True)
    assert (done.repaired, done.copied, done.damaged.count) == (1, 1, 1)
    assert check(backup, None).damaged.digests == done.damaged.digests


async def test_what_is_damaged_in_the_backup_is_never_restored(
    folder: DataFolder, backup: BackupFolder, target: DataFolder
) -> None:
    await filled(folder)
    back_up(folder, backup)
    damage(blob_files(backup.path)[0])
    found = restore(backup, None, target)
    assert (found.restored, found.damaged.count, found.whole) == (2, 1, False)
    assert len(blob_files(target.path)) == 2
    with target.acquire(Use.TOOL):
        pass


@pytest.mark.parametrize("name", ["blobs.txt", "index.db", "state.db"])
async def test_one_damaged_file_of_a_snapshot_costs_no_instance(
    folder: DataFolder, backup: BackupFolder, target: DataFolder, name: str
) -> None:
    await filled(folder)
    done = back_up(folder, backup)
    damage(backup.snapshots / done.snapshot / name)
    assert check(backup, None).damaged_files == (name,)
    found = restore(backup, None, target)
    assert (found.restored, found.damaged_files, found.whole) == (3, (name,), False)
    assert target.index.exists() == (name != "index.db")
    assert not target.unfinished.exists()


async def test_without_list_and_index_another_snapshot_is_needed(
    folder: DataFolder, backup: BackupFolder, target: DataFolder
) -> None:
    await filled(folder)
    done = back_up(folder, backup)
    for name in ("blobs.txt", "index.db"):
        damage(backup.snapshots / done.snapshot / name)
    with pytest.raises(Unavailable, match="both damaged"):
        restore(backup, None, target)


async def test_a_damaged_index_makes_no_snapshot(folder: DataFolder, backup: BackupFolder) -> None:
    await filled(folder)
    data = bytearray(folder.index.read_bytes())
    data[8192:-4096] = b"\xa5" * (len(data) - 12288)
    folder.index.write_bytes(data)
    with pytest.raises(Unavailable, match=r"index\.db is damaged"):
        back_up(folder, backup)
    assert backup.readable() == []


async def test_rows_that_the_index_forgot_are_noticed(
    folder: DataFolder, backup: BackupFolder
) -> None:
    await filled(folder)
    with closing(sqlite3.connect(folder.index)) as index:
        index.execute("UPDATE totals SET instances = 4")
        index.commit()
    with pytest.raises(Unavailable, match="not as many"):
        back_up(folder, backup)


async def test_an_archive_is_never_overwritten(folder: DataFolder, backup: BackupFolder) -> None:
    await filled(folder)
    back_up(folder, backup)
    before = {path: path.stat().st_mtime_ns for path in folder.path.rglob("*.db")}
    with pytest.raises(ConfigurationError, match="holds an archive"):
        restore(backup, None, folder)
    assert {path: path.stat().st_mtime_ns for path in folder.path.rglob("*.db")} == before
    assert not folder.unfinished.exists()


async def test_a_restore_that_was_cut_off_goes_on_with_its_snapshot(
    folder: DataFolder, backup: BackupFolder, target: DataFolder
) -> None:
    await filled(folder)
    first = back_up(folder, backup)

    def cut(done: int, total: int | None) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(backup, None, target, cut)
    second = back_up(folder, backup)
    with pytest.raises(ConfigurationError, match="was cut off"):
        target.acquire(Use.SERVER).__enter__()
    with pytest.raises(ConfigurationError, match="restore of snapshot"):
        restore(backup, second.snapshot, target)
    found = restore(backup, None, target)
    assert (found.snapshot, found.blobs, found.whole) == (first.snapshot, 3, True)
    with target.acquire(Use.SERVER):
        pass


async def test_a_backup_that_was_cut_off_goes_on_with_the_blobs_that_are_there(
    folder: DataFolder, backup: BackupFolder
) -> None:
    await filled(folder)

    def cut(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back_up(folder, backup, progress=cut)
    there = len(blob_files(backup.path))
    assert backup.readable() == []
    done = back_up(folder, backup)
    assert (there > 0, done.copied, done.blobs) == (True, 3 - there, 3)
    assert list(backup.unfinished.iterdir()) == []


async def test_gc_leaves_alone_what_a_backup_needs(folder: DataFolder) -> None:
    with folder.keep_blobs(), pytest.raises(ConfigurationError, match="backup"):
        folder.remove_blobs().__enter__()


async def test_orphans_are_not_backed_up(folder: DataFolder, backup: BackupFolder) -> None:
    await filled(folder)
    async with opened(folder) as archive:
        await archive.commit(b"orphan")
    assert back_up(folder, backup).copied == 3
    async with opened(folder) as archive:
        await collect(archive.store, archive.index, archive.tombstones, -1)
    assert back_up(folder, backup).copied == 0


async def test_settings_of_the_archive_travel_with_it(
    folder: DataFolder, backup: BackupFolder, target: DataFolder
) -> None:
    await filled(folder)
    folder.configuration.write_text("[index]\nreaders = 2\n")
    back_up(folder, backup)
    restore(backup, None, target)
    assert target.configuration.read_text() == "[index]\nreaders = 2\n"


async def test_a_second_backup_at_the_same_time_is_refused(
    folder: DataFolder, backup: BackupFolder
) -> None:
    await filled(folder)
    with backup.writing(), pytest.raises(ConfigurationError, match="in use"):
        back_up(folder, backup)


async def test_folders_that_cannot_be_meant_are_refused(
    folder: DataFolder, backup: BackupFolder, tmp_path: Path
) -> None:
    await filled(folder)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").touch()
    for wrong in (folder.path, folder.path / "backup", tmp_path, tmp_path / "other"):
        with pytest.raises(ConfigurationError):
            back_up(folder, BackupFolder(wrong))
    with pytest.raises(ConfigurationError, match="no data folder"):
        back_up(DataFolder(tmp_path / "nothing"), backup)
    assert not (tmp_path / "nothing").exists()
    with pytest.raises(ConfigurationError, match="no backup"):
        restore(BackupFolder(tmp_path / "nothing"), None, DataFolder(tmp_path / "new"))


async def test_a_snapshot_of_a_newer_release_is_refused(
    folder: DataFolder, backup: BackupFolder, target: DataFolder
) -> None:
    await filled(folder)
    done = back_up(folder, backup)
    path = backup.snapshots / done.snapshot / "snapshot.json"
    told = json.loads(path.read_bytes())
    told["schemas"]["index.db"] = 99
    path.write_text(json.dumps(told))
    with pytest.raises(ConfigurationError, match="newer release"):
        restore(backup, None, target)
    assert not target.path.exists()


async def test_snapshots_are_numbered_whatever_the_clock_says(
    folder: DataFolder, backup: BackupFolder
) -> None:
    await filled(folder)
    first = back_up(folder, backup)
    (backup.snapshots / first.snapshot).rename(backup.snapshots / "000001-29990101-000000")
    second = back_up(folder, backup)
    assert backup.choose(None).name == second.snapshot
    assert back_up(folder, backup, keep=1).dropped == 2

"""Collecting bytes that nothing refers to."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from dicomweb_server.model.ids import Scope
from dicomweb_server.ops.datafolder import DataFolder
from dicomweb_server.ops.gc import collect, forget
from dicomweb_server.service.derived import Derived
from dicomweb_server.store.renditions import FilesystemRenditions
from dicomweb_server.testing.datasets import demo_study
from tests.ops.archive import Archive, opened

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def digests(archive: Archive) -> set[str]:
    return {walked.blob.digest for walked in archive.store.walk()}


async def test_what_has_a_row_stays(tmp_path: Path) -> None:
    async with opened(DataFolder(tmp_path)) as archive:
        for data in demo_study()[:3]:
            await archive.add(data)
        report = await collect(archive.store, archive.index, archive.tombstones, -1)
        assert (report.examined, report.removed, report.waiting) == (3, 0, 0)
        assert len(digests(archive)) == 3


async def test_what_was_deleted_goes_after_the_grace_time(tmp_path: Path) -> None:
    async with opened(DataFolder(tmp_path)) as archive:
        new, _ = await archive.add(demo_study()[0])
        await archive.delete(Scope.of(new.scanned.key))
        young = await collect(archive.store, archive.index, archive.tombstones, 3600)
        assert (young.removed, young.waiting) == (0, 1)
        assert digests(archive) == {new.blob.digest}
        old = await collect(archive.store, archive.index, archive.tombstones, -1)
        assert (old.removed, old.removed_bytes) == (1, new.blob.size)
        assert digests(archive) == set()


async def test_the_grace_time_counts_from_the_deletion(tmp_path: Path) -> None:
    async with opened(DataFolder(tmp_path)) as archive:
        new, _ = await archive.add(demo_study()[0])
        (path,) = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
        os.utime(path, (0, 0))
        await archive.delete(Scope.of(new.scanned.key))
        report = await collect(archive.store, archive.index, archive.tombstones, 3600)
        assert (report.removed, report.waiting) == (0, 1)
        report = await collect(archive.store, archive.index, archive.tombstones, -1)
        assert (report.removed, report.waiting) == (1, 0)


async def test_the_tombstone_goes_with_its_blob(tmp_path: Path) -> None:
    async with opened(DataFolder(tmp_path)) as archive:
        new, _ = await archive.add(demo_study()[0])
        await archive.delete(Scope.of(new.scanned.key))
        await collect(archive.store, archive.index, archive.tombstones, 3600)
        assert await archive.tombstones.buried([new.blob.digest]) == {new.blob.digest}
        await collect(archive.store, archive.index, archive.tombstones, -1)
        assert await archive.tombstones.buried([new.blob.digest]) == frozenset()


async def test_a_dry_run_only_counts(tmp_path: Path) -> None:
    async with opened(DataFolder(tmp_path)) as archive:
        committed = await archive.commit(b"orphan")
        report = await collect(archive.store, archive.index, archive.tombstones, -1, dry_run=True)
        assert (report.removed, report.removed_bytes, report.dry_run) == (1, 6, True)
        assert digests(archive) == {committed.blob.digest}


async def test_bytes_stored_again_become_young(tmp_path: Path) -> None:
    async with opened(DataFolder(tmp_path)) as archive:
        first = await archive.commit(b"orphan")
        await archive.commit(b"orphan")
        grace = (time.time_ns() - first.received_at - 1) / 1e9
        report = await collect(archive.store, archive.index, archive.tombstones, max(grace, 5))
        assert (report.removed, report.waiting) == (0, 1)


async def test_progress_is_told(tmp_path: Path) -> None:
    seen: list[int] = []
    async with opened(DataFolder(tmp_path)) as archive:
        for number in range(5):
            await archive.commit(bytes([number]))
        await collect(
            archive.store,
            archive.index,
            archive.tombstones,
            progress=lambda done, total: seen.append(done),
        )
    assert seen == [5]


async def test_what_was_made_from_the_bytes_goes_with_them(tmp_path: Path) -> None:
    async def picture() -> bytes:
        return b"picture"

    async with opened(DataFolder(tmp_path / "data")) as archive:
        kept = (await archive.add(demo_study()[0]))[0].blob.digest
        renditions = FilesystemRenditions.open(tmp_path / "renditions", 1, 1_000_000)
        await renditions.put({f"{kept}-explicit": b"kept"})
        await renditions.put({f"{'ab' * 32}-explicit": b"gone"})
        derived = Derived(renditions)
        await derived.get(kept, "a", picture)
        await derived.settle()
        assert len(list(renditions.walk())) == 3
        await forget(archive.store, renditions)
        assert list(renditions.walk()) == [f"{kept}-explicit"]
        assert await Derived(renditions).peek(kept, "a") is None
        await renditions.close()

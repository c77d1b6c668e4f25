"""Comparing index and store."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dicomweb_server.model.instance import Blob
from dicomweb_server.ops.datafolder import DataFolder
from dicomweb_server.ops.findings import EXAMPLES, Findings
from dicomweb_server.ops.fsck import FsckReport, check
from dicomweb_server.testing.datasets import demo_study
from tests.ops.archive import Archive, opened

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def path_of(folder: Path, blob: Blob) -> Path:
    return folder / "blobs" / blob.digest[:2] / blob.digest[2:]


async def _check(archive: Archive, *, hashes: bool = False) -> FsckReport:
    return await check(archive.store, archive.layout, archive.index, archive.damage, hashes=hashes)


async def test_a_whole_archive_is_healthy(tmp_path: Path) -> None:
    async with opened(DataFolder(tmp_path)) as archive:
        for data in demo_study():
            await archive.add(data)
        report = await _check(archive, hashes=True)
    assert report.healthy
    assert report.rows == report.blobs == len(demo_study())
    assert report.orphans.count == 0


async def test_each_kind_of_harm_is_found(tmp_path: Path) -> None:
    async with opened(DataFolder(tmp_path)) as archive:
        blobs = [(await archive.add(data))[0].blob for data in demo_study()[:4]]
        orphan = (await archive.commit(b"orphan")).blob
        path_of(tmp_path, blobs[0]).unlink()
        os.truncate(path_of(tmp_path, blobs[1]), 100)
        flipped = bytearray(path_of(tmp_path, blobs[2]).read_bytes())
        flipped[-1] ^= 1
        path_of(tmp_path, blobs[2]).write_bytes(flipped)
        quick = await _check(archive)
        full = await _check(archive, hashes=True)
    assert not quick.healthy
    for report in (quick, full):
        assert report.missing.digests == [blobs[0].digest]
        assert report.wrong_size.digests == [blobs[1].digest]
        assert report.orphans.digests == [orphan.digest]
    assert quick.damaged.count == 0
    assert full.damaged.digests == [blobs[2].digest]
    assert full.damaged.instances.keys() == {blobs[2].digest}


async def test_orphans_alone_are_no_harm(tmp_path: Path) -> None:
    async with opened(DataFolder(tmp_path)) as archive:
        await archive.commit(b"orphan")
        report = await _check(archive)
    assert report.orphans.count == 1
    assert report.healthy


def test_findings_name_only_the_first() -> None:
    findings = Findings()
    for number in range(EXAMPLES + 5):
        findings.add(f"{number}")
    assert (findings.count, len(findings.digests)) == (EXAMPLES + 5, EXAMPLES)

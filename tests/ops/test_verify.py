"""Proving that stored bytes are whole: levels, subsets, what is remembered, the background."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.errors import ConfigurationError
from dicomweb_server.index.port import ScrubPlace
from dicomweb_server.model.damage import Harm
from dicomweb_server.model.instance import Blob
from dicomweb_server.ops.datafolder import DataFolder
from dicomweb_server.ops.scrub import Scrub, ScrubPlan
from dicomweb_server.ops.subset import subset
from dicomweb_server.ops.verify import Level, Verification, VerifyReport
from dicomweb_server.testing.datasets import demo_study
from tests.ops.archive import Archive, opened

_DIGEST = st.binary(min_size=32, max_size=32).map(bytes.hex)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def path_of(archive: Archive, blob: Blob) -> Path:
    return archive.layout.blob(blob.digest)


async def filled(archive: Archive, count: int = 6) -> list[Blob]:
    return [(await archive.add(data))[0].blob for data in demo_study()[:count]]


def harm(archive: Archive, blobs: list[Blob]) -> None:
    """One missing, one cut off, one flipped, one with the bytes of another."""
    path_of(archive, blobs[0]).unlink()
    path_of(archive, blobs[1]).write_bytes(b"")
    flipped = bytearray(path_of(archive, blobs[2]).read_bytes())
    flipped[len(flipped) // 2] ^= 4
    path_of(archive, blobs[2]).write_bytes(flipped)


async def verify(archive: Archive, level: Level) -> VerifyReport:
    run = Verification(archive.layout, archive.index, archive.damage, level)
    return await run.run()


@pytest.mark.anyio
async def test_each_level_finds_what_it_can_see(tmp_path: Path) -> None:
    async with opened(DataFolder(tmp_path)) as archive:
        blobs = await filled(archive)
        harm(archive, blobs)
        exists, size, full = [await verify(archive, level) for level in Level]
    assert exists.missing.digests == [blobs[0].digest]
    assert (exists.wrong_size.count, exists.damaged.count, exists.read) == (0, 0, 0)
    assert size.wrong_size.digests == [blobs[1].digest]
    assert (size.damaged.count, size.read) == (0, 0)
    assert full.damaged.digests == [blobs[2].digest]
    assert (full.instances, full.healthy) == (6, False)
    assert full.damaged.instances[blobs[2].digest].startswith("/studies/")


@pytest.mark.anyio
async def test_what_is_found_is_remembered_until_it_is_whole(tmp_path: Path) -> None:
    async with opened(DataFolder(tmp_path)) as archive:
        blobs = await filled(archive)
        whole = path_of(archive, blobs[2]).read_bytes()
        harm(archive, blobs)
        await verify(archive, Level.HASH)
        marked = {one.digest: one.harm for one in await archive.marks.marked(10)}
    assert marked == {
        blobs[0].digest: Harm.MISSING,
        blobs[1].digest: Harm.SIZE,
        blobs[2].digest: Harm.CONTENT,
    }
    async with opened(DataFolder(tmp_path)) as archive:  # another process knows it too
        assert await archive.damage.count() == 3
        path_of(archive, blobs[2]).write_bytes(whole)
        report = await verify(archive, Level.HASH)
        assert report.mended == 1
        assert await archive.damage.count() == 2


def test_parts_of_a_rotation_are_everything_once() -> None:
    digests = [f"{number:064x}" for number in range(0, 1 << 250, 1 << 243)]
    digests = [digest[::-1] for digest in digests]
    parts = [{d for d in digests if subset(f"{n}/7", 1)(d)} for n in range(1, 8)]
    assert set.union(*parts) == set(digests)
    assert sum(map(len, parts)) == len(digests)


@given(digest=_DIGEST)
def test_all_of_everything_is_everything(digest: str) -> None:
    assert subset("1/1", 1)(digest)
    assert subset("100%", 1)(digest)
    assert subset("10G", 5)(digest)


def test_a_share_is_about_that_much_and_another_each_time() -> None:
    digests = [f"{number:064x}" for number in range(4000)]
    first, second = ({d for d in digests if chosen(d)} for chosen in (subset("50%", 1),) * 2)
    again = subset("50%", 1)
    other = {digest for digest in digests if again(digest)}
    assert first == second
    assert first != other
    assert 1600 < len(first) < 2400


@pytest.mark.parametrize("text", ["", "0/3", "4/3", "0%", "101%", "5", "-1%", "1/0", "0G", "x"])
def test_subsets_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="subset"):
        subset(text, 1)


@pytest.mark.anyio
async def test_the_background_finds_damage_and_keeps_its_place(tmp_path: Path) -> None:
    async with opened(DataFolder(tmp_path)) as archive:
        blobs = await filled(archive)
        harm(archive, blobs)
        await _scrubbed_once(archive)
        assert await archive.damage.count() == 3
        place = await archive.marks.place()
    assert place.after == ""
    assert place.ended_at >= place.began_at > 0


@pytest.mark.anyio
async def test_a_pass_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    async with opened(DataFolder(tmp_path)) as archive:
        blobs = await filled(archive)
        harm(archive, blobs)
        behind = sorted(blob.digest for blob in blobs[:3])[1]
        before = await archive.marks.place()
        assert before == ScrubPlace()
        began = 1 << 60
        await archive.marks.keep_place(ScrubPlace(behind, began, 0))
        await _scrubbed_once(archive)
        found = {one.digest for one in await archive.marks.marked(10)}
    assert found == {blob.digest for blob in blobs[:3] if blob.digest > behind}


@pytest.mark.anyio
async def test_one_process_of_several_reads_in_the_background(tmp_path: Path) -> None:
    async with opened(DataFolder(tmp_path)) as archive:
        blobs = await filled(archive)
        harm(archive, blobs)
        plan = ScrubPlan(3600, 1)  # so slow that it is under way as long as it lives
        first = Scrub(archive.layout, archive.index, archive.damage, archive.marks, plan)
        first.begin()
        await until(archive, lambda place: place.began_at > 0)
        place = await archive.marks.place()
        second = Scrub(archive.layout, archive.index, archive.damage, archive.marks, plan)
        second.begin()
        await second.close()
        assert (await archive.marks.place()).began_at == place.began_at
        await first.close()


async def until(archive: Archive, holds: Callable[[ScrubPlace], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds(await archive.marks.place()):  # noqa: ASYNC110 - told by a database alone
            await asyncio.sleep(0.01)


async def _scrubbed_once(archive: Archive) -> None:
    plan = ScrubPlan(3600, 1 << 40)
    scrub = Scrub(archive.layout, archive.index, archive.damage, archive.marks, plan)
    scrub.begin()
    await until(archive, lambda place: place.ended_at > 0)
    await scrub.close()
    await archive.damage.settle()

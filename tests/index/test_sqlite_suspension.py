"""A disk that refuses suspends writing, and a probe that it takes ends that (RELIABILITY F3-F5)."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dicomweb_server.errors import ConfigurationError, StoreFull, StoreReadOnly
from dicomweb_server.index.sqlite.connections import PROBE_INTERVAL, WriterConnection
from dicomweb_server.index.sqlite.index import SqliteIndex
from dicomweb_server.index.sqlite.reading import ReaderConnection
from dicomweb_server.index.sqlite.schema import INDEX
from dicomweb_server.index.sqlite.writer import Writer
from dicomweb_server.model.levels import IndexPlan
from dicomweb_server.model.outcome import DuplicatePolicy
from dicomweb_server.testing.instances import recipe
from tests.faults.volume import Volume

pytestmark = pytest.mark.anyio
NEVER = 1e9


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def refusal(code: int = sqlite3.SQLITE_IOERR_FSYNC) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = code
    return error


def refuse(_: sqlite3.Connection) -> None:
    raise refusal()


def count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM spill").fetchone()[0])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index.db"


@pytest.mark.parametrize(("interval", "error"), [(NEVER, StoreReadOnly), (0.0, None)])
async def test_what_the_disk_refused_suspends_writing_until_a_probe_is_due(
    path: Path, interval: float, error: type[Exception] | None
) -> None:
    connection = WriterConnection(path, INDEX, interval)
    before = connection.connection
    writer = Writer(connection)
    with pytest.raises(StoreReadOnly):
        await writer.run(refuse)
    assert connection.suspended
    if error is None:
        await writer.check()
        assert connection.connection is not before, "descriptors of a failed flush are used again"
        assert await writer.run(count) == 0
    else:
        for attempt in (writer.check(), writer.run(count)):
            with pytest.raises(error, match="suspended"):
                await attempt
    await asyncio.to_thread(writer.close)


async def test_one_refusal_ends_the_whole_transaction(path: Path) -> None:
    writer = Writer(WriterConnection(path, INDEX, 0.0))
    entered = asyncio.Event()
    loop = asyncio.get_running_loop()
    gate = asyncio.Event()

    def wait(_: sqlite3.Connection) -> None:
        loop.call_soon_threadsafe(entered.set)
        asyncio.run_coroutine_threadsafe(gate.wait(), loop).result(30)

    held = asyncio.ensure_future(writer.run(wait))
    await entered.wait()
    group = [asyncio.ensure_future(writer.run(work)) for work in (count, refuse, count)]
    await asyncio.sleep(0)
    gate.set()
    await held
    results = await asyncio.gather(*group, return_exceptions=True)
    assert [type(result) for result in results] == [StoreReadOnly] * 3
    assert len({id(result) for result in results}) == 3
    assert await writer.run(count) == 0
    await asyncio.to_thread(writer.close)


async def test_a_full_disk_needs_no_patience(path: Path) -> None:
    connection = WriterConnection(path, INDEX, NEVER)
    assert isinstance(connection.met(refusal(sqlite3.SQLITE_FULL)), StoreFull)
    writer = Writer(connection)
    assert await writer.run(count) == 0
    assert not connection.suspended
    await asyncio.to_thread(writer.close)


async def test_a_full_disk_does_not_take_what_readers_need(path: Path) -> None:
    """A full disk may have no room to make what all connections share anew (RELIABILITY F4)."""
    connection = WriterConnection(path, INDEX, NEVER)
    writer = Writer(connection)
    before = connection.connection
    connection.met(refusal(sqlite3.SQLITE_FULL))
    shared = path.with_name("index.db-shm")
    longer = ["truncate", "-s", "64K", str(shared)]  # not by this process, which has locks in it
    await asyncio.to_thread(subprocess.run, longer, check=True)
    assert await writer.run(count) == 0
    assert connection.connection is not before
    assert shared.stat().st_size == 64 * 1024, "nobody had it open for a moment"
    await asyncio.to_thread(writer.close)


@pytest.fixture
def small_blocks(tmp_path: Path) -> Iterator[Path]:
    """A volume whose blocks are smaller than pages of memory."""
    if os.geteuid() != 0:
        pytest.skip("mounting a volume needs root")
    try:
        with Volume(tmp_path / "volume", 16, block=1024) as volume:
            yield volume.path
    except subprocess.CalledProcessError:
        pytest.skip("this system does not let root mount a volume")


FILLED = """
import asyncio, os, sys
from contextlib import suppress
from pathlib import Path
from dicomweb_server.errors import StoreFull
from dicomweb_server.index.sqlite.index import SqliteIndex
from dicomweb_server.model.levels import IndexPlan
from dicomweb_server.model.outcome import DuplicatePolicy
from dicomweb_server.testing.instances import recipe

PLAN = IndexPlan.of(())

async def main(folder: Path, room: int) -> None:
    filler, path = folder / "filler", folder / f"{room}.db"
    await SqliteIndex.open(path, PLAN, 1).close()
    index = SqliteIndex.open(path, PLAN, 1)
    with suppress(OSError), filler.open("wb", 0) as file:
        while True:
            file.write(bytes(1024))
    os.truncate(filler, filler.stat().st_size - room * 1024)
    os.sync()
    stored = full = 0
    for number in range(9):
        if number == 6:
            filler.unlink()
        try:
            await index.put([recipe(number).make()], DuplicatePolicy.REJECT)
            stored += 1
        except StoreFull:
            full += 1
        assert (await index.counts()).instances == stored
    assert full > 0 and stored > 2, (full, stored)
    await index.close()

for room in (20, 60, 120):
    asyncio.run(main(Path(sys.argv[1]), room))
"""


def test_a_full_volume_of_small_blocks_ends_no_process(small_blocks: Path) -> None:
    """What SQLite maps has its room before it is written: otherwise that is SIGBUS (F4)."""
    command = [sys.executable, "-c", FILLED, str(small_blocks)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, (done.returncode, done.stderr)


def mount_again(volume: Path, mode: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{mode}", volume], check=True)


@pytest.fixture
def readonly(tmp_path: Path) -> Iterator[Path]:
    """A volume that holds an index with one instance, and is read-only."""
    if os.geteuid() != 0:
        pytest.skip("mounting a volume needs root")
    folder = tmp_path / "volume"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "dicomweb", folder])
    if mounted.returncode != 0:
        pytest.skip("this system does not let root mount a volume")
    asyncio.run(fill(folder / "index.db"))
    mount_again(folder, "ro")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


async def fill(path: Path) -> None:
    index = SqliteIndex.open(path, IndexPlan.of(()))
    await index.put([recipe().make()], DuplicatePolicy.REJECT)
    await index.close()


async def test_an_index_on_a_read_only_volume_is_read(readonly: Path) -> None:
    index = SqliteIndex.open(readonly / "index.db", IndexPlan.of(()))
    assert (await index.counts()).instances == 1
    for attempt in (index.put([recipe(2).make()], DuplicatePolicy.REJECT), index.check()):
        with pytest.raises(StoreReadOnly):
            await attempt
    await index.close()


async def test_an_index_that_was_killed_is_written_again_when_its_volume_can_be(
    readonly: Path,
) -> None:
    """What SQLite keeps beside the database is there, and readers hold it read-only (F5)."""
    mount_again(readonly, "rw")
    write = "from sqlite3 import connect; import os; c = connect('index.db')"
    done = "c.execute('UPDATE totals SET bytes = bytes + 1'); c.commit(); os._exit(0)"
    command = [sys.executable, "-c", f"{write}; {done}"]
    await asyncio.to_thread(subprocess.run, command, check=True, cwd=readonly)
    assert (readonly / "index.db-shm").exists()
    mount_again(readonly, "ro")
    index = SqliteIndex.open(readonly / "index.db", IndexPlan.of(()))
    assert (await index.counts()).instances == 1
    with pytest.raises(StoreReadOnly):
        await index.check()
    mount_again(readonly, "rw")
    await asyncio.sleep(PROBE_INTERVAL)
    await index.check()
    assert (await index.counts()).instances == 1
    await index.close()


async def test_an_index_is_written_again_when_its_volume_can_be(readonly: Path) -> None:
    opened = WriterConnection(readonly / "index.db", INDEX, 0.0)
    reader = ReaderConnection(readonly / "index.db")
    assert reader.immutable
    assert not reader.outlived
    writer = Writer(opened)
    with pytest.raises(StoreReadOnly):
        await writer.check()
    mount_again(readonly, "rw")
    await writer.check()
    seen = [reader.outlived]
    assert seen == [True], "it would not see what is written now"
    reader.connection.close()
    await asyncio.to_thread(writer.close)


def test_an_old_index_that_cannot_be_written_is_a_clear_error(readonly: Path) -> None:
    mount_again(readonly, "rw")
    with sqlite3.connect(readonly / "index.db") as connection:
        connection.execute("PRAGMA user_version = 0")
    connection.close()
    mount_again(readonly, "ro")
    with pytest.raises(ConfigurationError, match="schema version 0, and cannot be written"):
        SqliteIndex.open(readonly / "index.db", IndexPlan.of(()))

"""Marks of damaged bytes in a database that is damaged itself, or refused by the disk."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from pathlib import Path

import pytest

from dicomweb_server.errors import StoreReadOnly, Unavailable
from dicomweb_server.index.sqlite.connections import WriterConnection
from dicomweb_server.index.sqlite.damage import SqliteDamageMarks
from dicomweb_server.index.sqlite.integrity import ENDING
from dicomweb_server.index.sqlite.schema import Schema
from dicomweb_server.model.damage import Damage, Harm

pytestmark = pytest.mark.anyio
MARK = Damage("ab" * 32, Harm.CONTENT, "1")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


def open_files(path: Path) -> int:
    """How many descriptors of a file this process has."""
    entries = list(Path("/proc/self/fd").iterdir())
    return sum(entry.exists() and entry.samefile(path) for entry in entries)


def spoil(path: Path) -> None:
    """Write over every page but the first one."""
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))


async def test_nothing_is_read_of_a_database_known_to_be_damaged(path: Path) -> None:
    marks = SqliteDamageMarks.open(path)
    path.with_name(path.name + ENDING).touch()
    for read in (lambda: marks.marked(9), marks.place):
        with pytest.raises(Unavailable, match="damaged"):
            await read()
    await marks.close()


async def test_damage_that_is_met_in_reading_is_remembered(path: Path) -> None:
    marks = SqliteDamageMarks.open(path)
    await marks.mark([MARK])
    await marks.close()
    marks = SqliteDamageMarks.open(path)
    await asyncio.to_thread(spoil, path)
    with pytest.raises(Unavailable, match="damaged"):
        await marks.marked(9)
    assert path.with_name(path.name + ENDING).exists()
    await marks.close()


async def test_descriptors_of_readers_go_where_the_disk_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[WriterConnection] = []

    def remember(path: Path, schema: Schema) -> WriterConnection:
        opened.append(WriterConnection(path, schema, 0.0))
        return opened[-1]

    monkeypatch.setattr("dicomweb_server.index.sqlite.damage.WriterConnection", remember)
    marks = SqliteDamageMarks.open(path)
    await marks.mark([MARK])
    assert await marks.marked(9) == (MARK,)
    refusal = sqlite3.OperationalError("disk I/O error")
    refusal.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    assert isinstance(opened[0].met(refusal), StoreReadOnly)
    await marks.clear([MARK.digest])
    assert open_files(path) == 1, "that of the reader is open still"
    assert await marks.marked(9) == ()
    await marks.close()

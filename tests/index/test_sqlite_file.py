"""The database file: who may use it, what happens when it or its disk fails."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dicomweb_server.errors import (
    ConfigurationError,
    QueryDeadlineExceeded,
    StoreFull,
    StoreReadOnly,
    Unavailable,
)
from dicomweb_server.index.sqlite.connections import WriterConnection
from dicomweb_server.index.sqlite.failure import translate
from dicomweb_server.index.sqlite.index import SqliteIndex
from dicomweb_server.index.sqlite.insertion import put
from dicomweb_server.index.sqlite.removal import remove
from dicomweb_server.index.sqlite.schema import INDEX
from dicomweb_server.index.sqlite.search import search
from dicomweb_server.index.sqlite.writer import Writer
from dicomweb_server.model.ids import Level, Scope
from dicomweb_server.model.levels import IndexPlan
from dicomweb_server.model.outcome import DuplicatePolicy
from dicomweb_server.model.query import Name, Page, Query
from dicomweb_server.testing.instances import recipe

PLAN = IndexPlan.of()
KEEP = DuplicatePolicy.KEEP


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index.db"


@pytest.fixture
def connection(path: Path) -> Iterator[WriterConnection]:
    opened = WriterConnection(path, INDEX)
    yield opened
    opened.close()


def make(path: Path) -> None:
    asyncio.run(SqliteIndex.open(path, PLAN).close())


def test_what_was_put_is_there_after_opening_again(path: Path) -> None:
    async def store() -> None:
        index = SqliteIndex.open(path, PLAN)
        await index.put([recipe(1).make(), recipe(2).make()], KEEP)
        await index.close()

    async def load() -> tuple[int, int | None]:
        index = SqliteIndex.open(path, PLAN)
        answer = (await index.counts()).studies, await index.revision(Scope())
        await index.close()
        return answer

    asyncio.run(store())
    assert not path.with_name("index.db-wal").exists()
    assert asyncio.run(load()) == (2, 2)


def test_the_journal_is_flushed_at_every_commit(connection: WriterConnection) -> None:
    def ask(name: str) -> object:
        return connection.connection.execute(f"PRAGMA {name}").fetchone()[0]

    assert (ask("journal_mode"), ask("synchronous")) == ("wal", 2)
    assert (ask("wal_autocheckpoint"), ask("foreign_keys")) == (0, 1)


def test_a_newer_schema_is_refused(path: Path) -> None:
    make(path)
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(ConfigurationError, match="99"):
        SqliteIndex.open(path, PLAN)


def test_a_database_of_another_program_is_refused(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE theirs (x)")
    other.close()
    with pytest.raises(ConfigurationError, match="another program"):
        SqliteIndex.open(path, PLAN)


@pytest.mark.parametrize(
    "damage", [b"no database at all" * 100, b"SQLite format 3\0" + b"x" * 8000]
)
def test_a_damaged_file_names_itself_and_the_remedy(path: Path, damage: bytes) -> None:
    path.write_bytes(damage)
    with pytest.raises(ConfigurationError) as caught:
        SqliteIndex.open(path, PLAN)
    assert str(path) in caught.value.detail
    assert "reindex" in caught.value.hint


def test_a_missing_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        SqliteIndex.open(tmp_path / "missing" / "index.db", PLAN)


def test_a_full_disk_is_told_and_passes(path: Path, connection: WriterConnection) -> None:
    pages = connection.connection.execute("PRAGMA page_count").fetchone()[0]
    connection.connection.execute(f"PRAGMA max_page_count = {pages + 1}").fetchall()
    writer = Writer(connection)
    made = [recipe(n).make() for n in range(1, 200)]

    async def fail_then_recover() -> int:
        with pytest.raises(StoreFull):
            await writer.run(lambda c: put(c, made, KEEP))
        await writer.run(lambda c: c.execute("PRAGMA max_page_count = 100000").fetchall())
        return len(await writer.run(lambda c: put(c, made, KEEP)))

    assert asyncio.run(fail_then_recover()) == 199


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        (sqlite3.SQLITE_FULL, StoreFull),
        (sqlite3.SQLITE_IOERR_FSYNC, StoreReadOnly),
        (sqlite3.SQLITE_READONLY, StoreReadOnly),
        (sqlite3.SQLITE_INTERRUPT, QueryDeadlineExceeded),
        (sqlite3.SQLITE_CORRUPT, Unavailable),
        (sqlite3.SQLITE_BUSY, Unavailable),
    ],
)
def test_errors_of_the_database_become_ours(code: int, wanted: type[Exception]) -> None:
    error = sqlite3.OperationalError("x")
    error.sqlite_errorcode = code
    assert type(translate(error)) is wanted
    assert type(translate(OSError(28, "x"))) is StoreFull
    assert type(translate(OSError(5, "x"))) is StoreReadOnly


def test_waiting_puts_share_a_commit_and_a_failing_one_fails_alone(
    connection: WriterConnection,
) -> None:
    statements: list[str] = []
    connection.connection.set_trace_callback(statements.append)
    writer = Writer(connection)

    def fail(opened: sqlite3.Connection) -> None:
        opened.execute("INSERT INTO spill VALUES (x'00')")
        raise ZeroDivisionError

    def store(number: int) -> Callable[[sqlite3.Connection], object]:
        return lambda opened: put(opened, [recipe(number).make()], KEEP)

    async def run() -> list[object]:
        gate = threading.Event()
        held = asyncio.ensure_future(writer.run(lambda _: gate.wait(30)))
        jobs = [store(1), store(2), fail, store(3), store(4), store(5)]
        waiting = [asyncio.ensure_future(writer.run(job)) for job in jobs]
        await asyncio.sleep(0)
        gate.set()
        await held
        return await asyncio.gather(*waiting, return_exceptions=True)

    results = asyncio.run(run())
    assert [isinstance(result, ZeroDivisionError) for result in results].index(True) == 2
    assert sum(isinstance(result, tuple) for result in results) == 5
    assert statements.count("COMMIT") <= 2
    writer.close()


def test_a_search_behind_its_deadline_is_stopped(connection: WriterConnection) -> None:
    put(connection.connection, [recipe(n).make() for n in range(1, 400)], KEEP)
    query = Query(Level.STUDY, Page(5), clauses=(Name((0x00100010,), "*x*x*x*"),))
    with pytest.raises(sqlite3.OperationalError) as caught:
        search(connection.connection, query, 1e-9)
    assert type(translate(caught.value)) is QueryDeadlineExceeded
    assert search(connection.connection, query, 30.0).matches == ()


def test_two_indexes_on_one_file_write_in_turn(path: Path) -> None:
    async def run() -> tuple[int, list[int]]:
        one, other = SqliteIndex.open(path, PLAN), SqliteIndex.open(path, PLAN)
        puts = [
            (one, other)[n % 2].put([recipe(n, 1, m).make() for m in (1, 2, 3)], KEEP)
            for n in range(1, 41)
        ]
        await asyncio.gather(*puts)
        counts = await one.counts()
        sequences = [change.sequence for change in await other.changes(0, 1000)]
        await one.close()
        await other.close()
        return counts.instances, sequences

    instances, sequences = asyncio.run(run())
    assert instances == 120
    assert sequences == list(range(1, 121))


def test_a_closed_index_says_so(path: Path) -> None:
    async def run() -> None:
        index = SqliteIndex.open(path, PLAN)
        await index.close()
        await index.close()
        with pytest.raises(Unavailable):
            await index.put([recipe().make()], KEEP)
        with pytest.raises(Unavailable):
            await index.check()

    asyncio.run(run())


def test_removed_patients_leave_no_names_behind(connection: WriterConnection) -> None:
    put(connection.connection, [recipe(1).make()], KEEP)
    remove(connection.connection, Scope())
    tables = connection.connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN"
        " ('totals', 'change', 'spill')"
    ).fetchall()
    counts = " UNION ALL ".join(f"SELECT count(*) FROM {name}" for (name,) in tables)  # noqa: S608 - names of tables
    assert {row[0] for row in connection.connection.execute(counts)} == {0}


def test_each_index_has_a_generation_of_its_own_and_keeps_it(tmp_path: Path) -> None:
    async def generation(name: str) -> str:
        index = SqliteIndex.open(tmp_path / name, IndexPlan.of())
        try:
            return index.generation
        finally:
            await index.close()

    first = asyncio.run(generation("one.db"))
    assert asyncio.run(generation("one.db")) == first
    assert asyncio.run(generation("two.db")) != first

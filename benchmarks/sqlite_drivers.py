"""``python -m benchmarks.sqlite_drivers``: the bundled sqlite3 beside apsw, on the same work.

apsw is needed for its half only (`pip install apsw`); the server does not use it.
"""

from __future__ import annotations

import importlib
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

from dicomweb_server.index.sqlite.schema import INDEX

_ROWS = 20_000
_GROUP = 200
_COMMITS = 300
_LOOKS = 20_000
_SEARCHES = 200
_ADD = """
INSERT INTO study (uid, set_id, source_received_at, source_digest, revision, series_count,
    instance_count, study_date, patient_name, patient_id) VALUES (?, 1, ?, ?, ?, 1, 1, ?, ?, ?)
"""
_GET = "SELECT * FROM study WHERE uid = ?"
_SEARCH = "SELECT * FROM study WHERE patient_name LIKE ? ORDER BY study_date DESC LIMIT 100"


class Connection(Protocol):
    """What both have."""

    def execute(self, statement: str, values: Sequence[object] = (), /) -> Iterable[object]:
        """Run one statement."""
        ...


def _prepare(connection: Connection) -> None:
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 0"):
        list(connection.execute(f"PRAGMA {pragma}"))
    for statement in INDEX.migrations[0].split(";\n"):
        if statement.strip():
            connection.execute(statement)


def _row(number: int) -> tuple[object, ...]:
    name = f"NAME{number % 977}^GIVEN{number % 31}"
    return (
        f"1.2.3.{number}",
        number,
        b"\0" * 32,
        number,
        f"2024{number % 12 + 1:02}15",
        name,
        name,
    )


def _insert(connection: Connection, first: int, count: int, group: int) -> None:
    for start in range(first, first + count, group):
        connection.execute("BEGIN IMMEDIATE")
        for number in range(start, start + group):
            connection.execute(_ADD, _row(number))
        connection.execute("COMMIT")


def _measure(name: str, connection: Connection) -> None:
    _prepare(connection)

    def looks() -> None:
        for number in range(_LOOKS):
            list(connection.execute(_GET, (f"1.2.3.{number}",)))

    def searches() -> None:
        for number in range(_SEARCHES):
            list(connection.execute(_SEARCH, (f"%GIVEN{number % 31}",)))

    works: tuple[tuple[str, int, Callable[[], None]], ...] = (
        ("insert, 200 in a transaction", _ROWS, lambda: _insert(connection, 0, _ROWS, _GROUP)),
        ("commit of one row, FULL", _COMMITS, lambda: _insert(connection, _ROWS, _COMMITS, 1)),
        ("row by its UID", _LOOKS, looks),
        ("contains search, 100 rows", _SEARCHES, searches),
    )
    for what, count, work in works:
        wall, processor = time.perf_counter(), time.process_time()
        work()
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        sys.stdout.write(
            f"{name:10} {what:30} {processor / count * 1e6:10.1f} us CPU"
            f" {wall / count * 1e6:10.1f} us\n"
        )


def main() -> None:
    """Measure both, twice, so that the spread can be seen."""
    for _ in range(2):
        with tempfile.TemporaryDirectory() as name:
            bundled = sqlite3.connect(Path(name, "a.db"), isolation_level=None)
            _measure(f"sqlite3 {sqlite3.sqlite_version}", bundled)
            try:
                apsw = importlib.import_module("apsw")
            except ImportError:
                continue
            _measure(f"apsw {apsw.sqlite_lib_version()}", apsw.Connection(str(Path(name, "b.db"))))


if __name__ == "__main__":
    main()

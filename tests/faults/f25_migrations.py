"""F25: schemas of earlier versions are brought to the newest one, whole or not at all."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from dicomweb_server.index.sqlite.connections import WriterConnection
from dicomweb_server.index.sqlite.schema import INDEX, STATE, Schema
from tests.faults.proof import Effort, Fault, Proof
from tests.servers import plain_environment

_PROMISE = (
    "a kill at any step of a migration leaves the old or the new schema, and the next start ends"
    " it; data of each earlier version opens; a newer version is refused in one line, untouched"
)


def _longer(schema: Schema) -> Schema:
    """The schema of a release to come: two more migrations of many statements each."""
    scripts = tuple(
        ";\n".join(
            f"CREATE TABLE added_{number}_{table} (id INTEGER PRIMARY KEY, text TEXT) STRICT;\n"
            f"INSERT INTO added_{number}_{table} VALUES (1, hex(zeroblob(2000)))"
            for table in range(12)
        )
        for number in (1, 2)
    )
    return replace(schema, migrations=(*schema.migrations, *scripts))


def _die_at(path: Path, schema: Schema, step: int) -> None:
    """Migrate in this process and be killed before the given statement."""
    left = [step]

    def count(_: str) -> None:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    connect = sqlite3.connect

    def traced(*arguments: object, **named: object) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **named)  # type: ignore[call-overload]  # as it came
        if "uri" not in named:
            connection.set_trace_callback(count)
        return connection

    sqlite3.connect = traced  # type: ignore[assignment]  # in this process only, which ends
    WriterConnection(path, schema).close()
    os._exit(0)


def _kills(seed: int, count: int, folder: Path) -> tuple[dict[str, int], list[str]]:
    """Kill migrations of both databases at steps spread over all of them."""
    drawn = random.Random(seed)
    spawn = multiprocessing.get_context("fork")
    counts = {"kills": 0, "old schema left": 0, "new schema left": 0}
    wrong: list[str] = []
    for number in range(count):
        schema = (INDEX, STATE)[number % 2]
        path = folder / f"{number}.db"
        _make(path, schema)
        step = drawn.randrange(4, 70)
        process = spawn.Process(target=_die_at, args=(path, _longer(schema), step))
        process.start()
        process.join()
        counts["kills"] += process.exitcode == -signal.SIGKILL
        version, tables, health = _look(path)
        new = version == len(_longer(schema).migrations)
        counts["new schema left" if new else "old schema left"] += 1
        if health != "ok" or (version, tables) not in (
            (len(schema.migrations), 0),
            (len(schema.migrations) + 2, 24),
        ):
            wrong.append(f"killed at {step}: version {version}, {tables} tables, {health}")
        WriterConnection(path, _longer(schema)).close()
        if _look(path) != (len(schema.migrations) + 2, 24, "ok"):
            wrong.append(f"killed at {step}: the next start did not end the migration")
    return counts, wrong


def _make(path: Path, schema: Schema) -> None:
    WriterConnection(path, schema).close()


def _look(path: Path) -> tuple[int, int, str]:
    """Version, number of tables that were added, and health."""
    with closing(sqlite3.connect(path)) as connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        (tables,) = connection.execute(
            "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'added%' AND type = 'table'"
        ).fetchone()
        health = connection.execute("PRAGMA integrity_check").fetchone()[0]
    return int(version), int(tables), str(health)


def _earlier(folder: Path) -> tuple[int, list[str]]:
    """Open data of each earlier version of each database."""
    opened, wrong = 0, []
    for kept in sorted(Path(__file__).with_name("schemas").glob("*.sql")):
        schema = INDEX if kept.name.startswith("index") else STATE
        path = folder / f"{kept.stem}.db"
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(kept.read_text("utf-8"))
        rows = _rows(path)
        WriterConnection(path, schema).close()
        after = _rows(path)
        opened += 1
        if any(after.get(table) != found for table, found in rows.items()):
            wrong.append(f"{kept.name}: rows have changed")
        if _look(path)[0] != len(schema.migrations):
            wrong.append(f"{kept.name}: it was not brought to the newest version")
    return opened, wrong


def _rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        return {
            name: connection.execute(f'SELECT * FROM "{name}"').fetchall()  # noqa: S608 - names of tables
            for (name,) in names
        }


def _newer(folder: Path) -> tuple[int, list[str]]:
    """Let the real program meet each part of a data folder in a newer version."""
    data, wrong = folder / "data", []
    good = _run(data)
    if good.returncode:
        wrong.append(f"an empty folder: exit code {good.returncode}: {good.stderr[-200:]}")
    parts = ("index.db", "state.db", "format.json")
    for name in parts:
        copied = folder / f"newer-{name}"
        shutil.copytree(data, copied)
        if name == "format.json":
            (copied / name).write_text('{"store": 99}\n')
        else:
            with closing(sqlite3.connect(copied / name)) as connection:
                connection.execute("PRAGMA user_version = 99")
        before = (copied / name).read_bytes()
        ended = _run(copied)
        told = [line for line in ended.stderr.splitlines() if line.startswith("Error:")]
        if ended.returncode != 2 or len(told) != 1 or "Traceback" in ended.stderr:
            wrong.append(f"{name}: exit code {ended.returncode}: {ended.stderr[-300:]}")
        if (copied / name).read_bytes() != before:
            wrong.append(f"{name}: it was changed")
    return len(parts), wrong


def _run(data: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dicomweb_server", "gc", "--data", str(data)],
        capture_output=True,
        text=True,
        env=plain_environment(),
        check=False,
    )


def _prove(effort: Effort, seed: int) -> Proof:
    with tempfile.TemporaryDirectory(prefix="dicomweb-f25-") as name:
        folder = Path(name)
        counts, wrong = _kills(seed, 10 if effort is Effort.SHORT else 50, folder)
        opened, lost = _earlier(folder)
        refused, accepted = _newer(folder)
    found = {**counts, "earlier versions opened": opened, "newer versions refused": refused}
    return Proof(found, tuple(wrong + lost + accepted), seed)


FAULTS = (Fault("F25", _PROMISE, _prove),)

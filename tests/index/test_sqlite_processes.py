"""Several processes on one file, some of which are killed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from dicomweb_server.index.sqlite.index import SqliteIndex
from dicomweb_server.model.levels import IndexPlan

WRITER = """
import asyncio, sys
from pathlib import Path
from dicomweb_server.index.sqlite.index import SqliteIndex
from dicomweb_server.model.levels import IndexPlan
from dicomweb_server.model.outcome import DuplicatePolicy
from dicomweb_server.testing.instances import recipe

async def main(path, study, count):
    index = SqliteIndex.open(Path(path), IndexPlan.of(), readers=1)
    for number in range(1, count + 1):
        await index.put([recipe(study, 1, number).make()], DuplicatePolicy.KEEP)
        print(number, flush=True)
    await index.close()

asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""


HAMMER = """
import sys
from pathlib import Path
from dicomweb_server.index.sqlite import connections
from dicomweb_server.index.sqlite.insertion import put
from dicomweb_server.index.sqlite.schema import INDEX
from dicomweb_server.model.outcome import DuplicatePolicy
from dicomweb_server.testing.instances import recipe

connections._CHECKPOINT_BYTES = 1  # every commit checkpoints
opened = connections.WriterConnection(Path(sys.argv[1]), INDEX)
assert opened.connection.execute("PRAGMA synchronous").fetchone() == (2,)
for number in range(1, int(sys.argv[3]) + 1):
    with opened.exclusive():
        opened.connection.execute("BEGIN IMMEDIATE")
        new = recipe(int(sys.argv[2]), 1, number).make()
        put(opened.connection, [new], DuplicatePolicy.KEEP)
        opened.connection.execute("COMMIT")
        opened.checkpoint()
opened.close()
"""


def test_processes_that_write_and_checkpoint_all_the_time_damage_nothing(tmp_path: Path) -> None:
    """The WAL-reset fault of SQLite before 3.51.3 needs two at the same time: the lock forbids."""
    path = tmp_path / "index.db"
    commands = [[sys.executable, "-c", HAMMER, str(path), str(n), "150"] for n in (1, 2, 3)]
    writers = [subprocess.Popen(command) for command in commands]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    held, sequences, health = asyncio.run(state(path))
    assert held == {"1.2.3.1": 150, "1.2.3.2": 150, "1.2.3.3": 150}
    assert sequences == list(range(1, 451))
    assert health == "ok"
    assert not path.with_name("index.db-wal").exists()


def start(path: Path, study: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), str(study), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


async def state(path: Path) -> tuple[dict[str, int], list[int], str]:
    """Instances by study, numbers of the changes, and what SQLite says of the file."""
    index = SqliteIndex.open(path, IndexPlan.of(), readers=1)
    changes = await index.changes(0, 10_000)
    held: dict[str, int] = {}
    for change in changes:
        assert await index.get(change.key) is not None
        held[change.key.study] = held.get(change.key.study, 0) + 1
    counts = await index.counts()
    assert counts.instances == len(changes)
    health = await index._readers.run(lambda c: c.execute("PRAGMA integrity_check").fetchone()[0])
    await index.close()
    return held, [change.sequence for change in changes], health


def test_processes_write_in_turn(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    writers = [start(path, study, 60) for study in (1, 2, 3)]
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    held, sequences, health = asyncio.run(state(path))
    assert held == {"1.2.3.1": 60, "1.2.3.2": 60, "1.2.3.3": 60}
    assert sequences == list(range(1, 181))
    assert health == "ok"


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    acknowledged: dict[str, int] = {}
    for study in (1, 2, 3):
        with start(path, study, 100_000) as writer:
            assert writer.stdout is not None
            lines = [writer.stdout.readline() for _ in range(25 * study)]
            writer.kill()
            lines += writer.stdout.readlines()
        acknowledged[f"1.2.3.{study}"] = max(int(line) for line in lines if line.endswith("\n"))
    held, sequences, health = asyncio.run(state(path))
    assert all(0 <= held[study] - count <= 1 for study, count in acknowledged.items())
    assert sequences == list(range(1, len(sequences) + 1))
    assert health == "ok"

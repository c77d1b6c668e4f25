"""Searches that are meant to cost much, beside ordinary ones (T14)."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx

from dicomweb_server.index.sqlite.index import SqliteIndex
from dicomweb_server.model.levels import DEFAULT_EXTRA, IndexPlan
from dicomweb_server.model.outcome import DuplicatePolicy
from dicomweb_server.ops.datafolder import DataFolder
from dicomweb_server.testing.instances import recipe
from tests.faults.proof import Count, Effort, Fault, Proof, missed
from tests.faults.subject import Surroundings, served

_STUDIES = {Effort.SHORT: 500, Effort.FULL: 20_000}
_INSTANCES = {Effort.SHORT: 4, Effort.FULL: 50}
_PATTERNS = {Effort.SHORT: 12, Effort.FULL: 100}
_CLIENTS = {Effort.SHORT: 4, Effort.FULL: 20}
_ORDINARY = {Effort.SHORT: 20, Effort.FULL: 400}
_BATCH = 2_000
_AROUND = Surroundings(environment={"DICOMWEB_SCRUB__ENABLED": "false"})
"""Rows have no bytes here: to look for these would be the most of the server's work."""
_OF_FIRST = "FROM instance WHERE id <= :stored"
_UID = "substr(uid, 1, length(uid) - 1) || :number"
_LIKE = {
    "id": "id + :behind",
    "uid": _UID,
    "digest": "randomblob(32)",
    "sequence": "sequence + :behind",
    "instance_number": ":number",
    "instance_place": ":number",
    "attributes": f"""CAST(replace(replace(attributes, '"' || uid || '"', '"' || {_UID} || '"'),
        '["1"]', '["' || :number || '"]') AS BLOB)""",
}
_BESIDE = (
    "INSERT INTO document SELECT instance_id + :behind, pieces FROM document"
    " WHERE instance_id <= :stored",
    "INSERT INTO instance_value SELECT id + :behind, path, item, value, regular, words"
    " FROM instance_value WHERE id <= :stored",
    "INSERT INTO change SELECT c.sequence + :behind, action, study, series, i.uid, i.digest, at"
    " FROM change c JOIN instance i ON i.sequence = c.sequence + :behind"
    " WHERE c.sequence <= :stored",
)
_COUNTS = (
    "UPDATE study SET instance_count = :count, revision = revision + :behind",
    "UPDATE series SET instance_count = :count, revision = revision + :behind",
    "UPDATE totals SET instances = instances * :count, bytes = bytes * :count,"
    " sequence = sequence + :behind",
)
_ABSURD_SECONDS = 60.0


def _run(effort: Effort, seed: int) -> Proof:
    with tempfile.TemporaryDirectory(prefix="searches-") as name:
        data = Path(name, "data")
        begin = time.monotonic()
        _build(data, effort)
        counts: dict[str, Count] = {
            "instances": _STUDIES[effort] * _INSTANCES[effort],
            "build s": round(time.monotonic() - begin, 1),
        }
        with served(data, Path(name, "log"), _AROUND) as server:
            violations = _search(server.root, effort, random.Random(seed), counts)
    late = missed(counts, {"ordinary p99 ms": 1000})
    return Proof(counts, tuple(violations), seed, late)


def _build(data: Path, effort: Effort) -> None:
    """An index of many studies in a data folder; searches need no bytes of instances."""
    folder = DataFolder(data)
    folder.index.parent.mkdir(parents=True, exist_ok=True)
    studies = _STUDIES[effort]

    async def fill() -> None:
        index = SqliteIndex.open(folder.index, IndexPlan.of(DEFAULT_EXTRA), readers=1)
        for start in range(1, studies + 1, _BATCH):
            numbers = range(start, min(studies + 1, start + _BATCH))
            await index.put([recipe(n).make() for n in numbers], DuplicatePolicy.REPLACE)
        await index.close()

    asyncio.run(fill())
    _multiply(folder.index, _INSTANCES[effort])


def _multiply(path: Path, count: int) -> None:
    """Give each series, which has one instance, so many like it: by SQL, which takes a minute."""
    with closing(sqlite3.connect(path)) as index:
        index.execute("PRAGMA synchronous = OFF")
        columns = [row[1] for row in index.execute("PRAGMA table_info(instance)")]
        (stored,) = index.execute("SELECT count(*) FROM instance").fetchone()
        made = ", ".join(_LIKE.get(column, column) for column in columns)
        for number in range(2, count + 1):
            values = {"number": number, "behind": stored * (number - 1), "stored": stored}
            index.execute(f"INSERT INTO instance SELECT {made} {_OF_FIRST}", values)
            for statement in _BESIDE:
                index.execute(statement, values)
            index.commit()
        for statement in _COUNTS:
            index.execute(statement, {"count": count, "behind": stored * (count - 1)})
        index.commit()


def _patterns(choices: random.Random, count: int) -> Iterator[str]:
    """Patterns of as many wildcards as are allowed, that nearly match."""
    keys = ("PatientName", "PatientID", "StudyDescription", "AccessionNumber")
    for place in range(count):
        inner = "*".join(choices.choice(("a", "i", "e", "0", "y0", "^G")) for _ in range(7))
        fuzzy = "&fuzzymatching=true" if place % 3 == 0 else ""
        level = ("studies", "series", "instances")[place % 3]
        yield f"/{level}?{keys[place % 4]}=*{inner}zz{fuzzy}&total=true&includefield=all"


def _search(
    root: str, effort: Effort, choices: random.Random, counts: dict[str, Count]
) -> list[str]:
    """Costly searches of many clients, and ordinary ones whose time is taken meanwhile."""
    worst = list(_patterns(choices, _PATTERNS[effort]))
    statuses: list[int] = []
    violations: list[str] = []
    ended = threading.Event()

    def costly(number: int) -> None:
        with httpx.Client(base_url=root, timeout=_ABSURD_SECONDS) as client:
            place = number
            while not ended.is_set():
                answer = client.get(worst[place % len(worst)])
                statuses.append(answer.status_code)
                if answer.status_code == 503 and "retry-after" not in answer.headers:
                    violations.append("503 without Retry-After")
                place += 1

    clients = [threading.Thread(target=costly, args=(n,)) for n in range(_CLIENTS[effort])]
    for client in clients:
        client.start()
    times = _ordinary(root, _ORDINARY[effort], violations)
    ended.set()
    for client in clients:
        client.join()
    counts["costly searches"] = len(statuses)
    counts["of them refused at the deadline"] = statuses.count(503)
    cut = statistics.quantiles(times, n=100)
    counts["ordinary p50 ms"] = round(cut[49] * 1000, 1)
    counts["ordinary p99 ms"] = round(cut[98] * 1000, 1)
    strange = {status for status in statuses if status not in (200, 503)}
    if strange:
        violations.append(f"costly searches were answered with {strange}")
    if cut[98] > _ABSURD_SECONDS / 2:
        violations.append(f"ordinary searches took {cut[98]:.0f} s")
    return violations


def _ordinary(root: str, count: int, violations: list[str]) -> list[float]:
    """Seconds of searches for one study each."""
    times = []
    with httpx.Client(base_url=root, timeout=_ABSURD_SECONDS) as client:
        for number in range(1, count + 1):
            begin = time.monotonic()
            answer = client.get(f"/studies?PatientID=PID{number % 400 + 1:06}")
            times.append(time.monotonic() - begin)
            if answer.status_code != 200 or len(answer.json()) != 1:
                violations.append(f"an ordinary search was answered with {answer.status_code}")
    return times


FAULTS = (
    Fault(
        row="T14",
        promise="searches that cost much end at their deadline with 503, and ordinary ones are "
        "answered beside them",
        run=_run,
    ),
)

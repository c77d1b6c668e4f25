"""F28: two servers on one data folder."""

from __future__ import annotations

import itertools
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.datasets import instance
from tests.faults.launch import Launch, launch, release, run, serving
from tests.faults.proof import Count, Effort, Fault, Proof

_KINDS = ("hypercorn", "granian")


class _Trial:
    """Counts, and what was not as promised."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.slowest = 0.0
        self.violations: list[str] = []

    def refused(self, server: Launch, code: int | None, what: str) -> None:
        """A second server must have ended with one clear error."""
        self.counts["refused"] += 1
        told = server.lines()
        errors = [line for line in told if line.startswith("Error: ")]
        if code != 2 or len(errors) != 1 or "in use" not in errors[0] or len(told) > 2:
            self.violations.append(f"{what}: exit code {code}, {told[:5]}")

    def proof(self, seed: int) -> Proof:
        counts: dict[str, Count] = {**self.counts, "slowest start s": round(self.slowest, 1)}
        return Proof(counts, tuple(self.violations), seed)


def _two_servers(effort: Effort, seed: int) -> Proof:
    trial = _Trial(seed)
    full = effort is Effort.FULL
    pairs = list(itertools.product(_KINDS, _KINDS))
    for first, second in pairs if full else trial.chance.sample(pairs[1:3], 1):
        with _folder() as data:
            _one_after_the_other(trial, data, first, second)
    for _ in range(20 if full else 1):
        with _folder() as data:
            _at_the_same_instant(trial, data, 6 if full else 3)
    for _ in range(20 if full else 1):
        with _folder() as data:
            _after_a_kill(trial, data)
    return trial.proof(seed)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="dicomweb-two-") as folder:
        yield Path(folder, "data")


def _one_after_the_other(trial: _Trial, data: Path, first: str, second: str) -> None:
    with serving(data, ["--server", first]) as running:
        _store(running)
        before = _picture(data)
        other = launch(data, ["--server", second, "--demo"])
        trial.refused(other, other.wait(), f"{second} beside {first}")
        release(other)
        trial.counts["pairs"] += 1
        if _picture(data) != before:
            trial.violations.append(f"{second} beside {first} has written")
        if len(httpx.get(f"{running.root}/instances").json()) != 1:
            trial.violations.append(f"{first} no longer answers as before")


def _at_the_same_instant(trial: _Trial, data: Path, count: int) -> None:
    started = [launch(data, ["--server", trial.chance.choice(_KINDS)]) for _ in range(count)]
    try:
        codes = [server.wait() for server in started]
        trial.counts["starts at one instant"] += count
        if codes.count(None) != 1:
            trial.violations.append(f"{codes.count(None)} of {count} serve: exit codes {codes}")
        for server, code in zip(started, codes, strict=True):
            if code is not None:
                trial.refused(server, code, "at one instant")
    finally:
        for server in started:
            release(server)


def _after_a_kill(trial: _Trial, data: Path) -> None:
    first, second = trial.chance.choice(_KINDS), trial.chance.choice(_KINDS)
    workers = str(trial.chance.choice((1, 2)))
    with serving(data, ["--server", first, "--workers", workers]) as killed:
        _store(killed)
        killed.kill()
        trial.counts["kills"] += 1
        after = launch(data, ["--server", second])
        try:
            code = after.wait()
            if code is not None:
                told = after.lines()[:3]
                trial.violations.append(f"{second} after {first} was killed: {code}, {told}")
                return
            trial.slowest = max(trial.slowest, after.age())
            if len(httpx.get(f"{after.root}/instances").json()) != 1:
                trial.violations.append("the instance is gone after the kill")
            if run(["reindex", "--data", str(data)]).returncode != 2:
                trial.violations.append("the index was rebuilt under a server")
        finally:
            release(after)


def _store(server: Launch) -> None:
    stored = httpx.post(
        f"{server.root}/studies",
        content=instance(1),
        headers={"Content-Type": "application/dicom"},
    )
    assert stored.status_code == 200, stored.text


def _picture(data: Path) -> list[tuple[str, int, int]]:
    """Every file with its size and time, but for the log of who reads the index."""
    found = (path for path in data.rglob("*") if not path.name.endswith("-shm"))
    return sorted((str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in found)


FAULTS = (
    Fault(
        "F28",
        "Of several servers on one data folder, of whatever kind and however started, one serves; "
        "the others end with exit code 2 and have written nothing; the lock goes with a kill.",
        _two_servers,
    ),
)

"""F26: backup while clients store and delete and `gc` removes; restore elsewhere; both killed."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.faults.launch import launch, release, run, serving
from tests.faults.load import History, differences, load
from tests.faults.proof import Count, Effort, Fault, Proof
from tests.servers import plain_environment

_NO_GRACE = {"DICOMWEB_STORE__GC_GRACE_SECONDS": "0.001"}


@dataclass(slots=True)
class _Trial:
    """Where everything lies, and what was found."""

    folder: Path
    chance: random.Random
    kills: int
    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def backup(self) -> Path:
        return self.folder / "backup"

    def expect(self, holds: bool, what: str) -> None:
        if not holds:
            self.violations.append(what)


def _backup(effort: Effort, seed: int) -> Proof:
    rounds, clients, kills = (10, 4, 3) if effort is Effort.FULL else (1, 2, 1)
    with tempfile.TemporaryDirectory(prefix="dicomweb-backup-") as folder:
        trial = _Trial(Path(folder), random.Random(seed), kills)
        with serving(trial.data) as server:
            for number in range(rounds):
                _round(trial, server.root, clients, seed + number * 7919)
    counts: dict[str, Count] = dict(trial.counts)
    return Proof(counts, tuple(trial.violations), seed)


def _round(trial: _Trial, root: str, clients: int, seed: int) -> None:
    """Take a backup under load, and compare a server on the restored folder with the ledger."""
    with load(root, clients, seed) as history:
        time.sleep(1.0)  # something is there
        with _collecting(trial):
            for _ in range(trial.kills):
                _killed(trial, ["backup", str(trial.backup), "--data", str(trial.data)])
                trial.counts["backups killed"] += 1
            begin = time.monotonic()
            done = _told(trial, ["backup", str(trial.backup), "--data", str(trial.data)])
            end = time.monotonic()
    trial.counts["backups"] += 1
    trial.counts["blobs copied in the last run"] += int(str(done.get("copied", 0)))
    trial.counts.update(history.counts)
    trial.violations += history.surprises[:5]
    trial.expect(int(str(done.get("instances", 0))) > 0, "the backup is empty")
    _increment(trial)
    _restored(trial, history, str(done.get("snapshot")), begin, end)
    _emptied(trial, root, history)


def _increment(trial: _Trial) -> None:
    """Nothing happens between two backups: the second copies nothing."""
    command = ["backup", str(trial.backup), "--data", str(trial.data)]
    _told(trial, command)
    again = _told(trial, command)
    trial.expect(again.get("copied") == 0, f"nothing is new, and it copied {again.get('copied')}")


def _restored(trial: _Trial, history: History, snapshot: str, begin: float, end: float) -> None:
    target = trial.folder / f"restored-{snapshot}"
    command = ["restore", str(trial.backup), "--snapshot", snapshot, "--data", str(target)]
    for _ in range(trial.kills - 1):
        _killed(trial, command)
        trial.counts["restores killed"] += 1
        if (target / "restore.json").exists():
            half = launch(target)
            trial.expect(half.wait() == 2, "a server starts on a folder that is half restored")
            release(half)
            trial.counts["half restored folders refused"] += 1
    if not (target / "index.db").exists() or (target / "restore.json").exists():
        _told(trial, command)
    checked = _told(trial, ["fsck", "--hashes", "--data", str(target)])
    trial.expect(checked.get("healthy") is True, f"the restored archive is not healthy: {checked}")
    with serving(target) as server:
        there, wrong = differences(server.root, history, begin, end)
    trial.counts["instances restored"] += there
    trial.counts["instances compared"] += len(history.acts)
    trial.violations += wrong[:5]


def _emptied(trial: _Trial, root: str, history: History) -> None:
    """Look at the archive itself, and leave nothing for the next round, whose keys are alike."""

    _, wrong = differences(root, history, time.monotonic(), time.monotonic())
    trial.violations += [f"the archive itself: {line}" for line in wrong[:5]]
    for study in {key.study for key in history.acts}:
        httpx.delete(f"{root}/studies/{study}", timeout=60)


@contextmanager
def _collecting(trial: _Trial) -> Iterator[None]:
    """`gc` without a grace time, again and again."""
    stop = threading.Event()

    def collect() -> None:
        while not stop.is_set():
            done = _run(["gc", "--data", str(trial.data)])
            trial.counts["gc runs" if done.returncode == 0 else "gc refused"] += 1
            refused = done.returncode == 2 and "backup" in done.stderr
            trial.expect(done.returncode == 0 or refused, f"gc: {done.stderr[-300:]}")

    thread = threading.Thread(target=collect, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(120)


def _run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dicomweb_server", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env={**plain_environment(), **_NO_GRACE},
    )


def _told(trial: _Trial, arguments: list[str]) -> dict[str, object]:
    """Run a verb that must succeed; what it told."""
    done = run([*arguments, "--json"])
    if done.returncode != 0:
        trial.violations.append(f"{arguments[0]}: {done.returncode} {done.stderr[-300:]}")
        return {}
    told: dict[str, object] = json.loads(done.stdout)
    return told


def _killed(trial: _Trial, arguments: list[str]) -> None:
    """Run a verb and kill it somewhere behind its start."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dicomweb_server", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=plain_environment(),
    )
    try:
        process.wait(trial.chance.uniform(0.5, 2.5))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


FAULTS = (
    Fault(
        "F26",
        "A backup taken while clients store and delete and `gc` removes holds exactly what was "
        "acknowledged; it costs what is new; killed, backup and restore go on; nothing else can "
        "use a folder that is half restored.",
        _backup,
    ),
)

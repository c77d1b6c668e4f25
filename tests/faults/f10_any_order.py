"""F10: any order of requests against a model, and deletions that race stores and downloads."""

from __future__ import annotations

import random
import tempfile
import threading
import time
import traceback
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded
from hypothesis.stateful import run_state_machine_as_test

from dicomweb_server.logs import configure
from dicomweb_server.settings import LogSettings
from dicomweb_server.settings.sections import LogLevel
from tests.datasets import SERIES, STUDY, instance
from tests.faults.launch import Launch, serving
from tests.faults.machine import ArchiveMachine
from tests.faults.proof import Count, Effort, Fault, Proof
from tests.faults.racing import Racer, sound
from tests.site import ANY_SYNTAX

_FILES = [instance(number, PixelData=bytes([number]) * 32) for number in range(1, 7)]
_STUDY = f"/studies/{STUDY}"
_PATHS = [f"{_STUDY}/series/{SERIES}/instances/{SERIES}.{n}" for n in range(1, 7)]


def _model(effort: Effort, seed: int) -> Proof:
    wanted, examples, length = (10_000, 20, 100) if effort is Effort.FULL else (150, 3, 40)
    ArchiveMachine.steps.clear()
    configure(LogSettings(level=LogLevel.ERROR))
    chosen = settings(
        max_examples=examples,
        stateful_step_count=length,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
        report_multiple_bugs=False,
        print_blob=False,
    )
    violations: list[str] = []
    runs = 0
    while ArchiveMachine.steps.total() < wanted and not violations:
        try:
            run_state_machine_as_test(seeded(seed + runs)(ArchiveMachine), settings=chosen)
        except Exception as error:  # noqa: BLE001 - whatever the machine meets is a violation
            notes = "\n".join(getattr(error, "__notes__", [])).splitlines()
            steps = [line for line in notes if ".step(" in line][-6:]
            where = traceback.extract_tb(error.__traceback__)[-1]
            violations.append(f"{where.name}:{where.lineno} {str(error)[:300]} after {steps}")
        runs += 1
    done: dict[str, Count] = dict(sorted(ArchiveMachine.steps.items()))
    return Proof({"steps": ArchiveMachine.steps.total(), **done}, tuple(violations), seed)


def _races(effort: Effort, seed: int) -> Proof:
    seconds, clients = (60.0, 4) if effort is Effort.FULL else (3.0, 2)
    kind = random.Random(seed).choice(("hypercorn", "granian"))
    with tempfile.TemporaryDirectory(prefix="dicomweb-races-") as folder:
        data = Path(folder, "data")
        with serving(data, ["--server", kind, "--workers", "2"]) as server:
            race = _Race(server, seed)
            race.run(seconds, clients)
            race.settle()
        violations = [*race.violations, *sound(data)]
    counts: dict[str, Count] = {"server": kind, **dict(sorted(race.counts.items()))}
    return Proof(counts, tuple(violations[:20]), seed)


class _Race:
    """Clients that store, delete and download the same few instances for some seconds."""

    def __init__(self, server: Launch, seed: int) -> None:
        self._server = server
        self._seed = seed
        self._stop = threading.Event()
        self.counts: Counter[str] = Counter()
        self.violations: list[str] = []

    def run(self, seconds: float, clients: int) -> None:
        works = (self._store, self._delete, self._download)
        threads = [
            threading.Thread(target=self._repeat, args=(work, number), daemon=True)
            for number in range(clients)
            for work in works
        ]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        self._stop.set()
        for thread in threads:
            thread.join(90)
            if thread.is_alive():
                self.violations.append("a request has no answer after 90 s")

    def settle(self) -> None:
        """When all is quiet, rows, counts and files tell the same."""
        racer = Racer(self._server)
        rows = {str(r["00080018"]["Value"][0]) for r in racer.search("/instances")}
        for number, path in enumerate(_PATHS):
            answer = racer.file(path)
            listed = path.rpartition("/")[2] in rows
            if (answer.status == 200) != listed or (listed and answer.body != _FILES[number]):
                self.violations.append(f"{path[-12:]}: listed {listed}, {answer.status}")
        studies = racer.search("/studies")
        counted = [study["00201208"]["Value"][0] for study in studies]
        if counted != ([len(rows)] if rows else []):
            self.violations.append(f"{len(rows)} rows, counted {counted}")
        racer.close()

    def _repeat(self, work: object, number: int) -> None:
        racer, chance = Racer(self._server), random.Random(self._seed * 31 + number)
        assert callable(work)
        while not self._stop.is_set():
            work(racer, chance)
        racer.close()

    def _store(self, racer: Racer, chance: random.Random) -> None:
        answer = racer.store(chance.choice(_FILES))
        self.counts["stores"] += 1
        if answer.outcome() != "stored":
            self.violations.append(f"store: {answer.status} {answer.body[:200]!r}")

    def _delete(self, racer: Racer, chance: random.Random) -> None:
        levels = (_STUDY, f"{_STUDY}/series/{SERIES}", chance.choice(_PATHS))
        answer = racer.ask("DELETE", chance.choice(levels))
        self.counts["deletions" if answer.status == 204 else "nothing to delete"] += 1
        if answer.status not in (204, 404):
            self.violations.append(f"delete: {answer.status} {answer.body[:200]!r}")

    def _download(self, racer: Racer, chance: random.Random) -> None:
        if chance.random() < 0.5:
            number = chance.randrange(len(_FILES))
            answer = racer.file(_PATHS[number])
            whole = answer.body == _FILES[number]
        else:
            answer = racer.ask("GET", _STUDY, Accept=ANY_SYNTAX)
            found = sum(file in answer.body for file in _FILES)
            whole = found == answer.body.count(b"Content-Length:") > 0
        self.counts["downloads" if answer.status == 200 else "nothing to download"] += 1
        if answer.status not in (200, 404) or (answer.status == 200 and not whole):
            self.violations.append(f"download: {answer.status}, whole {whole}")


FAULTS = (
    Fault(
        "F10a",
        "Stores, deletions, searches, retrievals, restarts, collections and rebuilds in any order "
        "do what a model of a few dictionaries does, with real store, index and tombstones.",
        _model,
    ),
    Fault(
        "F10b",
        "Deletions that race stores and downloads of the same instances leave no row without "
        "bytes; downloads that have begun finish.",
        _races,
    ),
)

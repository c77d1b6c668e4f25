"""One data folder that is used, killed and judged, again and again."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dicomweb_server.model.crash import Step
from tests.faults.driver import Crowd, Tally
from tests.faults.inspection import Inspector
from tests.faults.ledger import Book, Ledger, read
from tests.faults.proof import Count
from tests.faults.victim import Nursery, Shape, Victim
from tests.servers import plain_environment

_CLIENTS = 4
_WINDOW = 0.5
_PATIENCE = 300.0  # a rare step on a machine with other work
_PAUSE = 0.01
_OLDER = 20
_ALONE = 8
_ABSURD = 60.0


class Campaign:
    """The server, its clients, and what they know of each other.

    Args:
        folder: A folder of its own.
        born: Where quick starts come from.
        seed: Of all random choices.
    """

    def __init__(self, folder: Path, born: Nursery, seed: int) -> None:
        self.chance = random.Random(seed)
        self.wrong: list[str] = []
        self._tally = Tally()
        self._starts: list[float] = []
        self._judgements = 0
        self._ledger = folder / "ledger"
        self._book = Book()
        self._crowd = Crowd(_CLIENTS, seed, self._book.known, self._tally)
        self._victim = Victim(folder / "data", folder / "output", born)
        self._inspector = Inspector(folder / "data")
        self._shape = Shape()

    def start(self, shape: Shape) -> None:
        """Start the server."""
        seconds = self._victim.start(shape)
        self._shape = shape
        if not shape.quick and shape.workers == 1:
            self._starts.append(seconds)

    def random_kill(self) -> None:
        """Let clients work for a moment and kill the group."""
        with self._working(gone=True):
            time.sleep(self.chance.uniform(0, _WINDOW))
            self._victim.kill()

    def kill_worker(self) -> None:
        """Kill one of the worker processes while the others go on."""
        with self._working(gone=False):
            time.sleep(self.chance.uniform(0, _WINDOW))
            os.kill(self.chance.choice(self._victim.workers()), signal.SIGKILL)
            time.sleep(self.chance.uniform(0, _WINDOW))

    def pointed_kill(self, step: Step) -> None:
        """Let clients work until the server has killed itself at a step."""
        end = time.monotonic() + _PATIENCE
        with self._working(gone=True):
            while self._victim.lives() and time.monotonic() < end:
                time.sleep(_PAUSE)
            if self._victim.lives():
                self.wrong.append(f"the step {step} was never reached")
            self._victim.kill()

    def work(self, seconds: float) -> None:
        """Let clients work in peace."""
        with self._working(gone=False):
            time.sleep(seconds)

    @contextmanager
    def _working(self, *, gone: bool) -> Iterator[None]:
        ledger = Ledger(self._ledger)
        self._crowd.begin(self._victim.port, ledger, gone=gone)
        try:
            yield
        finally:
            self._crowd.end()
            ledger.close()

    def judge(self) -> None:
        """Compare what the server has with what the ledger says; it must be running again."""
        sent = read(self._ledger)
        touched = {key for request in sent for key in request.items}
        older = sorted(set(self._book.known) - touched)
        keys = touched | set(self.chance.sample(older, min(len(older), _OLDER)))
        states, wrong = self._inspector.states(self._victim.port, {key.study for key in keys})
        found = {key: states.get(key.instance, "") for key in keys}
        some = self.chance.sample(sorted(keys), min(len(keys), _ALONE))
        for key, sha in self._inspector.alone(self._victim.port, some).items():
            if found[key] != sha:
                wrong.append(f"{key.path}: alone it is {sha[:12] or 'missing'}")
        wrong += self._book.judge(sent, found)
        wrong += self._inspector.wrong_rows()
        wrong += self._inspector.leftovers(self._shape.workers)
        self._tally.counts["cut before an answer"] += sum(not each.answer for each in sent)
        self._judgements += 1
        self.wrong += [f"kill {self._judgements}: {each}" for each in wrong]

    def judge_all(self) -> None:
        """Compare all that was ever sent."""
        keys = self._book.known
        states, wrong = self._inspector.states(self._victim.port, self._studies())
        wrong += self._book.judge([], {key: states.get(key.instance, "") for key in keys})
        wrong += self._inspector.wrong_rows()
        self.wrong += [f"in the end: {each}" for each in wrong]

    def finish(self) -> None:
        """Stop in order, look at every byte, rebuild the index, and look at all once more."""
        self._victim.kill()
        self.start(Shape())
        self.judge_all()
        if code := self._victim.stop():
            self.wrong.append(f"exit code {code} after SIGTERM: {self._victim.said()[-500:]}")
        self.wrong += self._inspector.torn_blobs()
        report = self._tool("fsck", "--hashes")
        if report.get("healthy") is False:
            self.wrong.append(f"fsck: {report}")
        self._tool("reindex")
        self.start(Shape())
        states, wrong = self._inspector.states(self._victim.port, self._studies())
        found = {key: states.get(key.instance, "") for key in self._book.known}
        wrong += self._book.judge_rebuilt(found)
        self.wrong += [f"after a rebuild: {each}" for each in wrong]
        self._victim.kill()

    def _studies(self) -> set[str]:
        return {key.study for key in self._book.known}

    def _tool(self, *arguments: str) -> dict[str, object]:
        command = [sys.executable, "-m", "dicomweb_server", *arguments, "--json"]
        done = subprocess.run(
            [*command, "--data", str(self._victim.data)],
            capture_output=True,
            text=True,
            env=plain_environment(),
            timeout=600,
        )
        if done.returncode:
            self.wrong.append(f"{arguments[0]} ends with {done.returncode}: {done.stderr[-500:]}")
        found: dict[str, object] = json.loads(done.stdout) if done.stdout else {}
        return found

    def kill(self) -> None:
        """Leave nothing running."""
        if self._victim.pid:
            self._victim.kill()

    def violations(self) -> tuple[str, ...]:
        """All that was not as promised."""
        slow = [f"ready after {each:.0f} s" for each in self._starts if each > _ABSURD]
        return (*self.wrong, *self._tally.surprises, *slow)

    def counts(self) -> dict[str, Count]:
        """What was done."""
        starts = sorted(self._starts)
        done: dict[str, Count] = dict(sorted(self._tally.counts.items()))
        present = sum(state is not None for state in self._book.known.values())
        done["instances at the end"] = present
        if starts:
            done["ready s median"] = round(starts[len(starts) // 2], 2)
            done["ready s worst"] = round(starts[-1], 2)
        return done

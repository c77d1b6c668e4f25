"""Fuzzing of many harnesses in turn, two processes at a time, until it is enough."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from tests.fuzz.harness import CORPUS, keep, load

_STATUS = re.compile(rb"^#(\d+)\s+\w+\s+cov: (\d+) ft: (\d+) corp: (\d+)", re.MULTILINE)
_GRACE, _LOOK = 60.0, 0.2
_ROOT = Path(__file__).parents[2]
_MEMORY = 2048
"""MiB that a process of one harness may have, instrumented code and corpus included."""


@dataclass(slots=True)
class Total:
    """What was done with a harness, all runs of a work folder together.

    Args:
        executions: Inputs.
        seconds: Of processor time that it had: beside other work that is less than has passed.
        coverage: Edges of the code reached in the last run.
        corpus: Inputs that reach different code.
        ends: Runs that ended by themselves: crashes, hangs, memory.
    """

    executions: int = 0
    seconds: float = 0.0
    coverage: int = 0
    corpus: int = 0
    ends: int = 0


@dataclass(frozen=True, slots=True)
class Work:
    """A folder where one harness works.

    Args:
        name: The harness.
        folder: Of all harnesses.
    """

    name: str
    folder: Path

    @property
    def place(self) -> Path:
        """The folder of this harness."""
        return self.folder / self.name

    @property
    def findings(self) -> list[Path]:
        """Inputs that broke a promise, and those that ended a process."""
        return sorted([*self.place.glob("findings/*.input"), *self.place.glob("ends/*")])

    def total(self) -> Total:
        """What was done so far."""
        path = self.place / "total.json"
        return Total(**json.loads(path.read_text())) if path.exists() else Total()

    def run(self, seconds: int, processes: list[subprocess.Popen[bytes]]) -> Total:
        """Run for some seconds more.

        Args:
            seconds: How long.
            processes: Takes the process, for whoever wants to end it.
        """
        corpus = self._prepared()
        log = self.place / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                self._command(corpus, seconds), cwd=_ROOT, stdout=output, stderr=output
            )
            processes.append(process)
            code, spent = _ended(process, seconds + _GRACE)
            processes.remove(process)
        found = _STATUS.findall(log.read_bytes())
        total = self.total()
        total.seconds += spent
        if found:
            runs, coverage, _features, kept = map(int, found[-1])
            total.executions += runs
            total.coverage, total.corpus = coverage, kept
        if code not in (0, -15, -2, 72):
            total.ends += 1
            (self.place / f"end-{total.ends}.log").write_bytes(log.read_bytes()[-20_000:])
        (self.place / "total.json").write_text(json.dumps(asdict(total)))
        return total

    def _prepared(self) -> Path:
        """The corpus of this work folder, begun with the seeds and the inputs that are kept."""
        corpus = self.place / "corpus"
        (self.place / "ends").mkdir(parents=True, exist_ok=True)
        if not corpus.exists():
            for data in load(self.name).seeds():
                keep(corpus, data)
            for path in (CORPUS / self.name).glob("*"):
                keep(corpus, path.read_bytes())
        return corpus

    def _command(self, corpus: Path, seconds: int) -> list[str]:
        return [
            sys.executable,
            "-m",
            "tests.fuzz.worker",
            self.name,
            str(self.place / "findings"),
            str(corpus),
            f"-max_total_time={seconds}",
            "-timeout=30",
            f"-rss_limit_mb={_MEMORY}",
            f"-artifact_prefix={self.place / 'ends'}/",
        ]


def _ended(process: subprocess.Popen[bytes], seconds: float) -> tuple[int, float]:
    """Wait for a process, and end it when it takes too long; its code and processor time."""
    end = time.monotonic() + seconds
    while True:
        pid, status, used = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, used.ru_utime + used.ru_stime
        if time.monotonic() > end:
            process.kill()
        time.sleep(_LOOK)


@dataclass(slots=True)
class Runs:
    """All harnesses in turn.

    Args:
        works: The harnesses.
        seconds: For each of them in this run.
        slice: Seconds after which another one has its turn.
        told: Takes a line about each turn.
    """

    works: Sequence[Work]
    seconds: int
    slice: int
    told: Callable[[str], None]
    ended: bool = False
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def run(self, parallel: int) -> None:
        """Run them until each had its seconds, or `end` was called."""
        left = self.seconds
        while left > 0 and not self.ended:
            turn = min(self.slice, left)
            with ThreadPoolExecutor(parallel) as pool:
                list(pool.map(partial(self._turn, turn), self.works))
            left -= turn

    def end(self) -> None:
        """End the turns that are running and begin no other."""
        self.ended = True
        for process in list(self.processes):
            process.terminate()

    def _turn(self, seconds: int, work: Work) -> None:
        if self.ended:
            return
        total = work.run(seconds, self.processes)
        self.told(
            f"{work.name:12} {total.executions:>10} inputs {total.seconds:>7.0f} s  "
            f"coverage {total.coverage:>5}  corpus {total.corpus:>5}  "
            f"findings {len(work.findings)}"
        )

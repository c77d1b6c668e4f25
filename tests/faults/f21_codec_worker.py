"""F21: codec processes that are killed or hang in the middle of a request."""

from __future__ import annotations

import os
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.datasets import SERIES, STUDY, instance
from tests.faults.launch import Launch, serving
from tests.faults.proof import Count, Effort, Fault, Proof, missed

_LIMIT_SECONDS = 2.0
_PATIENCE = 30.0
_FRAME_STRIKES = 5
_TRIES = 10
_UNDERWAY_SECONDS = 0.5
"""Time in which a request that was sent has come to a process."""

_SETTINGS = {
    "DICOMWEB_CODEC__WORKERS": "2",
    "DICOMWEB_CODEC__SECONDS": str(_LIMIT_SECONDS),
    "DICOMWEB_CODEC__WARM": "true",
}


@dataclass(slots=True)
class _Trial:
    """A server, and what was found."""

    server: Launch
    chance: random.Random
    counts: Counter[str] = field(default_factory=Counter)
    next_ok: float = 0.0
    refused: float = 0.0
    search: float = 0.0
    violations: list[str] = field(default_factory=list)
    windows: int = 1
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=60))
    _number: int = 0

    def stored(self) -> str:
        """URL of a new instance, which nothing is known of yet."""
        self._number += 1
        data = instance(self._number, PixelData=self.chance.randbytes(32))
        headers = {"Content-Type": "application/dicom"}
        answer = self.http.post(f"{self.server.root}/studies", content=data, headers=headers)
        assert answer.status_code == 200, answer.text
        path = f"/studies/{STUDY}/series/{SERIES}/instances/{SERIES}.{self._number}"
        return self.server.root + path

    def workers(self) -> list[int]:
        """The codec processes, as soon as there are two that have come up."""
        end = time.monotonic() + _PATIENCE
        work: list[tuple[int, int]] = []
        while time.monotonic() < end:
            before, work = work, [(pid, _ticks(pid)) for pid in _codecs(self.server.process.pid)]
            if len(work) == 2 and work == before:
                break
            time.sleep(0.15)
        return [pid for pid, _ in work]

    def expect(self, holds: bool, what: str) -> None:
        if not holds:
            self.violations.append(what)


def _codec(effort: Effort, seed: int) -> Proof:
    full = effort is Effort.FULL
    kinds = ("hypercorn", "granian") if full else ("hypercorn",)
    counts: Counter[str] = Counter()
    violations: list[str] = []
    slowest = [0.0, 0.0, 0.0]
    for kind in kinds:
        with (
            tempfile.TemporaryDirectory(prefix="dicomweb-codec-") as folder,
            serving(Path(folder, "data"), ["--server", kind], _SETTINGS) as server,
        ):
            trial = _Trial(server, random.Random(seed))
            _settled(trial)
            for _ in range(50 if full else 1):
                _one_of_two(trial, signal.SIGKILL, "killed")
            for _ in range(10 if full else 1):
                _one_of_two(trial, None, "hung")
            for _ in range(5 if full else 1):
                _again_and_again(trial)
            trial.http.close()
            trial.expect(server.process.poll() is None, "the server has ended")
            counts.update(trial.counts)
            violations += trial.violations
            found = (trial.next_ok, trial.refused, trial.search)
            slowest = [max(pair) for pair in zip(slowest, found, strict=True)]
    told: dict[str, Count] = {
        **counts,
        "slowest next request s": round(slowest[0], 2),
        "slowest refusal s": round(slowest[1], 2),
        "slowest search meanwhile s": round(slowest[2], 2),
    }
    late = missed(told, {"slowest next request s": 1, "slowest refusal s": 1})
    return Proof(told, tuple(violations[:20]), seed, late)


def _one_of_two(trial: _Trial, number: signal.Signals | None, what: str) -> None:
    """Two requests, two processes; one process goes on, the other is killed or stands still."""
    first, second, third = trial.stored(), trial.stored(), trial.stored()
    workers = trial.workers()
    trial.chance.shuffle(workers)
    with ThreadPoolExecutor(2) as pool, _searching(trial):
        for worker in workers:
            os.kill(worker, signal.SIGSTOP)
        asked = [pool.submit(_ask, trial, f"{url}/rendered") for url in (first, second)]
        time.sleep(_UNDERWAY_SECONDS)  # each process has one of them now
        os.kill(workers[0], signal.SIGCONT)
        while not any(one.done() for one in asked):
            time.sleep(0.01)
        if number is not None:
            os.kill(workers[1], number)
        statuses = sorted(one.result()[0] for one in asked)
    trial.counts[f"processes {what}"] += 1
    trial.counts["requests in hand that failed"] += statuses.count(500)
    one_at_most = statuses in ([200, 500], [200, 200])
    trial.expect(one_at_most, f"a process was {what}, and the answers were {statuses}")
    # Another window: the picture itself is not tried again for some seconds.
    other = "rendered?window=1,2,linear"
    for url in (third, f"{first}/{other}", f"{second}/{other}"):
        _answered(trial, url, f"after a process was {what}")
    trial.expect(len(trial.workers()) == 2, "the process was not replaced")


def _answered(trial: _Trial, url: str, when: str) -> None:
    status, seconds = _ask(trial, url if "/rendered" in url else f"{url}/rendered")
    trial.next_ok = max(trial.next_ok, seconds)
    trial.expect(status == 200, f"{when}: {status}")


def _again_and_again(trial: _Trial) -> None:
    """A frame ends processes until it is refused, whatever is asked of it; others go on."""
    bad, good = trial.stored(), trial.stored()
    for _ in range(_FRAME_STRIKES):
        _strike(trial, bad)
    before = trial.workers()
    status, seconds = _ask(trial, f"{bad}/rendered?window=2,99,linear")
    trial.refused = max(trial.refused, seconds)
    trial.counts["frames refused"] += 1
    trial.expect(status == 500, f"a frame that ended {_FRAME_STRIKES} processes: {status}")
    trial.expect(trial.workers() == before, "a refused frame has cost a process")
    _answered(trial, good, "a sound frame beside a refused one")


def _strike(trial: _Trial, frame: str) -> None:
    """Let a request end its process; again where it had not come to one yet."""
    for _ in range(_TRIES):
        trial.windows += 1
        if _killed(trial, f"{frame}/rendered?window=1,{trial.windows},linear") == 500:
            trial.counts["strikes"] += 1
            return
    trial.expect(False, "no request was in hand when processes were killed")


def _killed(trial: _Trial, url: str) -> int:
    workers = trial.workers()
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(_ask, trial, url)
        time.sleep(_UNDERWAY_SECONDS)
        for worker in workers:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        status, _ = asked.result()
    trial.expect(status in (200, 500), f"a process was killed under a request: {status}")
    _settled(trial)
    return status


def _settled(trial: _Trial) -> None:
    """Wait until the processes take jobs again."""
    trial.workers()
    status, _ = _ask(trial, f"{trial.stored()}/rendered")
    trial.expect(status == 200, f"the first picture: {status}")


def _ask(trial: _Trial, url: str) -> tuple[int, float]:
    began = time.monotonic()
    answer = trial.http.get(url, headers={"Accept": "image/png"})
    return answer.status_code, time.monotonic() - began


@contextmanager
def _searching(trial: _Trial) -> Iterator[None]:
    """Searches that go on meanwhile, and are answered."""
    stop = threading.Event()

    def search() -> None:
        while not stop.is_set():
            began = time.monotonic()
            answer = trial.http.get(f"{trial.server.root}/instances?limit=5")
            trial.search = max(trial.search, time.monotonic() - began)
            trial.counts["searches meanwhile"] += 1
            trial.expect(answer.status_code == 200, f"a search meanwhile: {answer.status_code}")

    thread = threading.Thread(target=search, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)


def _codecs(pid: int) -> list[int]:
    """Codec processes below a process."""
    found: list[int] = []
    for task in _entries(Path(f"/proc/{pid}/task")):
        with suppress(OSError):
            for child in map(int, (task / "children").read_text().split()):
                line = Path(f"/proc/{child}/cmdline").read_bytes()
                if b"dicomweb_server.codec.worker" in line:
                    found.append(child)
                else:
                    found += _codecs(child)
    return sorted(found)


def _ticks(pid: int) -> int:
    """Processor time of a process so far; one that starts uses more and more of it."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return -1
    return int(fields[11]) + int(fields[12])


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


FAULTS = (
    Fault(
        "F21",
        "A codec process that is killed or hangs costs the request that it had in hand and no "
        "other; the next one is answered; a frame that ends processes again and again is refused.",
        _codec,
    ),
)

"""F2: the power fails; what was acknowledged had been put on the disk before."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults import strace
from tests.faults.disk import Disk
from tests.faults.order import Order
from tests.faults.posture import Posture
from tests.faults.proof import Count, Effort, Fault, Proof
from tests.faults.script import Heard, play
from tests.faults.strace import Call

_SHARED = "/dev/shm"  # noqa: S108 - a name made by tempfile is used below it
_SYNCS = frozenset({"fsync", "fdatasync"})


@dataclass(frozen=True, slots=True)
class Recording:
    """A run of the server: what was asked, answered and done.

    Args:
        top: The data folder.
        calls: In the order in which they ended.
        heard: Requests, each with the place in the trace where the first byte of its answer went.
    """

    top: Path
    calls: tuple[Call, ...]
    heard: tuple[tuple[int, Heard], ...]


def record(folder: Path, seed: int, rounds: int, clients: int) -> Recording:
    """Run the server under strace with some clients and put both sides together."""
    trace = folder / "trace"
    data = folder / "data"
    heard = play(data, trace, seed, rounds, clients)
    calls = tuple(strace.read(trace, data))
    return Recording(data, calls, tuple(_placed(calls, heard)))


def _placed(calls: Sequence[Call], heard: Sequence[Heard]) -> Iterator[tuple[int, Heard]]:
    answers: dict[int, list[int]] = {}
    for call in calls:
        if call.peer and call.data.startswith(b"HTTP/1.1 "):
            answers.setdefault(call.peer, []).append(call.begin)
    for request in heard:
        yield answers[request.port][request.number], request


def order(effort: Effort, seed: int) -> Proof:
    """Look into the trace whether each step came before the next."""
    rounds, clients = (12, 4) if effort is Effort.FULL else (1, 3)
    with tempfile.TemporaryDirectory(prefix="dicomweb-order-") as name:
        recording = record(Path(name), seed, rounds, clients)
    looked = Order(recording.top, recording.calls)
    for place, request in recording.heard:
        looked.check(place, request)
    counts: dict[str, Count] = {
        "clients": clients,
        "requests": len(recording.heard),
        "chains": looked.chains,
        "tombstones": looked.tombstones,
        "calls": len(recording.calls),
    }
    return Proof(counts, tuple(looked.wrong), seed)


@dataclass(slots=True)
class Replay:
    """A recording played on a disk that loses its power at every step.

    Args:
        recording: What is played.
        folder: Where states of the disk are made.
        chance: What survives by luck.
        torn_every: One in so many calls is followed by a look at what luck may leave.
    """

    recording: Recording
    folder: Path
    chance: random.Random
    torn_every: int
    sure: int = 0
    torn: int = 0
    acknowledged: int = 0
    wrong: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Play all."""
        disk = Disk(str(self.recording.top))
        events = [(call.end, 1, call) for call in self.recording.calls]
        events += [(c.begin, 0, c) for c in self.recording.calls if c.name in _SYNCS]
        for place, phase, call in sorted(events, key=lambda event: event[:2]):
            if phase == 0:
                disk.begin(call)
                continue
            if call.name in _SYNCS:  # the last moment before more becomes sure
                self._look(disk, place, torn=False)
            disk.end(call)
            if not call.peer and self.chance.randrange(self.torn_every) == 0:
                self._look(disk, place + 1, torn=True)
        self._look(disk, place + 1, torn=False)

    def _look(self, disk: Disk, place: int, *, torn: bool) -> None:
        state = disk.torn(self.chance) if torn else disk.sure()
        posture = Posture(self.folder / f"{place}-{torn}", self.recording.top)
        posture.make(state)
        self.torn += torn
        self.sure += not torn
        known = [request for when, request in self.recording.heard if when < place]
        open_ = [request for when, request in self.recording.heard if when >= place]
        self.acknowledged = max(self.acknowledged, len(known))
        kind = "torn" if torn else "sure"
        self.wrong += [f"{kind} at {place}: {each}" for each in posture.check(known, open_)]
        posture.remove()


def _memory() -> str | None:
    """A folder in memory, where there is one: hundreds of states need no disk of their own."""
    return _SHARED if os.access(_SHARED, os.W_OK) else None


def replay(effort: Effort, seed: int) -> Proof:
    """Lose the power at every step of recorded runs, and open what is left."""
    runs, clients, every = (2, 3, 8) if effort is Effort.FULL else (1, 1, 12)
    counts: dict[str, Count] = {"runs": runs, "calls": 0, "sure": 0, "torn": 0, "acknowledged": 0}
    wrong: list[str] = []
    for run in range(runs):
        with (
            tempfile.TemporaryDirectory(prefix="dicomweb-power-") as name,
            tempfile.TemporaryDirectory(prefix="dicomweb-power-", dir=_memory()) as states,
        ):
            recording = record(Path(name), seed + run, 1, clients)
            played = Replay(recording, Path(states), random.Random(seed + run), every)
            played.run()
        done = {"calls": len(recording.calls), "sure": played.sure, "torn": played.torn}
        for key, value in (done | {"acknowledged": played.acknowledged}).items():
            counts[key] = int(counts[key]) + value
        wrong += played.wrong
    return Proof(counts, tuple(wrong), seed)


FAULTS = (
    Fault(
        "F2a",
        "Bytes, names, rows and tombstones are on the disk, in this order, before the first byte"
        " of the answer",
        order,
    ),
    Fault(
        "F2b",
        "When power fails after any step and takes what was not synced, all that was acknowledged"
        " is there",
        replay,
    ),
)

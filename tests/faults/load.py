"""Clients that store and delete without a pause, and what each instance may be at any moment."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from tests.datasets import dataset, part10
from tests.site import multipart

_STOW = {
    "Content-Type": 'multipart/related; type="application/dicom"; boundary=limit',
    "Accept": "application/dicom+json",
}
_AS_STORED = "application/dicom; transfer-syntax=*"
_GIVEN_UP = {503, 507}
"""Answers that say that a request may come again; what it did is not known."""


@dataclass(frozen=True, slots=True)
class Key:
    """UIDs of an instance."""

    study: str
    series: str
    instance: str

    @property
    def path(self) -> str:
        """Its path below the DICOMweb root."""
        return f"/studies/{self.study}/series/{self.series}/instances/{self.instance}"


State = str | None
"""SHA-256 of the bytes of an instance; None where it is not in the archive."""


@dataclass(slots=True)
class Act:
    """One request to one instance: what it makes of it, and when, by the monotonic clock."""

    state: State
    began: float
    ended: float = float("inf")
    acknowledged: bool = False


@dataclass(slots=True)
class History:
    """All that was asked of the archive.

    Each instance belongs to one client, whose requests follow one another.
    """

    acts: dict[Key, list[Act]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    surprises: list[str] = field(default_factory=list)

    def states(self, key: Key, begin: float, end: float) -> set[State]:
        """What an instance may have been at some moment of a span of time."""
        states: set[State] = {None}
        for act in self.acts[key]:
            if act.began >= end:
                break
            if act.acknowledged and act.ended <= begin:
                states = {act.state}
            else:
                states.add(act.state)
        return states


class Client(threading.Thread):
    """One client with studies of its own.

    Args:
        root: URL of the DICOMweb root.
        number: From 1; a part of its UIDs.
        seed: Of its choices.
        history: Where it writes what it does.
        stop: Ends it.
    """

    def __init__(
        self, root: str, number: int, seed: int, history: History, stop: threading.Event
    ) -> None:
        super().__init__(daemon=True)
        self._root, self._number = root, number
        self._chance = random.Random(seed * 1000 + number)
        self._history, self._stopped = history, stop
        self._count = 0
        self._there: dict[Key, bytes] = {}
        self._gone: dict[Key, bytes] = {}

    def run(self) -> None:
        """Ask until stopped."""
        with httpx.Client(timeout=60) as http:
            while not self._stopped.is_set():
                if self._there and self._chance.random() < 0.35:
                    self._remove(http)
                else:
                    self._store(http)

    def _store(self, http: httpx.Client) -> None:
        files: dict[Key, bytes] = {}
        for _ in range(self._chance.choice((1, 1, 3, 6))):
            if self._gone and self._chance.random() < 0.3:
                key, data = self._gone.popitem()
            else:
                key, data = self._make()
            files[key] = data
        acts = self._begin({key: _digest(data) for key, data in files.items()})
        body = multipart(list(files.values()))
        answer = http.post(f"{self._root}/studies", content=body, headers=_STOW)
        self._end(acts, "stores", answer, {200})
        self._there |= files

    def _remove(self, http: httpx.Client) -> None:
        chosen = self._chance.choice(list(self._there))
        path = chosen.path
        keys = [chosen]
        if self._chance.random() < 0.2:  # the whole series
            path = path.partition("/instances")[0]
            keys = [key for key in self._there if key.series == chosen.series]
        acts = self._begin(dict.fromkeys(keys))
        answer = http.delete(self._root + path)
        self._end(acts, "deletions", answer, {204, 404})
        for key in keys:
            self._gone[key] = self._there.pop(key)

    def _make(self) -> tuple[Key, bytes]:
        self._count += 1
        study = f"1.2.826.{self._number}"
        key = Key(study, f"{study}.{self._count % 5}", f"{study}.9.{self._count}")
        side = self._chance.choice((4, 16, 64, 256))
        made = dataset(
            StudyInstanceUID=key.study,
            SeriesInstanceUID=key.series,
            SOPInstanceUID=key.instance,
            Rows=side,
            Columns=side,
            PixelData=self._chance.randbytes(2 * side * side),
        )
        return key, part10(made)

    def _begin(self, states: dict[Key, State]) -> list[Act]:
        now = time.monotonic()
        acts = []
        for key, state in states.items():
            act = Act(state, now)
            self._history.acts.setdefault(key, []).append(act)
            acts.append(act)
        return acts

    def _end(self, acts: Sequence[Act], what: str, answer: httpx.Response, good: set[int]) -> None:
        now = time.monotonic()
        for act in acts:
            act.ended = now
            act.acknowledged = answer.status_code in good
        self._history.counts[what if acts[0].acknowledged else "asked to come again"] += len(acts)
        if answer.status_code not in good | _GIVEN_UP:
            self._history.surprises.append(f"{what}: {answer.status_code} {answer.text[:200]}")


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextmanager
def load(root: str, clients: int, seed: int) -> Iterator[History]:
    """Clients that work for as long as the context lasts."""
    history, stop = History(), threading.Event()
    threads = [Client(root, number, seed, history, stop) for number in range(1, clients + 1)]
    for thread in threads:
        thread.start()
    try:
        yield history
    finally:
        stop.set()
        for thread in threads:
            thread.join(90)
            if thread.is_alive():
                history.surprises.append("a request has no answer after 90 s")


def differences(root: str, history: History, begin: float, end: float) -> tuple[int, list[str]]:
    """Compare what a server has with what was acknowledged.

    Args:
        root: URL of its DICOMweb root.
        history: What was asked of the archive.
        begin: When the state was taken, at the earliest.
        end: At the latest.

    Returns:
        How many instances there are, and what should not be.
    """
    wrong, there = [], 0
    listed = _listed(root)
    with httpx.Client(timeout=60) as http:
        for key in list(history.acts):
            answer = http.get(
                root + key.path, headers={"Accept": "application/dicom; transfer-syntax=*"}
            )
            found = _digest(answer.content) if answer.status_code == 200 else None
            allowed = history.states(key, begin, end)
            there += found is not None
            if answer.status_code not in (200, 404) or found not in allowed:
                shown = sorted(str(state)[:8] for state in allowed)
                wrong.append(f"{key.instance}: {answer.status_code} {str(found)[:8]}, not {shown}")
            if (key.instance in listed) != (found is not None):
                wrong.append(f"{key.instance}: a search and a retrieval differ")
    return there, wrong


def _listed(root: str) -> set[str]:
    found: set[str] = set()
    while True:
        page = httpx.get(f"{root}/instances?limit=1000&offset={len(found)}", timeout=60)
        rows = page.json() if page.status_code == 200 else []
        found |= {row["00080018"]["Value"][0] for row in rows}
        if len(rows) < 1000:
            return found

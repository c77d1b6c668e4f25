"""Importing: from what was found, in batches, to a target, with a journal and a report."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from typing import Protocol

from dicomweb_server.model.limits import MIB
from dicomweb_server.ops.candidates import Candidate, Found, Skipped
from dicomweb_server.ops.journal import Journal

_READ_AHEAD = 256
_KEPT_FAILURES = 1_000


class Fate(Enum):
    """What became of a candidate."""

    STORED = "stored"
    PRESENT = "present"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one candidate, and why where it failed."""

    candidate: Candidate
    fate: Fate
    reason: str = ""


class Target(Protocol):
    """Where instances go."""

    async def store(self, batch: Sequence[Candidate]) -> Sequence[Outcome]:
        """Store some; one outcome for each of them."""
        ...


class Watcher(Protocol):
    """Is told how an import goes on."""

    def done(self, name: str, size: int, outcome: str, reason: str) -> None:
        """One file is done: "stored", "present", "skipped" or "failed"."""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How much goes at once.

    Args:
        jobs: Batches at the same time.
        count: Instances of one batch.
        size: Bytes of one batch, unless a single instance is larger.
    """

    jobs: int = 2
    count: int = 200
    size: int = 64 * MIB


@dataclass(slots=True)
class ImportReport:
    """What an import did.

    Args:
        found: Instances found.
        stored: Of these, stored now.
        present: Of these, in the archive already.
        skipped: Files that are no instances.
        failed: Instances, and containers of them, that could not be stored.
        failures: Name and reason of the first thousand failures.
        bytes: Bytes of what was stored.
        seconds: Time it took.
    """

    found: int = 0
    stored: int = 0
    present: int = 0
    skipped: int = 0
    failed: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    bytes: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Instances stored per second."""
        return self.stored / self.seconds if self.seconds else 0.0


class Importer:
    """One import.

    Args:
        target: Where instances go.
        journal: What the target has already; None imports everything.
        watcher: Is told of every file.
        pace: How much goes at once.
    """

    def __init__(
        self, target: Target, journal: Journal | None, watcher: Watcher, pace: Pace
    ) -> None:
        self._target = target
        self._journal = journal
        self._watcher = watcher
        self._pace = pace
        self.report = ImportReport()

    async def run(self, found: Iterator[Found]) -> ImportReport:
        """Import everything that is found."""
        start = time.monotonic()
        slots = asyncio.Semaphore(self._pace.jobs)
        try:
            async with asyncio.TaskGroup() as group:
                async for batch in self._batches(found):
                    await slots.acquire()
                    group.create_task(self._send(batch, slots))
        except BaseExceptionGroup as errors:
            raise _first(errors) from None
        finally:
            self.report.seconds = time.monotonic() - start
        return self.report

    async def _batches(self, found: Iterator[Found]) -> AsyncIterator[list[Candidate]]:
        batch: list[Candidate] = []
        size = 0
        while pieces := await asyncio.to_thread(lambda: list(islice(found, _READ_AHEAD))):
            for candidate in self._wanted(pieces):
                full = size + candidate.size > self._pace.size or len(batch) == self._pace.count
                if batch and full:
                    yield batch
                    batch, size = [], 0
                batch.append(candidate)
                size += candidate.size
        if batch:
            yield batch

    def _wanted(self, pieces: list[Found]) -> Iterator[Candidate]:
        for piece in pieces:
            if isinstance(piece, Skipped):
                self._passed_over(piece)
                continue
            self.report.found += 1
            if self._journal is not None and piece in self._journal:
                self._count(Outcome(piece, Fate.PRESENT))
            else:
                yield piece

    async def _send(self, batch: list[Candidate], slots: asyncio.Semaphore) -> None:
        try:
            outcomes = await self._target.store(batch)
            if self._journal is not None:
                safe = [each.candidate for each in outcomes if each.fate is not Fate.FAILED]
                await asyncio.to_thread(self._journal.add, safe)
            for outcome in outcomes:
                self._count(outcome)
        finally:
            slots.release()

    def _passed_over(self, piece: Skipped) -> None:
        if piece.reason:
            self._fail(piece.name, 0, piece.reason)
        else:
            self.report.skipped += 1
            self._watcher.done(piece.name, piece.size, "skipped", "")

    def _count(self, outcome: Outcome) -> None:
        candidate = outcome.candidate
        if outcome.fate is Fate.FAILED:
            self._fail(candidate.name, candidate.size, outcome.reason)
            return
        if outcome.fate is Fate.STORED:
            self.report.stored += 1
            self.report.bytes += candidate.size
        else:
            self.report.present += 1
        self._watcher.done(candidate.name, candidate.size, outcome.fate.value, outcome.reason)

    def _fail(self, name: str, size: int, reason: str) -> None:
        self.report.failed += 1
        if len(self.report.failures) < _KEPT_FAILURES:
            self.report.failures.append((name, reason))
        self._watcher.done(name, size, "failed", reason)


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error

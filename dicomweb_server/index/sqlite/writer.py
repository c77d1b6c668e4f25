"""The writer thread: what waits at the same time is committed together (group commit)."""

from __future__ import annotations

import asyncio
import copy
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

from dicomweb_server.errors import TooBusy, Unavailable
from dicomweb_server.index.sqlite.connections import WriterConnection
from dicomweb_server.index.sqlite.failure import ends_all, translate
from dicomweb_server.model.crash import Reached, Step, nowhere
from dicomweb_server.model.stages import Stage, Waiting

_R = TypeVar("_R")
_WAITING = 10_000
_GROUP_WEIGHT = 500


@dataclass(frozen=True, slots=True)
class Steps:
    """What is told of each write transaction.

    Args:
        reached: Told of each step.
        begin: The transaction is about to begin.
        commit: All is written, and nothing is on the disk yet.
        committed: It is on the disk, and nobody was told.
    """

    reached: Reached = nowhere
    begin: Step = Step.INDEX_BEFORE_BEGIN
    commit: Step = Step.INDEX_BEFORE_COMMIT
    committed: Step = Step.INDEX_AFTER_COMMIT


class _Job(Generic[_R]):
    """One piece of work and the future that waits for its commit."""

    __slots__ = ("_done", "_work", "future", "weight")

    def __init__(self, work: Callable[[sqlite3.Connection], _R], weight: int) -> None:
        self._work = work
        self.weight = weight
        self.future: Future[_R] = Future()
        self._done: list[_R] = []

    def run(self, connection: sqlite3.Connection) -> None:
        """Work inside a savepoint, so that a failure leaves the rest of the group alone."""
        connection.execute("SAVEPOINT job")
        try:
            self._done = [self._work(connection)]
        except BaseException as error:
            if ends_all(error) or not connection.in_transaction:
                raise
            connection.execute("ROLLBACK TO job")
            self.fail(error)
        connection.execute("RELEASE job")

    def fail(self, error: BaseException) -> None:
        """Tell the waiter of an error; each gets one of its own."""
        if isinstance(error, sqlite3.Error | OSError):
            error = translate(error)
        if not self.future.done():
            self.future.set_exception(copy.copy(error))

    def resolve(self) -> None:
        """Hand over the result; the commit is on disk."""
        if not self.future.done():
            self.future.set_result(self._done[0])


class Writer:
    """Serialises all writes of this process.

    Args:
        connection: Used by the writer's thread only, from now on.
        steps: Told of each transaction.
        follow: Called behind each commit, before anybody is told of it.
    """

    def __init__(
        self,
        connection: WriterConnection,
        steps: Steps | None = None,
        follow: Callable[[sqlite3.Connection], None] | None = None,
    ) -> None:
        self._connection = connection
        self._follow = follow or _nothing
        self._steps = steps or Steps()
        self._queue: queue.Queue[_Job[object] | None] = queue.Queue(_WAITING)
        self._closed = False
        self._gate = threading.Lock()
        self._thread = threading.Thread(target=self._serve, name="index-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[sqlite3.Connection], _R], weight: int = 1) -> _R:
        """Do work in a transaction; it is on disk when this returns.

        Args:
            work: Called in the writer's thread.
            weight: Number of instances concerned.

        Raises:
            TooBusy: Too much is waiting.
            StoreFull, StoreReadOnly, Unavailable: The disk or the database refused.
        """
        job = _Job(work, weight)
        with self._gate:
            if self._closed:
                raise Unavailable("the index is closed")
            try:
                self._queue.put_nowait(job)  # type: ignore[arg-type]  # the job keeps its result
            except queue.Full:
                raise TooBusy("too many writes are waiting") from None
        with Waiting(Stage.INDEX):
            return await asyncio.wrap_future(job.future)

    async def add(self, work: Callable[[sqlite3.Connection], _R], weight: int = 1) -> _R:
        """Do work that needs further space, as `run` does.

        Raises:
            StoreFull: The reserve of the volume has been reached.
        """
        self._connection.require_room()
        return await self.run(work, weight)

    async def check(self) -> None:
        """Return where writing is not suspended; tries to end that when an attempt is due.

        Raises:
            StoreReadOnly, StoreFull: It is.
            Unavailable: The database is damaged.
        """
        self._connection.integrity.require()
        if self._connection.suspended:
            await self.run(_nothing)

    def close(self) -> None:
        """Finish what waits, then close the connection."""
        with self._gate:
            if self._closed:
                return
            self._closed = True
        self._queue.put(None)
        self._thread.join()
        self._connection.close()

    def _serve(self) -> None:
        while True:
            job = self._queue.get()
            if job is None:
                return
            group, last = self._gather(job)
            self._commit([job for job in group if job.future.set_running_or_notify_cancel()])
            if last:
                return

    def _gather(self, first: _Job[object]) -> tuple[list[_Job[object]], bool]:
        group, weight = [first], first.weight
        while weight < _GROUP_WEIGHT:
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return group, True
            group.append(job)
            weight += job.weight
        return group, False

    def _commit(self, group: list[_Job[object]]) -> None:
        if not group:
            return
        try:
            self._connection.require()
            with self._connection.exclusive():
                self._transact(group)
        except BaseException as error:  # noqa: BLE001 - the thread must live, the waiters must hear
            told = self._connection.met(error)
            for job in group:
                job.fail(told)

    def _transact(self, group: list[_Job[object]]) -> None:
        connection, steps = self._connection.connection, self._steps
        steps.reached(steps.begin)
        connection.execute("BEGIN IMMEDIATE")
        try:
            for job in group:
                job.run(connection)
            steps.reached(steps.commit)
            connection.execute("COMMIT")
            self._follow(connection)
            steps.reached(steps.committed)
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        for job in group:
            job.resolve()
        self._connection.checkpoint()


def _nothing(_: sqlite3.Connection) -> None:
    """Work that only waits for its turn."""

"""Pools of threads for calls that block, cheap enough for one hop in every request."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import SimpleQueue
from typing import Generic, TypeVar

from dicomweb_server.model.stages import Stage, Waiting

T = TypeVar("T")


class PoolClosed(RuntimeError):
    """A call came after the pool had been closed."""


class _Outbox:
    """What threads have ready for a loop: outcomes that end together wake it once."""

    __slots__ = ("_is_told", "_ready", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._ready: deque[Callable[[], None]] = deque()
        self._is_told = False

    def send(self, deliver: Callable[[], None]) -> None:
        """Have something called in the loop, from any thread."""
        self._ready.append(deliver)
        if self._is_told:  # it looks again after it has cleared this
            return
        self._is_told = True
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self.loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        self._is_told = False
        ready = self._ready
        while ready:
            ready.popleft()()


class _Job(Generic[T]):
    """A call on its way to a thread, and the way back of what it gives.

    It has an owner: whoever takes the token. A thread that gets it runs the call, a cancelled
    caller that gets it drops the call.
    """

    __slots__ = (
        "_arguments",
        "_ended",
        "_error",
        "_outbox",
        "_result",
        "_token",
        "_work",
        "future",
    )

    def __init__(
        self, outbox: _Outbox, work: Callable[..., T], arguments: tuple[object, ...]
    ) -> None:
        self._outbox = outbox
        self.future: asyncio.Future[T] = outbox.loop.create_future()
        self._ended: asyncio.Future[None] | bool = False
        self._token = [True]
        self._work = work
        self._arguments = arguments
        self._result: list[T] = []
        self._error: BaseException | None = None

    def claim(self) -> bool:
        """Become the owner, unless somebody else is."""
        try:
            return self._token.pop()
        except IndexError:
            return False

    def __call__(self) -> None:
        """Run the call in this thread."""
        if not self.claim():
            return
        try:
            self._result.append(self._work(*self._arguments))
        except StopIteration as error:  # no future can carry it
            self._error = RuntimeError(f"the work ended with {error!r}")
        except BaseException as error:  # noqa: BLE001 - whatever it is, the caller gets it
            self._error = error
        self._outbox.send(self._deliver)

    def _deliver(self) -> None:
        if not self.future.done():
            if self._error is None:
                self.future.set_result(self._result.pop())
            else:
                self.future.set_exception(self._error)
        self._error = None
        if isinstance(self._ended, asyncio.Future):
            self._ended.set_result(None)
        self._ended = True

    async def wait_for_end(self) -> None:
        """Wait until the thread has done with the call whose future was cancelled."""
        if self._ended is not True:  # the news may have come before the cancelled caller woke
            self._ended = ended = self._outbox.loop.create_future()
            await _patiently(ended)


class Pool:
    """A sized pool of threads for calls that block; a third of a ThreadPoolExecutor's cost.

    Args:
        threads: Calls at the same time, 1 or more.
        name: Shown in the names of the threads.
        stage: What a request waits for that runs a call here.
    """

    def __init__(self, threads: int, name: str, stage: Stage) -> None:
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._serve, name=f"{name}-{number}", daemon=True)
            for number in range(threads)
        ]
        self._stage = stage
        self._outbox: _Outbox | None = None
        self._lock = threading.Lock()
        self._running = False
        self.closed = False

    def submit(self, work: Callable[..., T], *arguments: object) -> Future[T]:
        """Start a call and leave it to itself."""
        future: Future[T] = Future()

        def call() -> None:
            try:
                future.set_result(work(*arguments))
            except BaseException as error:  # noqa: BLE001 - whoever waits gets it
                future.set_exception(error)

        self._put(call)
        return future

    async def ask(self, work: Callable[..., T], *arguments: object) -> T:
        """Run a call in a thread; a cancelled caller leaves it to itself.

        Where it has not begun it is dropped then.
        """
        job = self._job(work, arguments)
        self._put(job)
        try:
            with Waiting(self._stage):
                return await job.future
        except asyncio.CancelledError:
            job.claim()
            raise

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Run a call in a thread.

        A cancelled caller waits until the call has ended (or drops it where it has not begun), so
        that what the call uses can be released right after.
        """
        job = self._job(work, arguments)
        self._put(job)
        try:
            with Waiting(self._stage):
                return await job.future
        except asyncio.CancelledError:
            if not job.claim():
                await job.wait_for_end()
            raise

    async def settle(self, work: Callable[..., None], *arguments: object) -> None:
        """Run a call that must happen even when the caller is cancelled or the pool is closed."""
        if self.closed:
            work(*arguments)
            return
        job = self._job(work, arguments)
        self._put(job)
        cancelled = await _patiently(job.future)
        error = job.future.exception()
        if cancelled:
            raise asyncio.CancelledError
        if error is not None:
            raise error

    def close(self) -> None:
        """Wait for calls that were begun or wait, and end the threads."""
        with self._lock:
            self.closed = True
            if not self._running:
                return
            self._running = False
            for _ in self._threads:
                self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _job(self, work: Callable[..., T], arguments: tuple[object, ...]) -> _Job[T]:
        loop = asyncio.get_running_loop()
        outbox = self._outbox
        if outbox is None or outbox.loop is not loop:
            self._outbox = outbox = _Outbox(loop)
        return _Job(outbox, work, arguments)

    def _put(self, call: Callable[[], None]) -> None:
        with self._lock:  # nothing may come behind the end of the queue
            if not self._running:
                self._start()
            self._queue.put(call)

    def _start(self) -> None:
        if self.closed:
            raise PoolClosed("the pool is closed")
        self._running = True
        for thread in self._threads:
            thread.start()

    def _serve(self) -> None:
        while (call := self._queue.get()) is not None:
            call()
            del call


async def _patiently(future: asyncio.Future[T]) -> bool:
    """Wait for a future, whatever happens; tell whether the caller was cancelled meanwhile."""
    cancelled = False
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError:
            cancelled = True
    return cancelled

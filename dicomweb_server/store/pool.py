"""Threads of a store's own: a fixed number, and no work left running behind its caller's back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import SimpleQueue
from typing import Generic, TypeVar

from dicomweb_server.model.stages import Stage, Waiting

T = TypeVar("T")


class _Job(Generic[T]):
    """A call on its way to a thread, and the way back of what it gives.

    It has an owner: whoever takes the token. A thread that gets it runs the call, a cancelled
    caller that gets it drops the call.
    """

    __slots__ = ("_arguments", "_ended", "_loop", "_token", "_work", "future")

    def __init__(self, work: Callable[..., T], arguments: tuple[object, ...]) -> None:
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[T] = self._loop.create_future()
        self._ended: asyncio.Future[None] | bool = False
        self._token = [True]
        self._work = work
        self._arguments = arguments

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
            self._send(self._give, self._work(*self._arguments))
        except StopIteration as error:  # no future can carry it
            self._send(self._fail, RuntimeError(f"the work ended with {error!r}"))
        except BaseException as error:  # noqa: BLE001 - whatever it is, the caller gets it
            self._send(self._fail, error)

    def _send(self, receive: Callable[..., None], outcome: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(receive, outcome)

    def _give(self, result: T) -> None:
        if not self.future.done():
            self.future.set_result(result)
        self._end()

    def _fail(self, error: BaseException) -> None:
        if not self.future.done():
            self.future.set_exception(error)
        self._end()

    def _end(self) -> None:
        if isinstance(self._ended, asyncio.Future):
            self._ended.set_result(None)
        self._ended = True

    async def wait_for_end(self) -> None:
        """Wait until the thread has done with the call whose future was cancelled."""
        if self._ended is not True:  # the news may have come before the cancelled caller woke
            self._ended = ended = self._loop.create_future()
            await _patiently(ended)


class Pool:
    """A sized pool of threads for calls that block; half the cost of a ThreadPoolExecutor.

    Args:
        threads: Calls at the same time, 1 or more.
        name: Shown in the names of the threads.
    """

    def __init__(self, threads: int, name: str) -> None:
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._serve, name=f"{name}-{number}", daemon=True)
            for number in range(threads)
        ]
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

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Run a call in a thread.

        A cancelled caller waits until the call has ended (or drops it where it has not begun), so
        that what the call uses can be released right after.
        """
        job = _Job(work, arguments)
        self._put(job)
        try:
            with Waiting(Stage.STORE):
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
        job = _Job(work, arguments)
        self._put(job)
        cancelled = await _patiently(job.future)
        error = job.future.exception()
        if cancelled:
            raise asyncio.CancelledError
        if error is not None:
            raise error

    def close(self) -> None:
        """Wait for running calls and end the threads."""
        with self._lock:
            self.closed = True
            if not self._running:
                return
            self._running = False
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _put(self, call: Callable[[], None]) -> None:
        if not self._running:
            self._start()
        self._queue.put(call)

    def _start(self) -> None:
        with self._lock:
            if self.closed:
                raise RuntimeError("the store is closed")
            if not self._running:
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

"""Threads of a store's own: a fixed number, and no work left running behind its caller's back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Pool:
    """A sized pool of threads for calls that block.

    Args:
        threads: Calls at the same time, 1 or more.
        name: Shown in the names of the threads.
    """

    def __init__(self, threads: int, name: str) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self.closed = False

    def submit(self, work: Callable[..., T], *arguments: object) -> Future[T]:
        """Start a call and leave it to itself."""
        return self._executor.submit(work, *arguments)

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Run a call in a thread.

        A cancelled caller waits until the call has ended (or drops it where it has not begun), so
        that what the call uses can be released right after.
        """
        job = self._executor.submit(work, *arguments)
        try:
            return await asyncio.wrap_future(job)
        except asyncio.CancelledError:
            if not job.cancel():
                await _ended(job)
            raise

    async def settle(self, work: Callable[..., None], *arguments: object) -> None:
        """Run a call that must happen even when the caller is cancelled or the pool is closed."""
        if self.closed:
            work(*arguments)
            return
        job = self._executor.submit(work, *arguments)
        if await _ended(job):
            raise asyncio.CancelledError
        job.result()

    def close(self) -> None:
        """Wait for running calls and end the threads."""
        self.closed = True
        self._executor.shutdown(wait=True)


async def _ended(job: Future[T]) -> bool:
    """Wait for a call, whatever happens; tell whether the caller was cancelled meanwhile."""
    future = asyncio.wrap_future(job)
    cancelled = False
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError:
            cancelled = True
    if not future.cancelled():
        future.exception()
    return cancelled

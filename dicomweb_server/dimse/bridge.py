"""From the threads that serve associations to the event loop where the services run."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TypeVar

from dicomweb_server.errors import Unavailable

T = TypeVar("T")


class Bridge:
    """Runs coroutines on the loop of the process, for threads that wait for their results.

    Args:
        loop: The running loop.
    """

    __slots__ = ("_loop", "stopping")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.stopping = threading.Event()
        """Set once the process ends; what is begun may finish within the grace time."""

    def call(self, coroutine: Coroutine[object, object, T], seconds: float | None = None) -> T:
        """Run it to its end and give its result.

        Not to be called on the loop itself.

        Args:
            coroutine: What to run.
            seconds: How long it may take; None for as long as it takes.

        Raises:
            Unavailable: It took longer, or the process ends; it is cancelled then.
            ArchiveError: What the coroutine raises goes through as it is.
        """
        return self.result(self.begin(coroutine), seconds)

    def result(self, future: concurrent.futures.Future[T], seconds: float | None = None) -> T:
        """Wait for what was begun.

        Raises:
            As `call`.
        """
        try:
            return future.result(seconds)
        except concurrent.futures.TimeoutError as late:
            if future.done():  # the coroutine's own
                raise
            future.cancel()
            raise Unavailable(f"not done within {seconds:g} s") from late
        except concurrent.futures.CancelledError as ended:
            raise Unavailable("the server is stopping") from ended

    def soon(self, function: Callable[[], object]) -> None:
        """Call a function on the loop; forgotten where the loop has ended."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function)

    def begin(self, coroutine: Coroutine[object, object, T]) -> concurrent.futures.Future[T]:
        """Start it, to be waited for later.

        Raises:
            Unavailable: The loop has ended.
        """
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError as ended:
            coroutine.close()
            raise Unavailable("the server is stopping") from ended

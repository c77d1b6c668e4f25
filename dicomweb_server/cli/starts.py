"""Starts of worker processes, told to their parent."""

from __future__ import annotations

from multiprocessing.context import SpawnContext


class Starts:
    """Counts workers that have started.

    One that is killed while it tells leaves nothing locked, as a lock or an event would be.

    Args:
        context: How the workers are made.
    """

    def __init__(self, context: SpawnContext) -> None:
        self._each = context.Semaphore(0)
        self._any = context.Semaphore(0)

    def tell(self) -> None:
        """Tell the parent that this worker has started."""
        self._any.release()
        self._each.release()

    def wait(self, count: int) -> None:
        """Wait for further starts."""
        for _ in range(count):
            self._each.acquire()

    def any(self) -> bool:
        """Whether a worker has ever started; only one thread of the parent may ask."""
        started = self._any.acquire(block=False)
        if started:
            self._any.release()
        return started

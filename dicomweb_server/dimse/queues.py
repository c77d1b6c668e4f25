"""Queues between the two threads of an association, with an end and with somebody to tell."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_LOOK_SECONDS = 0.25


class Telling(queue.Queue[T]):
    """A queue that tells of each item put in.

    Args:
        tell: Called behind each put.
    """

    def __init__(self, tell: Callable[[], None]) -> None:
        super().__init__()
        self._tell = tell

    def put(self, item: T, block: bool = True, timeout: float | None = None) -> None:
        """Put it in and tell."""
        super().put(item, block, timeout)
        self._tell()


class Outgoing(queue.Queue[T]):
    """A queue to a slow receiver: who puts something in waits, and not for ever.

    What cannot be sent any more is dropped: the association has ended, or ends because of it.

    Args:
        most: Items.
        seconds: How long a put may take.
        tell: Called behind each put.
        has_ended: Whether nobody will take anything out again.
        end: Called when a put took too long.
    """

    def __init__(
        self,
        most: int,
        seconds: float,
        tell: Callable[[], None],
        has_ended: Callable[[], bool],
        end: Callable[[], None],
    ) -> None:
        super().__init__(most)
        self._seconds = seconds
        self._tell = tell
        self._has_ended = has_ended
        self._end = end

    def put(self, item: T, block: bool = True, timeout: float | None = None) -> None:
        """Put it in, wait until there is room, or drop it."""
        deadline = time.monotonic() + self._seconds
        while not self._has_ended():
            try:
                super().put(item, True, _LOOK_SECONDS)
            except queue.Full:
                if time.monotonic() > deadline:
                    self._end()
                    return
            else:
                self._tell()
                return

    def drop(self) -> None:
        """Forget what waits: it may not be sent any more."""
        while True:
            try:
                self.get(block=False)
            except queue.Empty:
                return

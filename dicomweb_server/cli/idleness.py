"""How long a connection has been without a request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Idleness:
    """Tells when nothing was asked for too long.

    Its timer is set once in a while and not for each request: it looks when the last request ended,
    and goes on where that was not long ago.

    Args:
        loop: The running loop.
        seconds: How long is too long.
        over: Called when it was, once.
    """

    __slots__ = ("_loop", "_over", "_seconds", "_since", "_stopped", "_timer")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, seconds: float, over: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._seconds = seconds
        self._over = over
        self._since: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False

    @property
    def lasts(self) -> bool:
        """Whether no request is under way."""
        return self._since is not None

    def begin(self) -> None:
        """The last request has ended."""
        if self._stopped:
            return
        self._since = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_at(self._since + self._seconds, self._look)

    def end(self) -> None:
        """A request has begun."""
        self._since = None

    def stop(self) -> None:
        """Nobody needs to know any more, whatever comes."""
        self._stopped = True
        self._since = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if self._since is None:
            return
        until = self._since + self._seconds
        if until <= self._loop.time():
            self._over()
        else:
            self._timer = self._loop.call_at(until, self._look)

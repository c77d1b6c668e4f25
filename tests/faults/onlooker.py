"""Somebody else who uses the server while one of its clients misbehaves."""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections.abc import Sequence

from tests.faults.proof import Count, Effort
from tests.live.server import KINDS, Server

_PAUSE = 0.02
_PATIENCE = 60.0


class Onlooker:
    """Asks for something small again and again, each time over a connection of its own.

    Args:
        server: Whom.
        path: What for.
        pause: Seconds between two requests.
    """

    def __init__(self, server: Server, path: str = "/livez", pause: float = _PAUSE) -> None:
        self._address = server.address
        self._path = path
        self._pause = pause
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.milliseconds: list[float] = []
        self.failures: list[str] = []

    def __enter__(self) -> Onlooker:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def counts(self, prefix: str = "") -> dict[str, Count]:
        """What he saw, by name."""
        p99 = percentile(self.milliseconds, 0.99)
        return {f"{prefix}others asked": len(self.milliseconds), f"{prefix}their p99 ms": p99}

    def wait(self) -> None:
        """Wait for about a request."""
        self._end.wait(self._pause)

    def _run(self) -> None:
        while not self._end.is_set():
            begin = time.monotonic()
            try:
                self._ask()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(f"somebody else got {type(error).__name__} for {self._path}")
            self.milliseconds.append(1000 * (time.monotonic() - begin))
            self._end.wait(self._pause)

    def _ask(self) -> None:
        connection = http.client.HTTPConnection(*self._address, timeout=_PATIENCE)
        try:
            connection.request("GET", self._path)
            answer = connection.getresponse()
            answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            self.failures.append(f"somebody else got {answer.status} for {self._path}")


def kinds(effort: Effort, seed: int) -> Sequence[str]:
    """Which servers a proof runs on: both of them, in its short form the one or the other."""
    return KINDS if effort is Effort.FULL else random.Random(seed).sample(KINDS, 1)


def percentile(values: list[float], share: float) -> float:
    """The value that so many of them do not exceed, 0 without any; one digit behind the point."""
    if not values:
        return 0.0
    return round(sorted(values)[min(len(values) - 1, int(len(values) * share))], 1)

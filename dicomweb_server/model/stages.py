"""How long a request waited for what: the index, the store, the codecs."""

from __future__ import annotations

import time
from contextvars import ContextVar, Token
from enum import Enum
from types import TracebackType

Times = dict["Stage", float]


class Stage(Enum):
    """What a request waits for; values as in Server-Timing."""

    INDEX = "index"
    STORE = "store"
    CODEC = "codec"


_TIMES: ContextVar[Times | None] = ContextVar("stage-times", default=None)
"""Seconds of the request at hand; each request has a dictionary of its own."""


def begin() -> tuple[Times, Token[Times | None]]:
    """Begin to count for the request at hand.

    Returns:
        Seconds by stage, growing while the request is served, and what `end` wants.
    """
    times: Times = {}
    return times, _TIMES.set(times)


def end(token: Token[Times | None]) -> None:
    """No longer count."""
    _TIMES.reset(token)


class Waiting:
    """Adds the time inside a `with` block to a stage; waits at the same time count each.

    Args:
        stage: What is waited for.
    """

    __slots__ = ("_begin", "_stage")

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._begin = 0.0

    def __enter__(self) -> None:
        self._begin = time.perf_counter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        times = _TIMES.get()
        if times is not None:
            passed = time.perf_counter() - self._begin
            times[self._stage] = times.get(self._stage, 0.0) + passed

"""A job together with whoever waits for it."""

from __future__ import annotations

import asyncio

from dicomweb_server.codec.messages import PackedJob
from dicomweb_server.codec.process import Reply


class Errand:
    """A job from the moment it is handed in until it is answered or given up.

    Args:
        job: The job.
        abandoned_seconds: Time that it may go on when nobody waits for it any more.
    """

    __slots__ = ("_abandoned_seconds", "_scope", "answer", "job", "size")

    def __init__(self, job: PackedJob, abandoned_seconds: float) -> None:
        self.job: PackedJob | None = job
        self.size = job.size
        self.answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._abandoned_seconds = abandoned_seconds
        self._scope: asyncio.Timeout | None = None

    @property
    def is_abandoned(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.answer.cancelled()

    def within(self, seconds: float) -> asyncio.Timeout:
        """The time in which it is to be done, which ends early when it is given up."""
        self._scope = asyncio.timeout(seconds)
        return self._scope

    def abandon(self) -> None:
        """Let go of it: it is not begun any more, or may go on for a moment only."""
        self.answer.cancel()
        self.job = None
        scope = self._scope
        if scope is None:
            return
        limit = asyncio.get_running_loop().time() + self._abandoned_seconds
        when = scope.when()
        if not scope.expired() and when is not None and limit < when:
            scope.reschedule(limit)

    def fulfil(self, reply: Reply) -> None:
        """Give the answer."""
        self._scope = None
        if not self.answer.done():
            self.answer.set_result(reply)

    def refuse(self, error: Exception) -> None:
        """Give an error instead."""
        self._scope = None
        if not self.answer.done():
            self.answer.set_exception(error)

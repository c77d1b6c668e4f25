"""Work for a client that may leave before it has its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from starlette.types import Receive

from dicomweb_server.web.body import ClientGone

T = TypeVar("T")

_SOON = 0.05
"""Seconds within which most answers are made; only what takes longer is watched over."""


async def attended(receive: Receive, work: Coroutine[object, object, T]) -> T:
    """Do something as long as the client is there; its request has no body that matters.

    Args:
        receive: Tells when the client leaves.
        work: What is done.

    Raises:
        ClientGone: It left; the work was cancelled.
    """
    watch = _Watch(receive)
    try:
        return await work
    except asyncio.CancelledError:
        if watch.has_cancelled():
            raise ClientGone from None
        raise
    finally:
        await watch.end()


class _Watch:
    """Cancels the running task when the client leaves; begins after a moment.

    Args:
        receive: Tells when the client leaves.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._task = asyncio.current_task()
        self._watcher: asyncio.Task[None] | None = None
        self._gone = False
        self._ended = False
        self._timer = asyncio.get_running_loop().call_later(_SOON, self._begin)

    def has_cancelled(self) -> bool:
        """Whether it was the client, and nobody else, for whom the task was cancelled."""
        return self._gone and self._task is not None and self._task.uncancel() == 0

    async def end(self) -> None:
        """Watch no longer."""
        self._ended = True
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.wait({self._watcher})

    def _begin(self) -> None:
        self._watcher = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if self._task is not None and not self._ended:
            self._gone = True
            self._task.cancel()

"""Work for a client that may leave before its answer begins."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from starlette.types import Receive

from dicomweb_server.web.body import ClientGone

T = TypeVar("T")

_SOON = 0.05
"""Seconds within which most answers begin; only what takes longer is watched over."""


async def attended(receive: Receive, work: Coroutine[object, object, T]) -> T:
    """Do something as long as the client is there; its request has no body that matters.

    Args:
        receive: Tells when the client leaves.
        work: What is done.

    Raises:
        ClientGone: It left; the work was cancelled.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=_SOON)
        if not task.done():
            await _either(task, receive)
        if not task.done():
            raise ClientGone
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})


async def _either(task: asyncio.Future[T], receive: Receive) -> None:
    """Wait for the end of the work, or for the client to leave."""
    watcher = asyncio.ensure_future(_left(receive))
    try:
        both: list[asyncio.Future[T] | asyncio.Future[None]] = [task, watcher]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        watcher.cancel()
        await asyncio.wait({watcher})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

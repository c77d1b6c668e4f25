"""The application as an ASGI server sees it, with an eye on its start."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import TypeAlias

from dicomweb_server.errors import ArchiveError

Event: TypeAlias = MutableMapping[str, object]
Receive: TypeAlias = Callable[[], Awaitable[Event]]
Send: TypeAlias = Callable[[Event], Awaitable[None]]
Application: TypeAlias = Callable[[Event, Receive, Send], Awaitable[None]]


_COLLECT_AFTER = 2_000
"""Objects made since the last search for cycles; more than a request leaves behind."""


def settle() -> None:
    """Spare the search for cycles what lives as long as the process: modules, classes, tables.

    What requests leave behind is freed by reference counts almost without exception.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 10, 20)


class Watched:
    """An application that tells when it has started, and keeps why it could not.

    Args:
        app: The application.
        ready: Called once, when it has started.
    """

    def __init__(self, app: Application, ready: Callable[[], None]) -> None:
        self._app = app
        self._ready = ready
        self.error: BaseException | None = None

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        """Pass everything on; a failed start is told to the server without its traceback."""
        if scope["type"] != "lifespan":
            # An answer that was begun and not ended is broken off by every server.
            with suppress(ConnectionAbortedError):
                await self._app(scope, receive, send)
            return

        async def watch(message: Event) -> None:
            if message["type"] == "lifespan.startup.failed":
                return
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                settle()
                self._ready()

        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            self.error = error
            why = error.detail if isinstance(error, ArchiveError) else type(error).__name__
            await send({"type": "lifespan.startup.failed", "message": why})
            raise

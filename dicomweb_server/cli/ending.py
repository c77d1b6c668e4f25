"""The end of a worker process whose server has none for requests that last too long."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection

from dicomweb_server.cli.asgi import Application, Event, Receive, Send
from dicomweb_server.cli.connections import connections, cut

_CLOSING_SECONDS = 6.0
"""Time in which everything is closed; the parent waits a little less."""


class Ending:
    """An application whose requests are ended when the time that they have to finish is over.

    granian waits without a bound for them, until it is killed; then nothing is closed in order. So
    they are cancelled, and the connections of clients that take nothing any more are cut.

    Args:
        app: The application.
        grace: Seconds that requests have from the moment when the server is told to stop.
        hear: Comes to its end when the server stops, or is gone and cannot tell it any more.
    """

    def __init__(self, app: Application, grace: float, hear: Connection) -> None:
        self._app = app
        self._grace = grace
        self._hear = hear
        self._requests: set[asyncio.Task[object]] = set()
        self._over = False

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        """Serve one request, or live as long as the process."""
        if scope["type"] == "lifespan":
            loop = asyncio.get_running_loop()
            threading.Thread(target=self._watch, args=(loop,), daemon=True).start()
            await self._app(scope, receive, send)
            return
        task = asyncio.current_task()
        if task is not None:
            self._requests.add(task)
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            if not self._over:
                raise
        finally:
            if task is not None:
                self._requests.discard(task)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(OSError):
            self._hear.poll(None)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(self._grace)
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self._end)
        time.sleep(_CLOSING_SECONDS)
        os._exit(1)  # the loop hangs, and a parent that is gone cannot kill it

    def _end(self) -> None:
        self._over = True
        for task in tuple(self._requests):
            task.cancel()
        for _, connection in connections():
            cut(connection)

"""A small application on the real launchers: ``python -m tests.cli.small_server KIND WORKERS``.

It answers `/` with its process id, holds `/slow` open for as many seconds as its query says,
dies on `/die`, begins an answer to `/unfinished` and leaves it, answers `/endless` with a gibibyte,
and tells at `/sent` how many bytes of that were taken from it. Its start fails where
SMALL_SERVER_FAILS is set, and while the file that SMALL_SERVER_FAILS_BY names exists;
SMALL_SERVER_GRACE are the seconds that requests have when it stops, SMALL_SERVER_IDLE those that a
connection may be idle.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from dicomweb_server.cli import on_granian, on_hypercorn
from dicomweb_server.cli.asgi import Event, Receive, Send
from dicomweb_server.cli.failure import exit_code, explain
from dicomweb_server.cli.listener import listen, url_of
from dicomweb_server.cli.supervisor import Supervisor
from dicomweb_server.errors import ArchiveError, ConfigurationError
from dicomweb_server.logs import configure
from dicomweb_server.settings import ServerKind, Settings, load

_PIECE = 65_536
_MOST = 1 << 30
"""Bytes behind which it ends all the same: nothing tells it that the client has left."""


def create(settings: Settings) -> SmallApp:
    """Make the application."""
    return SmallApp()


class SmallApp:
    """An ASGI application with a lifespan."""

    def __init__(self) -> None:
        self._sent = 0

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        path = scope["path"]
        if path == "/die":
            os._exit(9)
        if path == "/slow":
            query = scope["query_string"]
            assert isinstance(query, bytes)
            await asyncio.sleep(float(query))
        if path in ("/unfinished", "/endless"):
            await self._begin(send, endless=path == "/endless")
            return
        body = str(self._sent if path == "/sent" else os.getpid()).encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _begin(self, send: Send, *, endless: bool) -> None:
        """Send the first bytes of an answer, or all that are taken."""
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": bytes(_PIECE), "more_body": True})
            self._sent += _PIECE
            if not endless or self._sent > _MOST:
                return

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        if _fails():
            raise ConfigurationError("the small server cannot start", "take another one")
        await send({"type": "lifespan.startup.complete"})
        await receive()
        sys.stdout.write("stopped in order\n")
        sys.stdout.flush()
        await send({"type": "lifespan.shutdown.complete"})


def _fails() -> bool:
    file = os.environ.get("SMALL_SERVER_FAILS_BY")
    return "SMALL_SERVER_FAILS" in os.environ or (file is not None and Path(file).exists())


def main() -> None:
    """Serve."""
    kind, workers = ServerKind(sys.argv[1]), int(sys.argv[2])
    grace = float(os.environ.get("SMALL_SERVER_GRACE", "1"))
    idle = float(os.environ.get("SMALL_SERVER_IDLE", "10"))
    given = {"server.workers": workers, "server.port": 0, "server.graceful_seconds": grace}
    given["server.keep_alive_seconds"] = idle
    settings = load(None, {}, given).settings
    configure(settings.log)
    granian = kind is ServerKind.GRANIAN
    with listen(settings.server) as listening:

        def ready() -> None:
            sys.stdout.write(url_of(settings.server, listening) + "\n")
            sys.stdout.flush()

        try:
            if granian:
                on_granian.run(create, settings, listening, ready, lambda: None)
            elif workers > 1:
                Supervisor(create, settings, listening, ready, lambda: None).run()
            else:
                stop = on_hypercorn.stop_on_signals
                on_hypercorn.run(create(settings), settings.server, listening, ready, stop)
        except ArchiveError as error:
            explain(error)
            raise SystemExit(exit_code(error)) from None


if __name__ == "__main__":
    main()

"""An end to connections over which nobody asks for anything, where the server knows none."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

from dicomweb_server.cli.asgi import Application, Event, Receive, Send
from dicomweb_server.cli.connections import connections

_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class _Seen:
    peer: object
    since: float


class Idle:
    """An application that closes connections without a request.

    granian waits without end for the first byte, for an idle HTTP/2 connection, and for a request
    body that the application does not read to its end.

    Args:
        app: The application.
        seconds: Time that a connection may be open without a request under way.
    """

    def __init__(self, app: Application, seconds: float) -> None:
        self._app = app
        self._seconds = seconds
        self._busy: Counter[object] = Counter()
        self._served: set[object] = set()
        self._seen: dict[int, _Seen] = {}

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        """Serve one request, or live as long as the process."""
        if scope["type"] == "lifespan":
            threading.Thread(target=self._watch, daemon=True).start()
            await self._app(scope, receive, send)
            return
        peer = _host_and_port(scope.get("client"))
        self._busy[peer] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._served.add(peer)  # before it is no longer busy: another thread looks
            self._busy[peer] -= 1
            if not self._busy[peer]:
                del self._busy[peer]

    def look(self, now: float) -> None:
        """Close what has been idle for too long.

        Args:
            now: Time in seconds.
        """
        seen: dict[int, _Seen] = {}
        served, self._served = self._served, set()
        for number, connection in connections():
            with suppress(OSError):
                peer = _host_and_port(connection.getpeername())
                before = self._seen.get(number)
                asked = peer in self._busy or peer in served
                if asked or before is None or before.peer != peer:
                    before = _Seen(peer, now)
                elif now - before.since >= self._seconds:
                    connection.shutdown(socket.SHUT_RDWR)
                seen[number] = before
        self._seen = seen

    def _watch(self) -> None:
        while True:
            time.sleep(self._seconds / _ROUNDS)
            self.look(time.monotonic())


def _host_and_port(address: object) -> object:
    """What an address of either family has in common with what granian tells, ports as text."""
    return (address[0], str(address[1])) if isinstance(address, list | tuple) else None

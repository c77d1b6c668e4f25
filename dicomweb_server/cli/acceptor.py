"""Taking connections in: no more of them than there are descriptors for (RELIABILITY F16)."""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress

_log = logging.getLogger(__name__)

_OWN_DESCRIPTORS = 96
"""Of the process itself: databases, codec processes, locks, the log."""
_LEAST = 16
_MOST = 1 << 20
_AT_ONCE = 16
"""Connections that are taken before others get their turn."""
_PATIENCE_SECONDS = 1.0
"""Time in which another worker, or a connection that ends, may make room."""
_PAUSE_SECONDS = 0.2
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
    b"Content-Type: application/problem+json\r\nContent-Length: 135\r\n\r\n"
    b'{"type":"urn:dicomweb-server:problem:too-busy","title":"Temporarily unavailable",'
    b'"status":503,"detail":"too many connections are open"}'
)

Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def raise_limit() -> None:
    """Let the process have as many descriptors as it may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def most_connections() -> int:
    """Connections that leave enough descriptors for the files that their requests need."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return _MOST
    return min(_MOST, max(_LEAST, (limit - _OWN_DESCRIPTORS) * 2 // 3))


class Acceptor:
    """Accepts connections of one listening socket.

    asyncio's own server accepts until the descriptors are exhausted, for files too, and then tries
    again without a pause.

    Args:
        listening: The socket.
        connected: Serves a connection, in a task of its own.
        tls: How connections are encrypted; None where they are not.
        handshake_seconds: Time for the TLS handshake.
        most: Connections at the same time.
    """

    def __init__(
        self,
        listening: socket.socket,
        connected: Connected,
        tls: ssl.SSLContext | None,
        handshake_seconds: float,
        most: int,
    ) -> None:
        self._listening = listening
        self._connected = connected
        self._tls = tls
        self._handshake = handshake_seconds if tls else None
        self._most = most
        self._open = 0
        self._full = False
        self._freed = asyncio.Event()
        self._beginning: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self, backlog: int) -> None:
        """Begin, in the running loop."""
        self._listening.setblocking(False)
        self._listening.listen(backlog)
        self._task = asyncio.create_task(self._accept(), name="accept connections")

    async def close(self) -> None:
        """Accept no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            for _ in range(_AT_ONCE):
                if self._open >= self._most:
                    await self._wait_for_room()
                try:
                    taken, _address = await loop.sock_accept(self._listening)
                except OSError as error:
                    await self._pause(error)
                    continue
                self._take(taken)
            await asyncio.sleep(0)

    def _take(self, taken: socket.socket) -> None:
        if self._open >= self._most:
            self._turn_away(taken)
            return
        self._open += 1
        task = asyncio.create_task(self._begin(taken))
        self._beginning.add(task)
        task.add_done_callback(self._beginning.discard)

    async def _begin(self, taken: socket.socket) -> None:
        """Hand a connection over; one whose client has left, or speaks no TLS, is let go."""
        loop = asyncio.get_running_loop()
        protocol = _Protocol(asyncio.StreamReader(loop=loop), self._connected, self._release)
        try:
            await loop.connect_accepted_socket(
                lambda: protocol, taken, ssl=self._tls, ssl_handshake_timeout=self._handshake
            )
        except OSError:
            taken.close()
        finally:
            protocol.unmade()

    async def _wait_for_room(self) -> None:
        """Once each time that all places are taken."""
        if self._full:
            return
        self._freed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._freed.wait()
        self._full = self._open >= self._most
        if self._full:
            _log.warning("%d connections are open: further ones are turned away", self._open)

    def _turn_away(self, taken: socket.socket) -> None:
        with taken, suppress(OSError):
            if self._tls is None:
                taken.send(_BUSY)
                taken.shutdown(socket.SHUT_WR)
                taken.recv(65_536)  # else closing could overtake the answer

    def _release(self) -> None:
        self._open -= 1
        self._full = False
        self._freed.set()

    async def _pause(self, error: OSError) -> None:
        if error.errno in _EXHAUSTED:
            _log.warning("no connection can be taken: out of descriptors or memory")
            await asyncio.sleep(_PAUSE_SECONDS)
        elif error.errno in (errno.EBADF, errno.EINVAL):
            raise error


class _Protocol(asyncio.StreamReaderProtocol):
    """A connection's reader and writer, and word of its end."""

    def __init__(
        self, reader: asyncio.StreamReader, connected: Connected, release: Callable[[], None]
    ) -> None:
        super().__init__(reader, connected)
        self._release = release
        self._made = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._made = True
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        super().connection_lost(exc)
        self._release()

    def unmade(self) -> None:
        """It will not stand any more, unless it does."""
        if not self._made:
            self._release()

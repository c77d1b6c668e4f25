"""Serving by hypercorn.

hypercorn's protocols with a loop of our own around them, because its own loop waits without a
bound for open connections when it stops (on Python 3.12 and later).
"""

from __future__ import annotations

import asyncio
import logging
import os
import select
import signal
import socket
from collections.abc import Callable

from hypercorn.asyncio.lifespan import Lifespan
from hypercorn.asyncio.task_group import TaskGroup
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.events import Event as HttpEvent
from hypercorn.events import Updated
from hypercorn.protocol.h2 import H2Protocol
from hypercorn.typing import ConnectionState, LifespanState
from hypercorn.utils import LifespanFailureError, parse_socket_addr, wrap_app

from dicomweb_server.cli.acceptor import Acceptor, most_connections
from dicomweb_server.cli.asgi import Application, Watched
from dicomweb_server.cli.connections import Readers
from dicomweb_server.cli.http2 import Protocols
from dicomweb_server.cli.idleness import Idleness
from dicomweb_server.cli.tls import tls_context
from dicomweb_server.errors import ArchiveError, ConfigurationError
from dicomweb_server.settings import ServerSettings

_HEADER_BYTES = 64 * 1024
_REQUESTS_PER_CONNECTION = 1_000_000
_FIRST_REQUEST_SECONDS = 1.0
"""Time in which the request of a new connection must arrive when the server stops."""
_MOST_ROUNDS = 100
_CLOSING_SECONDS = 10.0
"""Time in which a client may take the last bytes of a connection that is being closed."""
_log = logging.getLogger(__name__)


def run(
    app: Application,
    server: ServerSettings,
    listening: socket.socket,
    ready: Callable[[], None],
    stop: Callable[[asyncio.Event], None],
) -> None:
    """Serve until told to stop, in this process.

    Args:
        app: The application.
        server: Time limits.
        listening: The socket.
        ready: Called when the application has started.
        stop: Called in the loop with the event that stops the server.

    Raises:
        ArchiveError: The application could not start.
    """
    watched = Watched(app, ready)
    try:
        asyncio.run(_Server(watched, server, listening).serve(stop))
    except LifespanFailureError:
        if isinstance(watched.error, ArchiveError):
            raise watched.error from None
        logging.getLogger(__name__).critical("the start failed", exc_info=watched.error)
        raise ConfigurationError(
            f"the server could not start: {type(watched.error).__name__}",
            "the log line above tells where",
        ) from None


def stop_on_signals(stop: asyncio.Event) -> None:
    """Let SIGTERM and SIGINT stop the server; the second one ends the process at once."""
    loop = asyncio.get_running_loop()

    def told(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told, number)


class _Connection(TCPServer):
    """A connection that ends, whatever its client does.

    hypercorn's own waits without end for the sending of what is answered behind the client's
    leaving, and for a client to take the last bytes before it is closed. And it starts two tasks
    behind each request to see whether another one comes.
    """

    async def run(self) -> None:
        """Serve requests until one side closes."""
        seconds = self.config.keep_alive_timeout
        self._idleness = Idleness(self.loop, seconds, self._leave)
        try:
            async with TaskGroup(self.loop) as task_group:
                self._task_group = task_group
                self.protocol = self._protocols(task_group)
                await self.protocol.initiate()
                self._rest()
                await self._read_data()
        except* OSError:
            pass  # the client is gone
        finally:
            await self._close()

    async def protocol_send(self, event: HttpEvent) -> None:
        """Send, or note that a request began or the last one ended."""
        if not isinstance(event, Updated):
            await super().protocol_send(event)
        elif event.idle:
            self._rest()
        else:
            self._idleness.end()

    def let_go(self) -> None:
        """Close it as soon as it has no request; the server stops."""
        if self._idleness.lasts:
            # The first request of a new connection may be on the way.
            is_new = not self.protocol.protocol.keep_alive_requests
            self.loop.call_later(_FIRST_REQUEST_SECONDS if is_new else 0, self._leave)

    def _rest(self) -> None:
        """No request is under way."""
        self._idleness.begin()
        if self.context.terminated.is_set():
            self.let_go()

    def _leave(self) -> None:
        """Close it, unless a request is under way or it is being closed already."""
        if self._idleness.lasts:
            self._idleness.stop()
            self._task_group.spawn(self._initiate_server_close)

    def _protocols(self, task_group: TaskGroup) -> Protocols:
        """What speaks HTTP over it.

        Raises:
            OSError: The client is gone already.
        """
        connection = self.writer.get_extra_info("socket")
        tls = self.writer.get_extra_info("ssl_object")
        protocols = Protocols(
            self.app,
            self.config,
            self.context,
            task_group,
            ConnectionState(self.state),
            tls is not None,
            parse_socket_addr(connection.family, connection.getpeername()),
            parse_socket_addr(connection.family, connection.getsockname()),
            self.protocol_send,
        )
        if tls is not None and tls.selected_alpn_protocol() == "h2":
            protocols.begin_http2()
        return protocols

    async def _read_data(self) -> None:
        try:
            await super()._read_data()
        finally:
            self._idleness.stop()
            protocol = self.protocol.protocol
            if isinstance(protocol, H2Protocol):
                for buffer in tuple(protocol.stream_buffers.values()):
                    await buffer.close()

    async def _close(self) -> None:
        """Close when what is under way has been taken, or soon."""
        abort = self.loop.call_later(_CLOSING_SECONDS, self.writer.transport.abort)
        try:
            await super()._close()
        finally:
            abort.cancel()

    async def _initiate_server_close(self) -> None:
        self.loop.call_later(_CLOSING_SECONDS, self.writer.transport.abort)
        await super()._initiate_server_close()


class _Config(Config):
    """hypercorn's configuration, which also writes the headers of every answer."""

    stopping = False

    def response_headers(self, protocol: str) -> list[tuple[bytes, bytes]]:
        """Headers of every answer; one that stops asks for no further request."""
        headers = super().response_headers(protocol)
        return [*headers, (b"connection", b"close")] if self._closes(protocol) else headers

    def _closes(self, protocol: str) -> bool:
        return self.stopping and protocol == "h11"


class _Server:
    """One listening socket and its open connections."""

    def __init__(self, app: Watched, server: ServerSettings, listening: socket.socket) -> None:
        self._app = wrap_app(app, 0, "asgi")  # type: ignore[arg-type] # typed by message there
        self._grace = server.graceful_seconds
        self._readers = Readers(server.stall_seconds)
        self._listening = listening
        self._backlog = server.backlog
        self._tls = tls_context(server)
        self._config = _config(server)
        self._context = WorkerContext(None)
        self._state: LifespanState = {}
        self._open: dict[asyncio.Task[None], _Connection] = {}

    async def serve(self, stop: Callable[[asyncio.Event], None]) -> None:
        """Start the application, serve, stop both."""
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        stop(stopped)
        lifespan = Lifespan(self._app, self._config, loop, self._state)
        living = loop.create_task(lifespan.handle_lifespan())
        await lifespan.wait_for_startup()
        if living.done():
            living.result()
        self._readers.start()
        acceptor = Acceptor(
            self._listening,
            self._connected,
            self._tls,
            self._config.keep_alive_timeout,
            most_connections(),
        )
        acceptor.start(self._backlog)
        await stopped.wait()
        await self._take_waiting()
        await acceptor.close()
        self._listening.close()
        await self._drain()
        await lifespan.wait_for_shutdown()
        living.cancel()
        await asyncio.gather(living, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        loop = asyncio.get_running_loop()
        connection = _Connection(
            self._app, loop, self._config, self._context, self._state, reader, writer
        )
        self._open[task] = connection
        task.add_done_callback(self._forget)
        try:
            await connection.run()
        except Exception as error:  # noqa: BLE001 - one connection must not end in a traceback
            _log.error("a connection failed", extra={"error": type(error).__name__})

    async def _take_waiting(self) -> None:
        """Accept who is connected already: closing the socket would break these off."""
        self._listening.listen(0)
        for _ in range(_MOST_ROUNDS):
            await asyncio.sleep(0)
            if not select.select([self._listening], [], [], 0)[0]:
                break
        await asyncio.sleep(0)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._open.pop(task, None)

    async def _drain(self) -> None:
        """Let requests finish; cut what is still open when the time is over."""
        self._config.stopping = True
        await self._context.terminated.set()
        for connection in tuple(self._open.values()):
            connection.let_go()
        loop = asyncio.get_running_loop()
        end = loop.time() + self._grace
        while self._open and loop.time() < end:
            await asyncio.wait(set(self._open), timeout=end - loop.time())
        for connection in self._open.values():
            connection.writer.transport.abort()
        for task in tuple(self._open):
            task.cancel()
        if self._open:
            await asyncio.wait(self._open, timeout=1)


def _config(server: ServerSettings) -> _Config:
    config = _Config()
    config.accesslog = None
    config.errorlog = logging.getLogger("hypercorn.error")
    config.include_server_header = False
    config.keep_alive_timeout = server.keep_alive_seconds
    config.keep_alive_max_requests = _REQUESTS_PER_CONNECTION
    config.h11_max_incomplete_size = _HEADER_BYTES
    config.graceful_timeout = server.graceful_seconds
    return config

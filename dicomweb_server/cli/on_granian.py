"""Serving by granian, which has worker processes and sockets of its own."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from types import FrameType

from granian._granian import SocketHolder
from granian.constants import Interfaces, SSLProtocols
from granian.http import HTTP1Settings, HTTP2Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from dicomweb_server.cli.acceptor import most_connections
from dicomweb_server.cli.asgi import Application, Watched
from dicomweb_server.cli.connections import Readers
from dicomweb_server.cli.dated import Dated
from dicomweb_server.cli.ending import Ending
from dicomweb_server.cli.failure import explain
from dicomweb_server.cli.idle import Idle
from dicomweb_server.cli.pieces import Pieces
from dicomweb_server.cli.replacements import Replacements, none_starts
from dicomweb_server.cli.starts import Starts
from dicomweb_server.errors import ArchiveError
from dicomweb_server.logs import configure
from dicomweb_server.settings import Settings

Factory = Callable[[Settings], Application]

_BACKPRESSURE = 16_384
_BUFFER_BYTES = 128 * 1024
"""Of each connection or stream in each direction."""
_HEADER_BYTES = 64 * 1024
_STREAMS = 100
_CANNOT_START = 1
_CLOSING_SECONDS = 5
"""Time in which a worker closes what it has open when its requests have ended."""
_LOG = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {},
    "handlers": {},
    "loggers": {"_granian": {"handlers": [], "propagate": True}},
}


class _Server(MPServer):
    """granian's server on a socket of ours, which all of its workers share.

    With a socket for each worker, as is granian's way, the connections that wait at one worker are
    broken off when it ends, although another could take them.
    """

    listening: socket.socket
    telling: Connection
    starts: Starts
    stopping: Callable[[], None]
    failure: ArchiveError | None = None

    def _init_shared_socket(self) -> None:
        """Keep granian from binding the address: it is ours."""
        self._ssp = self._shd = self._sso = None

    def _drop_shared_socket(self) -> None:
        """Take no more connections that nobody will answer; the workers take those that wait."""
        for worker in self.wrks:
            worker.interrupt_by_parent = True
        self.interrupt_children.clear()
        self.listening.close()
        self.telling.close()
        self.stopping()

    def _serve_loop(self, spawn_target: object, target_loader: object) -> None:
        """Replace workers that die, until a signal, or until one ends before any has started.

        granian's own takes workers that die again and again for such as cannot start, and those
        that take long to fail for such as can; and it misses who dies while it replaces another.
        """
        replacements = Replacements(_CANNOT_START)
        while not self.interrupt_signal:
            self.main_loop_interrupt.wait(replacements.seconds(time.monotonic()))
            self.main_loop_interrupt.clear()  # first: what comes from here on wakes it again
            self._note(replacements)
            if self.interrupt_signal or self.failure is not None:
                return
            places = replacements.take(time.monotonic())
            self._respawn_workers(places, spawn_target, target_loader)
            if self.reload_signal:
                self._reload(spawn_target, target_loader)  # type: ignore[no-untyped-call] # granian is typed in part
                self.main_loop_interrupt.set()

    def _note(self, replacements: Replacements) -> None:
        while self.interrupt_children:
            place = self.interrupt_children.pop(0)
            worker = self.wrks[place]
            if worker.is_alive():
                continue  # replaced already, by a reload
            if not self.starts.any():
                self.failure = none_starts()
                return
            replacements.died(place, worker.inner.exitcode, worker.birth, time.monotonic())


def run(
    factory: Factory,
    settings: Settings,
    listening: socket.socket,
    ready: Callable[[], None],
    stopping: Callable[[], None],
) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        factory: Makes the application in each worker process; a function of a module.
        settings: The settings.
        listening: The socket.
        ready: Called when the workers take connections.
        stopping: Called once the workers are told to stop.

    Raises:
        Unavailable: The workers cannot start.
    """
    multiprocessing.set_start_method("spawn", force=True)
    server = _granian(settings, listening)
    server.stopping = stopping
    server.starts = starts = Starts(multiprocessing.get_context("spawn"))
    hear, server.telling = multiprocessing.Pipe(duplex=False)
    waiting = partial(starts.wait, settings.server.workers)
    telling = threading.Thread(target=_tell, args=(waiting, ready), daemon=True)

    def begin() -> None:
        _take_signals(server)
        telling.start()

    server.on_startup(begin)
    server.serve(
        spawn_target=partial(work, listening, settings.server.backlog),
        target_loader=partial(load, factory, settings, starts, hear),
        wrap_loader=False,
    )
    if server.failure is not None:
        raise server.failure


def work(listening: socket.socket, backlog: int, *arguments: object) -> None:
    """Life of a worker process.

    It ends without the interpreter's finalization, into which granian's threads would run.
    """
    listening.setblocking(False)
    holder = SocketHolder(listening.fileno(), False, backlog)  # type: ignore[call-arg] # as in Rust
    MPServer._spawn_asgi_lifespan_worker(*arguments[:3], ((None, holder), None), *arguments[4:])
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)


def load(factory: Factory, settings: Settings, starts: Starts, hear: Connection) -> Application:
    """Make the application in a worker process."""
    configure(settings.log)
    try:
        answering = Pieces(Dated(factory(settings)))
        idle = Idle(answering, settings.server.keep_alive_seconds)
        ending = Ending(idle, settings.server.graceful_seconds, hear)
        Readers(settings.server.stall_seconds).start()
        return Watched(ending, starts.tell)
    except ArchiveError as error:
        explain(error)
        raise SystemExit(_CANNOT_START) from None


def _granian(settings: Settings, listening: socket.socket) -> _Server:
    address, port = listening.getsockname()[:2]
    server = settings.server
    made = _Server(
        "dicomweb_server",
        address=address,
        port=port,
        interface=Interfaces.ASGI,
        workers=server.workers,
        backlog=server.backlog,
        backpressure=min(_BACKPRESSURE, most_connections()),
        websockets=False,
        http1_settings=HTTP1Settings(
            header_read_timeout=round(server.keep_alive_seconds * 1000),
            max_buffer_size=_BUFFER_BYTES,
        ),
        http2_settings=HTTP2Settings(
            max_concurrent_streams=_STREAMS,
            max_headers_size=_HEADER_BYTES,
            max_send_buffer_size=_BUFFER_BYTES,
        ),
        ssl_cert=server.tls_certificate,
        ssl_key=server.tls_key,
        ssl_protocol_min=SSLProtocols.tls12,
        log_level=LogLevels.warning,
        log_dictconfig=_LOG,
        respawn_interval=0.5,
        workers_kill_timeout=round(server.graceful_seconds) + _CLOSING_SECONDS,
    )
    made.listening = listening
    return made


def _take_signals(server: MPServer) -> None:
    """Let the first signal stop the workers, and the second one end everything at once."""
    stopping = threading.Event()

    def told(number: int, frame: FrameType | None) -> None:
        if stopping.is_set():
            for worker in server.wrks:
                worker.kill()  # type: ignore[no-untyped-call] # granian is typed in part
            os._exit(128 + number)
        stopping.set()
        server.signal_handler_interrupt()  # type: ignore[no-untyped-call] # granian is typed in part

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)


def _tell(waiting: Callable[[], None], ready: Callable[[], None]) -> None:
    waiting()
    ready()

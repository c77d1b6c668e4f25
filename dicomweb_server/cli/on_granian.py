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
from multiprocessing.synchronize import Semaphore
from types import FrameType

from granian.constants import Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from dicomweb_server.cli.asgi import Application, Watched
from dicomweb_server.cli.failure import explain
from dicomweb_server.errors import ArchiveError, Unavailable
from dicomweb_server.logs import configure
from dicomweb_server.settings import Settings

Factory = Callable[[Settings], Application]

_BACKPRESSURE = 16_384
_POLL_SECONDS = 0.02
_CANNOT_START = 1
_LOG = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {},
    "handlers": {},
    "loggers": {"_granian": {"handlers": [], "propagate": True}},
}


class Respawned(dict[int, float]):
    """When granian replaced each worker, which it reads to end a server whose workers keep dying.

    Workers that served must not end the others, however often they are killed; only those that
    cannot start are told to it.
    """

    def __init__(self, server: MPServer) -> None:
        super().__init__()
        self._server = server

    def get(self, key: int, default: float = 0.0, /) -> float:  # type: ignore[override]
        """Time of the last replacement of a worker that could not start, else the default."""
        could_not_start = self._server.wrks[key].inner.exitcode == _CANNOT_START
        return super().get(key, default) if could_not_start else default


def run(
    factory: Factory, settings: Settings, reserved: socket.socket, ready: Callable[[], None]
) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        factory: Makes the application in each worker process; a function of a module.
        settings: The settings.
        reserved: A socket that holds the address and does not listen.
        ready: Called when the workers take connections.

    Raises:
        Unavailable: The workers cannot start.
    """
    multiprocessing.set_start_method("spawn", force=True)
    started = multiprocessing.get_context("spawn").Semaphore(0)
    server = _granian(settings, reserved)
    server.respawned_wrks = Respawned(server)
    waiting = partial(_wait, started, settings.server.workers, reserved)
    telling = threading.Thread(target=_tell, args=(waiting, ready), daemon=True)

    def begin() -> None:
        _take_signals(server)
        telling.start()

    server.on_startup(begin)
    try:
        server.serve(
            spawn_target=work,
            target_loader=partial(load, factory, settings, started),
            wrap_loader=False,
        )
    except SystemExit:
        raise Unavailable("a worker process ended", "its message stands above") from None


def work(*arguments: object) -> None:
    """Life of a worker process.

    It ends without the interpreter's finalization, into which granian's threads would run.
    """
    MPServer._spawn_asgi_lifespan_worker(*arguments)
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)


def load(factory: Factory, settings: Settings, started: Semaphore) -> Application:
    """Make the application in a worker process."""
    configure(settings.log)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        return Watched(factory(settings), _started(started))
    except ArchiveError as error:
        explain(error)
        raise SystemExit(_CANNOT_START) from None


def _granian(settings: Settings, reserved: socket.socket) -> MPServer:
    address, port = reserved.getsockname()[:2]
    server = settings.server
    return MPServer(
        "dicomweb_server",
        address=address,
        port=port,
        interface=Interfaces.ASGI,
        workers=server.workers,
        backlog=server.backlog,
        backpressure=_BACKPRESSURE,
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=round(server.keep_alive_seconds * 1000)),
        ssl_cert=server.tls_certificate,
        ssl_key=server.tls_key,
        ssl_protocol_min=SSLProtocols.tls12,
        log_level=LogLevels.warning,
        log_dictconfig=_LOG,
        respawn_failed_workers=True,
        respawn_interval=0.5,
        workers_kill_timeout=round(server.graceful_seconds) + 1,
    )


def _take_signals(server: MPServer) -> None:
    """Let the first signal stop the workers, and the second one end everything at once."""
    stopping = threading.Event()

    def told(number: int, frame: FrameType | None) -> None:
        if stopping.is_set():
            for worker in server.wrks:
                worker.kill()  # type: ignore[no-untyped-call] # granian is typed in part
            os._exit(128 + number)
        stopping.set()
        server.signal_handler_interrupt()  # type: ignore[no-untyped-call] # as above

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)


def _end_with_parent() -> None:
    """Stop this worker when the main process is gone, which cannot tell it to any more."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _started(started: Semaphore) -> Callable[[], None]:
    def release() -> None:
        started.release()

    return release


def _wait(started: Semaphore, workers: int, reserved: socket.socket) -> None:
    """Wait until every worker's application has started and a socket takes connections."""
    for _ in range(workers):
        started.acquire()
    while True:
        try:
            socket.create_connection(reserved.getsockname()[:2], timeout=1).close()
        except OSError:
            time.sleep(_POLL_SECONDS)
        else:
            return


def _tell(waiting: Callable[[], None], ready: Callable[[], None]) -> None:
    waiting()
    ready()

"""The process that serves DIMSE: started, watched and ended with the server."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from dicomweb_server.app import make_services, open_ports, plan_of
from dicomweb_server.cli.dimse import DimseSockets, secure_context
from dicomweb_server.cli.failure import explain
from dicomweb_server.dimse.archive import Archive
from dicomweb_server.dimse.bridge import Bridge
from dicomweb_server.dimse.guard import Bounds
from dicomweb_server.dimse.library import quieten
from dicomweb_server.dimse.peers import Peer, Peers
from dicomweb_server.dimse.server import DimseServer, Rules
from dicomweb_server.dimse.verb import Permission
from dicomweb_server.errors import ArchiveError
from dicomweb_server.logs import configure
from dicomweb_server.settings import DimseSettings, Settings

_CANNOT_START = 78
_FAILED = 1
_SHORTEST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_LONG_LIFE = 60.0
"""Seconds of life after which a death is the first one again."""
_CLOSING_SECONDS = 5.0

_log = logging.getLogger(__name__)


class BridgeProcess:
    """Keeps the process alive until it is told to stop.

    Args:
        settings: The settings.
        sockets: Where associations come in; open here too, so that peers wait while it restarts.
    """

    def __init__(self, settings: Settings, sockets: DimseSockets) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._settings = settings
        self._sockets = sockets
        self._wake, self._waker = self._context.Pipe(duplex=False)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bridge supervisor", daemon=True)

    def start(self) -> None:
        """Start it."""
        self._thread.start()

    def tell(self) -> None:
        """Let it stop; it finishes what is under way. Returns at once."""
        if not self._stopping.is_set():
            self._stopping.set()
            with suppress(OSError):
                self._waker.send_bytes(b"x")

    def close(self) -> None:
        """Wait for its end."""
        self.tell()
        self._sockets.close()
        self._thread.join()

    def _run(self) -> None:
        pause = _SHORTEST_PAUSE
        while not self._stopping.is_set():
            born = time.monotonic()
            process, telling = self._spawn()
            wait([self._wake, process.sentinel])
            if self._stopping.is_set():
                self._end(process, telling)
                return
            telling.close()
            process.join()
            if time.monotonic() - born > _LONG_LIFE:
                pause = _SHORTEST_PAUSE
            _log.error(
                "the process that serves DICOM associations died and is replaced",
                extra={"exit_code": process.exitcode, "pause": pause},
            )
            self._wake.poll(pause)
            pause = min(_LONGEST_PAUSE, 2 * pause)

    def _spawn(self) -> tuple[SpawnProcess, Connection]:
        hear, telling = self._context.Pipe(duplex=False)
        process = self._context.Process(target=work, args=(self._settings, self._sockets, hear))
        process.start()
        hear.close()
        return process, telling

    def _end(self, process: SpawnProcess, telling: Connection) -> None:
        with suppress(OSError):
            telling.send_bytes(b"x")
        process.join(self._settings.server.graceful_seconds + _CLOSING_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()
        telling.close()


@contextmanager
def bridging(settings: Settings, sockets: DimseSockets) -> Iterator[BridgeProcess]:
    """Serve DIMSE for as long as the context lasts.

    Args:
        settings: The settings.
        sockets: Where associations come in.
    """
    process = BridgeProcess(settings, sockets)
    process.start()
    try:
        yield process
    finally:
        process.close()


def work(settings: Settings, sockets: DimseSockets, hear: Connection) -> None:
    """Life of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    configure(settings.log)
    quieten()
    try:
        asyncio.run(_serve(settings, sockets, hear))
    except ArchiveError as error:
        explain(error)
        raise SystemExit(_CANNOT_START) from None
    except Exception as error:  # noqa: BLE001 - a traceback on standard error may quote patients
        _log.critical("serving DICOM associations failed", exc_info=error)
        raise SystemExit(_FAILED) from None


async def _serve(settings: Settings, sockets: DimseSockets, hear: Connection) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    now = asyncio.Event()

    def told() -> None:
        stopped.set()
        try:
            hear.recv_bytes()
        except (EOFError, OSError):  # the server is gone, or must go at once
            loop.remove_reader(hear.fileno())
            now.set()

    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    loop.add_reader(hear.fileno(), told)
    async with open_ports(settings) as ports:
        services = make_services(settings, ports)
        archive = Archive(
            authenticator=services.authenticator,
            ingest=services.ingest,
            search=services.search,
            retrieve=services.retrieve,
            plan=plan_of(settings),
            title=settings.dimse.ae_title,
            peers=peers_of(settings.dimse),
        )
        rules = Rules(strict=settings.dimse.strict, any_class=settings.dimse.any_sop_class)
        server = DimseServer(archive, Bridge(loop), bounds_of(settings.dimse), rules)
        server.listen(sockets.plain)
        if sockets.secured is not None:
            server.listen(sockets.secured, secure_context(settings.dimse))
        await stopped.wait()
        closing = asyncio.ensure_future(
            asyncio.to_thread(server.close, settings.server.graceful_seconds)
        )
        leaving = asyncio.ensure_future(now.wait())
        await asyncio.wait((closing, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not closing.done():
            server.cut()
            await closing
        leaving.cancel()


def bounds_of(settings: DimseSettings) -> Bounds:
    """What peers may take."""
    return Bounds(
        pdu=settings.max_pdu,
        associations=settings.max_associations,
        per_address=settings.max_associations_per_address,
        artim_seconds=settings.artim_seconds,
        idle_seconds=settings.idle_seconds,
    )


def peers_of(settings: DimseSettings) -> Peers:
    """The AEs that are known."""
    return Peers(
        tuple(
            Peer(
                title=each.title,
                host=each.host,
                port=each.port,
                tls=each.tls,
                allow=frozenset(Permission(verb.value) for verb in each.allow),
            )
            for each in settings.ae
        )
    )

"""Several worker processes on one listening socket."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import FrameType

from dicomweb_server.cli import on_hypercorn
from dicomweb_server.cli.asgi import Application
from dicomweb_server.cli.failure import explain
from dicomweb_server.cli.replacements import Replacements, none_starts
from dicomweb_server.errors import ArchiveError
from dicomweb_server.logs import configure
from dicomweb_server.settings import Settings

Factory = Callable[[Settings], Application]

_CANNOT_START = 78
_CLOSING_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Supervisor:
    """Starts workers, starts another when one dies, and stops them all.

    Args:
        factory: Makes the application in each worker; a function of a module.
        settings: The settings.
        listening: The socket that all of them share.
        ready: Called when all workers have started.
        stopping: Called once the workers are told to stop.
    """

    def __init__(
        self,
        factory: Factory,
        settings: Settings,
        listening: socket.socket,
        ready: Callable[[], None],
        stopping: Callable[[], None],
    ) -> None:
        self._tell_of_stop = stopping
        self._context = multiprocessing.get_context("spawn")
        self._factory = factory
        self._settings = settings
        self._listening = listening
        self._ready = ready
        self._started = 0
        self._hear, self._tell = self._context.Pipe(duplex=False)
        self._wake, self._waker = os.pipe()
        self._born: dict[SpawnProcess, float] = {}
        self._replacements = Replacements(_CANNOT_START)
        self._stopping = False

    def run(self) -> None:
        """Keep the workers alive until SIGTERM or SIGINT.

        Raises:
            ArchiveError: Workers cannot start.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told)
        try:
            for _ in range(self._settings.server.workers):
                self._start()
            while not self._stopping:
                self._tend()
        finally:
            self._stop()

    def _start(self) -> None:
        process = self._context.Process(
            target=work, args=(self._factory, self._settings, self._listening, self._tell)
        )
        process.start()
        self._born[process] = time.monotonic()

    def _tend(self) -> None:
        events: list[Connection | int] = [
            self._wake,
            self._hear,
            *(process.sentinel for process in self._born),
        ]
        wait(events, self._replacements.seconds(time.monotonic()))
        dead = [each for each in self._born if not each.is_alive()]
        while self._hear.poll():  # behind the look for dead ones: those may have started
            self._hear.recv_bytes()
            self._started += 1
            if self._started == self._settings.server.workers:
                self._ready()
        for process in dead:
            self._note(process)
        if not self._stopping:
            for _ in self._replacements.take(time.monotonic()):
                self._start()

    def _note(self, process: SpawnProcess) -> None:
        born = self._born.pop(process)
        if self._stopping:
            return
        if not self._started:
            raise none_starts()
        _log.error("a worker died and is replaced", extra={"exit_code": process.exitcode})
        self._replacements.died(0, process.exitcode, born, time.monotonic())

    def _told(self, number: int, frame: FrameType | None) -> None:
        if self._stopping:
            for process in self._born:
                process.kill()
            os._exit(128 + number)
        self._stopping = True
        os.write(self._waker, b"x")

    def _stop(self) -> None:
        self._stopping = True
        # Open here, it would go on to take connections that nobody answers.
        self._listening.close()
        for process in self._born:
            process.terminate()
        self._tell_of_stop()
        end = time.monotonic() + self._settings.server.graceful_seconds + _CLOSING_SECONDS
        for process in self._born:
            process.join(max(0.0, end - time.monotonic()))
            if process.is_alive():
                process.kill()


def work(factory: Factory, settings: Settings, listening: socket.socket, tell: Connection) -> None:
    """Life of one worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    configure(settings.log)

    def ready() -> None:
        tell.send_bytes(b"x")

    try:
        on_hypercorn.run(factory(settings), settings.server, listening, ready, _stop_with_parent)
    except ArchiveError as error:
        explain(error)
        raise SystemExit(_CANNOT_START) from None


def _stop_with_parent(stop: asyncio.Event) -> None:
    """Let SIGTERM stop the worker, and the end of its parent too."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def orphaned() -> None:
            loop.remove_reader(parent.sentinel)
            stop.set()

        loop.add_reader(parent.sentinel, orphaned)

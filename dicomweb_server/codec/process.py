"""One codec process as the server sees it: start, exchange, end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import dicomweb_server
from dicomweb_server.codec.channel import Channel
from dicomweb_server.codec.messages import (
    OUT_OF_MEMORY,
    REPLY_HEAD,
    Outcome,
    PackedJob,
    ProtocolError,
    ReplyHead,
    read_notes,
    reply_head,
)
from dicomweb_server.codec.window import Window
from dicomweb_server.model.limits import MIB, CodecLimits

_BUFFER = 4 * MIB
"""Bytes on their way in each direction, as far as the system allows."""

_PASSED_ON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "SYSTEMROOT")
_OWN_ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(32 * MIB),
    "MALLOC_TRIM_THRESHOLD_": str(64 * MIB),
}
"""Arrays of one frame are taken from memory that the one before gave back: fresh pages would cost
more than the decoding of a small frame."""
_START_SECONDS = 30.0
_REAP_SECONDS = 10.0
_LAST_MOMENTS = 50


class ProcessEnded(Exception):
    """A codec process ended, or made no sense and was ended.

    Args:
        reason: Why, as the end of a sentence about it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Reply:
    """What a codec process made of a job."""

    outcome: Outcome
    notes: Mapping[str, object]
    data: bytes


class CodecProcess:
    """A running codec process; made by `start`.

    Args:
        process: The process.
        end: Our end of the socket, not blocking.
        window: Memory that it shares with us, if any.
        limits: Bounds of its replies.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        end: socket.socket,
        window: Window | None,
        limits: CodecLimits,
    ) -> None:
        self._process = process
        self._channel = Channel(end)
        self._window = window
        self._limits = limits

    @classmethod
    async def start(cls, limits: CodecLimits) -> CodecProcess:
        """Start a process and wait until it can take jobs.

        Raises:
            ProcessEnded: It did not come up.
            OSError: The system refuses.
        """
        spawning = asyncio.create_task(asyncio.to_thread(_spawn, limits))
        try:
            process = cls(*await asyncio.shield(spawning), limits)
        except asyncio.CancelledError:
            with suppress(OSError):  # the thread goes on, and what it starts must not be lost
                await cls(*await spawning, limits).end()
            raise
        try:
            async with asyncio.timeout(_START_SECONDS):
                await process._require_ready()
        except BaseException as error:
            await process.end()
            if isinstance(error, TimeoutError):
                raise ProcessEnded("did not come up in time") from error
            raise
        return process

    @property
    def identifier(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether it is gone, as far as the system knows."""
        return self._process.poll() is not None

    async def exchange(self, job: PackedJob) -> Reply:
        """Let it do one job.

        A call that is cancelled leaves the process in the middle of a message: end it then.

        Raises:
            ProcessEnded: It ended meanwhile.
        """
        try:
            await self._send(job)
        except OSError as error:
            raise ProcessEnded(await self._death()) from error
        return await self._receive(self._limits.frame)

    def watch(self, ended: Callable[[], None]) -> None:
        """Call a function when it ends (or speaks) unasked; until `unwatch`."""
        self._channel.watch(ended)

    def unwatch(self) -> None:
        """Stop watching."""
        self._channel.unwatch()

    async def end(self) -> None:
        """Kill it and wait until it is gone."""
        self._channel.close()
        if self._window is not None:
            self._window.close()
        self._process.kill()
        await self._reap()

    async def _send(self, job: PackedJob) -> None:
        in_window = self._window is not None and self._window.put_job(job.data)
        await self._channel.send(job.message(in_window=in_window))
        if not in_window:
            for piece in job.data:
                await self._channel.send(piece)

    async def _require_ready(self) -> None:
        if (await self._receive(0)).outcome is not Outcome.READY:
            raise ProcessEnded("did not say that it is ready")

    async def _receive(self, most: int) -> Reply:
        try:
            head = reply_head(await self._channel.exactly(REPLY_HEAD.size), most)
            notes = read_notes(await self._channel.exactly(head.notes)) if head.notes else {}
            data = await self._result(head)
        except ProtocolError as error:
            raise ProcessEnded("gave an answer that makes no sense") from error
        except (OSError, EOFError) as error:
            raise ProcessEnded(await self._death()) from error
        return Reply(head.outcome, notes, data)

    async def _result(self, head: ReplyHead) -> bytes:
        if not head.in_window:
            return bytes(await self._channel.exactly(head.data))
        if self._window is None:
            raise ProtocolError("a reply lies in a window that there is not")
        return self._window.reply(head.data)

    async def _death(self) -> str:
        """Why it ended, once its socket has."""
        for _ in range(_LAST_MOMENTS):
            if self._process.poll() is not None:
                break
            await asyncio.sleep(0.01)  # a process ends a moment after its socket does
        else:
            self._process.kill()
        return _reason(await self._reap(), self._limits)

    async def _reap(self) -> int | None:
        status = self._process.poll()
        if status is None:
            with suppress(subprocess.TimeoutExpired):
                status = await asyncio.to_thread(self._process.wait, _REAP_SECONDS)
        return status


def _reason(status: int | None, limits: CodecLimits) -> str:
    if status is None:
        return "does not end"
    if status == OUT_OF_MEMORY:
        return "needs more memory than it may have"
    if status >= 0:
        return f"ended with status {status}"
    if -status == signal.SIGXCPU:
        return f"took longer than {limits.seconds:g} s of processor time"
    if -status == signal.SIGKILL:
        return "was ended from outside (signal 9), perhaps for want of memory"
    return f"ended with signal {-status}"


def _spawn(
    limits: CodecLimits,
) -> tuple[subprocess.Popen[bytes], socket.socket, Window | None]:
    """Start a process; blocking."""
    ours, theirs = socket.socketpair()
    shared = Window.create()
    try:
        for end in (ours, theirs):
            _widen(end)
        ours.setblocking(False)
        process = _run(limits, theirs.fileno(), shared)
        window = None if shared is None else Window(shared)
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
        if shared is not None:
            os.close(shared)
    return process, ours, window


def _run(limits: CodecLimits, channel: int, shared: int | None) -> subprocess.Popen[bytes]:
    passed = (channel,) if shared is None else (channel, shared)
    window = -1 if shared is None else shared
    numbers = (channel, window, os.getpid(), limits.memory, limits.frame, limits.seconds)
    # In a process group of its own, so that Ctrl-C on a terminal is for the server alone.
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-P", "-m", "dicomweb_server.codec.worker", *map(str, numbers)],
        pass_fds=passed,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=_environment(),
        process_group=0,
    )


def _environment() -> dict[str, str]:
    """Nothing of ours but where modules are found."""
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    home = Path(dicomweb_server.__path__[0]).resolve().parent
    path = [each for each in sys.path if Path(each).is_absolute()]
    return {**passed, **_OWN_ENVIRONMENT, "PYTHONPATH": os.pathsep.join([*path, str(home)])}


def _widen(end: socket.socket) -> None:
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)

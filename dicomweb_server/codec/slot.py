"""Places for codec processes: each is filled, gets jobs, and is filled again when they end it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque

from dicomweb_server.codec.breaker import Breaker
from dicomweb_server.codec.errand import Errand
from dicomweb_server.codec.messages import PackedJob
from dicomweb_server.codec.process import CodecProcess, ProcessEnded
from dicomweb_server.errors import CodecFailed, Unavailable
from dicomweb_server.model.limits import CodecLimits

_log = logging.getLogger(__name__)

_PATIENCE = 4
"""Processes of a slot that may end without one good job between them before it makes a pause."""
_FIRST_PAUSE = 0.25
_PAUSE_OF_CRASHES = 0.25
"""The longest pause where jobs ended processes: those of others, behind them, are not to wait."""
_LONGEST_PAUSE = 5.0
"""The longest pause where processes do not start."""


class Dispatcher:
    """Jobs that wait, and the slots that take them.

    Args:
        limits: Bounds of jobs and processes.
    """

    def __init__(self, limits: CodecLimits) -> None:
        self.limits = limits
        self.breaker = Breaker(limits)
        self.waiting: deque[Errand] = deque()
        self.idle: list[Slot] = []
        self.slots: list[Slot] = []

    def put(self, errand: Errand) -> None:
        """Hand in a job; a slot takes it, a new one where all are busy and there may be more."""
        self.waiting.append(errand)
        if self.idle:
            self.idle.pop().wake()
        elif len(self.slots) < self.limits.workers:
            self.open_slot()

    def open_slot(self) -> None:
        """Start one more process, in the background."""
        self.slots.append(Slot(self))

    def pass_on(self) -> None:
        """Let another slot do what the one that was called for cannot do now."""
        if self.waiting and self.idle:
            self.idle.pop().wake()

    def take(self) -> Errand | None:
        """The next job that somebody waits for."""
        while self.waiting:
            errand = self.waiting.popleft()
            if not errand.is_abandoned:
                return errand
        return None

    def forget(self, errand: Errand) -> None:
        """Let go of a job that nobody waits for any more."""
        errand.abandon()
        if errand in self.waiting:
            self.waiting.remove(errand)

    def refuse_all(self, error: CodecFailed | Unavailable) -> None:
        """Answer all that wait with an error."""
        while (errand := self.take()) is not None:
            errand.refuse(error)

    async def close(self) -> None:
        """End all processes; who waits gets an error."""
        self.refuse_all(_stopping())
        await asyncio.gather(*(slot.close() for slot in self.slots))
        self.slots.clear()


class Slot:
    """A codec process and its successors.

    Args:
        dispatcher: Where jobs come from.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._limits = dispatcher.limits
        self._process: CodecProcess | None = None
        self._call: asyncio.Future[None] | None = None
        self._crashes = 0
        self._failed_starts = 0
        self._task = asyncio.create_task(self._serve(), name="codec slot")

    @property
    def identifier(self) -> int | None:
        """Process id, None while there is no process."""
        return None if self._process is None else self._process.identifier

    def wake(self) -> None:
        """Look for jobs, or at the process."""
        if self._call is not None and not self._call.done():
            self._call.set_result(None)

    async def close(self) -> None:
        """End the process and stop."""
        self._task.cancel()
        await asyncio.wait([self._task])
        if self._process is not None:
            await self._drop(self._process)

    async def _serve(self) -> None:
        while True:
            if self._process is None:
                self._dispatcher.pass_on()
                self._process = await self._fill()
                continue
            errand = self._dispatcher.take()
            if errand is None:
                await self._rest(self._process)
            else:
                await self._do(errand, self._process)

    async def _fill(self) -> CodecProcess | None:
        """Start a process, after a pause where several have ended."""
        await asyncio.sleep(
            max(
                _pause(self._crashes, _PAUSE_OF_CRASHES),
                _pause(self._failed_starts, _LONGEST_PAUSE),
            )
        )
        try:
            process = await CodecProcess.start(self._limits)
        except ProcessEnded as error:
            self._not_started(error.reason)
        except OSError as error:
            self._not_started(f"was refused by the system ({error.strerror})")
        except Exception as error:  # noqa: BLE001 - whatever it is, the slot must go on
            self._not_started(f"met an error of the server ({type(error).__name__})")
        else:
            self._failed_starts = 0
            return process
        return None

    def _not_started(self, reason: str) -> None:
        self._failed_starts += 1
        _log.error("a codec process could not be started: it %s", reason)
        nobody = all(slot.identifier is None for slot in self._dispatcher.slots)
        if nobody and self._failed_starts > 1:
            self._dispatcher.refuse_all(
                CodecFailed(f"no codec process can be started: the last one {reason}")
            )

    async def _rest(self, process: CodecProcess) -> None:
        """Wait for a call; a process that ends (or speaks) meanwhile is replaced."""
        ended = False

        def notice() -> None:
            nonlocal ended
            ended = True
            process.unwatch()
            self.wake()

        self._call = asyncio.get_running_loop().create_future()
        self._dispatcher.idle.append(self)
        process.watch(notice)
        try:
            await self._call
        finally:
            process.unwatch()
            if self in self._dispatcher.idle:
                self._dispatcher.idle.remove(self)
        if ended or process.has_ended:
            self._crashes += 1
            _log.warning("an idle codec process ended")
            await self._drop(process)

    async def _do(self, errand: Errand, process: CodecProcess) -> None:
        job = errand.job
        if job is None:
            return
        if self._dispatcher.breaker.is_open(job):
            errand.refuse(refused())
            return
        try:
            async with errand.within(self._limits.seconds):
                reply = await process.exchange(job)
        except TimeoutError:
            await self._fail(errand, job, f"took longer than {self._limits.seconds:g} s")
        except ProcessEnded as error:
            await self._fail(errand, job, error.reason)
        except asyncio.CancelledError:
            errand.refuse(_stopping())
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the slot must go on
            await self._fail(errand, job, f"met an error of the server ({type(error).__name__})")
        else:
            self._crashes = 0
            errand.fulfil(reply)

    async def _fail(self, errand: Errand, job: PackedJob, reason: str) -> None:
        if not errand.is_abandoned:
            self._crashes += 1
            self._dispatcher.breaker.strike(job)
            _log.warning("the codec process of a job (%s) %s", job.name, reason)
        errand.refuse(CodecFailed(f"the codec process {reason}"))
        if self._process is not None:
            await self._drop(self._process)

    async def _drop(self, process: CodecProcess) -> None:
        self._process = None
        await process.end()


def refused() -> CodecFailed:
    """Why a job is not done that has ended processes before."""
    return CodecFailed(
        "this frame has ended its codec process several times and is refused for a while"
    )


def _pause(ended: int, longest: float) -> float:
    """Seconds to wait where so many processes ended one behind the other."""
    if ended < _PATIENCE:
        return 0.0
    return min(_FIRST_PAUSE * 2.0 ** min(ended - _PATIENCE, 10), longest)


def _stopping() -> Unavailable:
    return Unavailable("the server is stopping")

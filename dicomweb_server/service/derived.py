"""What was computed from stored bytes: made once for all who wait, and kept for who comes next."""

from __future__ import annotations

import asyncio
import copy
import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import cache
from importlib.metadata import version

from dicomweb_server.errors import ArchiveError, FrameUndecodable
from dicomweb_server.model.limits import KIB, MIB
from dicomweb_server.service.behind import Behind
from dicomweb_server.store.port import RenditionStore

_log = logging.getLogger(__name__)

Make = Callable[[], Awaitable[bytes]]

REVISION = 2
"""Changes whenever codecs give other bytes for the same parameters than before."""
_ENGINES = ("imagecodecs", "pyjpegls", "pylibjpeg-openjpeg", "pillow")
"""Distributions whose versions may give other bytes, too."""

DERIVED = "-derived"
"""How keys of results end."""

_RECENT = 16 * MIB
_SMALL = 256 * KIB
_FAILURES = 1_000
_UNDECODABLE_SECONDS = 30.0
"""For how long that a frame cannot be decoded is told again without another try. What ended a codec
process may have been none of the frame: that is tried again, until `codec.breaker` has enough."""


@cache
def maker() -> str:
    """What makes results: with another one the same parameters may give other bytes."""
    return " ".join([str(REVISION), *map(version, _ENGINES)])


class Derived:
    """Results by the content that they were made from and the parameters of the making.

    Small ones stay in memory for a while, all stay on disk while there is room. A result that
    cannot be kept is delivered all the same.

    Args:
        renditions: Where they are kept.
    """

    def __init__(self, renditions: RenditionStore) -> None:
        self._renditions = renditions
        self._behind = Behind(renditions)
        self._recent = _Recent(_RECENT)
        self._flights: dict[str, _Flight] = {}
        self._failures: OrderedDict[str, tuple[float, ArchiveError]] = OrderedDict()

    async def get(self, digest: str, name: str, make: Make) -> bytes:
        """A result: the one that is kept, else a new one.

        However many ask at the same time, it is made once. Who is cancelled does not take it from
        the others; when the last one is, the making is.

        Args:
            digest: SHA-256 of the content, in hex.
            name: Differs wherever the parameters do.
            make: Makes it.

        Raises:
            ArchiveError: What `make` raises. Frames that cannot be decoded are remembered for
                some seconds.
        """
        key = _key(digest, name)
        data = self._at_hand(key)
        if data is not None:
            return data
        flight = self._flights.get(key)
        if flight is None:
            self._raise_known(key)
            flight = self._flights[key] = _Flight()
            flight.task = asyncio.create_task(self._fly(key, flight, make))
        return await self._wait(key, flight)

    async def peek(self, digest: str, name: str) -> bytes | None:
        """A result that is kept; None where there is none, and nothing is made."""
        key = _key(digest, name)
        data = self._at_hand(key)
        return await self._kept(key) if data is None else data

    async def settle(self) -> None:
        """Write what is not written yet; before the renditions are closed."""
        await self._behind.settle()

    def _at_hand(self, key: str) -> bytes | None:
        data = self._recent.get(key)
        return self._behind.get(key) if data is None else data

    async def _wait(self, key: str, flight: _Flight) -> bytes:
        flight.waiters += 1
        try:
            return await asyncio.shield(flight.answer)
        finally:
            flight.waiters -= 1
            if not flight.waiters and not flight.answer.done():
                self._land(key, flight)
                if flight.task is not None:
                    flight.task.cancel()

    async def _fly(self, key: str, flight: _Flight, make: Make) -> None:
        """Find or make a result, answer who waits, and keep it."""
        try:
            data = await self._kept(key)
            if data is None:
                data = await make()
                self._recent.put(key, data)
                self._behind.put(key, data)
            flight.give(data)
        except asyncio.CancelledError:
            flight.answer.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - whoever waits gets it
            self._know(key, error)
            flight.fail(error)
        finally:
            self._land(key, flight)

    def _land(self, key: str, flight: _Flight) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]

    async def _kept(self, key: str) -> bytes | None:
        try:
            data = await self._renditions.get(key)
        except (ArchiveError, RuntimeError) as error:
            _log.warning("a kept result cannot be read: %s", type(error).__name__)
            return None
        if data is not None:
            self._recent.put(key, data)
        return data

    def _know(self, key: str, error: Exception) -> None:
        if not isinstance(error, FrameUndecodable):
            return
        # The copy has no traceback, which would keep the frame that was in hand.
        self._failures[key] = (time.monotonic() + _UNDECODABLE_SECONDS, copy.copy(error))
        if len(self._failures) > _FAILURES:
            self._failures.popitem(last=False)

    def _raise_known(self, key: str) -> None:
        until, error = self._failures.get(key, (0.0, None))
        if error is None:
            return
        if time.monotonic() < until:
            raise copy.copy(error)
        del self._failures[key]


class _Flight:
    """A computation on its way, and who waits for it."""

    __slots__ = ("answer", "task", "waiters")

    def __init__(self) -> None:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.task: asyncio.Task[None] | None = None
        self.waiters = 0

    def give(self, data: bytes) -> None:
        """Answer all who wait."""
        if not self.answer.done():
            self.answer.set_result(data)

    def fail(self, error: Exception) -> None:
        """Tell all who wait; an error that nobody waits for is no news."""
        if not self.answer.done():
            self.answer.set_exception(error)
            self.answer.exception()


class _Recent:
    """Small results that were used last, in memory of bounded size.

    Args:
        most: Bytes of all of them.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0
        self._results: OrderedDict[str, bytes] = OrderedDict()

    def get(self, key: str) -> bytes | None:
        """A result, which becomes the one that was used last."""
        data = self._results.get(key)
        if data is not None:
            self._results.move_to_end(key)
        return data

    def put(self, key: str, data: bytes) -> None:
        """Keep a result if it is small."""
        if len(data) > _SMALL or key in self._results:
            return
        self._results[key] = data
        self._held += len(data)
        while self._held > self._most:
            self._held -= len(self._results.popitem(last=False)[1])


def _key(digest: str, name: str) -> str:
    text = f"{maker()}\n{digest}\n{name}"
    return hashlib.sha256(text.encode()).hexdigest() + DERIVED

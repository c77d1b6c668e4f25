"""Reading every blob again and again, slowly, so that damage is found before somebody needs it."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace

from dicomweb_server.errors import ArchiveError
from dicomweb_server.index.port import DamageMarks, Holding, Index, ScrubPlace
from dicomweb_server.model.limits import MIB
from dicomweb_server.ops.examine import examine
from dicomweb_server.service.damage import DamageRegister
from dicomweb_server.store.durable import open_lock, try_lock
from dicomweb_server.store.layout import Layout
from dicomweb_server.store.pool import Pool

_BATCH = 100
_KEPT_BYTES = 64 * MIB
_KEPT_SECONDS = 60.0
"""After so much the place is kept on disk: what a restart may have to read again."""
_LEAST = 64 * 1024.0
"""Bytes a second at the least: what is read of a small archive is not kept waiting for days."""
_PAUSE_SECONDS = 30.0
"""Until it is tried again where another process scrubs, the disk refuses, or a pass is not due."""
_LONGEST_WAIT = 3600.0
_SECOND = 1_000_000_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ScrubPlan:
    """How fast to read.

    Args:
        period: Seconds in which everything is read once.
        most: Bytes a second at the most.
    """

    period: float
    most: int


class _Stopped(Exception):
    """The server ends."""


class Scrub:
    """Reads all blobs in order of their digests, over and over, in a thread of its own.

    Of several processes with one data folder one does it; where that ends another goes on.

    Args:
        layout: Where the blobs lie.
        index: Which there are.
        register: Where damage is noted.
        marks: Where the place is kept.
        plan: How fast.
    """

    def __init__(
        self,
        layout: Layout,
        index: Index,
        register: DamageRegister,
        marks: DamageMarks,
        plan: ScrubPlan,
    ) -> None:
        self._layout = layout
        self._index = index
        self._register = register
        self._marks = marks
        self._plan = plan
        self._stop = threading.Event()
        self._ended = asyncio.Event()
        self._pool = Pool(1, "scrub")
        self._rate = float(plan.most)
        self._due = 0.0
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Start; returns at once."""
        self._task = asyncio.create_task(self._serve())

    async def close(self) -> None:
        """Stop soon, with the place kept."""
        self._stop.set()
        self._ended.set()
        if self._task is not None:
            await self._task
        await asyncio.to_thread(self._pool.close)

    async def _serve(self) -> None:
        lock = -1
        try:
            lock = open_lock(self._layout.folder / "scrub.lock")
            while not self._stop.is_set():
                if try_lock(lock, exclusive=True):
                    await self._safely()
                await self._wait(_PAUSE_SECONDS)
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            _log.warning("stored bytes are not read in the background: %s", reason)
        finally:
            if lock >= 0:
                os.close(lock)

    async def _safely(self) -> None:
        try:
            while not self._stop.is_set():
                await self._pass()
        except _Stopped:
            pass
        except ArchiveError as error:
            _log.warning("reading stored bytes in the background pauses: %s", error.detail)
        except Exception:  # noqa: BLE001 - the server goes on whatever happens here
            _log.exception("reading stored bytes in the background pauses")

    async def _pass(self) -> None:
        """Read what is left of this pass; the next one begins when the period of this is over."""
        place = await self._marks.place()
        if not place.began_at or (place.ended_at >= place.began_at and self._is_due(place)):
            place = ScrubPlace("", time.time_ns(), place.ended_at)
            await self._marks.keep_place(place)
        elif place.ended_at >= place.began_at:
            await self._wait(min(_LONGEST_WAIT, max(1.0, self._left(place))))
            return
        await self._read(place)

    async def _read(self, place: ScrubPlace) -> None:
        kept, held, found, seen = time.monotonic(), 0, 0, 0
        self._due = time.monotonic()
        await self._set_rate(place)
        try:
            while page := await self._index.holdings(place.after, _BATCH):
                for holding in page:
                    found += await self._one(holding)
                    place = replace(place, after=holding.blob.digest)
                    held, seen = held + holding.blob.size, seen + 1
                    if held >= _KEPT_BYTES or time.monotonic() - kept >= _KEPT_SECONDS:
                        await self._marks.keep_place(place)
                        kept, held = time.monotonic(), 0
                await self._set_rate(place)
                await self._register.refresh()
        except _Stopped:
            with suppress(ArchiveError):
                await self._marks.keep_place(place)
            raise
        await self._marks.keep_place(replace(place, after="", ended_at=time.time_ns()))
        await self._register.prune()
        _log.info("stored bytes were read", extra={"instances": seen, "damaged": found})

    async def _set_rate(self, place: ScrubPlace) -> None:
        """Spread what is left of the archive over what is left of the period."""
        total = (await self._index.counts()).bytes
        share = 1 - int(place.after[:8] or "0", 16) / (1 << 32)
        seconds = max(1.0, self._left(place))
        self._rate = min(float(self._plan.most), max(_LEAST, total * share / seconds))

    async def _one(self, holding: Holding) -> int:
        """Read a blob; 1 where it is damaged."""
        damage = await self._pool.run(examine, self._layout, holding.blob, self._pace)
        if damage is None:
            self._register.clear(holding.blob.digest)
            return 0
        now = await self._index.get(holding.key)
        if now is None or now.blob != holding.blob:
            return 0
        self._register.note(damage)
        return 1

    def _pace(self, read: int) -> None:
        """Wait in the scrub's thread until what was read is paid for.

        Raises:
            _Stopped: The server ends.
        """
        now = time.monotonic()
        self._due = max(self._due, now - 1.0) + read / self._rate
        if self._stop.wait(max(0.0, self._due - now)):
            raise _Stopped

    def _left(self, place: ScrubPlace) -> float:
        """Seconds of the period that are left."""
        age = (time.time_ns() - place.began_at) / _SECOND
        return self._plan.period - age if age >= 0 else 0.0  # the clock was set back

    def _is_due(self, place: ScrubPlace) -> bool:
        return self._left(place) <= 0

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), seconds)

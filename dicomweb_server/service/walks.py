"""Clients that go through a series frame by frame: the next one is made while they take this one.

Decoding is most of what such a client waits for, and over one connection it asks for nothing else
meanwhile. What is made ahead is kept like all that is made; where nobody asks for it, it goes as
the oldest of that does.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import dataclass

from dicomweb_server.errors import ArchiveError
from dicomweb_server.index.port import Index
from dicomweb_server.model.ids import Scope
from dicomweb_server.model.instance import InstanceRecord
from dicomweb_server.model.patience import patience

Make = Callable[[InstanceRecord, int], Awaitable[object]]
"""Makes a frame, told by its instance and its number, and keeps it."""

_MOST = 2
"""Frames that are made ahead at the same time, in the whole process."""
_REMEMBERED = 256
"""Series that somebody went through lately."""

Step = tuple[int, int]
"""Sequence of an instance, and number of a frame."""


@dataclass(frozen=True, slots=True)
class _Walk:
    """How far somebody has come in a series.

    Args:
        last: What was asked for last.
        foretold: What was made ahead; None where nothing was.
        steps: Frames in order so far, the first one not counted.
    """

    last: Step
    foretold: Step | None = None
    steps: int = 0

    def to(self, step: Step) -> _Walk:
        """The walk behind one more request; who leaves the order has to find it again."""
        if step == self.last:
            return self
        missed = self.foretold is not None and self.foretold != step
        return _Walk(step, None, 0 if missed or not self._leads_to(step) else self.steps + 1)

    def _leads_to(self, step: Step) -> bool:
        if step[0] == self.last[0]:
            return step[1] == self.last[1] + 1
        return step[0] > self.last[0] and step[1] == 1


class Walks:
    """Makes ahead what is asked for next, as far as that can be told and costs nobody anything.

    A walk is two requests in order: through the frames of an instance, or through the instances of
    a series in the order in which they came. One frame is made ahead, and only while a codec has
    nothing else to do.

    Args:
        index: Where the next instance is found.
        is_spare: Whether a codec has nothing to do.
    """

    def __init__(self, index: Index, is_spare: Callable[[], bool]) -> None:
        self._index = index
        self._is_spare = is_spare
        self._walks: OrderedDict[tuple[str, str, str], _Walk] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """Walks that are remembered."""
        return len(self._walks)

    def step(self, record: InstanceRecord, number: int, kind: str, make: Make) -> None:
        """Somebody asks for a frame; the next one may be made meanwhile.

        Args:
            record: Its instance.
            number: Its number, from 1.
            kind: What is made of it; walks of another kind are others.
            make: Makes another one. Whatever it raises is no news: who asks for that frame is told.
        """
        place = (record.key.study, record.key.series, kind)
        walk = self._walks.pop(place, None)
        step = (record.sequence, number)
        walk = _Walk(step) if walk is None else walk.to(step)
        self._walks[place] = walk
        if len(self._walks) > _REMEMBERED:
            self._walks.popitem(last=False)
        if walk.steps and walk.foretold is None and len(self._tasks) < _MOST and self._is_spare():
            self._begin(place, record, number, make)

    def _begin(
        self, place: tuple[str, str, str], record: InstanceRecord, number: int, make: Make
    ) -> None:
        # A context of its own: its times are none of the request's.
        task = asyncio.create_task(
            self._go_ahead(place, record, number, make), name="frame ahead", context=Context()
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _go_ahead(
        self, place: tuple[str, str, str], record: InstanceRecord, number: int, make: Make
    ) -> None:
        try:
            found = await self._next(record, number)
            if found is None or not self._is_spare():
                return
            self._foretell(place, (record.sequence, number), (found[0].sequence, found[1]))
            with patience():
                await make(*found)
        except (ArchiveError, RuntimeError):
            return

    def _foretell(self, place: tuple[str, str, str], last: Step, step: Step) -> None:
        walk = self._walks.get(place)
        if walk is not None and walk.last == last:
            self._walks[place] = _Walk(walk.last, step, walk.steps)

    async def _next(self, record: InstanceRecord, number: int) -> tuple[InstanceRecord, int] | None:
        """The frame behind another one; None where there is none of the same kind."""
        if record.frames is not None and number < record.frames.count:
            return record, number + 1
        scope = Scope(record.key.study, record.key.series)
        found = await self._index.records(scope, record.sequence, 1)
        if not found or found[0].transfer_syntax != record.transfer_syntax:
            return None
        return found[0], 1

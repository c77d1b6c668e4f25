"""Parts are made in order, few at a time, and a failing one costs itself alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import pytest

from dicomweb_server.errors import FrameUndecodable, TooBusy
from dicomweb_server.service import rendition as module
from dicomweb_server.service.rendition import Made, RenderedPart, Rendition, ahead, begin, only


class Workshop:
    """Makes parts and counts how many are in work."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.started = 0
        self.working = 0
        self.most = 0
        self.gate, self.full = asyncio.Event(), asyncio.Event()

    async def make(self, number: int) -> bytes:
        self.started += 1
        self.working += 1
        self.most = max(self.most, self.working)
        if self.working == 4:
            self.full.set()
        try:
            await self.gate.wait()
            # The last one is done first.
            for _ in range(self.count - number):
                await asyncio.sleep(0)
            return bytes([number])
        finally:
            self.working -= 1

    async def parts(self) -> AsyncIterator[RenderedPart]:
        for number in range(self.count):
            yield Made("image/png", f"/{number}", partial(self.make, number))


def rendition(*makers: Callable[[], Awaitable[bytes]]) -> Rendition:
    async def parts() -> AsyncIterator[RenderedPart]:
        for place, make in enumerate(makers):
            yield Made("image/png", f"/{place}", make)

    return Rendition(parts, "image/png", multipart=True, tag="tag")


async def fine() -> bytes:
    return b"fine"


async def _only(found: Rendition) -> bytes | None:
    return (await only(found)).content


async def broken() -> bytes:
    raise FrameUndecodable("the frame is damaged")


def test_parts_come_in_order_and_few_are_in_work() -> None:
    async def run() -> None:
        workshop = Workshop(20)
        workshop.gate.set()
        found = [each.content async for each in ahead(workshop.parts(), 4)]
        assert found == [bytes([number]) for number in range(20)]
        assert workshop.most == 4

    asyncio.run(run())


def test_a_slow_reader_keeps_the_makers_waiting() -> None:
    async def run() -> None:
        workshop = Workshop(20)
        workshop.gate.set()
        parts = ahead(workshop.parts(), 4)
        await anext(parts)
        for _ in range(50):
            await asyncio.sleep(0)
        assert workshop.started <= 5
        await parts.aclose()

    asyncio.run(run())


def test_who_leaves_ends_the_work() -> None:
    async def run() -> None:
        workshop = Workshop(20)
        waiting = asyncio.create_task(anext(ahead(workshop.parts(), 4)))
        await workshop.full.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await asyncio.sleep(0)
        assert workshop.working == 0

    asyncio.run(run())


def test_the_first_part_that_can_be_made_begins_the_answer() -> None:
    async def run() -> None:
        begun = await begin(rendition(broken, fine, broken), 2)
        assert begun.first.content == b"fine"
        assert [failed.part.location for failed in begun.failed] == ["/0"]
        rest = [finished.failure async for finished in begun.rest]
        assert [type(failure) for failure in rest] == [FrameUndecodable]

    asyncio.run(run())


def test_where_nothing_can_be_made_the_reason_is_told() -> None:
    with pytest.raises(FrameUndecodable, match="damaged"):
        asyncio.run(begin(rendition(broken, broken), 2))
    with pytest.raises(FrameUndecodable):
        asyncio.run(only(rendition(broken)))


def test_a_full_queue_is_waited_for_once_the_answer_has_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_PAUSE", 0)
    tries = []

    async def busy() -> bytes:
        tries.append(1)
        if len(tries) < 3:
            raise TooBusy("too many wait")
        return b"done"

    async def run() -> None:
        begun = await begin(rendition(fine, busy), 2)
        assert [finished.content async for finished in begun.rest] == [b"done"]

    asyncio.run(run())
    assert len(tries) == 3


def test_a_full_queue_is_told_before_the_answer_begins() -> None:
    async def busy() -> bytes:
        raise TooBusy("too many wait")

    with pytest.raises(TooBusy):
        asyncio.run(_only(rendition(busy, fine)))

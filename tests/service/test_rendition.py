"""Parts are made in order, few at a time, and a failing one costs itself alone."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from weakref import WeakSet

import pytest

from dicomweb_server.errors import ArchiveError, CodecFailed, FrameUndecodable, TooBusy
from dicomweb_server.model.patience import is_patient
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


class Pixels:
    """What one can tell of whether anybody holds it."""


def test_parts_that_failed_hold_no_pixels() -> None:
    held = WeakSet[Pixels]()

    async def fail() -> bytes:
        frame = Pixels()
        held.add(frame)
        raise FrameUndecodable("it is cut off") from ValueError("x")

    async def run() -> None:
        begun = await begin(rendition(fail, fail, fine, fail), 1)
        rest = [finished async for finished in begun.rest]
        gc.collect()
        assert (len(begun.failed), len(rest), len(held)) == (2, 1, 0)

    asyncio.run(run())


def test_of_very_many_that_fail_in_front_some_are_told() -> None:
    async def run() -> None:
        begun = await begin(rendition(*[broken] * 500, fine), 2)
        assert (begun.first.content, len(begun.failed)) == (b"fine", 20)
        await begun.rest.aclose()

    asyncio.run(run())


@pytest.mark.parametrize(("error", "most"), [(FrameUndecodable, 1_100), (CodecFailed, 20)])
def test_where_very_many_fail_the_others_are_not_tried(
    error: type[ArchiveError], most: int
) -> None:
    calls = []

    async def fail() -> bytes:
        calls.append(1)
        raise error("it fails")

    with pytest.raises(error):
        asyncio.run(begin(rendition(*[fail] * 3_000), 4))
    assert len(calls) <= most


def test_parts_behind_the_first_can_wait() -> None:
    async def asked() -> bytes:
        return b"patient" if is_patient() else b"at once"

    async def run() -> None:
        begun = await begin(rendition(asked, asked, asked), 2)
        assert begun.first.content == b"at once"
        assert [finished.content async for finished in begun.rest] == [b"patient"] * 2
        assert not is_patient()

    asyncio.run(run())

"""Parts are made in order, a bounded number ahead, and nothing goes on when nobody waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial

import pytest

from dicomweb_server.errors import FrameUndecodable, TooBusy
from dicomweb_server.service import delivery
from dicomweb_server.service.delivery import (
    DeliveredPart,
    ended,
    in_order,
    patiently,
    settled_parts,
    whole,
)

AHEAD = 2


class Work:
    """Counts what is under way; each takes as many turns of the loop more than the one before."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.cancelled: list[int] = []

    async def make(self, number: int, turns: int = 0) -> int:
        self.begun.append(number)
        try:
            for _ in range(turns):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.cancelled.append(number)
            raise
        return number

    async def makers(
        self, count: int, turns: int = 0, more: int = 0
    ) -> AsyncIterator[Callable[[], Awaitable[int]]]:
        for number in range(count):
            yield partial(self.make, number, turns + number * more)


def test_results_come_in_order_whatever_takes_longest() -> None:
    work = Work()

    async def run() -> list[int]:
        return [number async for number in in_order(work.makers(20, turns=20, more=-1), AHEAD)]

    assert asyncio.run(run()) == list(range(20))


def test_no_more_than_so_many_are_begun_ahead() -> None:
    work = Work()

    async def run() -> None:
        async for number in in_order(work.makers(10), AHEAD):
            await asyncio.sleep(0)
            assert len(work.begun) <= number + 1 + AHEAD

    asyncio.run(run())
    assert len(work.begun) == 10


def test_who_leaves_ends_what_is_under_way() -> None:
    work = Work()

    async def run() -> None:
        async with ended(in_order(work.makers(10, turns=10, more=1000), AHEAD)) as results:
            async for _ in results:
                break
        assert set(work.begun) == {0, *work.cancelled}

    asyncio.run(run())


def test_who_is_cancelled_ends_what_is_under_way() -> None:
    work = Work()

    async def consume() -> None:
        async with ended(in_order(work.makers(10, turns=10_000), AHEAD)) as results:
            async for _ in results:
                raise AssertionError

    async def run() -> None:
        task = asyncio.create_task(consume())
        for _ in range(10):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert work.cancelled == work.begun == [0, 1, 2]

    asyncio.run(run())


def part(number: int) -> DeliveredPart:
    return DeliveredPart("a/b", "1.2", str(number), 1, lambda _: whole(b"x"))


def made(number: int, begun: list[int], error: Exception | None = None) -> DeliveredPart:
    async def settle() -> DeliveredPart:
        begun.append(number)
        await asyncio.sleep(0)
        if error is not None:
            raise error
        return part(number)

    return replace(part(number), settle=settle)


async def each(parts: list[DeliveredPart]) -> AsyncIterator[DeliveredPart]:
    for one in parts:
        yield one


def test_parts_that_lie_ready_are_passed_on_at_once_and_in_their_place() -> None:
    begun: list[int] = []
    parts = [part(0), made(1, begun), part(2), made(3, begun), made(4, begun), part(5)]

    async def run() -> list[str]:
        return [one.location async for one in settled_parts(each(parts), AHEAD)]

    assert asyncio.run(run()) == ["0", "1", "2", "3", "4", "5"]
    assert begun == [1, 3, 4]


def test_an_error_comes_in_the_place_of_its_part() -> None:
    begun: list[int] = []
    parts = [made(0, begun), made(1, begun, FrameUndecodable("damaged")), made(2, begun)]

    async def run() -> None:
        parts_in_order = settled_parts(each(parts), AHEAD)
        assert (await anext(parts_in_order)).location == "0"
        with pytest.raises(FrameUndecodable):
            await anext(parts_in_order)

    asyncio.run(run())
    assert begun == [0, 1, 2]


def test_only_what_comes_behind_the_first_waits_for_busy_codecs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery, "_PAUSE", 0.0)
    left = [3]

    async def busy() -> str:
        left[0] -= 1
        if left[0] >= 0:
            raise TooBusy("full")
        return "made"

    assert asyncio.run(patiently(busy)) == "made"

    async def first() -> None:
        parts = [made(0, [], TooBusy("full"))]
        async for _ in settled_parts(each(parts), AHEAD):
            raise AssertionError

    with pytest.raises(TooBusy):
        asyncio.run(first())

"""Pools of threads: outcomes come back, together where they can."""

from __future__ import annotations

import asyncio
import threading

import pytest

from dicomweb_server.model import stages
from dicomweb_server.model.stages import Stage
from dicomweb_server.model.threads import Pool, PoolClosed

SECONDS = 30


def test_what_is_asked_comes_back_with_its_own_outcome() -> None:
    pool = Pool(4, "test", Stage.INDEX)

    async def ask(number: int) -> str:
        try:
            return str(await pool.ask(divmod, 100, number))
        except ZeroDivisionError:
            return "error"

    async def many() -> list[str]:
        return await asyncio.gather(*(ask(number % 50) for number in range(2_000)))

    expected = ["error" if n % 50 == 0 else str(divmod(100, n % 50)) for n in range(2_000)]
    assert asyncio.run(many()) == expected
    pool.close()


def test_outcomes_that_are_ready_together_wake_the_loop_once() -> None:
    pool = Pool(1, "test", Stage.INDEX)
    woken: list[object] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        wake = loop.call_soon_threadsafe

        def counted(callback: object, *arguments: object) -> asyncio.Handle:
            woken.append(callback)
            return wake(callback, *arguments)  # type: ignore[arg-type]  # passed on as it came

        loop.call_soon_threadsafe = counted  # type: ignore[method-assign,assignment]  # watched
        asked = [asyncio.ensure_future(pool.ask(int, "7")) for _ in range(50)]
        await asyncio.sleep(0)
        pool.close()  # while the loop waits for the threads, it is told of nothing
        assert await asyncio.gather(*asked) == [7] * 50

    asyncio.run(run())
    assert len(woken) == 1


def test_a_cancelled_caller_does_not_wait_and_leaves_what_has_not_begun() -> None:
    pool = Pool(1, "test", Stage.INDEX)
    begun, go = threading.Event(), threading.Event()
    ran: list[int] = []

    def block() -> None:
        begun.set()
        go.wait(SECONDS)

    async def run() -> None:
        running = asyncio.ensure_future(pool.ask(block))
        waiting = asyncio.ensure_future(pool.ask(ran.append, 1))
        await asyncio.to_thread(begun.wait, SECONDS)
        running.cancel()
        waiting.cancel()
        done, _ = await asyncio.wait([running, waiting], timeout=SECONDS)
        assert all(task.cancelled() for task in done)
        assert len(done) == 2
        go.set()
        assert await pool.ask(int, "3") == 3

    asyncio.run(run())
    assert ran == []
    pool.close()


def test_two_loops_may_use_one_pool_at_the_same_time() -> None:
    pool = Pool(2, "test", Stage.INDEX)
    sums: list[int] = []

    async def count() -> None:
        sums.append(sum([await pool.ask(int, str(number)) for number in range(300)]))

    loops = [threading.Thread(target=lambda: asyncio.run(count())) for _ in range(3)]
    for loop in loops:
        loop.start()
    for loop in loops:
        loop.join(SECONDS)
    assert sums == [sum(range(300))] * 3
    pool.close()


def test_waiting_is_counted_for_the_stage_of_the_pool() -> None:
    pool = Pool(1, "test", Stage.INDEX)

    async def run() -> None:
        times, token = stages.begin()
        await pool.ask(int, "1")
        stages.end(token)
        assert set(times) == {Stage.INDEX}

    asyncio.run(run())
    pool.close()


def test_a_closed_pool_refuses_calls() -> None:
    pool = Pool(1, "test", Stage.INDEX)
    pool.close()
    with pytest.raises(PoolClosed):
        asyncio.run(pool.ask(int))

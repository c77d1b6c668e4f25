"""Threads that leave nothing running behind their caller's back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from dicomweb_server.store.pool import Pool

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def pool() -> Iterator[Pool]:
    made = Pool(1, "test")
    yield made
    made.close()


class Gate:
    """Work that waits to be let go."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go = threading.Event()
        self.ended = False

    def __call__(self) -> str:
        self.begun.set()
        self.go.wait(10)
        self.ended = True
        return "done"


async def begun(gate: Gate) -> None:
    await asyncio.to_thread(gate.begun.wait, 10)


async def test_a_result_comes_back(pool: Pool) -> None:
    assert await pool.run(divmod, 7, 2) == (3, 1)
    assert pool.submit(divmod, 7, 2).result() == (3, 1)


async def test_work_runs_in_a_thread_of_the_pool(pool: Pool) -> None:
    assert (await pool.run(threading.current_thread)).name == "test-0"


@pytest.mark.parametrize("error", [LookupError, SystemExit])
async def test_an_error_comes_back(pool: Pool, error: type[BaseException]) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(error):
        pool.submit(fail).result()
    with pytest.raises(LookupError):
        await pool.run({}.__getitem__, 1)


async def test_an_end_of_iteration_comes_back_as_an_error(pool: Pool) -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        await pool.run(next, iter(()))


async def test_a_cancelled_caller_waits_for_running_work(pool: Pool) -> None:
    gate = Gate()
    task = asyncio.create_task(pool.run(gate))
    await begun(gate)
    task.cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    task.cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    assert not task.done()
    gate.go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gate.ended


async def test_work_may_end_before_its_cancelled_caller_wakes(pool: Pool) -> None:
    gate = Gate()
    task = asyncio.create_task(pool.run(gate))
    await begun(gate)
    gate.go.set()
    pool.close()  # joins the thread: its news waits in the loop's queue, before the cancellation
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 10)
    assert gate.ended


async def test_work_of_a_cancelled_caller_that_has_not_begun_is_dropped(pool: Pool) -> None:
    first, second = Gate(), Gate()
    running = asyncio.create_task(pool.run(first))
    await begun(first)
    waiting = asyncio.create_task(pool.run(second))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    first.go.set()
    assert await running == "done"
    assert await pool.run(int, "1") == 1
    assert not second.begun.is_set()


async def test_settling_work_happens_although_the_caller_is_cancelled(pool: Pool) -> None:
    first, done = Gate(), []
    running = asyncio.create_task(pool.run(first))
    await begun(first)
    settling = asyncio.create_task(pool.settle(lambda: done.append(1)))
    await asyncio.sleep(0)
    settling.cancel()
    await asyncio.sleep(0)
    assert not settling.done()
    first.go.set()
    await running
    with pytest.raises(asyncio.CancelledError):
        await settling
    assert done == [1]


async def test_settling_passes_errors_on(pool: Pool) -> None:
    def fail() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await pool.settle(fail)


async def test_closing_waits_for_work_and_refuses_more() -> None:
    pool, gate = Pool(2, "test"), Gate()
    job = pool.submit(gate)
    await begun(gate)
    closing = asyncio.create_task(asyncio.to_thread(pool.close))
    await asyncio.sleep(0)
    gate.go.set()
    await closing
    assert job.result() == "done"
    with pytest.raises(RuntimeError, match="closed"):
        await pool.run(int)
    done = []
    await pool.settle(lambda: done.append(1))
    assert done == [1]


def test_a_pool_that_was_never_used_closes() -> None:
    Pool(4, "test").close()


def test_one_pool_serves_one_loop_after_the_other() -> None:
    pool = Pool(1, "test")
    assert [asyncio.run(pool.run(int, "3")) for _ in range(3)] == [3, 3, 3]
    pool.close()

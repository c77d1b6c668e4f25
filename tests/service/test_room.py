"""Large pictures are put together one at a time, and few wait for it."""

from __future__ import annotations

import asyncio

import pytest

from dicomweb_server.errors import TooBusy
from dicomweb_server.service.room import LARGE, MOST_WAITING, Room


def test_one_large_picture_at_a_time_few_wait_and_small_ones_pass() -> None:
    async def run() -> None:
        room, go_on, inside, most = Room(), asyncio.Event(), 0, 0

        async def make() -> None:
            nonlocal inside, most
            async with room.of(LARGE + 1):
                inside += 1
                most = max(most, inside)
                await go_on.wait()
                inside -= 1

        held = [asyncio.create_task(make()) for _ in range(1 + MOST_WAITING)]
        for _ in range(5):
            await asyncio.sleep(0)
        with pytest.raises(TooBusy):
            await make()
        async with room.of(LARGE):
            pass
        held.pop().cancel()
        await asyncio.sleep(0)
        held.append(asyncio.create_task(make()))
        go_on.set()
        await asyncio.gather(*held)
        assert most == 1

    asyncio.run(run())

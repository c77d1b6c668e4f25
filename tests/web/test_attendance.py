"""Whoever leaves before the answer begins takes the work for it along."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message

from dicomweb_server.errors import TooBusy
from dicomweb_server.web import attendance
from dicomweb_server.web.attendance import attended
from dicomweb_server.web.body import ClientGone


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attendance, "_SOON", 0)


def test_who_leaves_ends_the_work() -> None:
    async def run() -> None:
        begun, ended = asyncio.Event(), asyncio.Event()
        messages: list[Message] = [{"type": "http.request"}, {"type": "http.disconnect"}]

        async def receive() -> Message:
            await begun.wait()
            return messages.pop(0)

        async def work() -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        with pytest.raises(ClientGone):
            await attended(receive, work())
        assert ended.is_set()

    asyncio.run(run())


def test_who_stays_gets_the_result_or_the_error() -> None:
    async def run() -> None:
        async def receive() -> Message:
            await asyncio.Event().wait()
            raise AssertionError("nobody leaves")

        async def slow(error: Exception | None) -> str:
            for _ in range(20):
                await asyncio.sleep(0)
            if error is not None:
                raise error
            return "done"

        assert await attended(receive, slow(None)) == "done"
        with pytest.raises(TooBusy):
            await attended(receive, slow(TooBusy("x")))

    asyncio.run(run())


def test_who_is_cancelled_from_outside_is_not_taken_for_gone() -> None:
    async def run() -> None:
        async def receive() -> Message:
            await asyncio.sleep(0)
            return {"type": "http.disconnect"}

        async def work() -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                outer.cancel()
                raise

        outer = asyncio.create_task(attended(receive, work()))
        with pytest.raises(asyncio.CancelledError):
            await outer

    asyncio.run(run())

"""Answers over HTTP/1.1 go out in one piece, and no task watches for the next request."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing
from contextvars import Context

import pytest
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.events import Event as HttpEvent
from hypercorn.events import RawData
from hypercorn.utils import wrap_app

from dicomweb_server.cli.asgi import Event, Receive, Send
from dicomweb_server.cli.idleness import Idleness
from dicomweb_server.cli.on_hypercorn import _Connection

Work = Coroutine[object, object, object]
REQUEST = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"
SMALL, LARGE = 1_000, 1_000_000


async def answer(scope: Event, receive: Receive, send: Send) -> None:
    """As many bytes as the path says; nothing behind the first of them for 1 byte."""
    size = int(str(scope["path"])[1:])
    headers = [(b"content-length", b"%d" % max(size, 2))] if size else []
    await send({"type": "http.response.start", "status": 200 if size else 204, "headers": headers})
    if size == 1:
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
    else:
        await send({"type": "http.response.body", "body": bytes(size)})


class Watched(_Connection):
    """A connection that counts what it sends."""

    pieces = 0

    async def protocol_send(self, event: HttpEvent) -> None:
        """Count and send."""
        self.pieces += isinstance(event, RawData)
        await super().protocol_send(event)


class Conversation:
    """A client and a connection of the server, over a pair of sockets."""

    def __init__(self) -> None:
        self.tasks = 0

    def run(self, *sizes: int) -> Watched:
        """Ask for answers of those sizes, one behind the other."""
        return asyncio.run(self._ask(sizes))

    async def _ask(self, sizes: tuple[int, ...]) -> Watched:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(self._count)  # type: ignore[arg-type] # generators are none here
        with socket.create_server(("127.0.0.1", 0)) as listening:
            theirs = socket.create_connection(listening.getsockname())
            ours, _ = listening.accept()
        config = Config()
        config.accesslog = None
        config.keep_alive_timeout = 60
        app = wrap_app(answer, 0, "asgi")  # type: ignore[arg-type] # typed by message there
        streams = await asyncio.open_connection(sock=ours)
        connection = Watched(app, loop, config, WorkerContext(None), {}, *streams)
        serving = asyncio.create_task(connection.run())
        reader, writer = await asyncio.open_connection(sock=theirs)
        self.tasks = 0
        for size in sizes:
            writer.write(REQUEST % size)
            head = await reader.readuntil(b"\r\n\r\n")
            if size == 1:
                assert await reader.read() == b"x"
            elif size:
                assert head.startswith(b"HTTP/1.1 200")
                assert await reader.readexactly(size) == bytes(size)
        writer.close()
        await serving
        return connection

    def _count(
        self, loop: asyncio.AbstractEventLoop, work: Work, context: Context | None = None
    ) -> asyncio.Task[object]:
        self.tasks += 1
        return asyncio.Task(work, loop=loop, context=context)


@pytest.mark.parametrize(("size", "pieces"), [(0, 1), (SMALL, 1), (LARGE, 2)])
def test_head_and_small_body_are_one_piece(size: int, pieces: int) -> None:
    assert Conversation().run(size).pieces == pieces
    assert Conversation().run(size, size, size).pieces == 3 * pieces


def test_begun_answer_that_is_left_is_sent_and_broken_off() -> None:
    assert Conversation().run(1).pieces == 1


def test_a_request_costs_one_task() -> None:
    conversation = Conversation()
    conversation.run(*[SMALL] * 5)
    few = conversation.tasks
    conversation.run(*[SMALL] * 15)
    assert conversation.tasks - few == 10


class Clock(asyncio.SelectorEventLoop):
    """A loop whose time goes on when it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.timers: list[asyncio.TimerHandle] = []

    def time(self) -> float:
        """The time."""
        return self.now

    def call_at(
        self,
        when: float,
        callback: Callable[..., object],
        *args: object,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Keep a timer in sight."""
        self.timers.append(super().call_at(when, callback, *args, context=context))
        return self.timers[-1]

    def pass_to(self, now: float) -> None:
        """Let time pass."""
        self.now = now
        due = [each for each in self.timers if each.when() <= now and not each.cancelled()]
        self.timers = [each for each in self.timers if each not in due]
        for each in due:
            each._run()


@pytest.fixture
def clock() -> Iterator[Clock]:
    with closing(Clock()) as clock:
        yield clock


def test_idleness_is_over_when_nothing_was_asked_for_so_long(clock: Clock) -> None:
    told: list[float] = []
    idleness = Idleness(clock, 10.0, lambda: told.append(clock.now))
    idleness.begin()
    clock.pass_to(9.0)
    idleness.end()
    idleness.begin()
    clock.pass_to(10.0)
    clock.pass_to(18.9)
    assert told == []
    clock.pass_to(19.0)
    assert told == [19.0]


def test_idleness_is_not_over_while_a_request_lasts(clock: Clock) -> None:
    told: list[float] = []
    idleness = Idleness(clock, 10.0, lambda: told.append(clock.now))
    idleness.begin()
    idleness.end()
    clock.pass_to(100.0)
    assert told == []
    assert not clock.timers
    idleness.begin()
    clock.pass_to(109.0)
    assert told == []
    clock.pass_to(110.0)
    assert told == [110.0]


def test_many_requests_need_one_timer(clock: Clock) -> None:
    idleness = Idleness(clock, 10.0, lambda: None)
    for _ in range(100):
        idleness.begin()
        idleness.end()
    assert len(clock.timers) == 1


def test_stopped_idleness_begins_no_more(clock: Clock) -> None:
    told: list[float] = []
    idleness = Idleness(clock, 10.0, lambda: told.append(clock.now))
    idleness.begin()
    idleness.stop()
    idleness.begin()
    clock.pass_to(100.0)
    assert told == []
    assert not idleness.lasts

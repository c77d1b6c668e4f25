"""Connections without a request are closed, those with requests are not."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from dicomweb_server.cli.asgi import Event, Receive, Send
from dicomweb_server.cli.idle import Idle

_SECONDS = 10.0


async def _nothing(scope: Event, receive: Receive, send: Send) -> None:
    """An application whose requests last no time at all."""


@contextmanager
def _connection() -> Iterator[tuple[socket.socket, list[list[str]]]]:
    """A client's end, and the addresses of both as granian tells them: both are in this process."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.create_connection(listening.getsockname(), 30) as client,
    ):
        taken, _ = listening.accept()
        with taken:
            client.setblocking(False)
            peers = [each.getpeername() for each in (taken, client)]
            yield client, [[host, str(port)] for host, port in peers]


def _ask(idle: Idle, client: list[str]) -> None:
    async def receive() -> Event:
        raise AssertionError

    async def send(message: Event) -> None:
        raise AssertionError

    asyncio.run(idle({"type": "http", "client": client}, receive, send))


def _is_open(client: socket.socket) -> bool:
    try:
        return client.recv(1) != b""
    except BlockingIOError:
        return True


def test_connection_without_a_request_is_closed_when_its_time_is_over() -> None:
    idle = Idle(_nothing, _SECONDS)
    with _connection() as (client, _):
        idle.look(0.0)
        idle.look(9.9)
        assert _is_open(client)
        idle.look(10.0)
        assert not _is_open(client)


def test_requests_that_end_between_two_looks_keep_a_connection_open() -> None:
    idle = Idle(_nothing, _SECONDS)
    with _connection() as (client, addresses):
        for number in range(20):
            idle.look(number * 2.5)
            for address in addresses:
                _ask(idle, address)
        assert _is_open(client)
        idle.look(50.0)
        idle.look(59.9)
        assert _is_open(client)
        idle.look(60.0)
        assert not _is_open(client)

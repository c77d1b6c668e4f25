"""Answers that are taken apart before granian copies them."""

from __future__ import annotations

import asyncio

from dicomweb_server.cli.asgi import Event, Receive, Send
from dicomweb_server.cli.pieces import PIECE, Pieces


def _sent(bodies: list[Event]) -> list[Event]:
    async def app(scope: Event, receive: Receive, send: Send) -> None:
        for message in bodies:
            await send(message)

    async def receive() -> Event:
        raise AssertionError

    found: list[Event] = []

    async def send(message: Event) -> None:
        found.append(message)

    asyncio.run(Pieces(app)({"type": "http"}, receive, send))
    return found


def _body(data: bytes, more: bool) -> Event:
    return {"type": "http.response.body", "body": data, "more_body": more}


def test_long_body_goes_on_in_pieces_and_ends_where_it_ended() -> None:
    data = bytes(range(256)) * (3 * PIECE // 256) + b"end"
    found = _sent([_body(data, more=True), _body(data, more=False)])
    parts = [message["body"] for message in found]
    assert b"".join(part for part in parts if isinstance(part, bytes)) == data + data
    assert all(isinstance(part, bytes) and 0 < len(part) <= PIECE for part in parts)
    assert [message["more_body"] for message in found] == [True] * (len(found) - 1) + [False]


def test_what_is_short_or_no_body_goes_on_as_it_is() -> None:
    sent: list[Event] = [
        {"type": "http.response.start", "status": 200, "headers": []},
        _body(bytes(PIECE), more=True),
        {"type": "http.response.body"},
    ]
    assert _sent(list(sent)) == sent

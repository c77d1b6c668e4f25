"""Answers that a client takes too slowly, or not at all: broken off, so that nothing is held."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dicomweb_server.model.limits import KIB
from dicomweb_server.web.body import ClientGone

_PIECE = 64 * KIB
"""Bytes that a client must take within the time that it has; it makes about 1 KiB a second."""


class DownloadMiddleware:
    """Breaks off answers whose client takes nothing.

    An ASGI server waits without end where the client's window is closed. On Linux a whole
    connection that stands still is seen by its bytes (see `cli/connections.py`); here are the
    streams of HTTP/2 which a client leaves standing on a connection that is alive, and other
    systems.

    Args:
        app: What is surrounded.
        seconds: Time in which a client has to take 64 KiB.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        multiplexed = scope["http_version"] in ("2", "3")

        async def send_in_time(message: Message) -> None:
            body = message.get("body", b"")
            if len(body) <= _PIECE and not message.get("more_body", False):
                await send(message)
            elif multiplexed:
                for piece in _pieces(message):
                    await self._send(send, piece, self._seconds)
            else:
                # To take it apart would cost the quick readers more than it tells of the slow.
                await self._send(send, message, self._seconds * (1 + len(body) // _PIECE))

        await self._app(scope, receive, send_in_time)

    async def _send(self, send: Send, message: Message, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await send(message)
        except TimeoutError:
            raise ClientGone from None


def _pieces(message: Message) -> Iterator[Message]:
    """A message of a body as several."""
    body = message.get("body", b"")
    if len(body) <= _PIECE:
        yield message
        return
    more = message.get("more_body", False)
    for place in range(0, len(body), _PIECE):
        last = place + _PIECE >= len(body)
        yield {
            "type": "http.response.body",
            "body": body[place : place + _PIECE],
            "more_body": more or not last,
        }

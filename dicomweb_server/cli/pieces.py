"""Bodies in short pieces, for a server that copies what it is given and holds several of them."""

from __future__ import annotations

from dicomweb_server.cli.asgi import Application, Event, Receive, Send
from dicomweb_server.model.limits import KIB

PIECE = 64 * KIB
"""Bytes of the longest piece."""


class Pieces:
    """An application whose answers come in pieces.

    granian holds three messages of a client that reads slowly, so the memory that such a client
    costs goes with the length of a message (RELIABILITY F14).

    Args:
        app: The application.
    """

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        """Take long messages of an answer's body apart."""

        async def send_pieces(message: Event) -> None:
            body = message.get("body")
            if not isinstance(body, bytes) or len(body) <= PIECE:
                await send(message)
                return
            for place in range(0, len(body), PIECE):
                last = place + PIECE >= len(body)
                more = not last or message.get("more_body", False)
                piece = body[place : place + PIECE]
                await send({"type": message["type"], "body": piece, "more_body": more})

        await self._app(scope, receive, send_pieces)

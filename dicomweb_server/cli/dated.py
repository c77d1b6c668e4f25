"""The Date of answers, where a server has one that stands still."""

from __future__ import annotations

import time
from collections.abc import Iterable
from email.utils import formatdate
from typing import cast

from dicomweb_server.cli.asgi import Application, Event, Receive, Send


class Dated:
    """An application whose answers tell the time themselves (RFC 9110 6.6.1).

    granian keeps the time that it told last until the clock is past it: set back by an hour, the
    clock would be wrong for an hour in every answer.

    Args:
        app: The application.
    """

    def __init__(self, app: Application) -> None:
        self._app = app
        self._second = 0
        self._date = b""

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        """Add the Date to the head of an answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def dated(message: Event) -> None:
            if message["type"] == "http.response.start":
                headers = cast("Iterable[tuple[bytes, bytes]]", message.get("headers", ()))
                message = {**message, "headers": [*headers, (b"date", self._now())]}
            await send(message)

        await self._app(scope, receive, dated)

    def _now(self) -> bytes:
        second = int(time.time())
        if second != self._second:
            self._second, self._date = second, formatdate(second, usegmt=True).encode("ascii")
        return self._date

"""Request bodies that an answer does not wait for: taken in, so that the answer can be read.

Most clients read the answer only after they have sent the whole body. Where the server answers
early and closes, they see a broken pipe instead of the reason; and an ASGI server whose queue of
body chunks is full may never come to close at all.
"""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dicomweb_server.model.limits import MIB

_BYTES = 64 * MIB
_SECONDS = 5.0


class _Upload:
    """The body of one request on its way in."""

    __slots__ = ("_receive", "unfinished")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self.unfinished = _has_body(scope)

    async def receive(self) -> Message:
        """Pass on a message from the client."""
        message = await self._receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self.unfinished = False
        return message

    async def drain(self) -> None:
        """Throw away what is still to come, for a few seconds and some megabytes."""
        left = _BYTES
        try:
            async with asyncio.timeout(_SECONDS):
                while self.unfinished and left > 0:
                    left -= len((await self.receive()).get("body", b""))
        except TimeoutError:
            pass


class UploadMiddleware:
    """Lets clients finish sending before they are answered, within bounds.

    Args:
        app: What is surrounded.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        upload = _Upload(scope, receive)

        async def send_after_body(message: Message) -> None:
            if message["type"] == "http.response.start" and upload.unfinished:
                await upload.drain()
            await send(message)

        await self._app(scope, upload.receive, send_after_body)
        # What is longer than the bounds is broken off; until then its chunks must not pile up.
        await upload.drain()


def _has_body(scope: Scope) -> bool:
    headers = dict(scope["headers"])
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"

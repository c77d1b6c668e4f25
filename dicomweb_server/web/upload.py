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
_TIMED_OUT = 408


class _Upload:
    """The body of one request on its way in."""

    __slots__ = ("_given_up", "_receive", "_rest", "unfinished")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self._rest: asyncio.Task[None] | None = None
        self._given_up = False
        self.unfinished = _may_have_body(scope)

    async def receive(self) -> Message:
        """Pass on a message from the client; once nobody wants its body, only that it left."""
        if self._rest is not None:
            await asyncio.wait([self._rest])
            return {"type": "http.disconnect"}
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

    def discard(self) -> None:
        """Throw away whatever comes from now on, while the answer is sent.

        A full queue would keep the server from ever telling that the answer has been sent, and
        from seeing that the client left.
        """
        if self._rest is None:
            self._rest = asyncio.create_task(self._take_in())

    async def end(self) -> None:
        """Let go of the request; what is longer than the bounds is broken off."""
        if self._rest is None:
            await self.drain()
            return
        if not self._given_up:
            await asyncio.wait([self._rest], timeout=_SECONDS)
        self.abandon()

    def give_up(self) -> None:
        """Wait no more for a body that does not come."""
        self._given_up = True

    def abandon(self) -> None:
        """Read no more."""
        if self._rest is not None:
            self._rest.cancel()

    async def _take_in(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
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
                if message["status"] == _TIMED_OUT:
                    upload.give_up()
                else:
                    await upload.drain()
                if upload.unfinished:
                    upload.discard()
                    message = _last(scope, message)
            await send(message)

        try:
            await self._app(scope, upload.receive, send_after_body)
        except BaseException:
            upload.abandon()
            raise
        await upload.end()


def _last(scope: Scope, message: Message) -> Message:
    """An answer behind which the connection is closed, because the body goes on (RFC 9112 9.6)."""
    if scope["http_version"] not in ("1.0", "1.1"):
        return message
    return {**message, "headers": [*message["headers"], (b"connection", b"close")]}


def _may_have_body(scope: Scope) -> bool:
    """Whether something may still come; HTTP/2 tells only by the end of the stream."""
    headers = dict(scope["headers"])
    length = headers.get(b"content-length")
    if length is not None:
        return bool(length != b"0")
    return b"transfer-encoding" in headers or scope.get("http_version") in ("2", "3")

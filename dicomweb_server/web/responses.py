"""Responses as ASGI applications: bytes, and streams whose first chunk is in hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from starlette.types import Message, Receive, Scope, Send

from dicomweb_server.web.attendance import attended

Header = tuple[str, str]


class _Headers:
    """Headers of a response, written as they are told, names and all."""

    __slots__ = ("_pairs",)

    def __init__(self) -> None:
        self._pairs: list[tuple[bytes, bytes]] = []

    def add(self, name: str, value: str) -> None:
        """Add one header line."""
        self._pairs.append((name.lower().encode("latin-1"), value.encode("latin-1")))

    def start(self, status: int) -> Message:
        """The message that begins the response."""
        return {"type": "http.response.start", "status": status, "headers": self._pairs}


class BytesResponse:
    """A response whose whole body is in hand.

    Args:
        body: The body.
        media_type: Content-Type; empty for none.
        status: HTTP status.
        headers: Further headers.
    """

    __slots__ = ("_headers", "body", "status")

    def __init__(
        self,
        body: bytes = b"",
        media_type: str = "",
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.body = body
        self.status = status
        self._headers = _Headers()
        if media_type:
            self.add("Content-Type", media_type)
        if status not in (204, 304):
            self.add("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.add(name, value)

    def add(self, name: str, value: str) -> None:
        """Add one header line."""
        self._headers.add(name, value)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; to HEAD only the headers."""
        await send(self._headers.start(self.status))
        body = b"" if scope["method"] == "HEAD" else self.body
        await send({"type": "http.response.body", "body": body})


class StreamResponse:
    """A response that is made while it is sent.

    The first chunk is read before the status goes out, so that an error in it still has a status
    of its own. After that an error can only end the connection early, which the client sees from
    the length that it was told. A client that goes away ends the reading.

    Args:
        chunks: The body.
        media_type: Content-Type.
        status: HTTP status.
        length: Bytes of the body where known.
    """

    __slots__ = ("_chunks", "_first", "_headers", "status")

    def __init__(
        self,
        chunks: AsyncIterator[bytes],
        media_type: str,
        status: int = 200,
        length: int | None = None,
    ) -> None:
        self.status = status
        self._chunks = chunks
        self._first: bytes | None = None
        self._headers = _Headers()
        self.add("Content-Type", media_type)
        if length is not None:
            self.add("Content-Length", str(length))

    def add(self, name: str, value: str) -> None:
        """Add one header line."""
        self._headers.add(name, value)

    async def begin(self) -> bytes:
        """Read the first chunk, once: what is wrong with it is raised while there is no status."""
        if self._first is None:
            try:
                self._first = await anext(self._chunks, b"")
            except BaseException:
                await _close(self._chunks)
                raise
        return self._first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, with the server's back-pressure; to HEAD only the headers."""
        try:
            # Servers drop what they are given for a client that has left, and say nothing.
            await attended(receive, self._answer(scope["method"], send))
        finally:
            await _close(self._chunks)

    async def _answer(self, method: str, send: Send) -> None:
        first = await self.begin()
        await send(self._headers.start(self.status))
        if method == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        await send({"type": "http.response.body", "body": first, "more_body": True})
        async for chunk in self._chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


Response = BytesResponse | StreamResponse


async def _close(chunks: AsyncIterator[bytes]) -> None:
    closer = getattr(chunks, "aclose", None)
    if closer is not None:
        await closer()

"""Request bodies: read in chunks as they come, never whole, never without end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.types import Receive

from dicomweb_server.errors import BodyStalled, PayloadTooLarge


class ClientGone(Exception):
    """The client closed the connection before its request was complete; nobody is to be told."""


async def read_body(receive: Receive, limit: int, idle_seconds: float) -> AsyncIterator[bytes]:
    """The body's chunks.

    No ASGI server ends a request whose body has stalled, so the pause is watched here.

    Args:
        receive: Of the ASGI application.
        limit: Bytes at the most.
        idle_seconds: Longest pause.

    Raises:
        ClientGone: The connection was closed.
        BodyStalled: A pause was longer.
        PayloadTooLarge: There were more bytes.
    """
    total = 0
    more = True
    while more:
        try:
            async with asyncio.timeout(idle_seconds):
                message = await receive()
        except TimeoutError:
            raise BodyStalled(
                f"no byte of the body came for {idle_seconds:g} seconds", "send it again"
            ) from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        total += len(chunk)
        if total > limit:
            raise PayloadTooLarge(f"a request may have {limit} bytes at most")
        if chunk:
            yield chunk
        more = message.get("more_body", False)

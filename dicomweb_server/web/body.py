"""Request bodies: read in chunks as they come, never whole, never without end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from starlette.types import Message, Receive

from dicomweb_server.errors import BodyStalled, PayloadTooLarge

SLOWEST = 1024
"""Bytes per second that a client has to send in the long run."""


class ClientGone(Exception):
    """The client closed the connection before its request was complete; nobody is to be told."""


class BodyBroken(ClientGone):
    """The body ended before its end: the client left, or its framing cannot be read.

    Servers tell both by the same message; who is still there is told of it.
    """


class Patience:
    """How long a client is waited for, so that a byte now and then does not hold a request open.

    It wears away while the server waits and grows back with the bytes that come: who sends nothing
    has all of it as the longest pause, who sends less than `SLOWEST` has it once. Time in which the
    server is busy with what came already does not count.

    Args:
        seconds: At the beginning, and at the most.
    """

    __slots__ = ("_left", "_most")

    def __init__(self, seconds: float) -> None:
        self._most = seconds
        self._left = seconds

    async def message(self, receive: Receive) -> Message:
        """The next message from the client.

        Raises:
            BodyStalled: It did not come, or too little came in all this time.
        """
        begun = time.monotonic()
        try:
            async with asyncio.timeout(self._left):
                message = await receive()
        except TimeoutError:
            raise BodyStalled(
                f"the body stood still for {self._most:g} seconds, or came more slowly than "
                f"{SLOWEST} bytes a second",
                "send it again, without a pause",
            ) from None
        waited = time.monotonic() - begun
        gained = len(message.get("body", b"")) / SLOWEST
        self._left = min(self._most, self._left - waited + gained)
        return message


async def read_body(receive: Receive, limit: int, idle_seconds: float) -> AsyncIterator[bytes]:
    """The body's chunks.

    No ASGI server ends a request whose body has stalled, so the pause is watched here.

    Args:
        receive: Of the ASGI application.
        limit: Bytes at the most.
        idle_seconds: Longest pause.

    Raises:
        BodyBroken: The connection was closed, or what came is no body.
        BodyStalled: A pause was longer, or the body came too slowly.
        PayloadTooLarge: There were more bytes.
    """
    patience = Patience(idle_seconds)
    total = 0
    more = True
    while more:
        message = await patience.message(receive)
        if message["type"] == "http.disconnect":
            raise BodyBroken
        chunk = message.get("body", b"")
        total += len(chunk)
        if total > limit:
            raise PayloadTooLarge(f"a request may have {limit} bytes at most")
        if chunk:
            yield chunk
        more = message.get("more_body", False)

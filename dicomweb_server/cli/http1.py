"""HTTP/1.1 by hypercorn with answers that go out in as few pieces as they can."""

from __future__ import annotations

from hypercorn.events import Event, RawData
from hypercorn.protocol.events import Event as StreamEvent
from hypercorn.protocol.events import Response, StreamClosed
from hypercorn.protocol.h11 import H11Protocol

from dicomweb_server.model.limits import KIB

_TOGETHER = 128 * KIB
"""Bytes up to which a head and the first piece of a body are copied into one."""


class Http1(H11Protocol):
    """hypercorn's HTTP/1.1, but the head of an answer waits for the first piece of its body.

    Each piece by itself costs a call of the system here and wakes the client once more; and nothing
    is sent where there is nothing to be sent.
    """

    _is_head = False
    _head = b""

    async def initiate(self) -> None:
        """Begin; everything that is sent goes through here."""
        self._out, self.send = self.send, self._together
        await super().initiate()

    async def stream_send(self, event: StreamEvent) -> None:
        """Send what the application answers."""
        self._is_head = isinstance(event, Response) and event.status_code >= 200
        if isinstance(event, StreamClosed):
            await self._send(b"")  # clients see that an answer broke off
        await super().stream_send(event)

    async def _together(self, event: Event) -> None:
        """Keep a head back, and send others with it."""
        if not isinstance(event, RawData):
            await self._out(event)
        elif self._is_head:
            self._is_head, self._head = False, event.data
        else:
            await self._send(event.data)

    async def _send(self, data: bytes) -> None:
        head, self._head = self._head, b""
        if head and len(data) > _TOGETHER:
            await self._out(RawData(data=head))
        elif head:
            data = head + data
        if data:
            await self._out(RawData(data=data))

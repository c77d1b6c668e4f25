"""HTTP/2 by hypercorn with bounds on what a client can make it do (RFC 9113 10.5)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress

import h2.events
import h2.exceptions
from h2.errors import ErrorCodes
from hypercorn.events import Closed, Event, RawData
from hypercorn.protocol import ProtocolWrapper
from hypercorn.protocol.events import Event as StreamEvent
from hypercorn.protocol.events import StreamClosed
from hypercorn.protocol.h2 import (
    BUFFER_HIGH_WATER,
    BUFFER_LOW_WATER,
    BufferCompleteError,
    H2Protocol,
    StreamBuffer,
)
from hypercorn.protocol.h11 import H2CProtocolRequiredError, H2ProtocolAssumedError
from priority.priority import MissingStreamError

from dicomweb_server.cli.http1 import Http1

_BURST = 1000
_PER_SECOND = 100.0

_WORKLESS = (
    h2.events.StreamReset,
    h2.events.PingReceived,
    h2.events.RemoteSettingsChanged,
    h2.events.PriorityUpdated,
)
"""What a client can send without end and without asking for anything."""


class Allowance:
    """How much of what brings nobody anything a connection may send.

    Args:
        now: Time in seconds.
    """

    __slots__ = ("_left", "_since")

    def __init__(self, now: float) -> None:
        self._left = float(_BURST)
        self._since = now

    def spend(self, count: int, now: float) -> bool:
        """Take some of it; whether there was enough.

        Args:
            count: How much.
            now: Time in seconds.
        """
        grown = self._left + (now - self._since) * _PER_SECOND
        self._left = min(float(_BURST), grown) - count
        self._since = now
        return self._left >= 0


class Buffer(StreamBuffer):
    """Bytes that wait for a stream's window, with back-pressure.

    hypercorn's own lets the application go on as soon as little was taken, which is so above all
    where the client takes nothing: it would hold the whole answer.
    """

    async def push(self, data: bytes) -> None:
        """Add bytes; returns when there is room for more."""
        if self._complete:
            raise BufferCompleteError
        self.buffer.extend(data)
        await self._is_empty.clear()
        if len(self.buffer) >= BUFFER_HIGH_WATER:
            await self._paused.clear()
            await self._paused.wait()

    async def pop(self, max_length: int) -> bytes:
        """Take bytes out."""
        data = bytes(self.buffer[:max_length])
        del self.buffer[: len(data)]
        if len(self.buffer) < BUFFER_LOW_WATER:
            await self._paused.set()
        if not self.buffer:
            await self._is_empty.set()
        return data


class Http2(H2Protocol):
    """hypercorn's HTTP/2 with an end to floods, and to answers that cannot be completed.

    Resets cost the server a request each and the client nothing; viewers send some hundreds of them
    when somebody scrolls, attackers send thousands. Who sends too many is told to go (GOAWAY).
    """

    _allowance: Allowance | None = None

    async def handle(self, event: Event) -> None:
        """Take in what came from the client."""
        if not isinstance(event, RawData):
            await super().handle(event)
            return
        try:
            events = self.connection.receive_data(event.data)
        except h2.exceptions.ProtocolError:
            await self._flush()
            await self.send(Closed())
            return
        if self._is_too_much(events):
            self.connection.close_connection(ErrorCodes.ENHANCE_YOUR_CALM)
            await self._flush()
            await self.send(Closed())
            return
        await self._handle_events(_without_recalled(events))

    async def stream_send(self, event: StreamEvent) -> None:
        """Send what the application answers; what it leaves unfinished is told to the client."""
        if isinstance(event, StreamClosed):
            await self._reset_unfinished(event.stream_id)
        await super().stream_send(event)

    async def _handle_events(self, events: list[h2.events.Event]) -> None:
        """Act on one after the other; each may end streams that the next ones speak of."""
        for each in events:
            if isinstance(each, h2.events.DataReceived) and each.stream_id not in self.streams:
                self._give_back(each)
            elif isinstance(each, h2.events.RequestReceived):
                await self._begin(each)
            else:
                await super()._handle_events([each])
        await self._flush()

    async def _create_stream(self, request: h2.events.RequestReceived) -> None:
        await super()._create_stream(request)
        # The application begins when this task waits for something, which it did not yet.
        self.stream_buffers[request.stream_id] = Buffer(self.context.event_class)

    async def _begin(self, request: h2.events.RequestReceived) -> None:
        """Begin a request, unless its target cannot be one (RFC 9113 8.3.1)."""
        if self.context.terminated.is_set():
            # Clients ask another server, or the next one here (RFC 9113 8.7).
            self.connection.reset_stream(request.stream_id, ErrorCodes.REFUSED_STREAM)
        elif all(value.isascii() for name, value in request.headers if name[:1] == b":"):
            await super()._handle_events([request])
        else:
            self.connection.reset_stream(request.stream_id, ErrorCodes.PROTOCOL_ERROR)

    async def _priority_updated(self, event: h2.events.PriorityUpdated) -> None:
        """Ignore it: priorities are of no use any more (RFC 9113 5.3.2)."""

    def _is_too_much(self, events: Sequence[h2.events.Event]) -> bool:
        now = time.monotonic()
        if self._allowance is None:
            self._allowance = Allowance(now)
        count = sum(isinstance(each, _WORKLESS) or _is_empty(each) for each in events)
        return count > 0 and not self._allowance.spend(count, now)

    def _give_back(self, data: h2.events.DataReceived) -> None:
        """Let the connection's window grow again by what came for a stream that is gone."""
        if data.flow_controlled_length and data.stream_id:
            self.connection.acknowledge_received_data(data.flow_controlled_length, data.stream_id)

    async def _reset_unfinished(self, stream_id: int) -> None:
        """End a stream whose answer has begun and goes no further.

        hypercorn would forget it and leave the client waiting.
        """
        buffer = self.stream_buffers.get(stream_id)
        if buffer is None or buffer.complete:
            return
        with suppress(h2.exceptions.ProtocolError):
            self.connection.reset_stream(stream_id, ErrorCodes.INTERNAL_ERROR)
        await self._flush()
        await buffer.close()
        # The task that sends meets the closed stream, and removes what is left of it.
        with suppress(MissingStreamError):
            self.priority.unblock(stream_id)
        await self.has_data.set()


class Protocols(ProtocolWrapper):
    """HTTP/1.1 until a client shows that it speaks HTTP/2."""

    async def initiate(self) -> None:
        """Begin with what is spoken first."""
        if not isinstance(self.protocol, H2Protocol):
            self.protocol = self._http1()
        await super().initiate()

    async def handle(self, event: Event) -> None:
        """Take in what came from the client."""
        try:
            await self.protocol.handle(event)
        except H2ProtocolAssumedError as error:
            self.protocol = self._http2()
            await self.protocol.initiate()
            await self._rest(error.data)
        except H2CProtocolRequiredError as error:
            self.protocol = self._http2()
            await self.protocol.initiate(error.headers, error.settings)
            await self._rest(error.data)

    def begin_http2(self) -> None:
        """Speak HTTP/2 from the first byte, as was agreed by TLS."""
        self.protocol = self._http2()

    async def _rest(self, data: bytes) -> None:
        if data:
            await self.protocol.handle(RawData(data))

    def _http1(self) -> Http1:
        return Http1(
            self.app,
            self.config,
            self.context,
            self.task_group,
            self.state,
            self.ssl,
            self.client,
            self.server,
            self.send,
        )

    def _http2(self) -> Http2:
        return Http2(
            self.app,
            self.config,
            self.context,
            self.task_group,
            self.state,
            self.ssl,
            self.client,
            self.server,
            self.send,
        )


def _without_recalled(events: Sequence[h2.events.Event]) -> list[h2.events.Event]:
    """What is still wanted: without requests that were taken back at once."""
    opened = {each.stream_id for each in events if isinstance(each, h2.events.RequestReceived)}
    resets = {each.stream_id for each in events if isinstance(each, h2.events.StreamReset)}
    recalled = opened & resets
    return [each for each in events if getattr(each, "stream_id", None) not in recalled]


def _is_empty(event: h2.events.Event) -> bool:
    """Whether it is data without a byte that does not end the body either."""
    if not isinstance(event, h2.events.DataReceived):
        return False
    return not event.data and event.stream_ended is None

"""The server's end of the socket to a codec process, which is listened to all the time.

To begin and to end listening for each message would cost as much as the message.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from dicomweb_server.model.limits import KIB

_PIECE = 64 * KIB
_MOST_AHEAD = 2 * _PIECE
"""Bytes that are held before somebody asks for them."""


class Channel:
    """A stream of bytes in both directions; belongs to the running event loop.

    Args:
        end: Our end of the socket, not blocking.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._loop = asyncio.get_running_loop()
        self._held = bytearray()
        self._ended = False
        self._listening = False
        self._waiter: asyncio.Future[None] | None = None
        self._notice: Callable[[], None] | None = None
        self._listen()

    async def send(self, data: bytes | memoryview) -> None:
        """Send everything.

        Raises:
            OSError: The other side is gone.
        """
        try:
            sent = self._end.send(data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            await self._loop.sock_sendall(self._end, memoryview(data)[sent:])

    async def exactly(self, length: int) -> bytes | bytearray:
        """Receive a number of bytes.

        Raises:
            EOFError: The other side ended before.
        """
        if length > _PIECE:
            return await self._long(length)
        while len(self._held) < length:
            await self._more()
        data = bytes(self._held[:length])
        del self._held[:length]
        return data

    def watch(self, notice: Callable[[], None]) -> None:
        """Call a function when something comes unasked, or has come, until `unwatch`."""
        self._notice = notice
        if self._held or self._ended:
            self._loop.call_soon(self._tell)

    def unwatch(self) -> None:
        """Stop watching."""
        self._notice = None

    def close(self) -> None:
        """Close the socket."""
        self._pause()
        self._ended = True
        self._end.close()

    def _listen(self) -> None:
        if not (self._listening or self._ended):
            self._loop.add_reader(self._end.fileno(), self._arrive)
            self._listening = True

    def _pause(self) -> None:
        if self._listening:
            self._loop.remove_reader(self._end.fileno())
            self._listening = False

    def _arrive(self) -> None:
        try:
            data = self._end.recv(_PIECE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._held += data
        self._ended = not data
        if self._ended or len(self._held) > _MOST_AHEAD:
            self._pause()
        if self._waiter is None:
            self._tell()
        elif not self._waiter.done():
            self._waiter.set_result(None)

    def _tell(self) -> None:
        if self._notice is not None:
            self._notice()

    async def _more(self) -> None:
        if self._ended:
            raise EOFError
        self._listen()
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    async def _long(self, length: int) -> bytearray:
        """Receive many bytes into the place where they stay."""
        self._pause()
        data = bytearray(length)
        here = min(length, len(self._held))
        data[:here] = self._held[:here]
        del self._held[:here]
        rest = memoryview(data)[here:]
        while rest:
            if self._ended:
                raise EOFError
            received = await self._loop.sock_recv_into(self._end, rest)
            self._ended = not received
            rest = rest[received:]
        self._listen()
        return data

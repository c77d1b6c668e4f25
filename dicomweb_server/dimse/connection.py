"""The TCP or TLS connection of one association: every wait on it has an end."""

from __future__ import annotations

import select
import socket
import ssl
import time

from pynetdicom.association import Association
from pynetdicom.transport import AssociationSocket

_READ = select.POLLIN | select.POLLPRI
_PIECE = 64 * 1024


class Connection(AssociationSocket):
    """A socket that is read exactly, into place, and in bounded time.

    pynetdicom's own reads any number of bytes in pieces of 4 KiB and waits for each piece anew.

    Args:
        assoc: The association.
        client_socket: The accepted socket; made non-blocking.
        seconds: Time for one PDU in either direction.
    """

    def __init__(self, assoc: Association, client_socket: socket.socket, seconds: float) -> None:
        super().__init__(assoc, client_socket=client_socket)
        client_socket.setblocking(False)
        self._seconds = seconds

    def begin_tls(self, context: ssl.SSLContext, seconds: float) -> None:
        """Shake hands, before anything is read.

        Raises:
            OSError: The peer gave no good certificate, speaks no TLS, or took too long.
        """
        plain = self._socket()
        deadline = time.monotonic() + seconds
        secured = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        self.socket = secured
        while True:
            try:
                secured.do_handshake()
            except ssl.SSLWantReadError:
                self._wait(_READ, deadline)
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT, deadline)
            else:
                return

    @property
    def ready(self) -> bool:
        """Whether there is something to read, or the end."""
        if self.socket is None or not self._is_connected:
            return False
        return self.buffered or bool(self._poll(_READ, 0))

    @property
    def buffered(self) -> bool:
        """Whether TLS has decrypted bytes that the system does not know of."""
        return isinstance(self.socket, ssl.SSLSocket) and self.socket.pending() > 0

    def recv(self, nr_bytes: int) -> bytearray:
        """Read that many bytes.

        Raises:
            OSError: The connection ended before, or they did not come in time.
        """
        received = bytearray(nr_bytes)
        deadline = time.monotonic() + self._seconds
        with memoryview(received) as view:
            place = 0
            while place < nr_bytes:
                taken = self._read(view[place:], deadline)
                if not taken:
                    raise ConnectionResetError("ended within a PDU")
                place += taken
        return received

    def send(self, bytestream: bytes) -> None:
        """Send all of it; where that is not possible in time the connection ends (Evt17)."""
        deadline = time.monotonic() + self._seconds
        try:
            with memoryview(bytestream) as view:
                place = 0
                while place < len(view):
                    place += self._write(view[place:], deadline)
        except OSError:
            self.event_queue.put("Evt17")

    def discard(self) -> bool:
        """Read what has come and forget it; False once the peer has closed."""
        try:
            return bool(self._socket().recv(_PIECE))
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False

    def half_close(self) -> None:
        """Say that nothing more will be sent, so that the peer closes."""
        try:
            self._socket().shutdown(socket.SHUT_WR)
        except OSError:
            return

    def cut(self) -> None:
        """End it from another thread; who waits on it is woken."""
        held = self.socket
        if held is not None:
            try:
                held.shutdown(socket.SHUT_RDWR)
            except OSError:
                return

    def _socket(self) -> socket.socket:
        if self.socket is None:
            raise ConnectionResetError("closed")
        return self.socket

    def _shutdown_socket(self) -> None:
        held = self.socket
        if held is not None:
            self.cut()
            held.close()

    def _read(self, view: memoryview, deadline: float) -> int:
        while True:
            try:
                return self._socket().recv_into(view)
            except (BlockingIOError, ssl.SSLWantReadError):
                self._wait(_READ, deadline)
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT, deadline)

    def _write(self, view: memoryview, deadline: float) -> int:
        while True:
            try:
                return self._socket().send(view)
            except (BlockingIOError, ssl.SSLWantWriteError):
                self._wait(select.POLLOUT, deadline)
            except ssl.SSLWantReadError:
                self._wait(_READ, deadline)

    def _wait(self, events: int, deadline: float) -> None:
        remaining = deadline - time.monotonic()
        if remaining <= 0 or not self._poll(events, remaining):
            raise TimeoutError("the peer took too long")

    def _poll(self, events: int, seconds: float) -> list[tuple[int, int]]:
        poller = select.poll()
        try:
            poller.register(self._socket(), events)
        except (OSError, ValueError):
            return [(-1, select.POLLNVAL)]  # closed meanwhile: the read will tell
        return poller.poll(seconds * 1000)

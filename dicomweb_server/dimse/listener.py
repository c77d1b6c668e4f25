"""A listening socket: connections are counted before anything is made for them."""

from __future__ import annotations

import logging
import selectors
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from pynetdicom.pdu import A_ASSOCIATE_RJ

from dicomweb_server.dimse.guard import Guard

_LINGER_SECONDS = 2.0
_LINGERING = 64
"""Connections that were told to come again and may still read it."""
_PAUSE_SECONDS = 0.2

_log = logging.getLogger(__name__)

Serve = Callable[[socket.socket, tuple[str, int], ssl.SSLContext | None], None]
"""Makes an association of a connection, begins to serve it, and releases it at its end."""


class Listener:
    """Accepts connections on a thread of its own.

    Args:
        listening: The socket; closed at the end.
        secure: For TLS; None for plain connections.
        guard: Says whether another connection may be.
        serve: Called for those.
    """

    def __init__(
        self,
        listening: socket.socket,
        secure: ssl.SSLContext | None,
        guard: Guard,
        serve: Serve,
    ) -> None:
        self._listening = listening
        self._secure = secure
        self._guard = guard
        self._serve = serve
        self._refused: deque[tuple[float, socket.socket]] = deque()
        self._stopping = False
        self._hear, self._waker = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="dicom listener", daemon=True)

    def start(self) -> None:
        """Begin to accept."""
        self._listening.setblocking(False)
        self._thread.start()

    def close(self) -> None:
        """Accept nothing more; connections that are open stay."""
        self._stopping = True
        self._waker.send(b"x")
        self._thread.join()
        for held in (self._hear, self._waker, self._listening):
            held.close()
        self._let_go(len(self._refused))

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listening, selectors.EVENT_READ)
            selector.register(self._hear, selectors.EVENT_READ)
            while not self._stopping:
                found = selector.select(_PAUSE_SECONDS if self._refused else None)
                if any(key.fileobj is self._listening for key, _ in found):
                    self._accept()
                self._tidy()

    def _accept(self) -> None:
        try:
            accepted, address = self._listening.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError as error:  # no descriptor is left: one may be later
            _log.error("no connection can be accepted", extra={"error": type(error).__name__})
            time.sleep(_PAUSE_SECONDS)
            return
        host = str(address[0])
        if not self._guard.admit(host):
            self._refuse(accepted)
            return
        try:
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._serve(accepted, address, self._secure)
        except Exception as error:  # noqa: BLE001 - others can be served still
            _log.error("no association can be made", extra={"error": type(error).__name__})
            self._guard.release(host)
            accepted.close()

    def _refuse(self, accepted: socket.socket) -> None:
        """Say that there are too many (PS3.8 9.3.4: local limit exceeded), as far as it goes."""
        _log.warning("a connection was refused: too many")
        accepted.setblocking(False)
        if self._secure is None:
            with suppress(OSError):
                accepted.send(_rejection())
                accepted.shutdown(socket.SHUT_WR)
        self._refused.append((time.monotonic() + _LINGER_SECONDS, accepted))
        self._let_go(len(self._refused) - _LINGERING)

    def _tidy(self) -> None:
        now = time.monotonic()
        over = sum(1 for end, _ in self._refused if end < now)
        self._let_go(over)

    def _let_go(self, most: int) -> None:
        for _ in range(max(0, most)):
            _, accepted = self._refused.popleft()
            accepted.close()


def _rejection() -> bytes:
    pdu = A_ASSOCIATE_RJ()
    pdu.result, pdu.source, pdu.reason_diagnostic = 2, 3, 2
    encoded: bytes = pdu.encode()
    return encoded

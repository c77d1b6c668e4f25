"""Requests with targets that no HTTP client would send."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from types import TracebackType

from tests.live.server import Server


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer.

    Args:
        status: Its status.
        body: Its body.
    """

    status: int
    body: bytes


class Line:
    """A connection on which one request after the other goes out as it is written.

    Args:
        server: Where to.
    """

    def __init__(self, server: Server) -> None:
        self._address = server.address
        self._socket = socket.create_connection(self._address, timeout=30)
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> Line:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self._socket.close()

    def get(self, target: str, accept: str = "*/*") -> Answer:
        """GET a request target."""
        head = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\n\r\n"
        self._socket.sendall(head.encode("latin-1"))
        status = int(self._file.readline().split()[1])
        length, close = 0, False
        while (line := self._file.readline().strip().lower()) != b"":
            name, _, value = line.partition(b":")
            length = int(value) if name == b"content-length" else length
            close = close or (name == b"connection" and b"close" in value)
        answer = Answer(status, self._file.read(length))
        if close:
            self.__exit__(None, None, None)
            self._socket = socket.create_connection(self._address, timeout=30)
            self._file = self._socket.makefile("rb")
        return answer

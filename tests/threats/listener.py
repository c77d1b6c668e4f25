"""A server that only counts who calls it: nothing of ours may (T19)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Listener:
    """Listens on a port of its own.

    Args:
        port: Its port.
        calls: What callers sent first.
    """

    port: int
    calls: list[bytes] = field(default_factory=list)

    def url(self, name: str) -> str:
        """An address that leads here."""
        return f"http://127.0.0.1:{self.port}/{name}"


@contextmanager
def listening() -> Iterator[Listener]:
    """A listener for as long as the context lasts."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        listener = Listener(server.getsockname()[1])

        def serve() -> None:
            while True:
                try:
                    caller, _ = server.accept()
                except OSError:
                    return
                with caller:
                    caller.settimeout(5)
                    listener.calls.append(caller.recv(200))
                    caller.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nDICM")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)

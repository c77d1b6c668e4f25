"""HTTP by hand, where a client library would hide what goes over the wire."""

from __future__ import annotations

import http.client
import socket
from dataclasses import dataclass

from tests.live.server import Server


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """An answer as it came.

    Args:
        status: HTTP status.
        headers: Its headers by their names in lower case.
        body: Its body without chunk framing.
    """

    status: int
    headers: dict[str, str]
    body: bytes


def exchange(server: Server, head: str, body: bytes = b"") -> RawAnswer:
    """Send the bytes of one request and read the answer.

    Args:
        server: To where.
        head: Request line and headers, lines without line ends.
        body: The body as it goes over the wire.
    """
    with socket.create_connection(server.address, timeout=60) as connection:
        text = "\r\n".join([*head.strip().splitlines(), "Host: 127.0.0.1", "", ""])
        connection.sendall(text.encode() + body)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        data = answer.read()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return RawAnswer(answer.status, found, data)


def chunked(body: bytes, size: int) -> bytes:
    """A body in chunks (RFC 9112 7.1)."""
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"

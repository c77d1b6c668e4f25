"""HTTP/2 byte by byte: frames as a client could write them that keeps to no rule (RFC 9113)."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hpack import Decoder, Encoder

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE = range(6)
PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(6, 10)
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
_PATIENCE = 10.0

Field = tuple[str, str]


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def setting(identifier: int, value: int) -> bytes:
    """The payload of one setting."""
    return struct.pack(">HI", identifier, value)


def block(fields: Sequence[Field]) -> bytes:
    """A header block."""
    return bytes(Encoder().encode(list(fields)))


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame that the server sent."""

    kind: int
    flags: int
    stream: int
    payload: bytes


class Wire:
    """A connection in cleartext, its preface and settings sent.

    Args:
        address: Host and port.
        preface: What is sent first.
        patience: Seconds in which each piece of the answer must come.
    """

    def __init__(
        self, address: tuple[str, int], preface: bytes = PREFACE, patience: float = _PATIENCE
    ) -> None:
        self._socket = socket.create_connection(address, patience)
        self._held = b""
        self._decoder = Decoder()
        self.send(preface + frame(SETTINGS, 0, 0))

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes, as far as the server still takes them."""
        try:
            self._socket.sendall(data)
        except OSError:
            self._held += b""

    def frames(self) -> Iterator[Frame]:
        """What the server sends, until it closes the connection."""
        while True:
            while len(self._held) < 9 or len(self._held) < 9 + self._length():
                try:
                    piece = self._socket.recv(65536)
                except ConnectionError:
                    return
                if not piece:
                    return
                self._held += piece
            length = self._length()
            kind, flags, stream = struct.unpack(">BBI", self._held[3:9])
            payload = self._held[9 : 9 + length]
            self._held = self._held[9 + length :]
            yield Frame(kind, flags, stream & 0x7FFFFFFF, payload)

    def outcome(self, stream: int = 1) -> str:
        """How the server takes what was sent: a status, `reset`, `goaway` or `closed`."""
        for found in self.frames():
            if found.kind == GOAWAY:
                return "goaway"
            if found.kind == RST_STREAM and found.stream == stream:
                return "reset"
            if found.kind == HEADERS:
                fields = {str(n): str(v) for n, v in self._decoder.decode(found.payload)}
                if found.stream == stream:
                    return fields[":status"]
        return "closed"

    def _length(self) -> int:
        return int.from_bytes(self._held[:3], "big")

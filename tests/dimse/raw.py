"""A peer of raw bytes, which can say anything and stop anywhere (PS3.8 9.3, PS3.7 6.3)."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from struct import pack, unpack_from
from typing import Final

ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ, P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = range(1, 8)
VERIFICATION: Final = "1.2.840.10008.1.1"
SECONDARY_CAPTURE: Final = "1.2.840.10008.5.1.4.1.1.7"
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
COMMAND, LAST = 1, 2
GONE: Final = (0, b"")
"""What `Peer.receive` gives where the server has closed the connection."""


@dataclass(frozen=True, slots=True)
class Context:
    """A proposed presentation context."""

    number: int
    abstract: str
    syntaxes: Sequence[str] = (EXPLICIT,)


ECHO: Final = Context(1, VERIFICATION, (IMPLICIT,))
STORE: Final = Context(3, SECONDARY_CAPTURE)


def pdu(kind: int, body: bytes) -> bytes:
    """A PDU of any type."""
    return pack(">BBL", kind, 0, len(body)) + body


def item(kind: int, body: bytes) -> bytes:
    """An item of an A-ASSOCIATE PDU."""
    return pack(">BBH", kind, 0, len(body)) + body


def associate_rq(
    called: str = "ARCHIVE", calling: str = "PEER", contexts: Iterable[Context] = (ECHO, STORE)
) -> bytes:
    """An A-ASSOCIATE-RQ PDU."""
    body = pack(">H2x", 1) + called.ljust(16).encode() + calling.ljust(16).encode() + bytes(32)
    body += item(0x10, b"1.2.840.10008.3.1.1.1")
    for context in contexts:
        inner = item(0x30, context.abstract.encode())
        inner += b"".join(item(0x40, syntax.encode()) for syntax in context.syntaxes)
        body += item(0x20, pack(">Bxxx", context.number) + inner)
    user = item(0x51, pack(">L", 16_384)) + item(0x52, b"1.2.3.4")
    return pdu(ASSOCIATE_RQ, body + item(0x50, user))


def value(context: int, control: int, data: bytes) -> bytes:
    """A presentation data value."""
    return pack(">LBB", len(data) + 2, context, control) + data


def command(elements: dict[int, int | str]) -> bytes:
    """A command set with its group length."""
    body = b""
    for number, given in sorted(elements.items()):
        raw = pack("<H", given) if isinstance(given, int) else given.encode()
        raw += b"\0" * (len(raw) % 2)
        body += pack("<HHI", 0, number, len(raw)) + raw
    return pack("<HHII", 0, 0, 4, len(body)) + body


def echo_rq(message: int = 1) -> bytes:
    """A C-ECHO request as a P-DATA-TF PDU."""
    return pdu(P_DATA, value(1, COMMAND | LAST, echo_command(message)))


def echo_command(message: int) -> bytes:
    """The command set of a C-ECHO request."""
    return command({0x0002: VERIFICATION, 0x0100: 0x0030, 0x0110: message, 0x0800: 0x0101})


def store_command(sop_class: str, instance: str, message: int = 1) -> bytes:
    """The command set of a C-STORE request."""
    return command(
        {
            0x0002: sop_class,
            0x0100: 0x0001,
            0x0110: message,
            0x0700: 0,
            0x0800: 1,
            0x1000: instance,
        }
    )


def store_rq(
    data: bytes, sop_class: str, instance: str, *, context: int = 3, piece: int = 4000
) -> bytes:
    """A whole C-STORE request as P-DATA-TF PDUs."""
    told = [pdu(P_DATA, value(context, COMMAND | LAST, store_command(sop_class, instance)))]
    for start in range(0, max(1, len(data)), piece):
        last = LAST if start + piece >= len(data) else 0
        told.append(pdu(P_DATA, value(context, last, data[start : start + piece])))
    return b"".join(told)


@dataclass(slots=True)
class Peer:
    """A connection to a server of associations."""

    connection: socket.socket
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @classmethod
    def connect(cls, port: int) -> Peer:
        """Connect without saying anything."""
        connection = socket.create_connection(("127.0.0.1", port), timeout=30)
        return cls(connection)

    @classmethod
    def associate(cls, port: int, contexts: Iterable[Context] = (ECHO, STORE)) -> Peer:
        """Connect and associate."""
        peer = cls.connect(port)
        peer.send(associate_rq(contexts=contexts))
        kind, _ = peer.receive()
        assert kind == ASSOCIATE_AC, kind
        return peer

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.connection.close()

    def send(self, data: bytes) -> None:
        """Send as it is."""
        self.connection.sendall(data)

    def receive(self) -> tuple[int, bytes]:
        """Type and body of the next PDU; GONE where the connection ends."""
        header = self._exactly(6)
        if len(header) < 6:
            return GONE
        kind, length = unpack_from(">BxL", header)
        return kind, self._exactly(length)

    def status(self) -> tuple[int, str]:
        """Status and error comment of the next response."""
        kind, body = self.receive()
        assert kind == P_DATA, kind
        found = elements_of(body[6:])
        return int.from_bytes(found[0x0900], "little"), found.get(0x0902, b"").decode().strip()

    def echo(self) -> int:
        """Status of a C-ECHO."""
        self.send(echo_rq(next(self.numbers)))
        return self.status()[0]

    def release(self) -> int:
        """Release; the type of what comes back."""
        self.send(pdu(RELEASE_RQ, bytes(4)))
        return self.receive()[0]

    def _exactly(self, length: int) -> bytes:
        received = b""
        while len(received) < length:
            try:
                more = self.connection.recv(length - len(received))
            except ConnectionError:
                more = b""
            if not more:
                break
            received += more
        return received


def elements_of(encoded: bytes) -> dict[int, bytes]:
    """Values of a command set by their element number."""
    found, place = {}, 0
    while place < len(encoded):
        _, number, length = unpack_from("<HHI", encoded, place)
        found[number] = encoded[place + 8 : place + 8 + length]
        place += 8 + length
    return found


def results(body: bytes) -> dict[int, int]:
    """Result of each presentation context of an A-ASSOCIATE-AC PDU."""
    found, place = {}, 68
    while place < len(body):
        kind, length = unpack_from(">BxH", body, place)
        if kind == 0x21:
            found[body[place + 4]] = body[place + 6]
        place += 4 + length
    return found

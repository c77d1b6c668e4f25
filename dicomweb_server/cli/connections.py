"""The connections of clients that a process has open, whichever server they belong to."""

from __future__ import annotations

import os
import socket
import stat
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_DESCRIPTORS = Path("/dev/fd")
_LINGER = struct.pack("ii", 1, 0)
_ROUNDS = 12
"""Looks within the time: who takes nothing is cut a twelfth of it late at most."""
_INFO_BYTES = 148
_UNACKED, _ACKED, _UNSENT = 24, 120, 144
"""Places in Linux' `struct tcp_info`: segments, bytes, bytes."""


def connections() -> Iterator[tuple[int, socket.socket]]:
    """Each with its descriptor, as a copy that lives until the next one is asked for."""
    for entry in _descriptors():
        number = int(entry.name)
        try:
            if not stat.S_ISSOCK(os.fstat(number).st_mode):
                continue
            found = socket.socket(fileno=os.dup(number))
        except OSError:
            continue
        with found:
            if found.family in (socket.AF_INET, socket.AF_INET6):
                yield number, found


def _descriptors() -> tuple[Path, ...]:
    try:
        return tuple(_DESCRIPTORS.iterdir())
    except OSError:  # none is left to look with
        return ()


def cut(connection: socket.socket) -> None:
    """Break a connection off without waiting for what was not taken yet."""
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        connection.shutdown(socket.SHUT_RDWR)


@dataclass(frozen=True, slots=True)
class _Seen:
    """How far a client had come.

    Args:
        peer: Its address.
        acked: Bytes that it had taken.
        since: When that was first seen.
    """

    peer: object
    acked: int
    since: float


class Readers:
    """Cuts clients off that take nothing of what is sent to them (Linux).

    A server only sees its own buffers move, and behind them are those of the system, which hold
    megabytes and move on in large steps: who reads slowly looks like one who does not read. The
    system knows each byte that arrived. Its own limit, TCP_USER_TIMEOUT, goes on counting for
    clients whose window opens a little at a time.

    Args:
        seconds: Time in which a client has to take something, as long as there is something.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: dict[int, _Seen] = {}

    def start(self) -> None:
        """Watch as long as the process lives."""
        if hasattr(socket, "TCP_INFO") and _DESCRIPTORS.exists():
            threading.Thread(target=self._watch, daemon=True).start()

    def look(self, now: float) -> None:
        """Cut those who took nothing for too long.

        Args:
            now: Time in seconds.
        """
        seen: dict[int, _Seen] = {}
        for number, connection in connections():
            with suppress(OSError, struct.error):
                found = self._one(connection, self._seen.get(number), now)
                if found is not None:
                    seen[number] = found
        self._seen = seen

    def _one(self, connection: socket.socket, before: _Seen | None, now: float) -> _Seen | None:
        """What is to be remembered of a client; None where it has taken everything."""
        told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
        (unacked,) = struct.unpack_from("=I", told, _UNACKED)
        (acked,) = struct.unpack_from("=Q", told, _ACKED)
        (unsent,) = struct.unpack_from("=I", told, _UNSENT)
        if not unacked and not unsent:
            return None
        peer = connection.getpeername()
        if before is None or before.peer != peer or before.acked != acked:
            return _Seen(peer, acked, now)
        if now - before.since >= self._seconds:
            cut(connection)
        return before

    def _watch(self) -> None:
        while True:
            time.sleep(self._seconds / _ROUNDS)
            self.look(time.monotonic())

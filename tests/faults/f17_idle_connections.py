"""Thousands of clients that stay connected and ask for nothing."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.onlooker import Onlooker
from tests.faults.proof import Count, Effort, Fault, Proof
from tests.live.server import KINDS, Server, running

MIB = 1024 * 1024
_CLIENTS = {Effort.SHORT: 600, Effort.FULL: 10_000}
_MOST_BYTES = 300 * MIB
_PER_ADDRESS = 2_500
_SPARE = 500
_GET = b"GET /livez HTTP/1.1\r\nHost: archive\r\n\r\n"
_HALF = b"GET /livez HTTP/1.1\r\nHost: arch"
_ASKED = {Effort.SHORT: 30, Effort.FULL: 300}
_SETTINGS = {
    "DICOMWEB_SERVER__KEEP_ALIVE_SECONDS": "900",
    "DICOMWEB_LOG__LEVEL": "warning",
    "DICOMWEB_CODEC__WARM": "false",
}


def _run(effort: Effort, seed: int) -> Proof:
    clients = _CLIENTS[effort]
    counts: dict[str, Count] = {"idle connections": clients, "of them half open": clients // 10}
    violations: list[str] = []
    with _descriptors(clients + _SPARE):
        for kind in KINDS:
            with running(kind, _SETTINGS) as server:
                violations += _crowd(server, clients, _ASKED[effort], counts)
    return Proof(counts, tuple(violations), seed)


def _crowd(server: Server, clients: int, asked: int, counts: dict[str, Count]) -> list[str]:
    """Connect all of them, and let somebody else use the server."""
    idle = server.idle_memory()
    crowd: list[socket.socket] = []
    try:
        crowd.extend(_client(server, number) for number in range(clients))
        with Onlooker(server) as onlooker:
            while len(onlooker.milliseconds) < asked and len(onlooker.failures) < asked:
                onlooker.wait()
        grown = server.peak_memory() - idle
        gone = sum(_is_gone(each) for each in crowd)
    finally:
        for each in crowd:
            each.close()
    counts[f"{server.kind}: RSS MiB"] = round(grown / MIB)
    counts |= onlooker.counts(f"{server.kind}: ")
    violations = [f"{server.kind}: {each}" for each in onlooker.failures[:5]]
    if grown > _MOST_BYTES:
        violations.append(f"{server.kind}: {grown // MIB} MiB for {clients} connections")
    if gone:
        violations.append(f"{server.kind}: {gone} of {clients} idle connections were closed")
    return violations


def _client(server: Server, number: int) -> socket.socket:
    """A client that has been answered once and waits, or, each tenth, one that began to ask.

    Each address has so many ports only.
    """
    source = (f"127.0.0.{2 + number // _PER_ADDRESS}", 0)
    connection = socket.create_connection(server.address, 60, source)
    if number % 10 == 0:
        connection.sendall(_HALF)
        return connection
    connection.sendall(_GET)
    assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
    return connection


def _is_gone(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return not connection.recv(1)
    except BlockingIOError:
        return False
    except OSError:
        return True


@contextmanager
def _descriptors(count: int) -> Iterator[None]:
    """Let this process and the server that it starts have so many files open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, max(hard, count)))
    try:
        yield
    finally:
        if soft < count:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, max(hard, count)))


FAULTS = (
    Fault(
        "F17",
        "Thousands of connections that ask for nothing cost little memory, and others are served.",
        _run,
        needs_root=True,
    ),
)

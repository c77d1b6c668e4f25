"""Nothing is allocated, and nothing believed, because a length was declared (T13)."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest

from tests.live.instances import BOUNDARY, STOW_TYPE, make, stow_body
from tests.live.large import connect, reset
from tests.live.raw import chunked
from tests.live.server import KINDS, Server, eventually, running

MIB = 1024 * 1024
HEAD = f"POST /dicom-web/studies HTTP/1.1\r\nHost: archive\r\nContent-Type: {STOW_TYPE}\r\n"
REFUSED = ("", "400", "408", "411", "413", "431", "501")
HUGE = [2**32, 2**32 + 1, 2**40, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**30, 10**300]
NO_LENGTH = ["-1", "+5", "1e3", "0x10", "5.0", "5 5", "five", "", "5, 6", "5;6", "\u0665"]
NO_CHUNK = [b"-1", b"FFFFFFFFFFFFFFFFF", b"8000000000000000", b"0x5", b"g", b"", b"1" * 100_000]


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server whose memory does not grow by codecs that start."""
    with running(str(request.param), {"DICOMWEB_CODEC__WARM": "false"}) as live:
        yield live


def _begin(connection: socket.socket, header: str, body: bytes) -> None:
    connection.sendall((HEAD + header + "\r\n\r\n").encode() + body)


def _status(connection: socket.socket) -> str:
    """Status of the answer, empty where the connection was closed without one."""
    connection.settimeout(60)
    try:
        return connection.recv(65_536)[9:12].decode()
    except ConnectionError:
        return ""


def _is_well(server: Server) -> bool:
    """Whether nothing was stored, and instances can be stored still."""
    with httpx.Client(base_url=server.root, timeout=60) as client:
        before = client.get("/studies").status_code
        made = make()
        body = b"".join(stow_body([made[0].data]))
        stored = client.post("/studies", content=body, headers={"Content-Type": STOW_TYPE})
        deleted = client.delete(made[0].study_path)
        return (before, stored.status_code, deleted.status_code) == (204, 200, 204) or (
            before == 200 and client.get("/studies").json() == []
        )


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_a_huge_length_costs_no_memory(server: Server) -> None:
    assert _is_well(server)
    body = b"".join(stow_body([make()[0].data]))
    idle = server.idle_memory()
    for length in HUGE:
        with connect(server) as connection:
            _begin(connection, f"Content-Length: {length}", body)
            connection.settimeout(0.3)
            with suppress(TimeoutError):  # where it waits for the rest
                assert connection.recv(65_536)[9:12].decode() in REFUSED
            reset(connection)
    assert server.peak_memory() - idle < 16 * MIB
    assert eventually(lambda: not server.staged_files())
    assert _is_well(server)


@pytest.mark.parametrize("length", NO_LENGTH)
def test_what_is_no_length_is_refused(server: Server, length: str) -> None:
    with connect(server) as connection:
        _begin(connection, f"Content-Length: {length}", b"12345")
        assert _status(connection) in REFUSED
    assert _is_well(server)


def test_lengths_that_contradict_each_other_are_refused(server: Server) -> None:
    for headers in (
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nContent-Length: 6",
    ):
        with connect(server) as connection:
            _begin(connection, headers, b"12345")
            assert _status(connection) in REFUSED
    assert _is_well(server)


@pytest.mark.parametrize("size", NO_CHUNK)
def test_what_is_no_chunk_size_is_refused(server: Server, size: bytes) -> None:
    idle = server.idle_memory()
    with connect(server) as connection:
        _begin(connection, "Transfer-Encoding: chunked", size + b"\r\n12345\r\n")
        connection.shutdown(socket.SHUT_WR)
        assert _status(connection) in REFUSED
    assert server.peak_memory() - idle < 16 * MIB
    assert _is_well(server)


def test_a_length_that_is_too_long_stores_nothing(server: Server) -> None:
    body = b"".join(stow_body([make()[0].data]))
    with connect(server) as connection:
        _begin(connection, f"Content-Length: {len(body) + 1000}", body)
        connection.shutdown(socket.SHUT_WR)
        assert _status(connection) in REFUSED
    assert eventually(lambda: not server.staged_files())
    assert _is_well(server)


def test_a_length_that_is_too_short_stores_nothing(server: Server) -> None:
    body = b"".join(stow_body([make()[0].data]))
    with connect(server) as connection:
        _begin(connection, f"Content-Length: {len(body) - 500}", body)
        assert _status(connection) in REFUSED
    assert _is_well(server)


def test_no_length_at_all_is_an_empty_body(server: Server) -> None:
    with connect(server) as connection:
        _begin(connection, "X-Nothing: 1", b"")
        assert _status(connection) == "400"


def test_a_body_in_chunks_needs_no_length(server: Server) -> None:
    made = make()
    body = chunked(b"".join(stow_body([made[0].data])), 1000)
    with connect(server) as connection:
        _begin(connection, "Transfer-Encoding: chunked", body)
        assert _status(connection) == "200"
    assert httpx.delete(f"{server.root}{made[0].study_path}").status_code == 204


@pytest.mark.parametrize("length", ["0", "1", "4294967296", str(2**64), "-1", "x"])
def test_the_length_of_a_part_is_not_believed(server: Server, length: str) -> None:
    made = make()
    head = f"\r\n--{BOUNDARY}\r\nContent-Type: application/dicom\r\nContent-Length: {length}"
    body = f"{head}\r\n\r\n".encode() + made[0].data + f"\r\n--{BOUNDARY}--".encode()
    idle = server.idle_memory()
    answer = httpx.post(
        f"{server.root}/studies", content=body, headers={"Content-Type": STOW_TYPE}, timeout=60
    )
    assert answer.status_code in (200, 400)
    assert server.peak_memory() - idle < 16 * MIB
    if answer.status_code == 200:
        assert httpx.delete(f"{server.root}{made[0].study_path}").status_code == 204

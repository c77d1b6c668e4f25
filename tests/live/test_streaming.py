"""Memory stays flat whatever the size, and clients that go away leave nothing behind."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from tests.live.instances import STOW_TYPE, make, store, stow_body
from tests.live.large import (
    FRAME_BYTES,
    LargeInstance,
    ManyInstances,
    connect,
    digest_of,
    reset,
    send_get,
    send_post_head,
)
from tests.live.server import Server, eventually

MIB = 1024 * 1024
AS_STORED = 'multipart/related; type="application/dicom"; transfer-syntax=*'
SINGLE = "application/dicom; transfer-syntax=*"
FRAME = "application/octet-stream; transfer-syntax=*"
ZIP = {"Accept": "application/zip"}
SLOW_READERS = 16


@pytest.fixture
def http(fresh_server: Server) -> Iterator[httpx.Client]:
    """A client of a server that nothing else uses."""
    with httpx.Client(base_url=fresh_server.root, timeout=300) as client:
        store(client, [make()[0].data])
        yield client


def test_two_gib_in_and_out_with_flat_memory(fresh_server: Server, http: httpx.Client) -> None:
    large = LargeInstance(4096)
    idle = fresh_server.idle_memory()
    answer = http.post("/studies", content=large.request(), headers={"Content-Type": STOW_TYPE})
    assert answer.status_code == 200, answer.text
    assert fresh_server.peak_memory() - idle < 128 * MIB

    idle = fresh_server.idle_memory()
    with http.stream("GET", large.path, headers={"Accept": SINGLE}) as answer:
        assert answer.status_code == 200
        assert int(answer.headers["content-length"]) == large.size
        digest = digest_of(answer.iter_raw(MIB))
    assert fresh_server.peak_memory() - idle < 128 * MIB
    assert digest == large.digest()

    last = http.get(f"{large.path}/frames/4096", headers={"Accept": FRAME})
    assert last.content == large.frame(4096)


def test_thousands_of_instances_in_one_request(fresh_server: Server, http: httpx.Client) -> None:
    many = ManyInstances(5000)
    idle = fresh_server.idle_memory()
    answer = http.post("/studies", content=many.request(), headers={"Content-Type": STOW_TYPE})
    assert answer.status_code == 200
    assert fresh_server.peak_memory() - idle < 128 * MIB
    assert len(answer.json()["00081199"]["Value"]) == many.count
    assert fresh_server.staged_files() == []

    idle = fresh_server.idle_memory()
    with http.stream("GET", many.series_path, headers={"Accept": AS_STORED}) as answer:
        assert answer.status_code == 200
        size = sum(map(len, answer.iter_raw(MIB)))
    assert size == int(answer.headers["content-length"])
    assert fresh_server.peak_memory() - idle < 128 * MIB


def test_a_slow_reader_costs_little(fresh_server: Server, http: httpx.Client) -> None:
    large = LargeInstance(128)
    http.post("/studies", content=large.request(), headers={"Content-Type": STOW_TYPE})
    _read_slowly(fresh_server, http, large)  # What is needed once is not the readers' cost.
    idle = fresh_server.idle_memory()
    _read_slowly(fresh_server, http, large)
    assert fresh_server.peak_memory() - idle < SLOW_READERS * 2 * MIB


def _read_slowly(server: Server, http: httpx.Client, large: LargeInstance) -> None:
    """Let many ask for something large and take only its first bytes."""
    with ExitStack() as stack:
        for _ in range(SLOW_READERS):
            reader = stack.enter_context(connect(server, receive_buffer=16 * 1024))
            send_get(reader, large.path, AS_STORED)
            assert reader.recv(4096).startswith(b"HTTP/1.1 200")
        for _ in range(50):
            assert http.get(f"{server.url}/livez").status_code == 200


def test_an_upload_broken_off_leaves_nothing(fresh_server: Server, http: httpx.Client) -> None:
    lost = make(3, side=2048)
    body = b"".join(stow_body(made.data for made in lost))
    for length in (len(lost[0].data) // 2, len(body) // 2, len(body) - 2000):
        with connect(fresh_server) as connection:
            send_post_head(connection, len(body))
            connection.sendall(body[:length])
            assert eventually(lambda: bool(fresh_server.staged_files()))
            reset(connection)
        assert eventually(lambda: not fresh_server.staged_files())
    assert eventually(lambda: not fresh_server.open_files())
    assert http.get(lost[0].study_path).status_code == 404
    assert len(http.get("/studies").json()) == 1
    assert len(http.get("/instances").json()) == 1


def test_an_upload_that_ends_too_early_leaves_nothing(
    fresh_server: Server, http: httpx.Client
) -> None:
    lost = make(2)
    body = b"".join(stow_body(made.data for made in lost))
    answer = http.post("/studies", content=body[:-2000], headers={"Content-Type": STOW_TYPE})
    assert answer.status_code == 400, answer.text
    assert http.get(lost[0].study_path).status_code == 404
    assert eventually(lambda: not fresh_server.staged_files())


def test_a_download_broken_off_closes_its_files(fresh_server: Server, http: httpx.Client) -> None:
    large = LargeInstance(128)
    http.post("/studies", content=large.request(), headers={"Content-Type": STOW_TYPE})
    for _ in range(20):
        with connect(fresh_server, receive_buffer=16 * 1024) as connection:
            send_get(connection, large.path, AS_STORED)
            _read_some(connection)
            reset(connection)
    assert eventually(lambda: not fresh_server.open_files())
    assert http.get(large.path, headers={"Accept": AS_STORED}).status_code == 200


def test_an_archive_broken_off_is_not_made_to_its_end(
    fresh_server: Server, http: httpx.Client
) -> None:
    """The bytes of many small files go to the system at once, whoever is there to read them."""
    many = ManyInstances(2000)
    http.post("/studies", content=many.request(), headers={"Content-Type": STOW_TYPE})
    size = int(http.head(many.series_path, headers=ZIP).headers["content-length"])
    assert size < 4 * MIB
    with connect(fresh_server, receive_buffer=16 * 1024) as connection:
        send_get(connection, many.series_path, ZIP["Accept"])
        _read_some(connection)
        reset(connection)
    assert eventually(lambda: len(_archives_sent(fresh_server)) == 2)
    head, broken = _archives_sent(fresh_server)
    assert head == 0
    assert broken < size
    assert eventually(lambda: not fresh_server.open_files())


def _archives_sent(server: Server) -> list[int]:
    """Bytes of each answer for a series that is in the log."""
    lines = (json.loads(line) for line in server.log().splitlines() if line.startswith("{"))
    route = "/studies/{study}/series/{series}"
    return [line["bytes"] for line in lines if str(line.get("route", "")).endswith(route)]


def test_a_download_is_whole_for_a_reader_that_pauses(
    fresh_server: Server, http: httpx.Client
) -> None:
    large = LargeInstance(16)
    http.post("/studies", content=large.request(), headers={"Content-Type": STOW_TYPE})
    with connect(fresh_server, receive_buffer=16 * 1024) as connection:
        send_get(connection, large.path, SINGLE)
        head = _read_some(connection)
        assert http.get("/studies").status_code == 200
        begin = head.index(b"\r\n\r\n") + 4
        received = len(head) - begin
        while received < large.size:
            received += len(connection.recv(FRAME_BYTES))
    assert received == large.size


def _read_some(connection: socket.socket) -> bytes:
    read = b""
    while b"\r\n\r\n" not in read:
        read += connection.recv(4096)
    return read

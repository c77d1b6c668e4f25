"""Bulk data and archives of much data: flat memory, nothing left open, over HTTP/2 as well."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import httpx
import pytest

from tests.live.instances import STOW_TYPE
from tests.live.large import FRAME_BYTES, LargeInstance, ManyInstances
from tests.live.server import Server, eventually

MIB = 1024 * 1024
OCTETS = 'multipart/related; type="application/octet-stream"'
ZIP = "application/zip"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


@pytest.fixture
def http(fresh_server: Server) -> Iterator[httpx.Client]:
    """A client of a server that nothing else uses."""
    with httpx.Client(base_url=fresh_server.root, timeout=300) as client:
        yield client


def _post(http: httpx.Client, body: Iterator[bytes]) -> None:
    answer = http.post("/studies", content=body, headers={"Content-Type": STOW_TYPE})
    assert answer.status_code == 200, answer.text


def _study(path: str) -> str:
    return path.partition("/series/")[0]


@pytest.mark.parametrize(("tail", "accept"), [("/bulkdata", OCTETS), ("", ZIP)])
def test_a_large_instance_is_streamed(
    fresh_server: Server, http: httpx.Client, tail: str, accept: str
) -> None:
    large = LargeInstance(1024)
    _post(http, iter(large.request()))
    idle = fresh_server.idle_memory()
    with http.stream("GET", _study(large.path) + tail, headers={"Accept": accept}) as answer:
        assert answer.status_code == 200
        size = sum(map(len, answer.iter_raw(MIB)))
    assert size == int(answer.headers["content-length"]) > 1024 * FRAME_BYTES
    assert fresh_server.peak_memory() - idle < 64 * MIB


@pytest.mark.parametrize(("tail", "accept"), [("/bulkdata", OCTETS), ("", ZIP)])
def test_thousands_of_instances_are_streamed(
    fresh_server: Server, http: httpx.Client, tail: str, accept: str
) -> None:
    many = ManyInstances(5000)
    _post(http, iter(many.request()))
    idle = fresh_server.idle_memory()
    parts = 0
    mark = b"Content-Location:" if accept == OCTETS else b"PK\x03\x04"
    with http.stream("GET", many.series_path + tail, headers={"Accept": accept}) as answer:
        assert answer.status_code == 200
        before = b""
        for chunk in answer.iter_raw(MIB):
            parts += (before + chunk).count(mark)
            before = chunk[-len(mark) + 1 :]
    assert parts == many.count
    assert ("content-length" in answer.headers) == (accept == ZIP)
    assert fresh_server.peak_memory() - idle < 128 * MIB


@pytest.mark.parametrize("http2", [False, True])
def test_a_download_broken_off_closes_its_files(
    fresh_server: Server, http: httpx.Client, http2: bool
) -> None:
    large = LargeInstance(128)
    _post(http, iter(large.request()))
    before = fresh_server.open_files()
    for tail, accept in (("/bulkdata", OCTETS), ("", ZIP)):
        path = fresh_server.root + _study(large.path) + tail
        for _ in range(5):
            with (
                httpx.Client(http1=not http2, http2=http2, timeout=60) as client,
                client.stream("GET", path, headers={"Accept": accept}) as answer,
            ):
                assert next(answer.iter_raw(4096))
    assert eventually(lambda: fresh_server.open_files() == before)
    assert http.get(large.path, headers={"Accept": ZIP}).status_code == 200

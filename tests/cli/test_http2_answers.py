"""Answers over HTTP/2 that end too early, and answers that the client does not take."""

from __future__ import annotations

import http.client
from collections.abc import Iterator

import httpx
import pytest

from tests.cli.test_serving import _started, _url
from tests.live import frames
from tests.live.frames import Wire, block, frame

END = frames.END_STREAM | frames.END_HEADERS
MIB = 1024 * 1024
POLLS = 100


@pytest.fixture(params=["hypercorn", "granian"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    with _started(str(request.param), 1) as process:
        yield _url(process)
        assert process.poll() is None


def _address(url: str) -> tuple[str, int]:
    return "127.0.0.1", int(url.rpartition(":")[2])


def _get(path: str) -> bytes:
    fields = [(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "localhost")]
    return frame(frames.HEADERS, END, 1, block(fields))


def test_an_answer_that_is_left_unfinished_is_reset(url: str) -> None:
    with Wire(_address(url)) as wire:
        wire.send(_get("/unfinished"))
        kinds = [found.kind for found in _until_reset(wire)]
    assert kinds[-1] in (frames.RST_STREAM, frames.GOAWAY)


def _until_reset(wire: Wire) -> Iterator[frames.Frame]:
    for found in wire.frames():
        yield found
        if found.kind in (frames.RST_STREAM, frames.GOAWAY):
            return


def test_an_answer_that_is_left_unfinished_breaks_off(url: str) -> None:
    connection = http.client.HTTPConnection(*_address(url), timeout=30)
    connection.request("GET", "/unfinished")
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        connection.getresponse().read()
    connection.close()


def test_an_answer_waits_for_the_window_of_its_stream(url: str) -> None:
    with Wire(_address(url)) as wire:
        wire.send(_get("/endless"))
        assert wire.outcome() == "200"
        for _ in range(POLLS):
            assert int(httpx.get(f"{url}/sent").text) < 2 * MIB

"""HTTP/2 clients that break its rules are refused, and cost nobody else anything (RFC 9113)."""

from __future__ import annotations

import contextlib
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.faults.onlooker import Onlooker
from tests.live import frames
from tests.live.frames import Wire, block, frame, setting
from tests.live.server import KINDS, Server, running

END = frames.END_STREAM | frames.END_HEADERS
GET = [
    (":method", "GET"),
    (":scheme", "http"),
    (":path", "/livez"),
    (":authority", "localhost"),
]
POST = [(":method", "POST"), *GET[1:2], (":path", "/dicom-web/studies"), *GET[3:]]
REQUEST = frame(frames.HEADERS, END, 1, block(GET))
REFUSALS = ("goaway", "reset", "closed", "400")


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with running(str(request.param), {"DICOMWEB_CODEC__WARM": "false"}) as found:
        yield found


def _headers(*fields: tuple[str, str], without: str = "") -> bytes:
    kept = [field for field in GET if field[0] != without]
    return frame(frames.HEADERS, END, 1, block([*kept, *fields]))


BROKEN: dict[str, bytes] = {
    "5.1 DATA on an idle stream": frame(frames.DATA, frames.END_STREAM, 1, b"x"),
    "5.1 RST_STREAM on an idle stream": frame(frames.RST_STREAM, 0, 1, b"\0\0\0\x08"),
    "5.1 WINDOW_UPDATE on an idle stream": frame(frames.WINDOW_UPDATE, 0, 1, b"\0\0\0\x01"),
    "5.1.1 a stream of the server's own": frame(frames.HEADERS, END, 2, block(GET)),
    "6.1 DATA on stream 0": frame(frames.DATA, 0, 0, b"x"),
    "6.1 more padding than payload": frame(frames.HEADERS, 4, 1, block(POST))
    + frame(frames.DATA, frames.PADDED, 1, b"\xffabc"),
    "6.2 HEADERS on stream 0": frame(frames.HEADERS, END, 0, block(GET)),
    "6.4 RST_STREAM on stream 0": frame(frames.RST_STREAM, 0, 0, b"\0\0\0\x08"),
    "6.4 RST_STREAM of a wrong length": frame(frames.RST_STREAM, 0, 1, b"\0"),
    "6.5 SETTINGS on a stream": frame(frames.SETTINGS, 0, 1, setting(4, 1000)),
    "6.5 SETTINGS of a wrong length": frame(frames.SETTINGS, 0, 0, b"\0\1\0"),
    "6.5 an acknowledgement with content": frame(frames.SETTINGS, 1, 0, setting(4, 1000)),
    "6.5.2 ENABLE_PUSH that is no switch": frame(frames.SETTINGS, 0, 0, setting(2, 2)),
    "6.5.2 too large a window": frame(frames.SETTINGS, 0, 0, setting(4, 2**31)),
    "6.5.2 too small a frame size": frame(frames.SETTINGS, 0, 0, setting(5, 1)),
    "6.6 PUSH_PROMISE of a client": frame(frames.PUSH_PROMISE, 4, 1, b"\0\0\0\2" + block(GET)),
    "6.7 PING on a stream": frame(frames.PING, 0, 1, b"12345678"),
    "6.7 PING of a wrong length": frame(frames.PING, 0, 0, b"1234"),
    "6.9 WINDOW_UPDATE of 0": frame(frames.WINDOW_UPDATE, 0, 0, b"\0\0\0\0"),
    "6.9.1 a window beyond its bound": frame(frames.WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff") * 2,
    "6.10 CONTINUATION of nothing": frame(frames.CONTINUATION, 4, 1, block(GET)),
    "6.10 HEADERS that are not continued": frame(frames.HEADERS, 1, 1, block(GET)[:4])
    + frame(frames.PING, 0, 0, b"12345678"),
    "4.2 a frame beyond the size that was agreed": frame(frames.PING, 0, 0, b"x" * 20_000_000),
    "4.3 a header block that cannot be read": frame(frames.HEADERS, END, 1, b"\xff\xff\xff\xff"),
    "8.2.1 a name in upper case": frame(frames.HEADERS, END, 1, block(GET) + b"\0\1X\1y"),
    "8.2.2 a header of the connection": _headers(("connection", "keep-alive")),
    "8.3 an unknown pseudo-header": _headers((":foo", "bar")),
    "8.3 a pseudo-header of answers": _headers((":status", "200")),
    "8.3.1 no :method": _headers(without=":method"),
    "8.3.1 no :path": _headers(without=":path"),
    "8.3.1 two :path": _headers((":path", "/x")),
    "8.1.1 a length that is not kept": frame(
        frames.HEADERS, 4, 1, block([*POST, ("content-length", "10")])
    )
    + frame(frames.DATA, frames.END_STREAM, 1, b"x"),
}


@pytest.mark.parametrize("rule", list(BROKEN))
def test_a_broken_rule_is_refused_and_the_server_goes_on(server: Server, rule: str) -> None:
    with Wire(server.address) as wire:
        wire.send(BROKEN[rule])
        assert wire.outcome() in REFUSALS
    with Wire(server.address) as wire:
        wire.send(REQUEST)
        assert wire.outcome() == "200"


def test_a_preface_that_is_none_is_refused(server: Server) -> None:
    with Wire(server.address, b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n") as wire:
        assert wire.outcome() in REFUSALS


def test_settings_and_pings_are_acknowledged(server: Server) -> None:
    with Wire(server.address) as wire:
        wire.send(frame(frames.PING, 0, 0, b"12345678"))
        told = set()
        for found in wire.frames():
            if found.flags & frames.ACK and found.kind in (frames.SETTINGS, frames.PING):
                told.add((found.kind, found.payload))
            if len(told) == 2:
                break
        assert told == {(frames.SETTINGS, b""), (frames.PING, b"12345678")}


def test_what_is_unknown_is_ignored(server: Server) -> None:
    with Wire(server.address) as wire:
        wire.send(frame(0xEE, 0, 0, b"x") + frame(frames.SETTINGS, 0, 0, setting(0xEE, 1)))
        wire.send(frame(frames.PRIORITY, 0, 3, struct.pack(">IB", 0, 15)) + REQUEST)
        assert wire.outcome() == "200"


def test_a_request_may_come_in_pieces(server: Server) -> None:
    fields = block(GET)
    with Wire(server.address) as wire:
        wire.send(frame(frames.HEADERS, frames.END_STREAM, 1, fields[:3]))
        wire.send(frame(frames.CONTINUATION, 0, 1, fields[3:5]))
        wire.send(frame(frames.CONTINUATION, frames.END_HEADERS, 1, fields[5:]))
        assert wire.outcome() == "200"


@pytest.mark.parametrize("piece", [b"", b"x" * 1000])
def test_a_connection_stays_of_use_behind_an_answer_that_waited_for_no_body(
    server: Server, piece: bytes
) -> None:
    with Wire(server.address) as wire:
        wire.send(frame(frames.HEADERS, 4, 1, block(POST)) + frame(frames.DATA, 0, 1, piece) * 60)
        wire.send(frame(frames.DATA, frames.END_STREAM, 1))
        assert wire.outcome() in ("400", "415")
        wire.send(frame(frames.HEADERS, END, 3, block(GET)))
        assert wire.outcome(3) == "200"


def test_a_client_that_never_ends_its_body_is_answered_and_let_go(server: Server) -> None:
    with Wire(server.address) as wire:
        wire.send(frame(frames.HEADERS, 4, 1, block(POST)))
        assert wire.outcome() in ("400", "415", "reset")
        wire.send(frame(frames.DATA, 0, 1, b"x") * 1000)
    with Wire(server.address) as wire:
        wire.send(REQUEST)
        assert wire.outcome() == "200"


def test_clients_that_leave_in_the_middle_leave_nothing_open(server: Server) -> None:
    def asked() -> int:
        assert httpx.get(f"{server.url}/livez", timeout=30).status_code == 200
        return sum(_sockets(pid) for pid in server.pids)

    before = asked()
    for _ in range(20):
        with Wire(server.address) as wire:
            wire.send(frame(frames.HEADERS, 4, 1, block(POST)))
            wire.send(frame(frames.DATA, 0, 1, b"x") * 100)
    end = time.monotonic() + 30
    while (left := asked()) > before + 5 and time.monotonic() < end:
        pass
    assert left <= before + 5


FLOODS: dict[str, bytes] = {
    "resets": b"".join(
        frame(frames.HEADERS, END, stream, block(GET))
        + frame(frames.RST_STREAM, 0, stream, b"\0\0\0\x08")
        for stream in range(1, 40_001, 2)
    ),
    "pings": frame(frames.PING, 0, 0, b"12345678") * 20_000,
    "settings": frame(frames.SETTINGS, 0, 0, setting(4, 65535)) * 20_000,
    "continuations": frame(frames.HEADERS, frames.END_STREAM, 1, block(GET))
    + frame(frames.CONTINUATION, 0, 1, b"\0\1x\1y" * 200) * 2_000,
    "empty continuations": frame(frames.HEADERS, frames.END_STREAM, 1, block(GET))
    + frame(frames.CONTINUATION, 0, 1) * 50_000,
    "priorities": b"".join(
        frame(frames.PRIORITY, 0, stream, struct.pack(">IB", 0, 15))
        for stream in range(1, 40_001, 2)
    ),
    "windows": frame(frames.WINDOW_UPDATE, 0, 0, b"\0\0\0\1") * 20_000,
    "headers that unfold": frame(
        frames.HEADERS, END, 1, block(GET) + b"\x40\x01x\x7f\xa1\x1e" + b"y" * 4000
    )
    + b"".join(
        frame(frames.HEADERS, END, stream, block(GET) + b"\xbe" * 16_000)
        for stream in range(3, 43, 2)
    ),
    "empty data": frame(frames.HEADERS, 4, 1, block(POST)) + frame(frames.DATA, 0, 1) * 50_000,
}


@pytest.mark.parametrize("flood", list(FLOODS))
def test_floods_cost_nobody_else_anything(server: Server, flood: str) -> None:
    before = sum(_resident(pid) for pid in server.pids)
    with Wire(server.address) as wire, Onlooker(server) as onlooker:
        wire.send(FLOODS[flood])
        assert httpx.get(f"{server.url}/livez", timeout=30).status_code == 200
    assert onlooker.failures == []
    print(f"\n{flood}: {onlooker.counts()}")  # noqa: T201 - figures for whoever runs it with -s
    assert sum(_resident(pid) for pid in server.pids) - before < 64 * 1024
    assert "Traceback" not in server.log()
    assert '"level": "error"' not in server.log()


def test_who_takes_requests_back_by_the_thousand_is_told_to_go(server: Server) -> None:
    with Wire(server.address) as wire:
        wire.send(FLOODS["resets"])
        assert wire.outcome(stream=0) in ("goaway", "closed")


def test_who_takes_some_requests_back_is_served(server: Server) -> None:
    """A viewer that scrolls takes back what it asked for; granian has a smaller bound."""
    last = 1201 if server.kind == "hypercorn" else 21
    taken_back = b"".join(
        frame(frames.HEADERS, END, stream, block(GET))
        + frame(frames.RST_STREAM, 0, stream, b"\0\0\0\x08")
        for stream in range(1, last, 2)
    )
    with Wire(server.address) as wire:
        for place in range(0, len(taken_back), 2_000):
            wire.send(taken_back[place : place + 2_000])
        wire.send(frame(frames.HEADERS, END, last, block(GET)))
        assert wire.outcome(last) == "200"


def _sockets(pid: int) -> int:
    """How many sockets a process has open."""
    found = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found += str(link.readlink()).startswith("socket:")
    return found


def _resident(pid: int) -> int:
    """KiB of memory of a process."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        lines = [line for line in status if line.startswith("VmRSS")]
    return int(lines[0].split()[1]) if lines else 0

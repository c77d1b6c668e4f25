"""Clients that take little or nothing, and clients that send little or nothing."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import httpx

from tests.faults.onlooker import Onlooker
from tests.faults.proof import Count, Effort, Fault, Proof, missed
from tests.live import frames
from tests.live.frames import Wire, block, frame
from tests.live.instances import STOW_TYPE
from tests.live.large import LargeInstance, connect, send_get, send_post_head
from tests.live.server import KINDS, Server, running

MIB = 1024 * 1024
_RATE = 10_000
_BUFFER = 16 * 1024
_SINGLE = "application/dicom; transfer-syntax=*"
_PAUSE = 0.1


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is done.

    Args:
        frames: Of the instance that is read, 512 KiB each.
        slow: Readers that take 10 KB a second.
        stalled: Readers that take nothing.
        senders: Of each kind of slow sender.
        stall: Seconds after which a reader is cut that takes nothing.
        idle: Seconds that a body may stand still.
        header: Seconds in which a head must have come.
    """

    frames: int
    slow: int
    stalled: int
    senders: int
    stall: float
    idle: float
    header: float

    def settings(self) -> Mapping[str, str]:
        """What the server is told."""
        return {
            "DICOMWEB_CODEC__WARM": "false",
            "DICOMWEB_SERVER__STALL_SECONDS": str(self.stall),
            "DICOMWEB_STORE__IDLE_SECONDS": str(self.idle),
            "DICOMWEB_SERVER__KEEP_ALIVE_SECONDS": str(self.header),
        }


_SCALES = {
    Effort.SHORT: Scale(32, 20, 3, 2, 5, 3, 3),
    Effort.FULL: Scale(2048, 500, 20, 400, 60, 30, 10),
}
_LATE = 25.0
"""Seconds behind a limit within which it must show, on a machine that has other work."""


def _run(effort: Effort, seed: int) -> Proof:
    scale = _SCALES[effort]
    counts: dict[str, Count] = {
        "slow readers": scale.slow,
        "stalled readers": scale.stalled,
        "slow senders": 5 * scale.senders,
    }
    with ThreadPoolExecutor(len(KINDS)) as threads:
        found = list(threads.map(lambda kind: _one(kind, scale, counts), KINDS))
    violations = tuple(each for some in found for each in some)
    late = missed(counts, {"their p99 ms": 250, "stalled cut after s": scale.stall * 1.1 + 1})
    return Proof(counts, violations, seed, late)


def _one(kind: str, scale: Scale, counts: dict[str, Count]) -> list[str]:
    """What does not hold on one of the servers."""
    with running(kind, scale.settings()) as server:
        large = LargeInstance(scale.frames)
        _store(server, large)
        violations = _all_at_once(server, large, scale, counts)
        if '"level": "error"' in server.log():
            violations.append(f"{kind}: the log tells of an error")
    return violations


def _store(server: Server, large: LargeInstance) -> None:
    answer = httpx.post(
        f"{server.root}/studies",
        content=large.request(),
        headers={"Content-Type": STOW_TYPE},
        timeout=300,
    )
    assert answer.status_code == 200, answer.text


def _all_at_once(
    server: Server, large: LargeInstance, scale: Scale, counts: dict[str, Count]
) -> list[str]:
    """Let all of them come, and somebody else beside them."""
    cuts: list[float] = []
    jobs = _jobs(server, large, scale, cuts)
    _read_slowly(server, large, 2 * scale.stalled, 2)  # what is needed once is nobody's cost
    idle = server.idle_memory()
    with Onlooker(server) as onlooker, ThreadPoolExecutor(len(jobs)) as threads:
        found = list(threads.map(lambda job: job(), jobs))
    peak = server.peak_memory() - idle
    clients = scale.slow + scale.stalled
    counts[f"{server.kind}: KiB each reader"] = round(peak / clients / 1024)
    counts[f"{server.kind}: stalled cut after s"] = round(max(cuts, default=0.0), 1)
    counts |= onlooker.counts(f"{server.kind}: ")
    violations = [f"{server.kind}: {each}" for each in (*filter(None, found), *onlooker.failures)]
    if peak > max(64 * MIB, clients * 2 * MIB) or peak > 1024 * MIB:
        violations.append(f"{server.kind}: {peak // MIB} MiB for {clients} readers")
    return violations


def _jobs(
    server: Server, large: LargeInstance, scale: Scale, cuts: list[float]
) -> list[Callable[[], str]]:
    """What each of the clients does; it tells what was not as it should be."""
    seconds = scale.stall + 3
    jobs: list[Callable[[], str]] = [lambda: _read_slowly(server, large, scale.slow, seconds)]
    jobs += [lambda: _take_nothing(server, large, scale.stall, cuts)] * scale.stalled
    jobs += [lambda: _open_no_window(server, large, scale.stall)] * 2
    for send in (_half_a_body, _dripping_body):
        jobs += [lambda send=send: send(server, scale.idle)] * scale.senders  # type: ignore[misc] # bound now
    for begin in (b"", b"GET / HTTP/1.1\r\nHost: a\r\nX-A:"):
        jobs += [lambda b=begin: _half_a_head(server, b, scale.header)] * scale.senders  # type: ignore[misc] # as above
    return [*jobs, *[lambda: _dripping_head(server, scale.header)] * scale.senders]


def _read_slowly(server: Server, large: LargeInstance, readers: int, seconds: float) -> str:
    """Take 10 KB a second: nobody who does is cut, and what he gets is right."""
    with ExitStack() as stack:
        open_ = [stack.enter_context(connect(server, _BUFFER)) for _ in range(readers)]
        for each in open_:
            send_get(each, large.path, _SINGLE)
        taken = [b""] * readers
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            begin = time.monotonic()
            for number, each in enumerate(open_):
                try:
                    piece = each.recv(_RATE)
                except ConnectionError:
                    piece = b""
                if not piece:
                    return f"a reader was cut that took {_RATE} bytes a second"
                taken[number] += piece
            _wait(begin + 1 - time.monotonic())
    whole = b"".join(_first(large, max(map(len, taken))))
    bodies = [each.partition(b"\r\n\r\n")[2] for each in taken]
    wrong = sum(not whole.startswith(body) or not body for body in bodies)
    return f"{wrong} slow readers got wrong bytes" if wrong else ""


def _first(large: LargeInstance, size: int) -> Iterator[bytes]:
    """Chunks of a file up to a size at least."""
    for chunk in large.chunks():
        if size <= 0:
            return
        size -= len(chunk)
        yield chunk


def _take_nothing(server: Server, large: LargeInstance, seconds: float, cuts: list[float]) -> str:
    """Ask for something large and never read; the connection must break in time."""
    with connect(server, _BUFFER) as connection:
        send_get(connection, large.path, _SINGLE)
        begin = time.monotonic()
        watch = select.poll()
        watch.register(connection, 0)  # what is told all the same: that it broke
        if not watch.poll(1000 * (seconds + _LATE)):
            return "a reader that took nothing is still connected"
        cuts.append(time.monotonic() - begin)
    return "" if cuts[-1] > seconds - 1 else f"a reader was cut after {cuts[-1]:.0f} s already"


def _open_no_window(server: Server, large: LargeInstance, seconds: float) -> str:
    """Leave a stream of HTTP/2 standing on a connection that is alive."""
    fields = [
        (":method", "GET"),
        (":scheme", "http"),
        (":path", f"/dicom-web{large.path}"),
        (":authority", "localhost"),
        ("accept", _SINGLE),
    ]
    with Wire(server.address, patience=seconds + _LATE) as wire:
        wire.send(frame(frames.HEADERS, frames.END_STREAM | frames.END_HEADERS, 1, block(fields)))
        try:
            for found in wire.frames():
                if found.kind in (frames.RST_STREAM, frames.GOAWAY):
                    return ""
        except TimeoutError:
            return "a stream whose window stays closed is still open"
    return ""


def _half_a_body(server: Server, seconds: float) -> str:
    with connect(server) as connection:
        send_post_head(connection, 1_000_000)
        connection.sendall(b"x" * 1000)
        return _is_refused(connection, seconds)


def _dripping_body(server: Server, seconds: float) -> str:
    """A byte now and then, with no pause as long as the limit."""
    with connect(server) as connection, _Dripping(connection):
        send_post_head(connection, 1_000_000)
        return _is_refused(connection, seconds)


def _half_a_head(server: Server, begin: bytes, seconds: float) -> str:
    with connect(server) as connection:
        connection.sendall(begin)
        return _is_closed(connection, seconds)


def _dripping_head(server: Server, seconds: float) -> str:
    with connect(server) as connection, _Dripping(connection):
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX-A: ")
        return _is_closed(connection, seconds)


class _Dripping:
    """Sends a byte now and then from another thread."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(10 * _PAUSE):
            try:
                self._connection.send(b"x")
            except OSError:
                return


def _is_refused(connection: socket.socket, seconds: float) -> str:
    """Whether a slow body is answered with 408 and the connection closed."""
    connection.settimeout(seconds + _LATE)
    answer = b""
    try:
        while piece := connection.recv(65_536):
            answer += piece
    except ConnectionError:
        pass
    except TimeoutError:
        return f"a body that stood still for {seconds:g} s keeps its connection"
    status = answer[:12].decode("latin-1")
    return "" if status == "HTTP/1.1 408" else f"a body that stood still got {status!r}"


def _is_closed(connection: socket.socket, seconds: float) -> str:
    connection.settimeout(seconds + _LATE)
    try:
        while connection.recv(65_536):
            pass
    except ConnectionError:
        pass
    except TimeoutError:
        return f"a head that did not come in {seconds:g} s keeps its connection"
    return ""


def _wait(seconds: float) -> None:
    if seconds > 0:
        threading.Event().wait(seconds)


FAULTS = (
    Fault(
        "F14",
        "Who takes or sends nothing, or a byte now and then, is cut in time; who is slow and "
        "honest is not; memory stays bounded and others are served meanwhile.",
        _run,
    ),
)

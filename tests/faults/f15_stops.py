"""SIGTERM while clients are at work."""

from __future__ import annotations

import http.client
import random
import signal
import socket
import sqlite3
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.launch import serving
from tests.faults.onlooker import percentile
from tests.faults.proof import Count, Effort, Fault, Proof, missed
from tests.live.instances import STOW_TYPE, make, stow_body
from tests.live.large import connect, send_post_head
from tests.live.server import Server, eventually, running

_CONFIGURATIONS = (("hypercorn", 1), ("granian", 2), ("hypercorn", 2), ("granian", 1))
_ROUNDS = {Effort.SHORT: 1, Effort.FULL: 25}
_CLIENTS = 6
_GRACE = 30
_SHORT_GRACE = 2
_AT_ONCE = 1.0
_STUCK = f"longest stop with a stuck upload and {_SHORT_GRACE} s of grace"
_TWICE = "longest stop by a second signal s"
_LATE = 15.0
"""Seconds beyond what is promised that only a machine with other work may take."""


@dataclass(slots=True)
class Seen:
    """What the clients of all rounds met."""

    requests: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    stops: list[float] = field(default_factory=list)
    cuts: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


def _run(effort: Effort, seed: int) -> Proof:
    seen = Seen()
    chosen = _CONFIGURATIONS[:2] if effort is Effort.SHORT else _CONFIGURATIONS
    with ThreadPoolExecutor(len(chosen)) as threads:
        for number in range(_ROUNDS[effort]):
            chances = [random.Random(seed + 4 * number + place) for place in range(len(chosen))]
            jobs = [
                threads.submit(_stop_under_load, *each, seen)
                for each in zip(chosen, chances, strict=True)
            ]
            if number == 0:
                jobs += [threads.submit(_stop_with_a_stuck_upload, *each, seen) for each in chosen]
                jobs += [threads.submit(_stop_twice, *each, seen) for each in chosen]
            for job in jobs:
                job.result()
    counts: dict[str, Count] = {
        "stops": len(seen.stops),
        "requests": seen.requests["in flight"] + seen.requests["other"],
        "in flight at the signal": seen.requests["in flight"],
        "broken": len(seen.broken),
        "turned away behind the signal": seen.requests["turned away"],
        "acknowledged and there": seen.requests["there"],
        "median stop s": percentile(seen.stops, 0.5),
        "longest stop s": round(max(seen.stops), 1),
        _STUCK: round(max(seen.cuts), 1),
        _TWICE: round(max(seen.again), 1),
    }
    late = missed(
        counts, {"longest stop s": _GRACE + 2, _STUCK: _SHORT_GRACE + 2, _TWICE: _AT_ONCE}
    )
    return Proof(counts, tuple(seen.broken + seen.others), seed, late)


def _settings(workers: int, grace: int) -> Mapping[str, str]:
    return {
        "DICOMWEB_SERVER__WORKERS": str(workers),
        "DICOMWEB_SERVER__GRACEFUL_SECONDS": str(grace),
        "DICOMWEB_CODEC__WARM": "false",
    }


def _stop_under_load(configuration: tuple[str, int], chance: random.Random, seen: Seen) -> None:
    """Let clients come and go, stop the server at some moment, and ask the clients."""
    kind, workers = configuration
    with running(kind, _settings(workers, _GRACE)) as server:
        told = threading.Event()
        seeds = [chance.randrange(1 << 30) for _ in range(_CLIENTS)]
        with ThreadPoolExecutor(_CLIENTS) as threads:
            clients = [threads.submit(_use, server, each, told, seen) for each in seeds]
            threading.Event().wait(chance.uniform(0.3, 1.5))
            told.set()
            begin = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            code = server.process.wait(_GRACE + 60)
            seconds = time.monotonic() - begin
            seen.stops.append(seconds)
            for client in clients:
                _compare(server, client.result(), seen)
        _look(server, f"{kind}, {workers} workers", code, seen)
        if seconds > _GRACE + 2 + _LATE:
            seen.others.append(f"{kind}, {workers} workers: stopped after {seconds:.1f} s")


def _stop_with_a_stuck_upload(kind: str, workers: int, seen: Seen) -> None:
    """Stop while an upload is under way that never ends: it is cut when its time is over."""
    with running(kind, _settings(workers, _SHORT_GRACE)) as server, connect(server) as connection:
        send_post_head(connection, 1_000_000)
        connection.sendall(b"x" * 1000)
        threading.Event().wait(0.2)
        begin = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        code = server.process.wait(60)
        seconds = time.monotonic() - begin
        seen.cuts.append(seconds)
        _look(server, f"{kind}, {workers} workers, a stuck upload", code, seen)
        if seconds > _SHORT_GRACE + 2 + _LATE:
            seen.others.append(f"{kind}: a stuck upload held it for {seconds:.1f} s")


def _stop_twice(kind: str, workers: int, seen: Seen) -> None:
    """Who says it twice does not wait for uploads; the next start needs no help."""
    with tempfile.TemporaryDirectory(prefix="dicomweb-twice-") as folder:
        data = Path(folder, "data")
        arguments = ["--server", kind]
        with serving(data, arguments, _settings(workers, _GRACE)) as server:
            processes = Server(kind, server.origin, data, server.process).pids
            with socket.create_connection(server.address, 60) as connection:
                send_post_head(connection, 1_000_000)
                connection.sendall(b"x" * 1000)
                threading.Event().wait(0.2)
                server.process.send_signal(signal.SIGTERM)
                threading.Event().wait(0.5)
                if server.process.poll() is not None:
                    seen.others.append(f"{kind}: it did not wait for an upload")
                begin = time.monotonic()
                server.process.send_signal(signal.SIGTERM)
                code = server.process.wait(60)
                gone = eventually(lambda: not any(map(_lives, processes)), _LATE)
                seen.again.append(time.monotonic() - begin)
        if code != 128 + signal.SIGTERM or not gone:
            seen.others.append(f"{kind}, {workers} workers: exit code {code}, all gone {gone}")
        with serving(data, arguments, _settings(workers, _GRACE)) as server:
            if server.stop():
                seen.others.append(f"{kind}: no start behind a stop by two signals")


def _lives(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def _compare(server: Server, uids: set[str], seen: Seen) -> None:
    """What was acknowledged is in the index's file itself, without its log."""
    with closing(sqlite3.connect(f"file:{server.data}/index.db?immutable=1", uri=True)) as index:
        there = {row[0] for row in index.execute("SELECT uid FROM instance")}
    seen.requests["there"] += len(uids & there)
    if uids - there:
        seen.broken.append(f"{server.kind}: {len(uids - there)} acknowledged instances are lost")


def _look(server: Server, name: str, code: int, seen: Seen) -> None:
    """Whether it ended in order."""
    if code != 0:
        seen.others.append(f"{name}: exit code {code}")
    left = [path.name for path in server.data.rglob("*-wal") if path.stat().st_size]
    if left:
        seen.others.append(f"{name}: {left} are not written back")
    if server.staged_files():
        seen.others.append(f"{name}: files in staging")
    if "Traceback" in server.log():
        seen.others.append(f"{name}: a traceback in the log")


def _use(server: Server, seed: int, told: threading.Event, seen: Seen) -> set[str]:
    """Send requests, each over a connection of its own, until the server takes none.

    Returns:
        SOP Instance UIDs of what was acknowledged.
    """
    chance = random.Random(seed)
    instances = make(chance.randint(1, 3), side=256)
    body = b"".join(stow_body(each.data for each in instances))
    acknowledged: set[str] = set()
    while True:
        try:
            connection = socket.create_connection(server.address, 60)
        except OSError:
            return acknowledged
        early, upload = not told.is_set(), chance.random() < 0.6
        with connection:
            wrong = _ask(connection, body if upload else b"", chance)
        seen.requests["in flight" if early and told.is_set() else "other"] += 1
        if wrong and early:
            seen.broken.append(f"{server.kind}: {wrong}")
        elif wrong:  # it came when the server had been told
            seen.requests["turned away"] += 1
        elif upload:
            acknowledged |= {str(each.dataset.SOPInstanceUID) for each in instances}


def _ask(connection: socket.socket, upload: bytes, chance: random.Random) -> str:
    """One request, a search where nothing is to be sent; what is wrong with its answer."""
    connection.settimeout(60)
    try:
        if upload:
            _upload(connection, upload, chance.uniform(0, 1.0))
        else:
            connection.sendall(b"GET /dicom-web/instances HTTP/1.1\r\nHost: archive\r\n\r\n")
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        if not upload:
            threading.Event().wait(chance.uniform(0, 0.5))
        answer.read()
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__} for {'an upload' if upload else 'a search'}"
    expected = (200,) if upload else (200, 204)
    return "" if answer.status in expected else f"status {answer.status}"


def _upload(connection: socket.socket, body: bytes, seconds: float) -> None:
    """Send a store request in pieces over some time."""
    pieces = 10
    step = len(body) // pieces + 1
    head = "POST /dicom-web/studies HTTP/1.1\r\nHost: archive\r\nAccept: application/dicom+json\r\n"
    head += f"Content-Type: {STOW_TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode())
    for place in range(0, len(body), step):
        connection.sendall(body[place : place + step])
        threading.Event().wait(seconds / pieces)


FAULTS = (
    Fault(
        "F15",
        "When the server is told to stop, every request under way is answered within the grace "
        "time, no new one is taken, the index is written back, and it ends with exit code 0.",
        _run,
    ),
)

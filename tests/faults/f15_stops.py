"""SIGTERM while clients are at work."""

from __future__ import annotations

import http.client
import random
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.faults.onlooker import percentile
from tests.faults.proof import Count, Effort, Fault, Proof
from tests.live.instances import STOW_TYPE, make, stow_body
from tests.live.large import connect, send_post_head
from tests.live.server import Server, running

_CONFIGURATIONS = (("hypercorn", 1), ("granian", 2), ("hypercorn", 2), ("granian", 1))
_ROUNDS = {Effort.SHORT: 1, Effort.FULL: 25}
_CLIENTS = 6
_GRACE = 30
_SHORT_GRACE = 2
_LATE = 15.0
"""Seconds beyond what is promised that only a machine with other work may take."""


@dataclass(slots=True)
class Seen:
    """What the clients of all rounds met."""

    requests: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    stops: list[float] = field(default_factory=list)
    cuts: list[float] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


def _run(effort: Effort, seed: int) -> Proof:
    seen = Seen()
    chosen = _CONFIGURATIONS[:2] if effort is Effort.SHORT else _CONFIGURATIONS
    with ThreadPoolExecutor(2) as threads:
        for number in range(_ROUNDS[effort]):
            chances = [random.Random(seed + 4 * number + place) for place in range(len(chosen))]
            jobs = [
                threads.submit(_stop_under_load, *each, seen)
                for each in zip(chosen, chances, strict=True)
            ]
            if number == 0:
                jobs += [threads.submit(_stop_with_a_stuck_upload, *each, seen) for each in chosen]
            for job in jobs:
                job.result()
    counts: dict[str, Count] = {
        "stops": len(seen.stops),
        "requests": sum(seen.requests.values()),
        "in flight at the signal": seen.requests["in flight"],
        "broken": len(seen.broken),
        "longest stop s": round(max(seen.stops), 1),
        "median stop s": percentile(seen.stops, 0.5),
        f"longest stop with a stuck upload and {_SHORT_GRACE} s of grace": round(max(seen.cuts), 1),
    }
    return Proof(counts, tuple(seen.broken + seen.others), seed)


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
                client.result()
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


def _use(server: Server, seed: int, told: threading.Event, seen: Seen) -> None:
    """Send requests, each over a connection of its own, until the server takes none."""
    chance = random.Random(seed)
    body = b"".join(stow_body(made.data for made in make(chance.randint(1, 3), side=256)))
    while True:
        try:
            connection = socket.create_connection(server.address, 60)
        except OSError:
            return
        early = not told.is_set()
        with connection:
            wrong = _ask(connection, body, chance)
        seen.requests["in flight" if early and told.is_set() else "other"] += 1
        if wrong:
            seen.broken.append(f"{server.kind}: {wrong}")


def _ask(connection: socket.socket, body: bytes, chance: random.Random) -> str:
    """One request; what is wrong with its answer."""
    upload = chance.random() < 0.6
    connection.settimeout(60)
    try:
        if upload:
            _upload(connection, body, chance.uniform(0, 1.0))
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

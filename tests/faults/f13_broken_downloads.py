"""Downloads that break off at any byte, and go on from there."""

from __future__ import annotations

import random
import socket
import time
from contextlib import suppress
from dataclasses import dataclass

import httpx

from tests.faults.onlooker import Onlooker, kinds
from tests.faults.proof import Count, Effort, Fault, Proof, missed
from tests.live.instances import STOW_TYPE
from tests.live.large import LargeInstance, ManyInstances, connect, digest_of, reset, send_get
from tests.live.server import Server, eventually, running

_RESETS = {Effort.SHORT: 21, Effort.FULL: 500}
_RESUMED = {Effort.SHORT: 3, Effort.FULL: 100}
_FRAMES = 64
_INSTANCES = 200
_SINGLE = "application/dicom; transfer-syntax=*"
_AS_STORED = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_RLE = 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.5'
_STOP_SECONDS = 20.0
_READ_SECONDS = 0.2
"""A short answer has ended by then, or has not begun."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What can be downloaded.

    Args:
        large: An instance of many frames.
        many: A series of small ones.
    """

    large: LargeInstance
    many: ManyInstances

    def wishes(self) -> list[tuple[str, str]]:
        """Paths and Accept headers: as stored, in a ZIP archive, transcoded, rendered."""
        return [
            (self.large.path, _SINGLE),
            (self.large.path, _AS_STORED),
            (self.large.path, _RLE),
            (self.many.series_path, "application/zip"),
            (self.many.series_path, _RLE),
            (f"{self.many.series_path}/metadata", "application/dicom+json"),
            (f"{self.large.path}/rendered", "image/jpeg"),
        ]


def _run(effort: Effort, seed: int) -> Proof:
    counts: dict[str, Count] = {"resets": 0, "resumed": 0}
    violations: list[str] = []
    for kind in kinds(effort, seed):
        chance = random.Random(seed)
        with running(kind) as server:
            stored = _store(server)
            violations += _break_off(server, stored, _RESETS[effort], chance, counts)
            violations += _resume(server, stored.large, _RESUMED[effort], chance)
            begin = time.monotonic()
        stopped = time.monotonic() - begin
        counts["resumed"] = int(counts["resumed"]) + _RESUMED[effort]
        counts[f"{kind}: stop s"] = round(stopped, 1)
        if stopped > _STOP_SECONDS:
            violations.append(f"{kind}: something was still at work when it was stopped")
    late = missed(counts, {"files closed after s": 1, "their p99 ms": 250})
    return Proof(counts, tuple(violations), seed, late)


def _store(server: Server) -> Stored:
    stored = Stored(LargeInstance(_FRAMES), ManyInstances(_INSTANCES))
    headers = {"Content-Type": STOW_TYPE}
    for body in (stored.large.request(), stored.many.request()):
        answer = httpx.post(f"{server.root}/studies", content=body, headers=headers, timeout=120)
        assert answer.status_code == 200, answer.text
    return stored


def _break_off(
    server: Server, stored: Stored, resets: int, chance: random.Random, counts: dict[str, Count]
) -> list[str]:
    """Break downloads off, and look at what goes on behind them."""
    wishes = stored.wishes()
    for path, accept in wishes:  # sockets that are opened once and stay open are no leak
        with connect(server) as connection:
            send_get(connection, path, accept)
            connection.recv(4096)
    if not eventually(lambda: not server.open_files(), 60):
        return [f"{server.kind}: files of the first downloads stay open"]
    sockets = server.sockets()
    with Onlooker(server) as onlooker:
        for number in range(resets):
            path, accept = wishes[number % len(wishes)]
            _break_one(server, path, accept, chance)
    begin = time.monotonic()
    violations = list(onlooker.failures)
    if not eventually(lambda: not server.open_files(), 60):
        violations.append(f"{server.kind}: files of downloads that broke off stay open")
    counts[f"{server.kind}: files closed after s"] = round(time.monotonic() - begin, 2)
    if not eventually(lambda: server.sockets() <= sockets, 60):
        violations.append(f"{server.kind}: sockets of downloads that broke off stay open")
    violations += _codecs_are_free(server, stored, counts)
    counts["resets"] = int(counts["resets"]) + resets
    counts |= onlooker.counts(f"{server.kind}: ")
    if "Traceback" in server.log() or '"level": "error"' in server.log():
        violations.append(f"{server.kind}: the log tells of an error")
    return violations


def _break_one(server: Server, path: str, accept: str, chance: random.Random) -> None:
    """Ask, take some of the answer or nothing, and break off."""
    with connect(server, receive_buffer=chance.choice((0, 16 * 1024))) as connection:
        connection.settimeout(_READ_SECONDS)
        send_get(connection, path, accept)
        left = chance.choice((0, 1, 4096, chance.randint(1, 4_000_000)))
        with suppress(TimeoutError):
            while left > 0 and (piece := connection.recv(min(left, 65_536))):
                left -= len(piece)
        reset(connection)


def _codecs_are_free(server: Server, stored: Stored, counts: dict[str, Count]) -> list[str]:
    """Whether a picture is made soon, with nothing of the broken requests before it."""
    begin = time.monotonic()
    found = httpx.get(
        f"{server.root}{stored.large.path}/frames/2/rendered",
        headers={"Accept": "image/png"},
        timeout=60,
    )
    seconds = time.monotonic() - begin
    counts[f"{server.kind}: picture after s"] = round(seconds, 2)
    if found.status_code != 200:
        return [f"{server.kind}: {found.status_code} for a picture behind the broken downloads"]
    return []


def _resume(server: Server, large: LargeInstance, times: int, chance: random.Random) -> list[str]:
    """Go on behind a break by Range and If-Range; the bytes must be those of one download."""
    whole = large.digest()
    wrong = 0
    for _ in range(times):
        with connect(server) as connection:
            send_get(connection, large.path, _SINGLE)
            head, received = _take(connection, chance.randint(0, large.size - 1))
            reset(connection)
        tag = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"etag:"))
        rest = httpx.get(
            f"{server.root}{large.path}",
            headers={
                "Accept": _SINGLE,
                "Range": f"bytes={len(received)}-",
                "If-Range": tag.split(b":", 1)[1].strip().decode(),
            },
            timeout=60,
        )
        wrong += rest.status_code != 206 or digest_of((received, rest.content)) != whole
    return [f"{server.kind}: {wrong} resumed downloads are not byte for byte"] * bool(wrong)


def _take(connection: socket.socket, size: int) -> tuple[bytes, bytes]:
    """The head of an answer, and about so many bytes of its body."""
    read = bytearray()
    while b"\r\n\r\n" not in read:
        read += connection.recv(65_536)
    head, _, body = bytes(read).partition(b"\r\n\r\n")
    parts = [body]
    left = size - len(body)
    while left > 0:
        parts.append(connection.recv(min(left, 1 << 20)))
        left -= len(parts[-1])
    return head, b"".join(parts)[:size]


FAULTS = (
    Fault(
        "F13",
        "A download that breaks off ends its work at once, closes its files and frees the codecs; "
        "a range request goes on where it broke off, byte for byte.",
        _run,
    ),
)

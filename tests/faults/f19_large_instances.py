"""An instance as large as DICOM's longest value, in and out, and parts of it."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx

from tests.faults.onlooker import Onlooker, kinds
from tests.faults.proof import Count, Effort, Fault, Proof, missed
from tests.live.instances import STOW_TYPE, make, store
from tests.live.large import FRAME_BYTES, LargeInstance, digest_of
from tests.live.server import Server, running

MIB = 1024 * 1024
_FRAMES = {Effort.SHORT: 1024, Effort.FULL: 8191}
"""Frames of 512 KiB; one more would be longer than a value can be (PS3.5 7.1.1)."""
_MOST_BYTES = 128 * MIB
_SINGLE = "application/dicom; transfer-syntax=*"
_FRAME = "application/octet-stream; transfer-syntax=*"
_PARTS = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
_LIST = 64
_SETTINGS = {"DICOMWEB_CODEC__WARM": "false"}


def _run(effort: Effort, seed: int) -> Proof:
    counts: dict[str, Count] = {"MiB": _FRAMES[effort] // 2}
    violations: list[str] = []
    large = LargeInstance(_FRAMES[effort])
    digest = large.digest()
    for kind in kinds(effort, seed):
        with running(kind, _SETTINGS) as server:
            violations += _in_and_out(server, large, digest, counts)
    slow = missed(counts, {"their p99 ms": 250}, {"up MB/s": 300, "down MB/s": 800})
    return Proof(counts, tuple(violations), seed, slow)


def _in_and_out(
    server: Server, large: LargeInstance, digest: str, counts: dict[str, Count]
) -> list[str]:
    """Store it, fetch it whole and by frames, and measure."""
    violations: list[str] = []
    with httpx.Client(base_url=server.root, timeout=600) as client, Onlooker(server) as onlooker:
        assert store(client, [make()[0].data]).status_code == 200
        steps: dict[str, Callable[[], tuple[str, int]]] = {
            "up": lambda: _up(client, large),
            "down": lambda: _down(client, large, digest),
            "frames": lambda: _frames(client, large),
        }
        for name, act in steps.items():
            idle = server.idle_memory()
            begin = time.monotonic()
            wrong, size = act()
            seconds = time.monotonic() - begin
            grown = server.peak_memory() - idle
            counts[f"{server.kind}: {name} MB/s"] = round(size / seconds / 1e6)
            counts[f"{server.kind}: {name} RSS MiB"] = round(grown / MIB)
            if wrong:
                violations.append(f"{server.kind}, {name}: {wrong}")
            if grown > _MOST_BYTES:
                violations.append(f"{server.kind}, {name}: {grown // MIB} MiB of memory")
    counts |= onlooker.counts(f"{server.kind}: ")
    return violations + [f"{server.kind}: {each}" for each in onlooker.failures[:5]]


def _up(client: httpx.Client, large: LargeInstance) -> tuple[str, int]:
    answer = client.post("/studies", content=large.request(), headers={"Content-Type": STOW_TYPE})
    return ("" if answer.status_code == 200 else f"status {answer.status_code}"), large.size


def _down(client: httpx.Client, large: LargeInstance, digest: str) -> tuple[str, int]:
    with client.stream("GET", large.path, headers={"Accept": _SINGLE}) as answer:
        found = digest_of(answer.iter_raw(MIB))
    return ("" if found == digest else "other bytes than were stored"), large.size


def _frames(client: httpx.Client, large: LargeInstance) -> tuple[str, int]:
    """The first, the last, some between them one by one, and a list of many."""
    wrong = 0
    numbers = [1, 2, large.frames // 2, large.frames - 1, large.frames]
    for number in numbers:
        answer = client.get(f"{large.path}/frames/{number}", headers={"Accept": _FRAME})
        wrong += answer.content != large.frame(number)
    listed = ",".join(str(large.frames - place) for place in range(_LIST))
    with client.stream(
        "GET", f"{large.path}/frames/{listed}", headers={"Accept": _PARTS}
    ) as answer:
        size = sum(map(len, answer.iter_raw(MIB)))
    wrong += size < _LIST * FRAME_BYTES
    return (f"{wrong} frames are wrong" if wrong else ""), (len(numbers) + _LIST) * FRAME_BYTES


FAULTS = (
    Fault(
        "F19",
        "An instance of 4 GiB is stored and retrieved, whole and by frames, with memory that does "
        "not depend on its size.",
        _run,
    ),
)

"""More connections than a process has descriptors for (F16)."""

from __future__ import annotations

import http.client
import os
import socket
import tempfile
import time
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.faults.kept import Kept
from tests.faults.proof import Count, Effort, Fault, Proof
from tests.faults.subject import Subject, Surroundings, served
from tests.live.server import KINDS

_DESCRIPTORS = 256
_CONNECTS = 1000
_WATCHED_SECONDS = {Effort.SHORT: 1.0, Effort.FULL: 5.0}
_ROUNDS = {Effort.SHORT: 1, Effort.FULL: 5}
_MOST_CPU = 0.2
_ABSURD_CPU = 0.8
_ABSURD_SECONDS = 30.0
_PAUSE = 0.02
_KEEPING = {"DICOMWEB_SERVER__KEEP_ALIVE_SECONDS": "30"}
"""Longer than is looked at: what was taken keeps its descriptor."""
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class _Found:
    counts: dict[str, Count] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def most(self, name: str, value: float) -> None:
        self.counts[name] = max(float(self.counts.get(name, 0.0)), round(value, 2))

    def add(self, name: str, value: int = 1) -> None:
        self.counts[name] = int(self.counts.get(name, 0)) + value


def descriptors(effort: Effort, seed: int) -> Proof:
    """1,000 connections at a server that may have 256 descriptors, again and again."""
    found = _Found()
    with tempfile.TemporaryDirectory(prefix="dicomweb-faults-") as name:
        for kind in KINDS:
            before = ("prlimit", f"--nofile={_DESCRIPTORS}:{_DESCRIPTORS}")
            around = Surroundings(kind, _KEEPING, before=before)
            folder = Path(name)
            with served(folder / kind, folder / f"log-{kind}", around) as subject:
                with subject.client() as client:
                    kept = Kept(client)
                for _ in range(_ROUNDS[effort]):
                    _flood(subject, kept, effort, found)
                if subject.stop() != 0:
                    found.wrong.append(f"{kind} does not stop in order")
                if subject.tracebacks():
                    found.wrong.append(f"{kind}: {subject.tracebacks()} unforeseen errors")
    return Proof(found.counts, tuple(found.wrong), seed)


def _flood(subject: Subject, kept: Kept, effort: Effort, found: _Found) -> None:
    with _client(subject) as client:
        found.wrong += kept.broken(client)  # it is connected from here on
        with ExitStack() as stack:
            open_ = [sock for _ in range(_CONNECTS) if (sock := _connect(subject, stack))]
            found.add("connects", _CONNECTS)
            found.add("of them taken or queued", len(open_))
            spent, began = _cpu(subject), time.monotonic()
            time.sleep(_WATCHED_SECONDS[effort])
            share = (_cpu(subject) - spent) / (time.monotonic() - began)
            found.most("CPU share at most", share)
            if share > (_ABSURD_CPU if effort is Effort.SHORT else _MOST_CPU):
                found.wrong.append(f"the processor is busy to {share:.0%}")
            found.add("turned away", sum(_is_told_busy(sock) for sock in open_))
            found.wrong += kept.broken(client)
            found.add("reads over an older connection")
    began = time.monotonic()
    while not _answers(subject):
        if time.monotonic() - began > _ABSURD_SECONDS:
            found.wrong.append("nobody is served afterwards")
            return
        time.sleep(_PAUSE)
    found.most("served again s", time.monotonic() - began)


def _client(subject: Subject) -> httpx.Client:
    """A client that does not let go of its connection by itself."""
    limits = httpx.Limits(keepalive_expiry=None)
    return httpx.Client(base_url=subject.root, timeout=60, limits=limits)


def _connect(subject: Subject, stack: ExitStack) -> socket.socket | None:
    sock = stack.enter_context(socket.socket())
    sock.setblocking(False)
    with suppress(BlockingIOError):
        if sock.connect_ex(subject.address) not in (0, 115):
            return None
    return sock


def _is_told_busy(sock: socket.socket) -> bool:
    try:
        return sock.recv(64).startswith(b"HTTP/1.1 503 ")
    except OSError:
        return False


def _answers(subject: Subject) -> bool:
    with closing(http.client.HTTPConnection(*subject.address, timeout=1)) as link:
        try:
            link.request("GET", "/livez")
            return link.getresponse().status == 200
        except OSError:
            return False


def _cpu(subject: Subject) -> float:
    """Seconds of processor time of the server and what it started."""
    total = 0.0
    pids = [subject.process.pid]
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / _TICKS
            for task in Path(f"/proc/{pid}/task").iterdir():
                pids += map(int, (task / "children").read_text().split())
    return total


FAULTS = (
    Fault(
        "F16",
        "More connections than descriptors: the others are turned away or wait, without a busy "
        "loop; who is connected is served, and everybody again once there is room",
        descriptors,
    ),
)

"""The server as a group of processes that can be killed and started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers import plain_environment

_START_SECONDS = 120.0
_END_SECONDS = 60.0
_PAUSE_SECONDS = 0.005
_LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Shape:
    """How a server is started.

    Args:
        kind: Which ASGI server carries it.
        workers: Worker processes.
        quick: Whether it is forked from a process that has done the imports.
        environment: Further variables.
    """

    kind: str = "hypercorn"
    workers: int = 1
    quick: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


class Nursery:
    """The process of `tests.faults.nursery`; closed by `close`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=plain_environment(),
            text=True,
        )

    def fork(self, arguments: list[str], environment: Mapping[str, str], output: Path) -> int:
        """Start a server; returns its process id."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"arguments": arguments, "environment": dict(environment), "output": str(output)}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End it; servers that it started live on."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def nursery() -> Iterator[Nursery]:
    """A nursery for as long as the context lasts."""
    opened = Nursery()
    try:
        yield opened
    finally:
        opened.close()


class Victim:
    """One data folder and the server on it, started and killed many times.

    Args:
        data: The data folder.
        output: What the server prints, the last start's only.
        nursery: Where quick starts come from.
    """

    def __init__(self, data: Path, output: Path, nursery: Nursery) -> None:
        self.data = data
        self.port = 0
        self.pid = 0
        self._output = output
        self._nursery = nursery
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, shape: Shape) -> float:
        """Start it; returns the seconds until it said that it was ready.

        Raises:
            AssertionError: It did not start; the text holds what it printed.
        """
        self._output.unlink(missing_ok=True)
        arguments = ["serve", "--port", "0", "--data", str(self.data), "--server", shape.kind]
        arguments += ["--workers", str(shape.workers)]
        settings = {
            "DICOMWEB_STORE__DUPLICATES": "replace",
            "DICOMWEB_CODEC__WARM": "false",
            **shape.environment,
        }
        began = time.monotonic()
        if shape.quick:
            self.pid = self._nursery.fork(arguments, settings, self._output)
        else:
            self._process = self._open(arguments, settings)
            self.pid = self._process.pid
        self.port = self._wait_for_port()
        return time.monotonic() - began

    def _open(self, arguments: list[str], settings: Mapping[str, str]) -> subprocess.Popen[bytes]:
        with self._output.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "dicomweb_server", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**plain_environment(), **settings},
                start_new_session=True,
            )

    def _wait_for_port(self) -> int:
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            for line in self.said().splitlines():
                if "DICOMweb root" in line:
                    return int(line.rpartition(":")[2].partition("/")[0])
            if not self.lives():
                break
            time.sleep(_PAUSE_SECONDS)
        raise AssertionError(f"the server did not start: {self.said()[-2000:]}")

    def said(self) -> str:
        """What it has printed since its start."""
        return self._output.read_text("utf-8", "replace") if self._output.exists() else ""

    def members(self) -> list[int]:
        """Living processes of its group."""
        return sorted(pid for pid, group in _processes() if group == self.pid)

    def lives(self) -> bool:
        """Whether anything of its group runs, or has ended and not been looked after yet."""
        if self._process is not None:
            self._process.poll()
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def workers(self) -> list[int]:
        """Processes that serve, where there are several."""
        return [pid for pid, parent in _parents() if parent == self.pid and _serves(pid)]

    def kill(self) -> None:
        """Kill the whole group and wait until nothing of it runs."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.wait()

    def stop(self) -> int:
        """Stop it in order; returns the exit code of a server that was not started quickly."""
        assert self._process is not None
        os.kill(self.pid, signal.SIGTERM)
        self.wait()
        return self._process.wait(_END_SECONDS)

    def wait(self) -> None:
        """Wait until nothing of the group runs.

        Raises:
            AssertionError: Something does not end.
        """
        end = time.monotonic() + _END_SECONDS
        looked = time.monotonic()
        while self.lives():
            now = time.monotonic()
            if now - looked > _LOOK_SECONDS:  # nobody may look after an orphan
                looked = now
                if not self.members():
                    break
            assert now < end, f"processes do not end: {self.members()}"
            time.sleep(_PAUSE_SECONDS)
        if self._process is not None and self._process.pid == self.pid:
            self._process.wait()


def _serves(pid: int) -> bool:
    """Whether a child is a worker; beside them there is one that looks after semaphores."""
    command = Path(f"/proc/{pid}/cmdline").read_bytes()
    return b"resource_tracker" not in command


def _processes() -> Iterator[tuple[int, int]]:
    """Process id and group of everything that runs."""
    for pid, fields in _fields():
        yield pid, int(fields[2])


def _parents() -> Iterator[tuple[int, int]]:
    """Process id and parent of everything that runs."""
    for pid, fields in _fields():
        yield pid, int(fields[1])


def _fields() -> Iterator[tuple[int, list[str]]]:
    """Process id, and what /proc says behind the name, of everything that runs."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] not in "ZX" or _has_threads(entry):
            yield int(entry.name), fields


def _has_threads(entry: Path) -> bool:
    """Whether threads of a process live on whose first one has ended: they hold its files."""
    try:
        return len(list((entry / "task").iterdir())) > 1
    except OSError:
        return False

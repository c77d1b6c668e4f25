"""The server as a user runs it: a process of its own, with a data folder of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests import canaries

KINDS = ("hypercorn", "granian")
"""The ASGI servers that the application must run on."""

_STOP_SECONDS = 40.0
_PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Server:
    """A running server.

    Args:
        kind: Which ASGI server carries it.
        url: Its URL without a path.
        data: Its data folder.
        process: The process that was started.
    """

    kind: str
    url: str
    data: Path
    process: subprocess.Popen[bytes]

    @property
    def root(self) -> str:
        """URL of the DICOMweb root."""
        return self.url + "/dicom-web"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, _, port = self.url.partition("://")[2].rpartition(":")
        return host, int(port)

    @property
    def pids(self) -> list[int]:
        """The process and all that it started."""
        found = [self.process.pid]
        for pid in found:
            found.extend(_children(pid))
        return found

    def idle_memory(self) -> int:
        """Bytes of memory in use now; peaks are counted from here."""
        for pid in self.pids:
            Path(f"/proc/{pid}/clear_refs").write_text("5")
        return self._memory("VmRSS")

    def peak_memory(self) -> int:
        """The most bytes of memory in use since `idle_memory`, summed over all processes."""
        return self._memory("VmHWM")

    def open_files(self) -> list[str]:
        """Files below the data folder's blobs and staging that are open now."""
        found = []
        for pid in self.pids:
            for entry in _entries(Path(f"/proc/{pid}/fd")):
                target = _target(entry)
                inside = target.startswith((f"{self.data}/blobs", f"{self.data}/staging"))
                if inside and not target.endswith("/lock"):
                    found.append(target)
        return sorted(found)

    def sockets(self) -> int:
        """How many sockets are open now."""
        entries = (entry for pid in self.pids for entry in _entries(Path(f"/proc/{pid}/fd")))
        return sum(_target(entry).startswith("socket:") for entry in entries)

    def log(self) -> str:
        """What it wrote to standard error so far."""
        return (self.data.parent / "log").read_text(errors="replace")

    def staged_files(self) -> list[Path]:
        """Files on their way in."""
        found = (self.data / "staging").rglob("*")
        return sorted(path for path in found if path.is_file() and path.name != "lock")

    def blobs(self) -> list[Path]:
        """Files that hold instances."""
        return sorted(path for path in (self.data / "blobs").rglob("*") if path.is_file())

    def _memory(self, field: str) -> int:
        return sum(_status(pid).get(field, 0) for pid in self.pids)


@contextmanager
def running(kind: str, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Start a server on a free port with an empty data folder, and stop it by SIGTERM.

    Args:
        kind: Which ASGI server carries it.
        settings: Further settings as variables of the environment.

    Raises:
        AssertionError: It did not become ready, or did not stop with exit code 0.
    """
    with tempfile.TemporaryDirectory(prefix="dicomweb-live-") as folder:
        data, log = Path(folder, "data"), Path(folder, "log")
        command = [sys.executable, "-m", "dicomweb_server", "serve", "--port", "0"]
        with log.open("wb") as errors:
            process = subprocess.Popen(
                [*command, "--server", kind, "--data", str(data)],
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "DICOMWEB_LOG__FORMAT": "json", **(settings or {})},
            )
        try:
            server = Server(kind, _url(process, log), data, process)
            ready = httpx.get(server.url + "/readyz", verify=not server.url.startswith("https"))
            assert ready.status_code == 200, ready.text
            yield server
        finally:
            code = _stop(process)
            canaries.check(log.read_text(errors="replace"), "the log")
        assert code == 0, f"exit code {code}\n{_tail(log)}"


def eventually(holds: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Whether something becomes true in time; what another process does is told by no event."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(_PAUSE_SECONDS)
    return True


def _url(process: subprocess.Popen[bytes], log: Path) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if b"DICOMweb root" in line:
            return line.split()[-1].decode().removesuffix("/dicom-web")
    raise AssertionError(f"the server did not start\n{_tail(log)}")


def _stop(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
    finally:
        if process.stdout is not None:
            process.stdout.close()


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-4000:]


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in _entries(Path(f"/proc/{pid}/task")):
        try:
            found.extend(map(int, (task / "children").read_text().split()))
        except FileNotFoundError:
            continue
    return found


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []


def _target(entry: Path) -> str:
    try:
        return str(entry.readlink())
    except FileNotFoundError:
        return ""


def _status(pid: int) -> dict[str, int]:
    """Fields of /proc/PID/status that are sizes, in bytes."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.split(":", 1) for line in lines if line.endswith(" kB"))
    return {name: int(value.split()[0]) * 1024 for name, value in pairs}

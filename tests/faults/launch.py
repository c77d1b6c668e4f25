"""Servers over a data folder of the proof's own, started without waiting, killed at will."""

from __future__ import annotations

import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers import plain_environment

_PATIENCE = 180.0
COLD = {"DICOMWEB_CODEC__WARM": "false"}
"""Most proofs need no codec; its processes start when somebody asks for one."""


@dataclass(slots=True)
class Launch:
    """A server that was started; whether it serves is found out by `wait`.

    Args:
        process: Its process.
        log: The file of its standard error.
        began: When it was started, by the monotonic clock.
        origin: Its URL, once it is ready.
    """

    process: subprocess.Popen[bytes]
    log: Path
    began: float
    origin: str = ""
    _told: bytes = field(default=b"", repr=False)

    @property
    def root(self) -> str:
        """URL of the DICOMweb root."""
        return self.origin + "/dicom-web"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, _, port = self.origin.partition("://")[2].rpartition(":")
        return host, int(port)

    def wait(self) -> int | None:
        """Wait until it is ready or has ended; its exit code, None where it serves."""
        assert self.process.stdout is not None
        end = time.monotonic() + _PATIENCE
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while b"try" not in self._told:
                assert selector.select(end - time.monotonic()), "neither ready nor ended"
                piece = self.process.stdout.read1(65536)  # type: ignore[attr-defined] # buffered
                if not piece:
                    return self.process.wait(_PATIENCE)
                self._told += piece
        self.origin = self._told.split(b"web page")[1].split()[0].decode().rstrip("/")
        return None

    def age(self) -> float:
        """Seconds since its start."""
        return time.monotonic() - self.began

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """End it in order."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_PATIENCE)

    def arguments(self) -> list[str]:
        """What it was started with."""
        return [str(each) for each in self.process.args]  # type: ignore[union-attr] # a list

    def lines(self) -> list[str]:
        """What it wrote to standard error."""
        return self.log.read_text(errors="replace").splitlines()


def launch(
    data: Path,
    arguments: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> Launch:
    """Start a server on a free port and return at once.

    Args:
        data: Its data folder.
        arguments: Further arguments of `serve`.
        environ: Further variables of the environment.
        log: Where its standard error goes; None is a file next to the data folder.
    """
    command = [sys.executable, "-m", "dicomweb_server", "serve", "--data", str(data), "-p", "0"]
    path = log or data.with_name(f"{data.name}-{time.monotonic_ns()}.log")
    began = time.monotonic()
    with path.open("wb") as errors:
        process = subprocess.Popen(
            [*command, *arguments],
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**plain_environment(), **COLD, **(environ or {})},
        )
    return Launch(process, path, began)


@contextmanager
def serving(
    data: Path, arguments: Sequence[str] = (), environ: Mapping[str, str] | None = None
) -> Iterator[Launch]:
    """A server that is ready, killed at the end unless it has ended before."""
    server = launch(data, arguments, environ)
    try:
        code = server.wait()
        assert code is None, (code, server.lines()[-5:])
        yield server
    finally:
        release(server)


def release(server: Launch) -> None:
    """Let go of a server, however it is."""
    if server.process.poll() is None:
        server.kill()
    if server.process.stdout is not None:
        server.process.stdout.close()


def run(
    arguments: Sequence[str], seconds: float = 300.0, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a verb of `dicomweb-server` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "dicomweb_server", *arguments],
        capture_output=True,
        text=True,
        timeout=seconds,
        env={**plain_environment(), **(environ or {})},
    )

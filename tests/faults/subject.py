"""The real server under surroundings of a proof's choice: variables, limits, another user."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.faults.launch import COLD
from tests.servers import plain_environment

_STOP_SECONDS = 60
_UNFORESEEN = re.compile(
    r'^.*(?:Traceback \(most recent|\bfailed\b.*\berror=|"event": ?"failed").*$', re.MULTILINE
)
"""What the log tells of errors that nobody foresaw, as text or as JSON."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a server runs in.

    Args:
        kind: Which ASGI server carries it.
        environment: Further variables.
        arguments: Further arguments of `serve`.
        before: A command that runs the server's command, `setpriv` or `prlimit` with options.
    """

    kind: str = "hypercorn"
    environment: Mapping[str, str] = field(default_factory=dict)
    arguments: Sequence[str] = ()
    before: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Subject:
    """A server that runs.

    Args:
        process: Its process.
        origin: Its URL without a path.
        log: What it writes to standard error.
    """

    process: subprocess.Popen[bytes]
    origin: str
    log: Path

    @property
    def root(self) -> str:
        """URL of the DICOMweb root."""
        return self.origin + "/dicom-web"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, _, port = self.origin.partition("://")[2].rpartition(":")
        return host, int(port)

    def client(self) -> httpx.Client:
        """A client whose paths count from the DICOMweb root."""
        return httpx.Client(base_url=self.root, timeout=60)

    def ready(self) -> httpx.Response:
        """What it says about itself."""
        return httpx.get(self.origin + "/readyz", timeout=60)

    def stop(self) -> int:
        """Stop it in order; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_STOP_SECONDS)

    def said(self) -> str:
        """Its log so far."""
        return self.log.read_text("utf-8", errors="replace")

    def tracebacks(self) -> int:
        """Errors in the log that nobody foresaw."""
        return len(self.failures())

    def failures(self) -> list[str]:
        """Lines of the log that tell of them."""
        return _UNFORESEEN.findall(self.said())


@contextmanager
def served(data: Path, log: Path, surroundings: Surroundings | None = None) -> Iterator[Subject]:
    """Run the server for as long as the context lasts; it is killed at the end unless stopped.

    Args:
        data: The data folder.
        log: Where its standard error goes; appended to.
        surroundings: What it runs in.

    Raises:
        AssertionError: It did not start; the text holds its log.
    """
    around = surroundings or Surroundings()
    command = [*around.before, sys.executable, "-m", "dicomweb_server", "serve", "-p", "0"]
    command += ["--data", str(data), "--server", around.kind, *around.arguments]
    with log.open("ab") as errors:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**plain_environment(), **COLD, **around.environment},
        )
    try:
        yield Subject(process, _origin(process, log), log)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _origin(process: subprocess.Popen[bytes], log: Path) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if b"DICOMweb root" in line:
            return line.split()[-1].decode().removesuffix("/dicom-web")
    raise AssertionError(f"the server did not start: {log.read_text('utf-8')[-2000:]}")

"""The real server as a process of its own, on a free port."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs.

    Args:
        process: Its process.
        origin: Its URL without a slash at its end.
        welcome: What it printed when it was ready.
    """

    process: subprocess.Popen[str]
    origin: str
    welcome: str

    @property
    def root(self) -> str:
        """URL of the DICOMweb root."""
        return self.origin + "/dicom-web"

    def stop(self) -> str:
        """Stop it in order, and return what it wrote to standard error."""
        self.process.send_signal(signal.SIGTERM)
        _, err = self.process.communicate(timeout=60)
        return err


@contextmanager
def serving(data: Path, arguments: Sequence[str] = ()) -> Iterator[Running]:
    """Run ``dicomweb-server serve`` for as long as the context lasts.

    Args:
        data: The data folder.
        arguments: Further arguments.
    """
    command = [sys.executable, "-m", "dicomweb_server", "serve", "--data", str(data), "-p", "0"]
    with subprocess.Popen(
        [*command, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=plain_environment(),
    ) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(5)]
            assert all(lines), process.communicate()[1]
            origin = lines[1].split()[-1].rstrip("/")
            yield Running(process, origin, "".join(lines))
        finally:
            process.kill()


def plain_environment() -> dict[str, str]:
    """The environment without settings of ours."""
    return {k: v for k, v in os.environ.items() if not k.startswith("DICOMWEB_")}

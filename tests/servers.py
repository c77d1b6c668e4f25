"""The real server as a process of its own, on a free port."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests import canaries


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

    def dicom_port(self) -> int:
        """Port of its associations, which it names in the line behind the welcome; ask once."""
        assert self.process.stdout is not None
        return int(self.process.stdout.readline().split("port")[1].split(",")[0])

    @property
    def root(self) -> str:
        """URL of the DICOMweb root."""
        return self.origin + "/dicom-web"

    def stop(self) -> str:
        """Stop it in order, and return what it wrote to standard error."""
        self.process.send_signal(signal.SIGTERM)
        _, err = self.process.communicate(timeout=60)
        canaries.check(err, "the log")
        return err


@contextmanager
def serving(
    data: Path, arguments: Sequence[str] = (), variables: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """Run ``dicomweb-server serve`` for as long as the context lasts.

    Args:
        data: The data folder.
        arguments: Further arguments.
        variables: Settings in the environment.
    """
    command = [sys.executable, "-m", "dicomweb_server", "serve", "--data", str(data), "-p", "0"]
    with subprocess.Popen(
        [*command, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**plain_environment(), **(variables or {})},
    ) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(5)]
            assert all(lines), process.communicate()[1]
            origin = lines[1].split()[-1].rstrip("/")
            yield Running(process, origin, "".join(lines))
        finally:
            process.kill()
            _check_the_rest(process)


def _check_the_rest(process: subprocess.Popen[str]) -> None:
    """See that what nobody has read of a log names no patient."""
    if process.stderr is None or process.stderr.closed:
        return
    place = process.stderr.fileno()
    os.set_blocking(place, False)  # a worker may have outlived it, and has it open
    written = b""
    with suppress(BlockingIOError):
        while piece := os.read(place, 1 << 16):
            written += piece
    canaries.check(written.decode(errors="replace"), "the log")


def plain_environment() -> dict[str, str]:
    """The environment without settings of ours."""
    return {k: v for k, v in os.environ.items() if not k.startswith("DICOMWEB_")}

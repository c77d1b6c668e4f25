"""DCMTK's tools at the other end of associations."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.programs import require

AS_SENT = ("-R", "-nh", "-aec", "DICOMWEB")


def storescu(port: int, paths: Iterable[Path], *options: str) -> subprocess.CompletedProcess[str]:
    """Send files, going on behind failures."""
    command = [require("storescu"), "-v", *AS_SENT, *options, "127.0.0.1", str(port)]
    return subprocess.run(
        [*command, *map(str, paths)], capture_output=True, text=True, timeout=300, errors="replace"
    )


def echoscu(port: int, *options: str) -> int:
    """Exit code of a C-ECHO."""
    command = [require("echoscu"), "-to", "10", *options, "127.0.0.1", str(port)]
    return subprocess.run(command, capture_output=True, timeout=30).returncode


@contextmanager
def receiving(folder: Path, preferred: str) -> Iterator[int]:
    """Run storescp, which writes every data set as it comes; the port.

    Args:
        folder: Where the files go.
        preferred: Option for the transfer syntaxes that it accepts.
    """
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    command = [require("storescp"), "+B", preferred, "-pm", "-od", str(folder), str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            while echoscu(port) != 0:
                time.sleep(0.05)
            yield port
        finally:
            process.kill()

"""Retrievals by programs of DCMTK."""

from __future__ import annotations

import random
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from pydicom import Dataset, dcmread

from dicomweb_server.dicom.implicit import data_set
from dicomweb_server.dimse.verb import Permission
from tests.dimse.archives import encoded
from tests.dimse.live import TITLE, Live

GETSCU, MOVESCU, STORESCP = (shutil.which(name) for name in ("getscu", "movescu", "storescp"))
EVERYTHING = frozenset(Permission)


def free_port() -> int:
    """A port that is free, and that the system gives to no client meanwhile."""
    for port in random.sample(range(20_000, 32_000), 100):
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
    raise AssertionError("no port is free")


@contextmanager
def receiving(folder: Path, port: int, *options: str) -> Iterator[Path]:
    """A storescp that writes what it receives into a folder."""
    folder.mkdir()
    command = [str(STORESCP), "-od", str(folder), "-aet", "RECEIVER", *options, str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await_listening(port)
        assert process.poll() is None, "storescp could not listen"
        yield folder
    finally:
        process.kill()
        process.wait()


def _await_listening(port: int) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("storescp does not listen")


def asked(live: Live, folder: Path, program: str | None, wanted: Dataset, *options: str) -> str:
    """What a program of DCMTK says about a retrieval."""
    request = folder / "request.bin"
    request.write_bytes(encoded(wanted))
    command = [str(program), "-d", "-aec", TITLE, "-aet", "TESTER", *options]
    command += ["127.0.0.1", str(live.port), str(request)]
    done = subprocess.run(command, capture_output=True, timeout=100, check=False)
    return (done.stdout + done.stderr).decode("latin_1")


def data_sets(folder: Path) -> dict[str, bytes]:
    """Encoded data sets by SOP Instance UID."""
    found = {}
    for path in folder.iterdir():
        raw = path.read_bytes()
        found[str(dcmread(BytesIO(raw)).SOPInstanceUID)] = b"".join(data_set([raw]))
    return found

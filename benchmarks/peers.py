"""The servers that are compared, each a process of its own on loopback with a fresh data folder."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.machine import orthanc_plugins, program, version_of
from dicomweb_server import __version__

_START_SECONDS = 30.0
_STOP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Peer:
    """A running server.

    Args:
        name: What it is called in the table.
        version: What it says of itself.
        root: URL of its DICOMweb root, without a trailing slash.
    """

    name: str
    version: str
    root: str

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, _, port = self.root.removeprefix("http://").partition("/")[0].partition(":")
        return host, int(port or 80)

    @property
    def prefix(self) -> str:
        """Path of the DICOMweb root."""
        return "/" + self.root.removeprefix("http://").partition("/")[2]


@contextmanager
def ours(kind: str, workers: int = 1) -> Iterator[Peer]:
    """Start our server.

    Args:
        kind: Which ASGI server carries it.
        workers: Worker processes.
    """
    with tempfile.TemporaryDirectory(prefix="bench-ours-") as folder:
        command = [sys.executable, "-m", "dicomweb_server", "serve", "--port", "0"]
        command += ["--server", kind, "--workers", str(workers), "--data", folder]
        with _process(command, folder) as (process, log):
            root = _printed_root(process, log)
            told = f"{kind}, {workers} workers" if workers > 1 else kind
            yield Peer("ours", f"dicomweb-server {__version__} on {told}", root)


@contextmanager
def orthanc() -> Iterator[Peer]:
    """Start Debian's Orthanc with its DICOMweb and GDCM plugins; every file is synced to disk.

    Raises:
        MissingProgram: It is not installed.
    """
    executable, plugins = program("Orthanc"), orthanc_plugins()
    with tempfile.TemporaryDirectory(prefix="bench-orthanc-") as folder:
        http, dicom = _free_port(), _free_port()
        configuration = Path(folder, "orthanc.json")
        configuration.write_text(json.dumps(_orthanc_settings(folder, http, dicom, plugins)))
        with _process([executable, str(configuration)], folder) as (process, log):
            root = f"http://127.0.0.1:{http}/dicom-web"
            _wait(process, root, log)
            yield Peer("Orthanc", _orthanc_version(http), root)


def running(url: str) -> Peer:
    """Another server that runs already."""
    root = url.rstrip("/")
    return Peer("peer", root, root)


def _orthanc_settings(
    folder: str, http: int, dicom: int, plugins: Sequence[Path]
) -> dict[str, object]:
    return {
        "Name": "benchmark",
        "StorageDirectory": folder,
        "IndexDirectory": folder,
        "SyncStorageArea": True,
        "HttpPort": http,
        "DicomPort": dicom,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "KeepAlive": True,
        "Plugins": [str(plugin) for plugin in plugins],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }


def _orthanc_version(port: int) -> str:
    plugin = httpx.get(f"http://127.0.0.1:{port}/plugins/dicom-web").json()["Version"]
    first = version_of([program("Orthanc"), "--version"])
    found = re.search(r"[0-9]+(\.[0-9]+)+", first)
    return f"Orthanc {found[0] if found else first}, DICOMweb {plugin}"


@contextmanager
def _process(command: list[str], folder: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    log = Path(folder).with_suffix(".log")
    with log.open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        yield process, log
    finally:
        process.terminate()
        process.communicate(timeout=_STOP_SECONDS)
        log.unlink()


def _printed_root(process: subprocess.Popen[str], log: Path) -> str:
    for line in process.stdout or ():
        if "DICOMweb root" in line:
            return line.split()[-1]
    raise RuntimeError(f"the server did not start: {log.read_text()[-1000:]}")


def _wait(process: subprocess.Popen[str], root: str, log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            httpx.get(f"{root}/studies").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{root} did not come up: {log.read_text()[-1000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

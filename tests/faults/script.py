"""Requests of several clients to a server that is traced, one of each kind and more by chance."""

from __future__ import annotations

import hashlib
import http.client
import json
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.faults import strace
from tests.faults.specimens import STOW_TYPE, Key, Version, digest, specimen, store_body
from tests.servers import plain_environment

_ROOT = "/dicom-web"
_TIMEOUT = 120
_SIDES = (4, 8, 16, 24)
_LARGE_SIDE = 760
_WHOLE = 'multipart/related; type="application/dicom"; transfer-syntax=*'


@dataclass(frozen=True, slots=True)
class Heard:
    """A request that was answered with success.

    Args:
        port: The client's.
        number: Which answer on its connection, from 0.
        before: SHA-256 of the instances that it concerns; "" for those not in the archive.
        after: The same, once it is done.
    """

    port: int
    number: int
    before: Mapping[Key, str]
    after: Mapping[Key, str]


class Player:
    """One client on one connection.

    Args:
        number: A part of its UIDs.
        port: Of the server.
        chance: Its random choices.
        large: Whether it also stores an instance that does not fit into memory.
    """

    def __init__(self, number: int, port: int, chance: random.Random, *, large: bool) -> None:
        self.heard: list[Heard] = []
        self._number = number
        self._chance = chance
        self._large = large
        self._link = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
        self._link.connect()
        self._port: int = self._link.sock.getsockname()[1]
        self._answers = 0
        self._state: dict[Key, str] = {}
        self._versions: dict[Key, Version] = {}

    def play(self, rounds: int) -> None:
        """Send everything."""
        for turn in range(rounds):
            study = f"2.25.9{self._number}.{turn}"
            series = f"{study}.1"
            keys = [Key(study, series, f"{series}.{place}") for place in range(8)]
            composed = Key(study, f"{study}.2", f"{study}.2.1")
            self._store(keys[:1])
            self._store(keys[1:])
            self._compose(composed)
            self._store(self._chance.sample(keys, 3))  # other bytes: they are replaced
            self._store(keys[:2], again=True)
            self._remove(
                f"/studies/{study}/series/{series}/instances/{keys[3].instance}", keys[3:4]
            )
            self._store(keys[3:4], again=True)
            self._remove(f"/studies/{study}", [*keys, composed])
            self._store(self._chance.sample(keys, 4))
        self._link.close()

    def _store(self, keys: list[Key], *, again: bool = False) -> None:
        for key in keys:
            if not again:
                side = _LARGE_SIDE if self._large else self._chance.choice(_SIDES)
                self._large = False
                self._versions[key] = Version(self._chance.getrandbits(40), side)
        body = store_body([specimen(key, self._versions[key]) for key in keys])
        after = {key: digest(key, self._versions[key]) for key in keys}
        self._link.request("POST", _ROOT + "/studies", body, {"Content-Type": STOW_TYPE})
        self._hear(after, 200)

    def _remove(self, path: str, keys: list[Key]) -> None:
        self._link.request("DELETE", _ROOT + path)
        self._hear(dict.fromkeys(keys, ""), 204)

    def _compose(self, key: Key) -> None:
        """Metadata and bulk data; which bytes the server makes of them is asked afterwards."""
        pixels = self._chance.randbytes(512)
        kind = 'multipart/related; type="application/dicom+json"; boundary=limit'
        body = b"\r\n".join(
            (
                b"--limit\r\nContent-Type: application/dicom+json\r\n",
                json.dumps([_metadata(key)]).encode(),
                b"--limit\r\nContent-Type: application/octet-stream",
                b"Content-Location: pixels\r\n",
                pixels,
                b"--limit--\r\n",
            )
        )
        self._link.request("POST", _ROOT + "/studies", body, {"Content-Type": kind})
        self._answer(200)
        number = self._answers - 1
        self._link.request("GET", _ROOT + key.path, headers={"Accept": "application/dicom"})
        data = self._answer(200)
        self._keep(number, {key: hashlib.sha256(data).hexdigest()})

    def _hear(self, after: dict[Key, str], status: int) -> None:
        self._answer(status)
        self._keep(self._answers - 1, after)

    def _answer(self, status: int) -> bytes:
        response = self._link.getresponse()
        body = response.read()
        assert response.status == status, (response.status, body[:300])
        self._answers += 1
        return body

    def _keep(self, number: int, after: dict[Key, str]) -> None:
        before = {key: self._state.get(key, "") for key in after}
        self.heard.append(Heard(self._port, number, before, after))
        self._state |= after


def play(data: Path, trace: Path, seed: int, rounds: int, clients: int) -> list[Heard]:
    """Run the server under strace, let clients play, and end it at once.

    Args:
        data: The data folder, made by the server.
        trace: Where the system calls go.
        seed: Of the clients' random choices.
        rounds: How often each client sends one request of each kind.
        clients: How many at the same time.
    """
    serve = [sys.executable, "-m", "dicomweb_server", "serve", "--port", "0", "--data", str(data)]
    settings = {"DICOMWEB_STORE__DUPLICATES": "replace", "DICOMWEB_CODEC__WARM": "false"}
    with subprocess.Popen(
        [*strace.command(trace), *serve],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**plain_environment(), **settings},
        text=True,
    ) as process:
        try:
            players = [
                Player(number, port, random.Random(f"{seed}-{number}"), large=number == 0)
                for port in (_port(process),)
                for number in range(clients)
            ]
            threads = [threading.Thread(target=each.play, args=(rounds,)) for each in players]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            _end(process)
    return [heard for player in players for heard in player.heard]


def _port(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    for line in process.stdout:
        if "DICOMweb root" in line:
            return int(line.rpartition(":")[2].partition("/")[0])
    raise AssertionError("the server did not start")


def _end(process: subprocess.Popen[str]) -> None:
    """Kill what strace runs; strace ends with it."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    for child in children.split():
        subprocess.run(["kill", f"-{signal.SIGKILL.value}", child], check=False)
    process.communicate()


def _metadata(key: Key) -> dict[str, object]:
    texts = {
        "00080005": ("CS", "ISO_IR 192"),
        "00080016": ("UI", "1.2.840.10008.5.1.4.1.1.2"),
        "00080018": ("UI", key.instance),
        "0020000D": ("UI", key.study),
        "0020000E": ("UI", key.series),
        "00280004": ("CS", "MONOCHROME2"),
    }
    numbers = {
        "00280002": 1,
        "00280010": 16,
        "00280011": 16,
        "00280100": 16,
        "00280101": 16,
        "00280102": 15,
        "00280103": 0,
    }
    found: dict[str, object] = {
        tag: {"vr": vr, "Value": [value]} for tag, (vr, value) in texts.items()
    }
    found |= {tag: {"vr": "US", "Value": [value]} for tag, value in numbers.items()}
    return {**found, "7FE00010": {"vr": "OW", "BulkDataURI": "pixels"}}

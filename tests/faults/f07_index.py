"""F7: a damaged, missing or older index is told at the start, and rebuilt from the blobs."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.faults.proof import Effort, Fault, Proof
from tests.faults.specimens import STOW_TYPE, Key, Version, specimen, store_body
from tests.faults.subject import Surroundings, served
from tests.servers import plain_environment

_PROMISE = (
    "an index that is damaged, missing, cut off or older than the store is never served as if it"
    " were whole; reindex brings all answers back, also after kills, and nothing that was deleted"
)
_PAGE = 4096
_WAIT_SECONDS = 120.0
_PAUSE_SECONDS = 0.005

Damage = Callable[[Path, random.Random], None]


def _pages(data: Path, drawn: random.Random) -> None:
    index = data / "index.db"
    size = index.stat().st_size
    with index.open("r+b") as file:
        for _ in range(5):
            file.seek(drawn.randrange(1, size // _PAGE) * _PAGE)
            file.write(drawn.randbytes(_PAGE))


def _header(data: Path, drawn: random.Random) -> None:
    with (data / "index.db").open("r+b") as file:
        file.write(drawn.randbytes(100))


def _cut(data: Path, drawn: random.Random) -> None:
    index = data / "index.db"
    os.truncate(index, index.stat().st_size // drawn.randrange(2, 5))


def _emptied(data: Path, drawn: random.Random) -> None:
    os.truncate(data / "index.db", 0)


def _missing(data: Path, drawn: random.Random) -> None:
    for path in data.glob("index.db*"):
        path.unlink()


def _older(data: Path, drawn: random.Random) -> None:
    for ending in ("-wal", "-shm"):
        (data / f"index.db{ending}").unlink(missing_ok=True)
    shutil.copyfile(data / "older.db", data / "index.db")


def _no_log(data: Path, drawn: random.Random) -> None:
    (data / "index.db-wal").unlink()


def _bad_log(data: Path, drawn: random.Random) -> None:
    log = data / "index.db-wal"
    log.write_bytes(drawn.randbytes(log.stat().st_size))


def _bad_memory(data: Path, drawn: random.Random) -> None:
    memory = data / "index.db-shm"
    memory.write_bytes(drawn.randbytes(memory.stat().st_size))


def _no_memory(data: Path, drawn: random.Random) -> None:
    (data / "index.db-shm").unlink()


_DAMAGES: tuple[Damage, ...] = (
    _missing,
    _header,
    _older,
    _no_log,
    _pages,
    _cut,
    _emptied,
    _bad_log,
    _bad_memory,
    _no_memory,
)
_AFTER_KILL = (_no_log, _bad_log, _bad_memory, _no_memory)


def _key(number: int) -> Key:
    study = number // 30
    return Key(f"1.2.3.{study}", f"1.2.3.{study}.{number // 10}", f"1.2.3.9.{number}")


def _store(client: httpx.Client, first: int, last: int) -> None:
    files = [specimen(_key(number), Version(number, 8)) for number in range(first, last)]
    answer = client.post("/studies", content=store_body(files), headers={"Content-Type": STOW_TYPE})
    answer.raise_for_status()


def _picture(client: httpx.Client) -> dict[str, bytes]:
    """Answers of searches at all levels, and all metadata."""
    headers = {"Accept": "application/dicom+json"}
    paths = [
        f"/{level}?includefield=all&limit=5000" for level in ("studies", "series", "instances")
    ]
    found = {path: client.get(path, headers=headers) for path in paths}
    for study in found[paths[0]].json() if found[paths[0]].status_code == 200 else ():
        path = f"/studies/{study['0020000D']['Value'][0]}/metadata"
        found[path] = client.get(path, headers=headers)
    origin = f"{client.base_url.scheme}://{client.base_url.host}:{client.base_url.port}".encode()
    return {
        path: str(answer.status_code).encode() + answer.content.replace(origin, b"")
        for path, answer in found.items()
    }


class _Proof:
    """One run of the proof.

    Args:
        folder: For everything.
        seed: Of its random choices.
        count: How many instances are stored.
    """

    def __init__(self, folder: Path, seed: int, count: int) -> None:
        self.folder = folder
        self.drawn = random.Random(seed)
        self.counts = {
            "instances": 0,
            "damages": 0,
            "told at the start": 0,
            "whole all the same": 0,
        }
        self.counts |= {"rebuilt": 0, "rebuilds killed": 0, "instances not read again": 0}
        self.wrong: list[str] = []
        self.count = count
        self.clean, self.killed = folder / "clean", folder / "killed"
        self.answers: dict[str, bytes] = {}

    def prepare(self) -> None:
        """Two folders of the same archive: one stopped in order, one whose server was killed."""
        log = self.folder / "log"
        data = self.folder / "data"
        with served(data, log, self._plain()) as server, server.client() as client:
            _store(client, 0, self.count // 2)
            server.stop()
        if any((data / f"index.db{end}").exists() for end in ("-wal",)):
            self.wrong.append("an orderly stop has left a write-ahead log")
        older = data / "older.db"
        shutil.copyfile(data / "index.db", older)
        with served(data, log, self._plain()) as server, server.client() as client:
            _store(client, self.count // 2, self.count)
            client.delete("/studies/1.2.3.1").raise_for_status()
            self.answers = _picture(client)
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
        shutil.copytree(data, self.killed)
        with served(data, log, self._plain()) as server:
            server.stop()
        shutil.copytree(data, self.clean)
        self.counts["instances"] = self.count

    def damage(self, damage: Damage) -> None:
        """Break a copy, look what the server says of it, and rebuild it."""
        data = self.folder / "broken"
        shutil.copytree(self.killed if damage in _AFTER_KILL else self.clean, data)
        damage(data, self.drawn)
        self.counts["damages"] += 1
        name = damage.__name__.strip("_")
        said = self._look(data, name)
        if said is not None and ("Error:" not in said or "Traceback" in said):
            self.wrong.append(f"{name}: not told in one line: {said[-300:]}")
        self.counts["whole all the same" if said is None else "told at the start"] += 1
        self._rebuild(data, name)
        if self._look(data, f"{name}, rebuilt") is not None:
            self.wrong.append(f"{name}: the rebuilt index does not serve")
        shutil.rmtree(data)

    def _look(self, data: Path, name: str) -> str | None:
        """What a server that refuses says; None where it serves, and serves all."""
        try:
            with served(data, self.folder / f"log-{time.monotonic_ns()}", self._plain()) as server:
                with server.client() as client:
                    if server.ready().status_code == 200 and _picture(client) != self.answers:
                        self.wrong.append(f"{name}: answers differ from those before")
                server.stop()
        except AssertionError as refused:
            return str(refused)
        return None

    def _rebuild(self, data: Path, name: str) -> None:
        """Rebuild; the first attempt is killed when it has made some way."""
        process = self._reindex(data)
        end = time.monotonic() + _WAIT_SECONDS
        while process.poll() is None and time.monotonic() < end:
            if (data / "index.db.new.json").exists():
                process.kill()
            time.sleep(_PAUSE_SECONDS)
        process.communicate()
        self.counts["rebuilds killed"] += process.returncode == -signal.SIGKILL
        process = self._reindex(data)
        out, err = process.communicate()
        if process.returncode:
            self.wrong.append(f"{name}: reindex ended with {process.returncode}: {err[-300:]}")
            return
        told = json.loads(out)
        self.counts["rebuilt"] += 1
        self.counts["instances not read again"] += told["resumed"]

    def _reindex(self, data: Path) -> subprocess.Popen[str]:
        command = [
            sys.executable,
            "-m",
            "dicomweb_server",
            "reindex",
            "--data",
            str(data),
            "--json",
        ]
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=plain_environment(),
        )

    def _plain(self) -> Surroundings:
        return Surroundings(environment={"DICOMWEB_CODEC__WARM": "false"})


def _prove(effort: Effort, seed: int) -> Proof:
    with tempfile.TemporaryDirectory(prefix="dicomweb-f07-") as name:
        run = _Proof(Path(name), seed, 240 if effort is Effort.SHORT else 2_000)
        run.prepare()
        damages = list(_DAMAGES) * 3
        if effort is Effort.SHORT:
            damages = run.drawn.sample(_DAMAGES, 2)
        for damage in damages:
            run.damage(damage)
    return Proof(run.counts, tuple(run.wrong), seed)


FAULTS = (Fault("F7", _PROMISE, _prove),)

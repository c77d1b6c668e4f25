"""A file system that is read-only, from the start or from one moment on (F5)."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.faults.kept import Kept
from tests.faults.proof import Count, Effort, Fault, Proof
from tests.faults.shim import CHANGING, Shim
from tests.faults.subject import Subject, Surroundings, served
from tests.faults.volume import Volume
from tests.live.instances import make, store
from tests.servers import plain_environment

_OBEYING = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
"""Lets root obey the rights of files."""
_NO_RESERVE = Surroundings(environment={"DICOMWEB_STORE__RESERVE_BYTES": "0"})
_ROUNDS = {Effort.SHORT: 2, Effort.FULL: 20}
_ABSURD_SECONDS = 30.0
_PAUSE = 0.05


class _Look:
    """What is seen of a server that cannot write."""

    def __init__(self) -> None:
        self.counts: dict[str, Count] = {"reads": 0, "stores refused": 0, "deletions refused": 0}
        self.wrong: list[str] = []

    def count(self, name: str) -> None:
        self.counts[name] = int(self.counts.get(name, 0)) + 1

    def at(self, subject: Subject, kept: Kept, rounds: int) -> None:
        """Everything is read, nothing is written, and readiness tells why."""
        with subject.client() as client:
            for _ in range(rounds):
                self.wrong += kept.broken(client)
                self.count("reads")
                answer = store(client, [make(1)[0].data])
                if answer.status_code != 503 or "suspended" not in answer.text:
                    self.wrong.append(f"a store is answered {answer.status_code} {answer.text}")
                self.count("stores refused")
                answer = client.delete(kept.study)
                if answer.status_code != 503:
                    self.wrong.append(f"a deletion is answered {answer.status_code}")
                self.count("deletions refused")
        ready = subject.ready()
        if ready.status_code != 503 or "suspended" not in ready.text:
            self.wrong.append(f"readiness is {ready.status_code} {ready.text}")

    def end(self, subject: Subject) -> None:
        """Stop the server in order."""
        if subject.stop() != 0:
            self.wrong.append("the server does not stop in order")
        self.counts["tracebacks"] = int(self.counts.get("tracebacks", 0)) + subject.tracebacks()
        if subject.tracebacks():
            self.wrong.append(f"{subject.tracebacks()} unforeseen errors in the log")

    def recovers(self, subject: Subject, kept: Kept) -> None:
        """It is written again by itself."""
        began = time.monotonic()
        while subject.ready().status_code != 200:
            if time.monotonic() - began > _ABSURD_SECONDS:
                self.wrong.append("the server is not ready again")
                return
            time.sleep(_PAUSE)
        self.counts["ready again s"] = round(time.monotonic() - began, 1)
        with subject.client() as client:
            self.wrong += kept.broken(client)
            if store(client, [make(1)[0].data]).status_code != 200:
                self.wrong.append("nothing is stored afterwards")


def at_start(effort: Effort, seed: int) -> Proof:
    """Start on a folder that cannot be written; the full form also on a read-only volume."""
    look = _Look()
    with tempfile.TemporaryDirectory(prefix="dicomweb-faults-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        data = folder / "data"
        kept = _filled(data, folder / "log")
        with _unwritable(data) as before:
            around = Surroundings(before=before)
            with served(data, folder / "log-start", around) as subject:
                look.at(subject, kept, _ROUNDS[effort])
                look.end(subject)
            _try_tools(look, data, folder, before)
        if effort is Effort.FULL:
            _on_a_volume(look, folder)
    return Proof(look.counts, tuple(look.wrong), seed)


def _on_a_volume(look: _Look, folder: Path) -> None:
    """The same with a mounted volume, after an orderly end and after a kill."""
    for kill in (False, True):
        with Volume(folder / f"volume-{kill}", 64) as volume:
            data = volume.path / "data"
            kept = _filled(data, folder / "log", kill=kill)
            volume.mount_again("ro")
            with served(data, folder / f"log-{kill}", _NO_RESERVE) as subject:
                look.at(subject, kept, 5)
                volume.mount_again("rw")
                look.recovers(subject, kept)
                look.end(subject)
            look.count("volumes")


def while_running(effort: Effort, seed: int) -> Proof:
    """The file system refuses every change from one moment on, while requests come."""
    look = _Look()
    with tempfile.TemporaryDirectory(prefix="dicomweb-faults-") as name:
        folder = Path(name)
        data, place = folder / "data", folder / "shim"
        data.mkdir()
        place.mkdir()
        shim = Shim(place, data)
        around = Surroundings(environment=shim.environment)
        with served(data, folder / "log-run", around) as subject:
            with subject.client() as client:
                kept = Kept(client)
            shim.fail(CHANGING, errno.EROFS)
            look.at(subject, kept, _ROUNDS[effort])
            shim.heal()
            look.recovers(subject, kept)
            shim.fail(CHANGING, errno.EROFS)
            look.end(subject)
        if effort is Effort.FULL:
            _broken_volume(look, folder)
    return Proof(look.counts, tuple(look.wrong), seed)


def _broken_volume(look: _Look, folder: Path) -> None:
    """An ext4 that finds an error in itself, as a failing disk makes it, and turns read-only."""
    with Volume(folder / "broken", 64, "errors=remount-ro") as volume:
        data = volume.path / "data"
        with served(data, folder / "log-broken", _NO_RESERVE) as subject:
            with subject.client() as client:
                kept = Kept(client)
            volume.break_it()
            look.at(subject, kept, 5)
            look.end(subject)
        look.count("volumes")


def _filled(data: Path, log: Path, *, kill: bool = False) -> Kept:
    with served(data, log, _NO_RESERVE) as subject, subject.client() as client:
        kept = Kept(client)
        if not kill:
            subject.stop()
    return kept


@contextmanager
def _unwritable(data: Path) -> Iterator[Sequence[str]]:
    """Take the right to write away from everyone; from root too."""
    for path in (data, *data.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        yield _OBEYING if os.geteuid() == 0 else ()
    finally:
        for path in (data, *data.rglob("*")):
            path.chmod(path.stat().st_mode | stat.S_IWUSR)


def _try_tools(look: _Look, data: Path, folder: Path, before: Sequence[str]) -> None:
    """Tools that change something say in a line why they cannot; the others do their work."""
    source = folder / "import"
    source.mkdir()
    (source / "one.dcm").write_bytes(make(1)[0].data)
    for arguments, works in (
        (("gc", "--data"), None),
        (("fsck", "--data"), True),
        (("reindex", "--data"), False),
        (("import", str(source), "--data"), False),
    ):
        done = subprocess.run(
            [*before, sys.executable, "-m", "dicomweb_server", *arguments, str(data)],
            capture_output=True,
            text=True,
            env=plain_environment(),
            timeout=60,
        )
        look.count("tools")
        told = done.stdout + done.stderr
        if "Traceback" in told or (works is not None and works != (done.returncode == 0)):
            look.wrong.append(f"{arguments[0]} ends with {done.returncode}: {told[-400:]}")
        if works is False and not any(word in told for word in ("denied", "ead-only", "suspended")):
            look.wrong.append(f"{arguments[0]} does not say why: {told[-400:]}")
    shutil.rmtree(source)


FAULTS = (
    Fault(
        "F5a",
        "On a folder that cannot be written the server starts, everything is read, stores and "
        "readiness are answered 503 with the reason; tools say why they cannot work",
        at_start,
        needs_root=True,
    ),
    Fault(
        "F5b",
        "The same when the file system turns read-only while the server runs; it writes again by "
        "itself when that ends",
        while_running,
        needs_root=True,
    ),
)

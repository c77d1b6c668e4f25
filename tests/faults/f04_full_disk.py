"""A disk that is full at any byte: 507, reads go on, and it goes on by itself (F4)."""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from pydicom.uid import DeflatedExplicitVRLittleEndian, generate_uid

from tests.faults.kept import Kept
from tests.faults.launch import run
from tests.faults.proof import Count, Effort, Fault, Proof
from tests.faults.shim import Shim
from tests.faults.subject import Subject, Surroundings, served
from tests.faults.volume import Volume
from tests.live.instances import Made, make, make_dataset, part10, store, with_meta
from tests.live.parts import parts_of

_KIB = 1024
_MIB = 1024 * _KIB
_LARGE = 1024
_BLOCKS = (4096, 1024)
"""Bytes of a block, of the volumes that are filled."""
_FILLS = {Effort.SHORT: 4, Effort.FULL: 30}
_ABSURD_SECONDS = 30.0
_PAUSE = 0.02
_MOST_STORES = 40
_WHOLE = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_RESERVE = "DICOMWEB_STORE__RESERVE_BYTES"

Fill = Callable[[int], None]


class _Trial:
    """A server whose disk fills up and empties.

    Args:
        data: The data folder.
        log: Where the server's log goes.
        seed: Of the sizes.
    """

    def __init__(self, data: Path, log: Path, seed: int) -> None:
        self._data = data
        self._log = log
        self._random = random.Random(seed)
        self._stored: dict[str, bytes] = {}
        self._undecided: dict[str, bytes] = {}
        self.wrong: list[str] = []
        self.counts: Counter[str] = Counter()
        self.slowest = 0.0

    @contextmanager
    def server(self, around: Surroundings) -> Iterator[Subject]:
        """Run the server; at the end it is killed, and another one must have all of it."""
        with served(self._data, self._log, around) as subject, subject.client() as client:
            kept = Kept(client)
            self._kept, self._client = kept, client
            yield subject
        with served(self._data, self._log, around) as again, again.client() as client:
            self._compare(client, "after the restart")
            self.counts["instances compared"] += len(self._stored)
            if again.stop() != 0:
                self.wrong.append("the server does not stop in order")
            self.counts["tracebacks"] = again.tracebacks()
            self.wrong += [f"in the log: {line[:500]}" for line in again.failures()[:5]]
        self._rebuild()
        with served(self._data, self._log, around) as rebuilt, rebuilt.client() as client:
            self._compare(client, "after a rebuild")

    def _compare(self, client: httpx.Client, when: str) -> None:
        """Look whether all is as acknowledged; what was found once stays."""
        self.wrong += [f"{when}: {text}" for text in self._kept.broken(client)]
        for path, data in {**self._stored, **self._undecided}.items():
            answer = client.get(path, headers={"Accept": _WHOLE})
            found = parts_of(answer)[0].body if answer.status_code == 200 else b""
            if found != data and (path in self._stored or found):
                self.wrong.append(f"{when} an instance is not as acknowledged")
            elif found:
                self._stored[path] = data

    def _rebuild(self) -> None:
        """Make the index anew; nothing is left of the old one."""
        for path in self._data.glob("index.db*"):
            path.unlink()
        done = run(["reindex", "--data", str(self._data)])
        if done.returncode:
            self.wrong.append(f"reindex ends with {done.returncode}: {done.stderr[-300:]}")

    def round(self, subject: Subject, fill: Fill, free: Callable[[], None]) -> None:
        """Fill the disk but for a few bytes, store until it is full, read, free it again."""
        fill(
            self._random.choice((0, self._random.randrange(200_000), self._random.randrange(_MIB)))
        )
        refused = self._store_until_full()
        self.counts["fills"] += 1
        if refused is None:
            self.wrong.append("the disk is never full")
        self._look(subject)
        free()
        began = time.monotonic()
        while not self._store(_some(self._random)):
            if time.monotonic() - began > _ABSURD_SECONDS:
                self.wrong.append("nothing is stored although there is room again")
                return
            time.sleep(_PAUSE)
        self.slowest = max(self.slowest, time.monotonic() - began)
        if "full" in subject.ready().json():
            self.wrong.append(f"readiness is {subject.ready().text}")

    def _store_until_full(self) -> int | None:
        for number in range(_MOST_STORES):
            if not self._store(_some(self._random)):
                return number
        return None

    def _store(self, made: list[Made]) -> bool:
        answer = store(self._client, [one.data for one in made])
        self.counts[f"answered {answer.status_code}"] += 1
        told = {one.path: one.data for one in made}
        if answer.status_code == 200:
            self._stored |= told
            return True
        self._undecided |= told
        kind = answer.headers.get("content-type", "")
        if answer.status_code != 507 or "problem+json" not in kind:
            self.wrong.append(f"a full disk is answered {answer.status_code} {answer.text[:300]}")
        return False

    def _look(self, subject: Subject) -> None:
        """All is read, and deletions are made or refused."""
        self.wrong += self._kept.broken(self._client)
        self.counts["reads"] += 1
        ready = subject.ready()
        if ready.status_code != 200:
            self.wrong.append(f"readiness is {ready.status_code} {ready.text[:200]}")
        path, data = self._random.choice([*self._stored.items()]) if self._stored else ("", b"")
        if path:
            answer = self._client.delete(path)
            status = answer.status_code
            self.counts[f"deletions answered {status}"] += 1
            kind = answer.headers.get("content-type", "")
            if status != 204 and (status != 507 or "problem+json" not in kind):
                self.wrong.append(f"a deletion is answered {status} {answer.text[:300]}")
            del self._stored[path]
            if status != 204:
                self._undecided[path] = data
            self.wrong += self._kept.broken(self._client)

    def proof(self, seed: int) -> Proof:
        """What was found."""
        counts: dict[str, Count] = dict(self.counts)
        counts["stored again s"] = round(self.slowest, 2)
        return Proof(counts, tuple(self.wrong), seed)


def _some(choice: random.Random) -> list[Made]:
    """Instances that go through memory, through a file, or through the inflating of one."""
    kind = choice.randrange(4)
    if kind == 0:
        return make(150)  # more than one batch of rows
    if kind == 1:
        return make(1, side=_LARGE)
    if kind == 2:
        dataset = make_dataset(generate_uid(), generate_uid(), 1, side=512)
        return [Made(dataset, part10(with_meta(dataset, DeflatedExplicitVRLittleEndian)))]
    return make(1)


def full(effort: Effort, seed: int) -> Proof:
    """Without a reserve the disk is full in the middle of anything."""
    with tempfile.TemporaryDirectory(prefix="dicomweb-faults-") as name:
        folder = Path(name)
        if effort is Effort.FULL:
            return _on_volumes(folder, seed)
        data, place = folder / "data", folder / "shim"
        data.mkdir()
        place.mkdir()
        shim = Shim(place, data)
        trial = _Trial(data, folder / "log", seed)
        around = Surroundings(environment={**shim.environment, _RESERVE: "0"})
        with trial.server(around) as subject:
            for _ in range(_FILLS[effort]):
                trial.round(subject, shim.limit, shim.free)
        return trial.proof(seed)


def _on_volumes(folder: Path, seed: int) -> Proof:
    """On real volumes: blocks smaller than a page of memory have dangers of their own."""
    counts: dict[str, Count] = {}
    wrong: tuple[str, ...] = ()
    for number, block in enumerate(_BLOCKS):
        with Volume(folder / f"volume-{block}", 64, block=block) as volume:
            proof = _really(volume, folder, seed + number)
        counts |= {f"{block}: {name}": value for name, value in proof.counts.items()}
        wrong += tuple(f"{block}: {violation}" for violation in proof.violations)
    return Proof(counts, wrong, seed)


def _really(volume: Volume, folder: Path, seed: int) -> Proof:
    """A volume of 64 MiB, filled by a file of somebody else."""
    filler = volume.path / "filler"
    trial = _Trial(volume.path / "data", folder / f"{volume.path.name}.log", seed)

    def fill(room: int) -> None:
        found = os.statvfs(volume.path)
        size = found.f_bavail * found.f_frsize - room
        with filler.open("wb") as file:
            while size > 0:
                try:
                    os.posix_fallocate(file.fileno(), 0, size)
                except OSError:  # the file system needs some for itself
                    size -= 64 * _KIB
                else:
                    break

    with trial.server(Surroundings(environment={_RESERVE: "0"})) as subject:
        for _ in range(_FILLS[Effort.FULL]):
            trial.round(subject, fill, filler.unlink)
    return trial.proof(seed)


def reserve(effort: Effort, seed: int) -> Proof:
    """The reserve stays free, and is there for deletions."""
    least = 8 * _MIB
    room = least + (4 if effort is Effort.SHORT else 24) * _MIB
    with tempfile.TemporaryDirectory(prefix="dicomweb-faults-") as name:
        folder = Path(name)
        data, place = folder / "data", folder / "shim"
        data.mkdir()
        place.mkdir()
        shim = Shim(place, data)
        around = Surroundings(environment={**shim.environment, _RESERVE: str(least)})
        wrong: list[str] = []
        with served(data, folder / "log", around) as subject, subject.client() as client:
            kept = Kept(client)
            shim.limit(room)
            stored = _fill_up(client)
            wrong += kept.broken(client)
            if shim.room < least // 2:
                wrong.append(f"{shim.room} bytes of the reserve of {least} are left")
            deleted = sum(client.delete(path).status_code == 204 for path in stored)
            if deleted != len(stored):
                wrong.append(f"{deleted} of {len(stored)} are deleted")
            left = shim.room
        counts = {"stores": len(stored), "deletions": deleted, "reserve MiB": least // _MIB}
        return Proof({**counts, "left MiB": round(left / _MIB, 1)}, tuple(wrong), seed)


def _fill_up(client: httpx.Client) -> list[str]:
    """Store until the answer is 507; returns paths of the studies."""
    stored: list[str] = []
    while True:
        made = make(1, side=_LARGE // 2)
        answer = store(client, [made[0].data])
        if answer.status_code != 200:
            assert answer.status_code == 507, answer.text
            return stored
        stored.append(made[0].study_path)


FAULTS = (
    Fault(
        "F4a",
        "A disk that is full in the middle of anything: 507 and a problem document, all reads "
        "including pictures go on, nothing is damaged, and stores work once there is room",
        full,
        needs_root=True,
    ),
    Fault("F4b", "The reserve stays free of instances and rows, and lets deletions work", reserve),
)

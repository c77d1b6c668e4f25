"""F10: deletions and collections that race stores and downloads."""

from __future__ import annotations

import hashlib
import http.client
import json
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.datasets import SERIES, STUDY, dataset, instance, part10
from tests.faults.launch import Launch, run, serving
from tests.faults.proof import Count, Effort, Fault, Proof
from tests.faults.racing import Racer, sound
from tests.live.parts import boundary_of, split
from tests.site import ANY_SYNTAX

_FILES = [instance(number, PixelData=bytes([number]) * 32) for number in range(1, 7)]
_STUDY = f"/studies/{STUDY}"
_PATHS = [f"{_STUDY}/series/{SERIES}/instances/{SERIES}.{n}" for n in range(1, 7)]
_PASSING = f"{STUDY}.1"
_PASSING_FILES = 40
_GRACE = 0.5
_SIDE = 1500
_LARGE_FILES = 3
_LARGE = f"{STUDY}.2"
_PIECE = 65_536


def _races(effort: Effort, seed: int) -> Proof:
    seconds, clients, kinds = 2.0, 2, [random.Random(seed).choice(("hypercorn", "granian"))]
    if effort is Effort.FULL:
        seconds, clients, kinds = 60.0, 4, ["hypercorn", "granian"]
    counts: Counter[str] = Counter()
    violations: list[str] = []
    for kind in kinds:
        with tempfile.TemporaryDirectory(prefix="dicomweb-races-") as folder:
            data = Path(folder, "data")
            with serving(data, ["--server", kind, "--workers", "2"]) as server:
                race = _Race(server, data, seed)
                race.run(seconds, clients)
                race.settle()
                race.downloads_that_have_begun(5 if effort is Effort.FULL else 1)
            violations += [f"{kind}: {each}" for each in (*race.violations, *sound(data))]
            counts += race.counts
    told: dict[str, Count] = {"servers": " ".join(kinds), **dict(sorted(counts.items()))}
    return Proof(told, tuple(violations[:20]), seed)


class _Race:
    """Clients that store, delete and download the same few instances, and `gc` beside them.

    Some of the instances pass: they are stored and deleted again at once, so that `gc`, which has
    a very short grace time, removes their bytes while other clients store the same bytes again.
    """

    def __init__(self, server: Launch, data: Path, seed: int) -> None:
        self._server = server
        self._data = data
        self._seed = seed
        self._stop = threading.Event()
        self.counts: Counter[str] = Counter()
        self.violations: list[str] = []

    def run(self, seconds: float, clients: int) -> None:
        works: list[Callable[[Racer, random.Random], None]]
        works = [self._store, self._delete, self._download, self._pass]
        threads = [
            threading.Thread(target=self._repeat, args=(work, number), daemon=True)
            for number in range(clients)
            for work in works
        ]
        for thread in threads:
            thread.start()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._collect()
        self._stop.set()
        for thread in threads:
            thread.join(90)
            if thread.is_alive():
                self.violations.append("a request has no answer after 90 s")

    def settle(self) -> None:
        """When all is quiet, rows, counts and files tell the same."""
        racer = Racer(self._server)
        rows = {str(r["00080018"]["Value"][0]) for r in racer.search(f"{_STUDY}/instances")}
        for number, path in enumerate(_PATHS):
            answer = racer.file(path)
            listed = path.rpartition("/")[2] in rows
            if (answer.status == 200) != listed or (listed and answer.body != _FILES[number]):
                self.violations.append(f"{path[-12:]}: listed {listed}, {answer.status}")
        studies = racer.search(f"/studies?StudyInstanceUID={STUDY}")
        counted = [study["00201208"]["Value"][0] for study in studies]
        if counted != ([len(rows)] if rows else []):
            self.violations.append(f"{len(rows)} rows, counted {counted}")
        racer.close()

    def downloads_that_have_begun(self, times: int) -> None:
        """A study is deleted, and the bytes of an instance go, in the midst of their download."""
        racer = Racer(self._server)
        for number in range(times):
            racer.close()
            files = _large(random.Random(self._seed + number))
            for file in files:
                self._expect("store", racer.store(file).outcome(), "stored")
            racer.close()
            whole, one = _Download(self._server, f"/studies/{_LARGE}"), f"{_LARGE}.1"
            path = f"/studies/{_LARGE}/series/{one}/instances/{one}.1"
            single = _Download(self._server, path)
            self._expect("delete", str(racer.ask("DELETE", f"/studies/{_LARGE}").status), "204")
            found = {hashlib.sha256(body).hexdigest() for body in whole.parts()}
            if found != {hashlib.sha256(file).hexdigest() for file in files}:
                self.violations.append("a study deleted during its download was not sent whole")
            racer.close()  # what comes now may last longer than a connection may be idle
            time.sleep(_GRACE)
            self._collect()
            if single.parts() != files[:1]:
                self.violations.append("an instance collected during its download is not whole")
            if racer.file(path).status != 404:
                self.violations.append("a deleted instance is there")
            self.counts["finished downloads of what was deleted"] += 2
        racer.close()

    def _repeat(self, work: Callable[[Racer, random.Random], None], number: int) -> None:
        racer, chance = Racer(self._server), random.Random(self._seed * 31 + number)
        while not self._stop.is_set():
            work(racer, chance)
        racer.close()

    def _store(self, racer: Racer, chance: random.Random) -> None:
        self.counts["stores"] += 1
        self._stored(racer, chance.choice(_FILES))

    def _stored(self, racer: Racer, file: bytes) -> None:
        answer = racer.store(file)
        if answer.status == 503 and b"send them again" in answer.body:
            self.counts["stores to come again"] += 1
        elif answer.outcome() != "stored":
            self.violations.append(f"store: {answer.status} {answer.body[:200]!r}")

    def _delete(self, racer: Racer, chance: random.Random) -> None:
        levels = (_STUDY, f"{_STUDY}/series/{SERIES}", chance.choice(_PATHS))
        self._deleted(racer, chance.choice(levels))

    def _deleted(self, racer: Racer, path: str) -> None:
        answer = racer.ask("DELETE", path)
        self.counts["deletions" if answer.status == 204 else "nothing to delete"] += 1
        if answer.status not in (204, 404):
            self.violations.append(f"delete: {answer.status} {answer.body[:200]!r}")

    def _pass(self, racer: Racer, chance: random.Random) -> None:
        number = chance.randint(1, _PASSING_FILES)
        self.counts["stores of what passes"] += 1
        self._stored(racer, instance(number, StudyInstanceUID=_PASSING, SeriesInstanceUID=_PASSING))
        instances = f"/studies/{_PASSING}/series/{_PASSING}/instances"
        self._deleted(racer, f"{instances}/{SERIES}.{number}")

    def _collect(self) -> None:
        done = run(
            ["gc", "--json", "--data", str(self._data)],
            environ={"DICOMWEB_STORE__GC_GRACE_SECONDS": str(_GRACE)},
        )
        self.counts["collections"] += 1
        if done.returncode:
            self.violations.append(f"gc: {done.returncode} {done.stderr[-200:]}")
        else:
            self.counts["blobs collected"] += json.loads(done.stdout)["removed"]

    def _download(self, racer: Racer, chance: random.Random) -> None:
        if chance.random() < 0.5:
            number = chance.randrange(len(_FILES))
            answer = racer.file(_PATHS[number])
            whole = answer.body == _FILES[number]
        else:
            answer = racer.ask("GET", _STUDY, Accept=ANY_SYNTAX)
            found = sum(file in answer.body for file in _FILES)
            whole = found == answer.body.count(b"Content-Length:") > 0
        self.counts["downloads" if answer.status == 200 else "nothing to download"] += 1
        if answer.status not in (200, 404) or (answer.status == 200 and not whole):
            self.violations.append(f"download: {answer.status}, whole {whole}")

    def _expect(self, what: str, found: str, expected: str) -> None:
        if found != expected:
            self.violations.append(f"{what}: {found}")


class _Download:
    """A retrieval of which little has been taken so far.

    Args:
        server: From whom.
        path: Of what, below the DICOMweb root.
    """

    def __init__(self, server: Launch, path: str) -> None:
        self._connection = http.client.HTTPConnection(*server.address, timeout=60)
        self._connection.request("GET", f"/dicom-web{path}", headers={"Accept": ANY_SYNTAX})
        self._response = self._connection.getresponse()
        self._taken = self._response.read(_PIECE)

    def parts(self) -> list[bytes]:
        """Take the rest; the instances that came."""
        body = self._taken + self._response.read()
        self._connection.close()
        if self._response.status != 200:
            return []
        kind = self._response.headers["content-type"]
        return [part.body for part in split(body, boundary_of(kind))]


def _large(chance: random.Random) -> list[bytes]:
    """Instances of some mebibytes each, more than the buffers of a connection hold."""
    series = f"{_LARGE}.1"
    made = (
        dataset(
            StudyInstanceUID=_LARGE,
            SeriesInstanceUID=series,
            SOPInstanceUID=f"{series}.{number}",
            Rows=_SIDE,
            Columns=_SIDE,
            PixelData=chance.randbytes(2 * _SIDE * _SIDE),
        )
        for number in range(1, _LARGE_FILES + 1)
    )
    return [part10(each) for each in made]


FAULTS = (
    Fault(
        "F10b",
        "Deletions and collections that race stores and downloads of the same instances leave no "
        "row without bytes; downloads that have begun finish.",
        _races,
    ),
)

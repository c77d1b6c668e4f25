"""A disk that fails with EIO: nothing is acknowledged that is not safe, reads go on (F3)."""

from __future__ import annotations

import errno
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from string import ascii_lowercase, digits

import httpx

from tests.faults.kept import Kept, changed
from tests.faults.proof import Effort, Fault, Proof
from tests.faults.shim import STORING, Calls, Shim
from tests.faults.subject import Subject, Surroundings, served
from tests.live.instances import Made, make, part10, store, with_meta
from tests.live.parts import parts_of

_LARGE = 1024
"""Side of an image that does not stay in memory on its way in."""
_ABSURD_SECONDS = 30.0
_PAUSE = 0.05
_POSITIONS = 50
_FEW = 2
_MOST_STORES = 240
"""Of 100 KiB in the index each: several times what lets its log be emptied."""
_WHOLE = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_DIRTY = Calls.SYNC | Calls.WRITE
_REPLACING = {"DICOMWEB_STORE__DUPLICATES": "replace"}

Action = Callable[[httpx.Client], httpx.Response]
States = dict[str, set[bytes]]


class Trial:
    """One server whose disk fails again and again.

    Args:
        folder: For everything.
    """

    def __init__(self, folder: Path) -> None:
        self._data = folder / "data"
        self._data.mkdir()
        place = folder / "shim"
        place.mkdir()
        self.shim = Shim(place, self._data)
        self._log = folder / "log"
        self.wrong: list[str] = []
        self.counts: Counter[str] = Counter()
        self.slowest = 0.0
        self.states: States = {}
        """What each instance may be: its bytes, empty for none; more where nobody was told."""

    @contextmanager
    def server(self) -> Iterator[Subject]:
        """Run the server; at the end it is killed, and another one must have all of it."""
        around = Surroundings(environment={**self.shim.environment, **_REPLACING})
        with served(self._data, self._log, around) as subject, subject.client() as client:
            self.kept = Kept(client)
            self.client = client
            yield subject
        self.shim.heal()
        with served(self._data, self._log, around) as again, again.client() as client:
            self.wrong += self.kept.broken(client)
            for path, allowed in self.states.items():
                found = _bytes_of(client, path)
                if found not in allowed:
                    self.wrong.append("after the restart an instance is not as acknowledged")
            self.counts["instances compared"] += len(self.states)
            again.stop()
            self.counts["tracebacks"] = again.tracebacks()
            if again.tracebacks():
                self.wrong.append(f"{again.tracebacks()} unforeseen errors in the log")

    def position(self, subject: Subject, number: int, kind: str, needle: str, last: int) -> None:
        """Let the disk fail from one call on (to another) during a request, then heal it."""
        action, undecided, done = self._action(kind)
        self.shim.fail(STORING, errno.EIO, number, last, needle)
        status = action(self.client).status_code
        failed = self.shim.failed
        self.counts["positions"] += bool(failed)
        self.counts["calls failed"] += failed
        if status < 300:
            self.states |= done
            self.counts["acknowledged"] += 1
        else:
            self.states |= undecided
            self.counts[f"answered {status}"] += 1
            if status != 503:
                self.wrong.append(f"{kind}, call {number}{needle}: answered {status}")
            self.look(subject, f"{kind}, call {number}{needle}", lasting=last > number)
        self.shim.heal()
        self.recover(subject, action, done)

    def look(self, subject: Subject, where: str, *, lasting: bool) -> None:
        """While the disk fails: reads go on, and readiness tells why writes do not."""
        ready = subject.ready()
        if lasting and (ready.status_code != 503 or "suspended" not in ready.text):
            self.wrong.append(f"{where}: readiness is {ready.status_code} {ready.text[:200]}")
        self.wrong += [f"{where}: {text}" for text in self.kept.broken(self.client)]

    def recover(self, subject: Subject, action: Action, done: States) -> None:
        """Without any help the server is ready again, and what failed is done when it is asked."""
        began = time.monotonic()
        while subject.ready().status_code != 200:
            if time.monotonic() - began > _ABSURD_SECONDS:
                self.wrong.append("the server is not ready again")
                return
            time.sleep(_PAUSE)
        self.slowest = max(self.slowest, time.monotonic() - began)
        status = action(self.client).status_code
        if status not in (200, 204, 404):
            self.wrong.append(f"afterwards the same request is answered {status}")
        self.states |= done

    def _action(self, kind: str) -> tuple[Action, States, States]:
        """A request, what instances may be when it fails, and what they are when it does not."""
        made = [*make(1), *make(1, side=_LARGE)]
        if kind == "store":
            return _storing(made, {one.path: {b"", one.data} for one in made})
        assert store(self.client, [one.data for one in made]).status_code == 200
        if kind == "delete":
            made = made[:1]
            undecided = {one.path: {b"", one.data} for one in made}
            gone = {one.path: {b""} for one in made}
            return (lambda client: client.delete(made[0].study_path)), undecided, gone
        others = [Made(one.dataset, changed(one.data)) for one in made]
        pairs = zip(made, others, strict=True)
        return _storing(others, {old.path: {old.data, new.data} for old, new in pairs})

    def calls(self, kind: str, needle: str) -> int:
        """How many calls a request makes on a disk that works."""
        action, _, done = self._action(kind)
        self.shim.count(STORING, needle)
        assert action(self.client).status_code in (200, 204)
        self.states |= done
        return self.shim.seen


def _storing(made: list[Made], undecided: States) -> tuple[Action, States, States]:
    def act(client: httpx.Client) -> httpx.Response:
        return store(client, [one.data for one in made])

    return act, undecided, {one.path: {one.data} for one in made}


def _bytes_of(client: httpx.Client, path: str) -> bytes:
    answer = client.get(path, headers={"Accept": _WHOLE})
    return parts_of(answer)[0].body if answer.status_code == 200 else b""


def _chosen(total: int, effort: Effort, seed: int) -> list[int]:
    most = _POSITIONS if effort is Effort.FULL else _FEW
    numbers = range(1, total + 1)
    return sorted(random.Random(seed).sample(numbers, min(most, total)))


def refusals(effort: Effort, seed: int) -> Proof:
    """The disk fails at each call of a store, a replacement and a deletion, once or from it on."""
    with tempfile.TemporaryDirectory(prefix="dicomweb-faults-") as folder:
        trial = Trial(Path(folder))
        with trial.server() as subject:
            for kind in ("store", "replace", "delete"):
                total = trial.calls(kind, "")
                trial.counts[f"calls of a {kind}"] = total
                for place, number in enumerate(_chosen(total, effort, seed)):
                    lasting = effort is Effort.FULL or place % 2 == 0
                    trial.position(subject, number, kind, "", 1 << 40 if lasting else number)
                    if effort is Effort.FULL:
                        trial.position(subject, number, kind, "", number)
        return _proof(trial, seed)


def databases(effort: Effort, seed: int) -> Proof:
    """The disk fails for one database: while its log is written, flushed or emptied."""
    with tempfile.TemporaryDirectory(prefix="dicomweb-faults-") as folder:
        trial = Trial(Path(folder))
        with trial.server() as subject:
            for needle, kind in (("index.db-wal", "store"), ("state.db-wal", "delete")):
                total = trial.calls(kind, needle)
                for number in _chosen(total, effort, seed):
                    trial.position(subject, number, kind, needle, 1 << 40)
            for _ in range(1 if effort is Effort.SHORT else 10):
                _fail_checkpoint(trial, subject)
        return _proof(trial, seed)


def _fail_checkpoint(trial: Trial, subject: Subject) -> None:
    """The log cannot be emptied into the index: what was acknowledged is in the log, and stays."""
    trial.shim.fail(_DIRTY, errno.EIO, needle="/index.db$")
    for _ in range(_MOST_STORES):
        made = _long()
        answer = store(trial.client, [one.data for one in made])
        safe = answer.status_code == 200
        trial.states |= {one.path: {one.data} if safe else {b"", one.data} for one in made}
        # The log is emptied behind the answer: the store after that may be the first to know.
        if not safe and not (answer.status_code == 503 and trial.shim.failed):
            trial.wrong.append(f"before a checkpoint that fails: {answer.text[:300]}")
        if trial.shim.failed:
            break
    else:
        trial.wrong.append("the log is never emptied")
    trial.counts["checkpoints failed"] += 1
    trial.look(subject, "checkpoint", lasting=True)
    trial.shim.heal()
    action, _, done = _storing(make(1), {})
    trial.recover(subject, action, done)


def _long() -> list[Made]:
    """An instance whose metadata take 100 KiB in the index."""
    one = make(1)[0].dataset
    letters = random.Random(one.SOPInstanceUID).choices(ascii_lowercase + digits, k=150_000)
    one.add_new(0x0040A160, "UT", "".join(letters))
    return [Made(one, part10(with_meta(one)))]


def _proof(trial: Trial, seed: int) -> Proof:
    counts: dict[str, int | float | str] = dict(trial.counts)
    counts["ready again s"] = round(trial.slowest, 1)
    return Proof(counts, tuple(trial.wrong), seed)


FAULTS = (
    Fault(
        "F3a",
        "Where a write, flush or rename fails, nothing is acknowledged that is not safe; reads go "
        "on, readiness tells why writes do not, and they do again by themselves",
        refusals,
    ),
    Fault(
        "F3b",
        "The same where only the index or the tombstones fail, at a commit or a checkpoint",
        databases,
    ),
)

"""F6: stored bytes that were flipped, cut off, exchanged, emptied or lost."""

from __future__ import annotations

import hashlib
import io
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.datasets import STUDY, dataset, part10
from tests.faults.proof import Count, Effort, Fault, Proof
from tests.servers import Running, plain_environment, serving
from tests.site import ANY_SYNTAX, multipart, parts_of

_KINDS = ("flipped", "truncated", "swapped", "missing", "empty")
_SEEN = {
    "exists": frozenset(("missing",)),
    "size": frozenset(("missing", "truncated", "empty")),
    "hash": frozenset(_KINDS),
}
"""What each level of `verify` can see."""
_STUDIES = 4
_MOST_TRIES = 60
_PATIENCE = 120.0
_SETTINGS = """
[codec]
workers = 1
warm = false
[scrub]
enabled = {}
days = 0.00001
bytes_per_second = "1 GiB"
"""


@dataclass(frozen=True, slots=True)
class _Instance:
    """One instance of the archive.

    Args:
        place: Its path below the DICOMweb root.
        data: Its bytes.
    """

    place: str
    data: bytes

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def study(self) -> str:
        return self.place.split("/series/", 1)[0]

    def file(self, data: Path) -> Path:
        """Where its bytes lie in a data folder."""
        return data / "blobs" / self.digest[:2] / self.digest[2:]


class _Case:
    """An archive, a copy of which is harmed for each question."""

    def __init__(self, folder: Path, effort: Effort, seed: int) -> None:
        self.folder = folder
        self.effort = effort
        self.random = random.Random(seed)
        full = effort is Effort.FULL
        self.instances = [self._make(number, full) for number in range(10_000 if full else 100)]
        step = 1000 if full else 10
        chosen = range(self.random.randrange(step), len(self.instances), step)
        self.harmed = {
            self.instances[place].digest: _KINDS[number % len(_KINDS)]
            for number, place in enumerate(chosen)
        }
        self.counts: Counter[str] = Counter()
        self.violations: list[str] = []

    def _make(self, number: int, full: bool) -> _Instance:
        study, series = f"{STUDY}.{number % _STUDIES + 1}", f"{STUDY}.{number % _STUDIES + 1}.1"
        # One in sixteen is longer than a chunk of a stream, so damage shows in the middle of it.
        side = 512 if number % 16 == 0 and not full else 32
        made = dataset(
            StudyInstanceUID=study,
            SeriesInstanceUID=series,
            SOPInstanceUID=f"{series}.{number + 1}",
            Rows=side,
            Columns=side,
            PixelData=self.random.randbytes(2 * side * side),
        )
        made["PixelData"].VR = "OW"
        return _Instance(
            f"/studies/{study}/series/{series}/instances/{series}.{number + 1}", part10(made)
        )

    def expect(self, holds: bool, sentence: str) -> None:
        """Take a promise that does not hold for a violation."""
        if not holds:
            self.violations.append(sentence)

    def broken(self, name: str, *, scrub: bool = False) -> Path:
        """A copy of the archive with its harm."""
        copy = self.folder / name
        shutil.copytree(self.folder / "whole", copy)
        (copy / "dicomweb.toml").write_text(_SETTINGS.format(str(scrub).lower()))
        for instance in self.instances:
            if kind := self.harmed.get(instance.digest):
                self._harm(instance, instance.file(copy), kind)
        return copy

    def _harm(self, instance: _Instance, path: Path, kind: str) -> None:
        data = bytearray(instance.data)
        if kind == "flipped":
            data[self.random.randrange(len(data))] ^= 1 << self.random.randrange(8)
        elif kind == "truncated":
            del data[self.random.randrange(1, len(data)) :]
        elif kind == "swapped":
            like = [
                other.data
                for other in self.instances
                if len(other.data) == len(data) and other is not instance
            ]
            data = bytearray(self.random.choice(like))
        elif kind == "empty":
            data.clear()
        path.unlink() if kind == "missing" else path.write_bytes(data)


def corrupt_blobs(effort: Effort, seed: int) -> Proof:
    """Harm blobs in five ways; find, leave out, never send and mend them."""
    with tempfile.TemporaryDirectory(prefix="dicomweb-f06-") as name:
        case = _Case(Path(name), effort, seed)
        _fill(case)
        _verified(case)
        _scrubbed(case)
        folder = case.broken("read")
        with serving(folder) as server, httpx.Client(timeout=_PATIENCE) as client:
            _read_studies(case, server, client)
            _read_harmed(case, server, client)
            _read_archive(case, server, client)
            _mend(case, server, client)
        report = _verify(folder, "hash")
        case.expect(report["code"] == 0, f"verify ends with {report['code']} after mending")
    counts: dict[str, Count] = {
        "instances": len(case.instances),
        "harmed": len(case.harmed),
        **case.counts,
    }
    return Proof(counts, tuple(case.violations), seed)


def _fill(case: _Case) -> None:
    data = case.folder / "whole"
    data.mkdir()
    (data / "dicomweb.toml").write_text(_SETTINGS.format("false"))
    with serving(data) as server, httpx.Client(timeout=_PATIENCE) as client:
        for start in range(0, len(case.instances), 500):
            _store(server, client, case.instances[start : start + 500])
        server.stop()


def _store(server: Running, client: httpx.Client, instances: Sequence[_Instance]) -> None:
    kind = 'multipart/related; type="application/dicom"; boundary=limit'
    response = client.post(
        server.root + "/studies",
        content=multipart([one.data for one in instances]),
        headers={"Content-Type": kind, "Accept": "application/dicom+json"},
    )
    assert response.status_code == 200, response.text


def _verify(data: Path, *arguments: str) -> Mapping[str, object]:
    command = [sys.executable, "-m", "dicomweb_server", "verify", "--json", "--data", str(data)]
    level = ["--level", *arguments]
    done = subprocess.run(
        [*command, *level],
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        env=plain_environment(),
        check=False,
    )
    return {**json.loads(done.stdout), "code": done.returncode}


def _verified(case: _Case) -> None:
    """Each level finds what it can see, and nothing else."""
    folder = case.broken("verified")
    for level, seen in _SEEN.items():
        report = _verify(folder, level)
        found = {
            digest
            for kind in ("missing", "wrong_size", "damaged", "unreadable")
            for digest in report[kind]["digests"]  # type: ignore[index] # JSON of our own
        }
        expected = {digest for digest, kind in case.harmed.items() if kind in seen}
        case.expect(found == expected, f"verify --level {level} finds {len(found)} of them wrong")
        case.expect(report["code"] == 1, f"verify --level {level} ends with {report['code']}")
        case.counts[f"found by {level}"] = len(found & expected)
    if case.effort is Effort.SHORT:
        return
    parts = [_verify(folder, "hash", "--subset", f"{number}/3") for number in (1, 2, 3)]
    read = sum(int(str(part["read"])) for part in parts)
    whole = len(case.instances)
    case.expect(read == whole, f"three thirds read {read} blobs of {whole}")


def _scrubbed(case: _Case) -> None:
    """The background finds all of them, and readiness stays."""
    with (
        serving(case.broken("scrubbed", scrub=True)) as server,
        httpx.Client(timeout=_PATIENCE) as client,
    ):
        known = _damaged(client, server, len(case.harmed))
        case.expect(known == len(case.harmed), f"the scrub found {known}")
        case.counts["found by scrub"] = known


def _damaged(client: httpx.Client, server: Running, awaited: int) -> int:
    """What readiness tells, once it tells what is awaited or has had time for it."""
    end = time.monotonic() + _PATIENCE
    while True:
        answer = client.get(server.origin + "/readyz")
        assert answer.status_code == 200, answer.text
        known = int(answer.json()["damaged"])
        if known == awaited or time.monotonic() > end:
            return known
        time.sleep(0.1)


def _read_studies(case: _Case, server: Running, client: httpx.Client) -> None:
    """Studies are delivered without what is damaged, once all of that is known."""
    for study in sorted({instance.study for instance in case.instances}):
        for _ in range(_MOST_TRIES):
            response = _whole_answer(client, server.root + study, ANY_SYNTAX)
            if response is not None:
                break
            case.counts["answers broken off"] += 1
        else:
            case.violations.append("a study never came to its end")
            continue
        members = {one.data: one for one in case.instances if one.study == study}
        lost = [one for one in members.values() if one.digest in case.harmed]
        expected = 206 if lost else 200
        case.expect(response.status_code == expected, f"a study is {response.status_code}")
        sent = {body for _, body in parts_of(response)}
        case.counts["wrong instances sent"] += len(sent - members.keys())
        case.expect(not sent - members.keys(), "bytes that were never stored were sent")
        whole = {data for data, one in members.items() if one.digest not in case.harmed}
        case.expect(whole <= sent, "whole instances are not delivered")
        case.expect(len(sent) == len(whole), "damaged instances are delivered")
        told = " ".join(response.headers.get_list("warning"))
        named = sum(f"{one.place}:" in told for one in lost)
        case.expect(named == min(len(lost), 20), f"{named} of {len(lost)} missing are named")
        case.counts["delivered"] += len(whole)


def _whole_answer(client: httpx.Client, url: str, accept: str) -> httpx.Response | None:
    """An answer that came to its end; None for one that broke off."""
    try:
        return client.get(url, headers={"Accept": accept})
    except (httpx.RemoteProtocolError, httpx.ReadError):
        return None


def _read_harmed(case: _Case, server: Running, client: httpx.Client) -> None:
    """Alone, a damaged instance is a clear error in every form but its metadata."""
    for instance in case.instances:
        if instance.digest not in case.harmed:
            continue
        url = server.root + instance.place
        frames = 'multipart/related; type="application/octet-stream"'
        forms = (("", "application/dicom"), ("/frames/1", frames), ("/rendered", "image/png"))
        for ending, accept in forms:
            answer = _whole_answer(client, url + ending, accept)
            code = None if answer is None else answer.status_code
            case.expect(code == 500, f"{case.harmed[instance.digest]} is {code} at {ending}")
            if answer is not None and code == 500:
                kind = answer.json()["type"]
                case.expect(kind.endswith(":blob-damaged"), f"the problem is {kind}")
            case.counts["refused"] += 1
        metadata = client.get(url + "/metadata", headers={"Accept": "application/dicom+json"})
        case.expect(metadata.status_code == 200, "metadata need no bytes")


def _read_archive(case: _Case, server: Running, client: httpx.Client) -> None:
    """A ZIP archive holds what is whole."""
    study = case.instances[0].study
    answer = client.get(server.root + study, headers={"Accept": "application/zip"})
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        sent = {archive.read(name) for name in archive.namelist()}
    members = [one for one in case.instances if one.study == study]
    whole = {one.data for one in members if one.digest not in case.harmed}
    case.expect(sent == whole, "an archive does not hold what is whole")
    case.expect(
        (answer.status_code == 206) == (len(whole) < len(members)), f"zip {answer.status_code}"
    )


def _mend(case: _Case, server: Running, client: httpx.Client) -> None:
    """Stored again, what was damaged is delivered as if nothing had been."""
    harmed = [one for one in case.instances if one.digest in case.harmed]
    known = _damaged(client, server, len(harmed))
    case.expect(known == len(harmed), f"readiness tells {known}")
    _store(server, client, harmed)
    for instance in harmed:
        answer = client.get(server.root + instance.place, headers={"Accept": "application/dicom"})
        good = answer.status_code == 200 and answer.content == instance.data
        case.expect(good, f"{case.harmed[instance.digest]} is {answer.status_code} after mending")
        case.counts["mended"] += good
    for study in sorted({one.study for one in case.instances}):
        answer = client.get(server.root + study, headers={"Accept": ANY_SYNTAX})
        case.expect(answer.status_code == 200, f"a mended study is {answer.status_code}")
    known = _damaged(client, server, 0)
    case.expect(known == 0, f"readiness tells {known} after mending")


FAULTS = (
    Fault(
        "F6",
        "Bytes that are flipped, cut off, exchanged, emptied or lost are found by verify and in "
        "the background, never sent as an instance, left out of their study with 206 and a list, "
        "and mended by storing them again.",
        corrupt_blobs,
    ),
)

"""The archive next to a model of it in a few dictionaries, asked the same in any order."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from dicomweb_server.app import open_ports, plan_of
from dicomweb_server.model.outcome import DuplicatePolicy
from dicomweb_server.ops.datafolder import DataFolder
from dicomweb_server.ops.gc import GcReport, collect
from dicomweb_server.ops.reindex import rebuild
from dicomweb_server.settings import CodecSettings, Settings, StoreSettings
from tests.datasets import dataset, part10
from tests.site import ANY_SYNTAX, Site, parts_of

_STUDIES, _SERIES, _INSTANCES, _VERSIONS = 2, 2, 3, 3
_LOST = ("index.db", "index.db-wal", "index.db-shm")


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Numbers of a study, a series in it, and an instance in that."""

    study: int
    series: int
    instance: int

    @property
    def uids(self) -> tuple[str, str, str]:
        """The UIDs."""
        study = f"1.2.9.{self.study}"
        return study, f"{study}.{self.series}", f"{study}.{self.series}.{self.instance}"

    def path(self, level: int) -> str:
        """Path of its study (1), series (2) or of itself (3) below the DICOMweb root."""
        names = ("studies", "series", "instances")
        return "".join(f"/{n}/{u}" for n, u in zip(names[:level], self.uids, strict=False))

    def inside(self, other: Key, level: int) -> bool:
        """Whether it lies in the other's study, series, or is the other."""
        return self.uids[level - 1] == other.uids[level - 1]


@cache
def file(key: Key, version: int) -> bytes:
    """One version of an instance."""
    study, series, uid = key.uids
    made = dataset(
        StudyInstanceUID=study,
        SeriesInstanceUID=series,
        SOPInstanceUID=uid,
        SeriesNumber=key.series,
        InstanceNumber=key.instance,
        PatientID=f"version {version}",
        Modality=("CT", "MR")[key.series % 2],
        PixelData=bytes([version]) * 32,
    )
    return part10(made)


def digest(key: Key, version: int) -> str:
    """SHA-256 of one version."""
    return hashlib.sha256(file(key, version)).hexdigest()


keys = st.builds(Key, st.integers(1, _STUDIES), st.integers(1, _SERIES), st.integers(1, _INSTANCES))
versions = st.integers(1, _VERSIONS)
levels = st.integers(1, 3)
wishes = st.lists(st.tuples(keys, versions), min_size=1, max_size=4)
_SHARES = {
    "store": 8,
    "store under another study": 1,
    "delete": 3,
    "retrieve": 3,
    "retrieve all": 2,
    "search": 3,
    "gc": 2,
    "restart": 1,
    "rebuild": 1,
    "look at everything": 1,
}
acts = st.sampled_from([act for act, share in _SHARES.items() for _ in range(share)])


class ArchiveMachine(RuleBasedStateMachine):
    """Real store, index and tombstones behind the real application; the model is `there`."""

    steps: ClassVar[Counter[str]] = Counter()

    @initialize(policy=st.sampled_from(list(DuplicatePolicy)))
    def open(self, policy: DuplicatePolicy) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="dicomweb-model-"))
        self.policy = policy
        self.there: dict[Key, int] = {}
        self.changes: list[tuple[str, str, str]] = []
        self.on_disk: set[str] = set()
        self.rebuilds = 0
        self._enter()

    def _enter(self) -> None:
        settings = Settings(
            data=self.folder,
            store=StoreSettings(duplicates=self.policy, reserve_bytes=0),
            codec=CodecSettings(warm=False),
        )
        self.site = Site(settings)
        self.site.__enter__()

    @rule(act=acts, key=keys, version=versions, level=levels, wanted=wishes)
    def step(
        self, act: str, key: Key, version: int, level: int, wanted: list[tuple[Key, int]]
    ) -> None:
        """One request or one piece of maintenance; all in one rule, so that each has its share."""
        calls: dict[str, Callable[[], None]] = {
            "store": lambda: self.store(wanted),
            "store under another study": lambda: self.store_under_another_study(key, version),
            "delete": lambda: self.delete(key, level),
            "retrieve": lambda: self.retrieve(key),
            "retrieve all": lambda: self.retrieve_all(key, level),
            "search": lambda: self.search(key, version),
            "gc": lambda: self.gc(grace=version == 1),
            "restart": self.restart,
            "rebuild": lambda: self.rebuild(lost=version == 1),
            "look at everything": self.look_at_everything,
        }
        calls[act]()
        self.steps[act] += 1

    def store(self, wanted: list[tuple[Key, int]]) -> None:
        response = self.site.store([file(key, version) for key, version in wanted])
        before = dict(self.there)
        expected = [self._put(key, version, before) for key, version in wanted]
        refused = expected.count("refused")
        status = 409 if refused == len(expected) else 202 if set(expected) != {"stored"} else 200
        assert response.status_code == status, response.text
        module = response.json()
        stored = module.get("00081199", {}).get("Value", [])
        assert len(stored) == len(expected) - refused
        assert len(module.get("00081198", {}).get("Value", [])) == refused
        assert sum("00081196" in one for one in stored) == expected.count("kept")

    def _put(self, key: Key, version: int, before: dict[Key, int]) -> str:
        """Let the model store; what is to be told of it."""
        present = self.there.get(key)
        name = digest(key, version)
        if present == version:
            if before.get(key) != version:  # its bytes are committed before the rows are put
                self.on_disk.add(name)
            return "stored"
        if key not in before or self.policy is DuplicatePolicy.REPLACE:
            self.on_disk.add(name)  # committed, whatever the index then makes of it
        if present is not None and self.policy is DuplicatePolicy.KEEP:
            return "kept"
        if present is not None and self.policy is DuplicatePolicy.REJECT:
            return "refused"
        self.there[key] = version
        action = "stored" if present is None else "replaced"
        self.changes.append((action, key.uids[2], name))
        return "stored"

    def store_under_another_study(self, key: Key, version: int) -> None:
        other = Key(3 - key.study, 1, 1).path(1)
        assert self.site.store([file(key, version)], other).status_code == 409

    def delete(self, key: Key, level: int) -> None:
        gone = [one for one in self.there if one.inside(key, level)]
        response = self.site.request("DELETE", key.path(level))
        assert response.status_code == (204 if gone else 404)
        deleted = {("deleted", one.uids[2], digest(one, self.there.pop(one))) for one in gone}
        self.changes += sorted(deleted)

    def retrieve(self, key: Key) -> None:
        response = self.site.get(key.path(3), "application/dicom; transfer-syntax=*")
        if key not in self.there:
            assert response.status_code == 404
            return
        assert response.content == file(key, self.there[key])
        (document,) = self.site.get(key.path(3) + "/metadata", "application/dicom+json").json()
        assert document["00100020"]["Value"] == [f"version {self.there[key]}"]

    def retrieve_all(self, key: Key, level: int) -> None:
        expected = sorted(
            file(one, version) for one, version in self.there.items() if one.inside(key, level)
        )
        response = self.site.get(key.path(level), ANY_SYNTAX)
        assert response.status_code == (200 if expected else 404)
        if expected:
            assert sorted(body for _, body in parts_of(response)) == expected

    def search(self, key: Key, version: int) -> None:
        studies = self.site.search("/studies")
        for row in studies:
            inside = [one for one in self.there if one.uids[0] == row["0020000D"]["Value"][0]]  # type: ignore[index] # JSON
            assert row["00201208"]["Value"] == [len(inside)]
            assert row["00201206"]["Value"] == [len({one.series for one in inside})]
            modalities = {("CT", "MR")[one.series % 2] for one in inside}
            assert set(row["00080061"]["Value"]) == modalities  # type: ignore[call-overload] # as above
        assert len(studies) == len({one.study for one in self.there})
        series = self.site.search(key.path(1) + "/series")
        expected = {one.uids[1] for one in self.there if one.study == key.study}
        assert {row["0020000E"]["Value"][0] for row in series} == expected  # type: ignore[index] # as above
        uid = key.uids[2]
        rows = self.site.search(f"/instances?SOPInstanceUID={uid}&includefield=PatientID")
        assert len(rows) == (key in self.there)
        found = self.site.search(f"/instances?SOPInstanceUID={uid}&InstanceNumber={version}")
        assert len(found) == (key in self.there and key.instance == version)

    def restart(self) -> None:
        self.site.__exit__(None, None, None)
        self._enter()

    def gc(self, grace: bool) -> None:
        live = {digest(key, version) for key, version in self.there.items()}
        report = asyncio.run(self._collect(86_400 if grace else -86_400))
        dead = self.on_disk - live
        assert (report.waiting, report.removed) == ((len(dead), 0) if grace else (0, len(dead)))
        if not grace:
            self.on_disk &= live

    async def _collect(self, grace: float) -> GcReport:
        async with open_ports(self.site.settings) as ports:
            return await collect(ports.store, ports.index, ports.tombstones, grace)

    def rebuild(self, lost: bool) -> None:
        if self.rebuilds or len(self.changes) < 12:
            return
        self.rebuilds += 1
        settings = self.site.settings
        self.site.__exit__(None, None, None)
        for name in _LOST if lost else ():
            (self.folder / name).unlink(missing_ok=True)
        folder = DataFolder(self.folder)
        asyncio.run(rebuild(folder, plan_of(settings), settings.scan_limits(), processes=1))
        self.changes.clear()
        for key, version in self.there.items():
            self.changes.append(("stored", key.uids[2], digest(key, version)))
        self._enter()
        assert sorted(self._feed()) == sorted(self.changes)
        self.changes = self._feed()

    def look_at_everything(self) -> None:
        rows = {str(row[0]) for row in self._rows("SELECT lower(hex(digest)) FROM instance")}
        assert rows == {digest(key, version) for key, version in self.there.items()}
        for name in rows:
            path = self.folder / "blobs" / name[:2] / name[2:]
            assert hashlib.sha256(path.read_bytes()).hexdigest() == name

    @invariant()
    def bytes_are_those_of_the_model(self) -> None:
        found = (path for path in (self.folder / "blobs").glob("*/*") if path.is_file())
        assert {path.parent.name + path.name for path in found} == self.on_disk

    @invariant()
    def change_feed_tells_all_in_order(self) -> None:
        found = self._feed()
        assert len(found) == len(self.changes)
        assert sorted(found) == sorted(self.changes)  # rows of one deletion have no order
        numbers = self._numbers()
        assert numbers == sorted(set(numbers))

    def _feed(self) -> list[tuple[str, str, str]]:
        query = "SELECT action, instance, lower(hex(digest)) FROM change ORDER BY sequence"
        return [(str(row[0]), str(row[1]), str(row[2])) for row in self._rows(query)]

    def _numbers(self) -> list[int]:
        return [int(str(row[0])) for row in self._rows("SELECT sequence FROM change")]

    def _rows(self, query: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(DataFolder(self.folder).index)) as index:
            return index.execute(query).fetchall()

    def teardown(self) -> None:
        if hasattr(self, "site"):
            self.site.__exit__(None, None, None)
            shutil.rmtree(self.folder)

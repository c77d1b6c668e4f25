"""All valid files in live servers: files that share their UIDs are stored in different ones."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import httpx
import pydicom
from pydicom.dataset import Dataset

from tests.data import valid_files
from tests.live.instances import store
from tests.live.server import running

TIMEOUT = 60


@dataclass(frozen=True, slots=True)
class RealFile:
    """A valid file.

    Args:
        path: Where it lies.
        study: Study Instance UID; an object that belongs to no study lies under its own UID.
        series: Series Instance UID, likewise.
        uid: SOP Instance UID.
        turn: How many files with the same UIDs come before it.
    """

    path: Path
    study: str
    series: str
    uid: str
    turn: int

    @property
    def instance(self) -> str:
        """Path of its instance below the DICOMweb root."""
        return f"/studies/{self.study}/series/{self.series}/instances/{self.uid}"

    @property
    def name(self) -> str:
        """Its path below the folder of valid files."""
        return str(self.path).rpartition("/valid/")[2]

    def read(self) -> Dataset:
        """What pydicom reads; every call reads again."""
        return pydicom.dcmread(self.path, force=True)


@dataclass(slots=True)
class Archive:
    """Live servers that hold every valid file together, and what they said on storing.

    Args:
        clients: A client of each; the file of turn n is in the n-th server.
        answers: Status of each store request.
    """

    clients: list[httpx.Client]
    answers: dict[str, httpx.Response] = field(default_factory=dict)

    def client(self, file: RealFile) -> httpx.Client:
        """The client of the server that has a file."""
        return self.clients[file.turn]


@lru_cache(maxsize=1)
def real_files() -> tuple[RealFile, ...]:
    """Every valid file, none on a machine without them."""
    seen: dict[tuple[str, str, str], int] = defaultdict(int)
    found = []
    for path in valid_files():
        uids = _uids(path)
        found.append(RealFile(path, *uids, turn=seen[uids]))
        seen[uids] += 1
    return tuple(found)


def _uids(path: Path) -> tuple[str, str, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path, force=True, stop_before_pixels=True)
        instance = str(dataset.SOPInstanceUID)
        study = str(dataset.get("StudyInstanceUID") or instance)
        series = str(dataset.get("SeriesInstanceUID") or instance)
    return study, series, instance


@contextmanager
def filled(kind: str) -> Iterator[Archive]:
    """Start the servers and store everything, one request per file."""
    files = real_files()
    with ExitStack() as stack:
        clients = []
        for _ in range(1 + max((file.turn for file in files), default=0)):
            live = stack.enter_context(running(kind))
            client = httpx.Client(base_url=live.root, timeout=TIMEOUT)
            clients.append(stack.enter_context(client))
        archive = Archive(clients)
        for file in files:
            answer = store(archive.client(file), [file.path.read_bytes()])
            archive.answers[file.name] = answer
        yield archive

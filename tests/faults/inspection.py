"""Looking at an archive from outside: what searches and retrievals give, and rows and blobs."""

from __future__ import annotations

import hashlib
import http.client
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from tests.faults.specimens import Key, instance_uid
from tests.live.parts import boundary_of, split

_ROWS = """
SELECT study.uid, series.uid, instance.uid, instance.digest, instance.size FROM instance
JOIN series ON series.id = instance.series_id JOIN study ON study.id = series.study_id
"""
_WHOLE = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_PAGE = 5000
_PATIENCE = 30.0


class Inspector:
    """Asks a running server, and reads its data folder.

    Args:
        data: The data folder.
    """

    def __init__(self, data: Path) -> None:
        self._data = data
        self._hashed: dict[str, tuple[int, int]] = {}

    def states(self, port: int, studies: Iterable[str]) -> tuple[dict[str, str], list[str]]:
        """SHA-256 of every instance of some studies by its SOP Instance UID, and what is wrong.

        Searches and retrievals must tell of the same instances, each once.
        """
        found: dict[str, str] = {}
        wrong: list[str] = []
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as link:
            for study in studies:
                listed = _searched(link, study)
                whole = _retrieved(link, study)
                digests = {instance_uid(data): hashlib.sha256(data).hexdigest() for data in whole}
                if len(listed) != len(set(listed)) or len(whole) != len(digests):
                    wrong.append(f"study {study}: an instance is given twice")
                if set(listed) != set(digests):
                    wrong.append(f"study {study}: {len(listed)} found, {len(digests)} retrieved")
                found.update(digests)
        return found, wrong

    def alone(self, port: int, keys: Iterable[Key]) -> dict[Key, str]:
        """SHA-256 of instances retrieved one by one; "" for what is not there."""
        found = {}
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as link:
            for key in keys:
                parts = _parts(link, key.path)
                found[key] = hashlib.sha256(parts[0]).hexdigest() if parts else ""
        return found

    def wrong_rows(self) -> Iterator[str]:
        """Rows that are there twice, rows without their bytes, and totals that do not add up."""
        with closing(sqlite3.connect(f"file:{self._data}/index.db?mode=ro", uri=True)) as index:
            index.execute("BEGIN")
            rows = index.execute(_ROWS).fetchall()
            totals = index.execute("SELECT studies, series, instances, bytes FROM totals")
            counted = totals.fetchone()
            (instances,) = index.execute("SELECT COUNT(*) FROM instance").fetchone()
        keys = {row[:3] for row in rows}
        if not len(keys) == len(rows) == instances:
            yield f"{instances} rows of instances, {len(rows)} in studies, {len(keys)} different"
        own = (
            len({row[0] for row in rows}),
            len({row[:2] for row in rows}),
            len(rows),
            sum(row[4] for row in rows),
        )
        if counted != own:
            yield f"totals are {counted}, rows add up to {own}"
        for *_, digest, size in rows:
            yield from self._wrong_blob(digest.hex(), size)

    def _wrong_blob(self, digest: str, size: int) -> Iterator[str]:
        path = self._data / "blobs" / digest[:2] / digest[2:]
        try:
            found = path.stat()
        except FileNotFoundError:
            yield f"a row's blob {digest[:12]} is missing"
            return
        if found.st_size != size:
            yield f"a row's blob {digest[:12]} has {found.st_size} of {size} bytes"
        elif self._hashed.get(digest) != (found.st_ino, found.st_mtime_ns):
            if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
                yield f"a row's blob {digest[:12]} has other bytes"
            self._hashed[digest] = (found.st_ino, found.st_mtime_ns)

    def leftovers(self, processes: int) -> list[str]:
        """Files on their way in that belong to nobody, while no client is at work.

        A request that broke off, or a worker that takes the place of a dead one, is given time.
        """
        end = time.monotonic() + _PATIENCE
        while (wrong := list(self._leftovers(processes))) and time.monotonic() < end:
            time.sleep(0.02)
        return wrong

    def _leftovers(self, processes: int) -> Iterator[str]:
        folders = list((self._data / "staging").iterdir())
        files = [path for path in (self._data / "staging").glob("*/*") if path.name != "lock"]
        if files:
            yield f"{len(files)} files are left in staging"
        if len(folders) > processes:
            yield f"{len(folders)} folders in staging for {processes} processes"

    def torn_blobs(self) -> Iterator[str]:
        """Blobs, with or without a row, that are not what their names say."""
        for path in (self._data / "blobs").glob("*/*"):
            digest = path.parent.name + path.name
            if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
                yield f"blob {digest[:12]} is torn"


def _searched(link: http.client.HTTPConnection, study: str) -> list[str]:
    link.request("GET", f"/dicom-web/studies/{study}/instances?limit={_PAGE}")
    response = link.getresponse()
    body = response.read()
    assert response.status in (200, 204), (response.status, body[:300])
    if not body:
        return []
    found = json.loads(body)
    assert len(found) < _PAGE, "too many instances for one page"
    return [item["00080018"]["Value"][0] for item in found]


def _retrieved(link: http.client.HTTPConnection, study: str) -> list[bytes]:
    return _parts(link, f"/studies/{study}")


def _parts(link: http.client.HTTPConnection, path: str) -> list[bytes]:
    link.request("GET", "/dicom-web" + path, headers={"Accept": _WHOLE})
    response = link.getresponse()
    body = response.read()
    if response.status == 404:
        return []
    assert response.status == 200, (response.status, body[:300])
    kind = response.headers["content-type"]
    return [part.body for part in split(body, boundary_of(kind))]

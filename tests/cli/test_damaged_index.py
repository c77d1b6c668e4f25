"""A database that is damaged while the server runs, seen from outside: told, refused, mended."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from dicomweb_server.index.sqlite.integrity import SMALL_BYTES
from tests.datasets import dataset, part10
from tests.servers import Running, plain_environment, serving
from tests.site import multipart

_KIND = 'multipart/related; type="application/dicom"; boundary=limit'
_PAGE = 4096
_PATIENCE_SECONDS = 60.0
_FILL = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
INSERT INTO filler SELECT randomblob(1000) FROM n
"""
_DATABASES = pytest.mark.parametrize("name", ["index.db", "state.db"])
_READS = ("/studies", "/instances", "/studies/1.2.3/metadata", "/studies/1.2.3")


def _store(server: Running) -> httpx.Response:
    return httpx.post(
        server.root + "/studies",
        content=multipart([part10(dataset())]),
        headers={"Content-Type": _KIND, "Accept": "application/dicom+json"},
        timeout=60,
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with an instance, whose server was stopped in order."""
    folder = tmp_path / "data"
    with serving(folder) as server:
        assert _store(server).status_code == 200
        server.stop()
    return folder


def _spoil(path: Path, first: int = 1) -> None:
    """Write over all pages from one on."""
    with path.open("r+b") as file:
        file.seek(first * _PAGE)
        file.write(os.urandom(path.stat().st_size - first * _PAGE))


def _ready(server: Running, awaited: int) -> httpx.Response:
    """What readiness tells, as soon as that is what is awaited."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        answer = httpx.get(server.origin + "/readyz", timeout=60)
        if answer.status_code == awaited or time.monotonic() > end:
            return answer
        time.sleep(0.05)


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dicomweb_server", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, env=plain_environment(), timeout=120
    )


def _refused(answers: Sequence[httpx.Response], name: str) -> None:
    """They tell what is wrong and what helps, and may come again."""
    for answer in answers:
        assert answer.status_code == 503, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert "damaged" in answer.json()["detail"], answer.text
        assert "reindex" in answer.json()["hint"], answer.text
        assert "retry-after" in answer.headers
    assert name in answers[-1].json()["detail"]


def test_index_damaged_in_use_is_never_served_as_if_it_were_whole(data: Path) -> None:
    with serving(data) as server:
        _spoil(data / "index.db")
        _refused([httpx.get(server.root + path, timeout=60) for path in _READS], "index.db")
        written = [_store(server), httpx.delete(server.root + "/studies/1.2.3", timeout=60)]
        _refused(written, "index.db")
        ready = _ready(server, 503)
        assert "index.db is damaged" in ready.text
        assert "index.db is damaged" in server.stop()
    again = _run("serve", "--data", str(data), "-p", "0")
    assert again.returncode == 2
    assert "index.db is damaged" in again.stderr
    assert "reindex" in again.stderr
    assert "Traceback" not in again.stderr
    for path in data.glob("index.db*"):
        path.unlink()
    rebuilt = _run("reindex", "--data", str(data))
    assert rebuilt.returncode == 0, rebuilt.stderr
    with serving(data) as server:
        assert len(httpx.get(server.root + "/instances").json()) == 1
        assert _ready(server, 200).status_code == 200


@_DATABASES
def test_damage_in_a_large_database_is_found_beside_its_use(data: Path, name: str) -> None:
    database = data / name
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE filler (line BLOB)")
        connection.execute(_FILL, (SMALL_BYTES // 900,))
    assert database.stat().st_size > SMALL_BYTES
    with serving(data) as server:
        assert httpx.get(server.root + "/studies").status_code == 200
        assert _ready(server, 200).status_code == 200
        server.stop()
    _spoil(database, first=database.stat().st_size // _PAGE - 9)  # nothing of it is ever asked
    with serving(data) as server:
        assert name in _ready(server, 503).text
        if name == "index.db":
            _refused([httpx.get(server.root + path, timeout=60) for path in _READS], name)
        assert f"{name} is damaged" in server.stop()
    again = _run("serve", "--data", str(data), "-p", "0")
    assert again.returncode == 2
    assert f"{name} is damaged" in again.stderr

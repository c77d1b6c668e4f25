"""What is sent to be stored: bombs and lies fail alone, cheaply, and fetch nothing (T6 to T10)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.dicom import test_json_in, test_xml_in
from tests.live.server import Server, running
from tests.site import multipart
from tests.threats.datasets import deflate_bombs, harmful, harmless, sound
from tests.threats.tracing import is_our_own, traced

MIB = 1024 * 1024
MOST_MEMORY = 256 * MIB
KIND = {
    "Content-Type": 'multipart/related; type="application/dicom"; boundary=limit',
    "Accept": "application/dicom+json",
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("hypercorn", {"DICOMWEB_CODEC__WARM": "false"}) as live:
        yield live


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.root, timeout=60) as http:
        yield http


def failed(response: httpx.Response) -> int:
    found = response.json()
    return sum(len(found.get(tag, {}).get("Value", [])) for tag in ("00081198", "0008119A"))


@pytest.mark.parametrize(
    ("bombs", "kind", "least"),
    [
        (test_xml_in._BOMBS, "application/dicom+xml", 15),
        (test_json_in._BOMBS, "application/dicom+json", 20),
    ],
    ids=["xml", "json"],
)
def test_bombs_of_metadata_are_refused_and_fetch_nothing(
    server: Server,
    client: httpx.Client,
    bombs: dict[str, bytes],
    kind: str,
    least: int,
    tmp_path: Path,
) -> None:
    assert len(bombs) >= least
    idle = server.idle_memory()
    with traced([server.process.pid], tmp_path / "trace", "%file,%network") as trace:
        answers = {
            name: client.post("/studies", content=bomb, headers={"Content-Type": kind}).status_code
            for name, bomb in bombs.items()
        }
        assert client.get("/studies").status_code in (200, 204)
    assert {name for name, status in answers.items() if status not in (400, 409, 413)} == set()
    assert {path for _, path, _ in trace.calls() if not is_our_own(path, server.data)} == set()
    assert not [line for line in trace.lines if re.search(r"\bconnect\(", line)]
    assert server.peak_memory() - idle < MOST_MEMORY


def test_files_that_lie_fail_alone(server: Server, client: httpx.Client) -> None:
    bad = harmful()
    assert len(bad) >= 24
    idle = server.idle_memory()
    for number, (name, data) in enumerate(bad.items(), 100):
        good = sound(number)
        response = client.post("/studies", content=multipart([data, good]), headers=KIND)
        assert response.status_code == 202, (name, response.text)
        assert failed(response) == 1, (name, response.text)
        path = f"/studies/1.2.3/series/1.2.3.4/instances/1.2.3.4.{number}"
        assert client.get(path, headers={"Accept": "application/dicom"}).content == good
    assert client.get("/studies/1.2.3/series/1.2.3.4/instances/1.2.3.4.1").status_code == 404
    assert server.peak_memory() - idle < MOST_MEMORY


def test_sizes_that_lie_lead_to_no_frame(server: Server, client: httpx.Client) -> None:
    path = "/studies/1.2.3/series/1.2.3.4/instances/1.2.3.4.2"
    idle = server.idle_memory()
    for name, data in harmless().items():
        response = client.post("/studies", content=multipart([data]), headers=KIND)
        assert response.status_code == 200, (name, response.text)
        assert client.get(path + "/frames/2").status_code == 404, name
        for what in ("/frames/1", "/rendered", "/thumbnail"):
            answer = client.get(path + what)
            assert answer.status_code in (200, 404, 406), (name, what, answer.text)
        assert client.get(path + "/metadata").status_code == 200, name
        assert client.delete(path).status_code == 204
    assert server.peak_memory() - idle < 2 * MOST_MEMORY  # a codec process has come, too


def test_deflated_bombs_fail_alone(server: Server, client: httpx.Client) -> None:
    bombs = deflate_bombs()
    assert len(bombs) >= 10
    idle = server.idle_memory()
    for number, (name, data) in enumerate(bombs.items(), 300):
        body = multipart([data, sound(number)])
        response = client.post("/studies", content=body, headers=KIND)
        assert response.status_code == 202, (name, response.text)
        assert failed(response) == 1, name
    assert server.peak_memory() - idle < MOST_MEMORY


@pytest.mark.parametrize(
    "coding", ["gzip", "deflate", "br", "zstd", "compress", "GZIP", "x-gzip", "gzip, gzip"]
)
def test_coded_bodies_are_not_taken(client: httpx.Client, coding: str) -> None:
    headers = {**KIND, "Content-Encoding": coding}
    response = client.post("/studies", content=b"\x1f\x8b" + bytes(100), headers=headers)
    assert response.status_code == 415
    lines = [("Content-Encoding", "identity"), ("Content-Encoding", coding), *KIND.items()]
    assert client.post("/studies", content=bytes(100), headers=lines).status_code == 415

"""Joined gzip members as real programs read them: Python, zlib, curl and Chromium."""

from __future__ import annotations

import gzip
import subprocess
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest

from tests.datasets import SERIES, STUDY, instance
from tests.live.server import KINDS, Server, running
from tests.programs import require
from tests.site import multipart

_INSTANCES = 300
_METADATA = f"/studies/{STUDY}/series/{SERIES}/metadata"
_PAGE = """<!doctype html><title>-</title><script>
fetch("%s").then(answer => answer.text().then(text => {
  document.title = answer.headers.get("content-length") + " " + text.length + " "
    + JSON.parse(text).length;
  document.body.textContent = "told " + document.title;
}));
</script><body>waiting</body>"""


class _Page(BaseHTTPRequestHandler):
    """A page of another origin that loads metadata."""

    url = ""

    def do_GET(self) -> None:
        body = (_PAGE % self.url).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # its name there
        """Stay silent."""


@pytest.fixture(scope="module")
def page() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), _Page)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, page: HTTPServer) -> Iterator[Server]:
    origin = f"http://127.0.0.1:{page.server_port}"
    with running(str(request.param), {"DICOMWEB_HTTP__CORS_ORIGINS": origin}) as live:
        files = [instance(number) for number in range(1, _INSTANCES + 1)]
        kind = 'multipart/related; type="application/dicom"; boundary=limit'
        headers = {"Content-Type": kind, "Accept": "application/dicom+json"}
        url = f"{live.root}/studies"
        stored = httpx.post(url, content=multipart(files), headers=headers, timeout=60)
        assert stored.status_code == 200, stored.text
        yield live


def _plain(server: Server) -> bytes:
    return httpx.get(server.root + _METADATA, headers={"Accept-Encoding": "identity"}).content


def _raw(server: Server) -> bytes:
    headers = {"Accept-Encoding": "gzip"}
    with httpx.stream("GET", server.root + _METADATA, headers=headers) as response:
        assert response.headers["content-encoding"] == "gzip"
        raw = b"".join(response.iter_raw())
        assert int(response.headers["content-length"]) == len(raw)
        return raw


def test_python_and_zlib_read_it_whole(server: Server) -> None:
    plain, raw = _plain(server), _raw(server)
    assert len(raw) < len(plain) / 2
    assert gzip.decompress(raw) == plain
    engine = zlib.decompressobj(zlib.MAX_WBITS | 16)
    parts = [engine.decompress(raw[place : place + 100]) for place in range(0, len(raw), 100)]
    assert b"".join(parts) == plain
    assert (engine.eof, engine.unused_data) == (True, b"")
    assert httpx.get(server.root + _METADATA).content == plain


def test_curl_reads_it_whole(server: Server) -> None:
    curl = require("curl")
    command = [curl, "--silent", "--fail", "--compressed", server.root + _METADATA]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert done.stdout == _plain(server)


def test_chromium_reads_it_whole(server: Server, page: HTTPServer, tmp_path: Path) -> None:
    chromium = require("chromium")
    _Page.url = server.root + _METADATA
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
        "--disable-background-networking --disable-component-update --disable-sync "
        "--disable-dev-shm-usage --virtual-time-budget=20000 --dump-dom"
    )
    command = [chromium, *flags.split(), f"--user-data-dir={tmp_path}"]
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{page.server_port}/"],
        capture_output=True,
        text=True,
        timeout=100,
    )
    plain = _plain(server)
    told = f"told {len(_raw(server))} {len(plain.decode())} {_INSTANCES}"
    assert told in done.stdout, done.stdout + done.stderr[-2000:]

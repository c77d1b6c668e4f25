"""Pages made of hostile texts, in a browser: nothing runs, no policy is violated (T2)."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.bulk import store_json
from tests.dicom.report import samples
from tests.dicom.report.payloads import PAYLOADS
from tests.dicom.report.test_injection import filled, hostile
from tests.programs import require
from tests.site import Site, open_site

_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--disable-dev-shm-usage --virtual-time-budget=5000 --dump-dom"
)
_RAN = "<title>RAN</title>"


class _Served(BaseHTTPRequestHandler):
    """Serves one page, and writes down what else is asked for."""

    page = b""
    policy = ""
    asked: list[str]

    def do_GET(self) -> None:
        found = self.path == "/page"
        if not found and self.path != "/favicon.ico":
            self.asked.append(self.path)
        body = self.page if found else b""
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        if self.policy:
            self.send_header("Content-Security-Policy", f"{self.policy}; report-uri /violation")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        self.asked.append(f"{self.path} {self.rfile.read(length)[:500]!r}")
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # its name there
        """Stay silent."""


@contextmanager
def _serving(page: bytes, policy: str) -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []
    kind = type("Served", (_Served,), {"page": page, "policy": policy, "asked": asked})
    server = HTTPServer(("127.0.0.1", 0), kind)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/page", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _looked_at(page: bytes, policy: str, profile: Path) -> tuple[str, list[str]]:
    """What a browser makes of a page, and what it asked for meanwhile."""
    chromium = require("chromium")
    with _serving(page, policy) as (url, asked):
        command = [chromium, *_FLAGS.split(), f"--user-data-dir={profile}", url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert "</html>" in done.stdout, done.stderr[-2000:]
    return done.stdout, asked


def _hostile_report() -> dict[str, Any]:
    """A report with every payload in every kind of content item."""
    template = hostile()["0040A730"]["Value"]
    chapters = []
    for payload in PAYLOADS:
        children = [filled(child, payload) for child in template]
        chapter = samples.container(payload, *children)
        chapters.append(chapter)
    return samples.report(*chapters)


def _hostile_object() -> dict[str, Any]:
    """An object that is only listed, with every payload in names, texts and codes of its items."""
    items = [
        {
            "00080100": samples.value("SH", payload),
            "00080104": samples.value("LO", payload),
            "00100010": samples.value("PN", {"Alphabetic": payload}),
            "00204000": samples.value("LT", payload),
        }
        for payload in PAYLOADS
    ]
    sequences = ("00081111", "00081115", "00081120", "00081140", "00081145")
    return {
        "00080016": samples.value("UI", "1.2.840.10008.5.1.4.1.1.66.1"),
        "00080018": samples.value("UI", "1.2.3.4.9"),
        "0020000D": samples.value("UI", "1.2.3"),
        "0020000E": samples.value("UI", "1.2.3.4.8"),
        "00100010": samples.value("PN", {"Alphabetic": PAYLOADS[0]}),
        **{
            tag: samples.value("SQ", *items[place : place + 8])
            for tag, place in zip(sequences, range(0, len(items), 8), strict=True)
        },
    }


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path / "archive") as opened:
        yield opened


@pytest.mark.parametrize(
    ("metadata", "title"),
    [(_hostile_report(), "Test Report"), (_hostile_object(), "Spatial Registration")],
    ids=["report", "listing"],
)
def test_hostile_pages_neither_run_nor_violate_the_policy(
    site: Site, tmp_path: Path, metadata: dict[str, Any], title: str
) -> None:
    stored = store_json(site, [metadata])
    assert stored.status_code == 200, stored.text
    path = "/studies/1.2.3/series/1.2.3.4.8/instances/1.2.3.4.9/rendered"
    response = site.get(path, "text/html")
    assert response.status_code == 200, response.text
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    for sent in (policy, ""):  # what is escaped would not run without the policy either
        dom, asked = _looked_at(response.content, sent, tmp_path / f"profile{len(sent)}")
        assert _RAN not in dom
        assert f"<title>{title}</title>" in dom
        assert dom.count("RAN") >= len(PAYLOADS) / 2
        assert asked == []


def test_the_browser_would_have_shown_what_runs(tmp_path: Path) -> None:
    page = f"<!doctype html><title>-</title>{PAYLOADS[0]}{PAYLOADS[9]}".encode()
    dom, asked = _looked_at(page, "", tmp_path / "free")
    assert _RAN in dom
    assert asked == ["/ran"]
    dom, asked = _looked_at(page, "default-src 'none'", tmp_path / "strict")
    assert _RAN not in dom
    assert any(each.startswith("/violation") for each in asked)

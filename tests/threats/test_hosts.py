"""Who says where the server is: Host, forwarding headers, request targets (T18)."""

from __future__ import annotations

import re
import socket

import httpx
import pytest

from tests.live.instances import Made, make, store
from tests.live.server import Server
from tests.threats.raw import Line

_EVIL = "evil.example"
_TARGET = "{path}/metadata"
SPOOFS: dict[str, str] = {
    "Host": f"Host: {_EVIL}",
    "Host with a port": f"Host: {_EVIL}:80",
    "Host that begins as ours": f"Host: 127.0.0.1.{_EVIL}",
    "Host that ends as ours": f"Host: {_EVIL}.localhost",
    "Host of a user": f"Host: 127.0.0.1@{_EVIL}",
    "Host with a path": f"Host: {_EVIL}/x",
    "Host with a query": f"Host: {_EVIL}?127.0.0.1",
    "Host with a fragment": f"Host: {_EVIL}#127.0.0.1",
    "Host in brackets": f"Host: [{_EVIL}]",
    "Host with a tab": f"Host: 127.0.0.1\t{_EVIL}",
    "Host with quotes": f'Host: "{_EVIL}"',
    "Host in other letters": "Host: \xe9vil.example",
    "empty Host": f"Host: \r\nX-Forwarded-Host: {_EVIL}",
    "X-Forwarded-Host": f"Host: {{host}}\r\nX-Forwarded-Host: {_EVIL}",
    "several X-Forwarded-Host": f"Host: {{host}}\r\nX-Forwarded-Host: {_EVIL}, {{host}}",
    "X-Forwarded-Server": f"Host: {{host}}\r\nX-Forwarded-Server: {_EVIL}",
    "X-Forwarded-Proto": f"Host: {{host}}\r\nX-Forwarded-Proto: https://{_EVIL}",
    "X-Forwarded-Port": f"Host: {{host}}\r\nX-Forwarded-Port: 1@{_EVIL}",
    "X-Forwarded-Prefix": f"Host: {{host}}\r\nX-Forwarded-Prefix: //{_EVIL}",
    "X-Forwarded-For": f"Host: {{host}}\r\nX-Forwarded-For: {_EVIL}",
    "X-Original-URL": f"Host: {{host}}\r\nX-Original-URL: http://{_EVIL}/",
    "X-Rewrite-URL": f"Host: {{host}}\r\nX-Rewrite-URL: http://{_EVIL}/",
    "X-Host": f"Host: {{host}}\r\nX-Host: {_EVIL}",
    "Forwarded": f"Host: {{host}}\r\nForwarded: host={_EVIL};proto=https",
    "Forwarded with quotes": f'Host: {{host}}\r\nForwarded: for="[::1]";host="{_EVIL}:443"',
    "Forwarded by two": f"Host: {{host}}\r\nForwarded: host={{host}}, host={_EVIL}",
    "Referer and Origin": f"Host: {{host}}\r\nReferer: http://{_EVIL}\r\nOrigin: http://{_EVIL}",
}
TARGETS: dict[str, str] = {
    "absolute form": f"http://{_EVIL}{_TARGET}",
    "absolute form with a user": f"http://127.0.0.1@{_EVIL}{_TARGET}",
    "two slashes": f"//{_EVIL}{_TARGET}",
    "encoded slashes": f"/%2f%2f{_EVIL}{_TARGET}",
    "backslashes": f"/\\{_EVIL}{_TARGET}",
}


@pytest.fixture(scope="module")
def made(server: Server) -> Made:
    """An instance that the server has."""
    instance = make(1, side=16)[0]
    with httpx.Client(base_url=server.root) as client:
        assert store(client, [instance.data]).status_code == 200
    return instance


def _ask(server: Server, target: str, headers: str) -> str:
    """The whole answer to a request written by hand; empty where the connection ended."""
    head = f"GET {target} HTTP/1.1\r\n{headers}\r\nConnection: close\r\n\r\n"
    with socket.create_connection(server.address, timeout=30) as line:
        line.sendall(head.encode("latin-1"))
        pieces = []
        while piece := line.recv(65_536):
            pieces.append(piece)
    return b"".join(pieces).decode("latin-1")


def _require_no_foreign_url(text: str) -> None:
    for found in re.findall(r"(?:https?:)?//[^\s\"'<>]*", text):
        assert _EVIL not in found, found


def test_there_are_more_than_thirty() -> None:
    assert len(SPOOFS) + len(TARGETS) >= 30


@pytest.mark.parametrize("name", SPOOFS)
def test_t18_no_header_of_a_client_puts_another_host_into_a_url(
    server: Server, made: Made, name: str
) -> None:
    own = ":".join(map(str, server.address))
    for path in (f"{made.path}/metadata", f"{made.series_path}/instances", "/studies", ""):
        text = _ask(server, f"/dicom-web{path}", SPOOFS[name].format(host=own))
        _require_no_foreign_url(text)
        assert not text or text.startswith(("HTTP/1.1 200", "HTTP/1.1 400")), text[:80]


@pytest.mark.parametrize("name", TARGETS)
def test_t18_no_request_target_does(server: Server, made: Made, name: str) -> None:
    target = TARGETS[name].format(path=f"/dicom-web{made.path}")
    text = _ask(server, target, "Host: " + ":".join(map(str, server.address)))
    _require_no_foreign_url(text)
    assert not text or re.match(r"HTTP/1.1 (200|400|404)", text), text[:80]


@pytest.mark.parametrize("slash", ["%252f", "%5c", "\\", "//", "/./", "/../"])
def test_t18_other_slashes_lead_to_no_resource(server: Server, made: Made, slash: str) -> None:
    with Line(server) as line:
        answer = line.get(f"/dicom-web/studies{slash}{made.dataset.StudyInstanceUID}")
        assert answer.status in (400, 404), answer.body[:200]


@pytest.mark.parametrize("slash", ["%2f", "%2F"])
def test_t18_an_encoded_slash_leads_where_a_plain_one_does(
    server: Server, made: Made, slash: str
) -> None:
    with Line(server) as line:
        for tail in ("/metadata", "/series", "/nowhere"):
            target = f"/dicom-web/studies/{made.dataset.StudyInstanceUID}"
            plain, other = line.get(target + tail), line.get(target + slash + tail[1:])
            assert (plain.status, plain.body[:40]) == (other.status, other.body[:40])

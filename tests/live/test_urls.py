"""Which URLs the server gives out and takes: origins, hosts, slashes, CORS."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.live.instances import Made, make, store
from tests.live.server import KINDS, Server, running

ORIGIN = "https://viewer.example"


@pytest.fixture(scope="module", params=KINDS)
def behind_proxy(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that believes a proxy on this machine and lets one origin call."""
    settings = {
        "DICOMWEB_HTTP__TRUSTED_PROXIES": "127.0.0.0/8",
        "DICOMWEB_HTTP__CORS_ORIGINS": ORIGIN,
    }
    with running(str(request.param), settings) as live:
        yield live


@pytest.fixture(scope="module", params=KINDS)
def with_base(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that knows its public URL."""
    settings = {"DICOMWEB_HTTP__PUBLIC_BASE_URL": "https://pacs.example/archive"}
    with running(str(request.param), settings) as live:
        yield live


def stored(server: Server) -> Made:
    """An instance that the server has."""
    made = make(1, side=64)[0]
    with httpx.Client(base_url=server.root) as client:
        assert store(client, [made.data]).status_code == 200
    return made


def links(server: Server, made: Made, headers: dict[str, str]) -> list[str]:
    """Every URL in the answers about an instance."""
    with httpx.Client(base_url=server.root, headers=headers) as client:
        store_answer = store(client, [made.data]).json()
        found = client.get(f"{made.series_path}/instances").json()
        metadata = client.get(f"{made.path}/metadata").json()
    return [
        store_answer["00081190"]["Value"][0],
        store_answer["00081199"]["Value"][0]["00081190"]["Value"][0],
        found[0]["00081190"]["Value"][0],
        metadata[0]["7FE00010"]["BulkDataURI"],
    ]


# --- whose host


def test_urls_are_those_that_the_client_used(server: Server) -> None:
    made = stored(server)
    for link in links(server, made, {}):
        assert link.startswith(f"{server.root}{made.study_path}")


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Host": "evil.example"},
        {"Forwarded": "host=evil.example;proto=https"},
        {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"},
    ],
)
def test_nobody_but_a_trusted_proxy_names_another_host(
    server: Server, headers: dict[str, str]
) -> None:
    for link in links(server, stored(server), headers):
        assert link.startswith(server.root)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example"])
def test_a_spoofed_host_is_in_no_url(server: Server, host: str) -> None:
    for link in links(server, stored(server), {"Host": host}):
        assert link.startswith(server.root)


@pytest.mark.parametrize("host", ["a b", 'x"y', "<script>", "h/../x", "user@host", "h?x", "h#x"])
def test_a_host_that_is_none_is_never_echoed(server: Server, host: str) -> None:
    with httpx.Client(base_url=server.root) as client:
        answer = client.get("/studies", headers={"Host": host})
    assert host not in answer.text
    assert answer.status_code in (200, 400)


def test_a_trusted_proxy_names_the_public_host(behind_proxy: Server) -> None:
    made = stored(behind_proxy)
    for headers in (
        {"Forwarded": 'for=192.0.2.1;host="pacs.example";proto=https'},
        {"X-Forwarded-Host": "pacs.example", "X-Forwarded-Proto": "https"},
    ):
        for link in links(behind_proxy, made, headers):
            assert link.startswith(f"https://pacs.example/dicom-web{made.study_path}")


def test_the_public_base_url_wins(with_base: Server) -> None:
    made = stored(with_base)
    for link in links(with_base, made, {"Host": "evil.example", "X-Forwarded-Host": "evil"}):
        assert link.startswith(f"https://pacs.example/archive/dicom-web{made.study_path}")


# --- slashes


def test_slashes_at_the_end_are_served_without_a_redirect(server: Server) -> None:
    made = stored(server)
    with httpx.Client(base_url=server.root, follow_redirects=False) as client:
        for path in (
            "/studies",
            made.study_path,
            made.series_path,
            made.path,
            made.path + "/metadata",
            made.path + "/frames/1",
            made.series_path + "/instances",
        ):
            plain, slashed = client.get(path), client.get(path + "/")
            assert slashed.status_code == 200, path
            assert slashed.content == plain.content


def test_store_at_a_url_with_a_slash(server: Server) -> None:
    made = make()[0]
    with httpx.Client(base_url=server.root, follow_redirects=False) as client:
        assert store(client, [made.data], "/studies/").status_code == 200
        assert store(client, [made.data], made.study_path + "/").status_code == 200


# --- CORS


def test_an_allowed_origin_may_read_answers_and_errors(behind_proxy: Server) -> None:
    made = stored(behind_proxy)
    with httpx.Client(base_url=behind_proxy.root, headers={"Origin": ORIGIN}) as client:
        answers = [
            client.get("/studies"),
            client.get(made.path + "/frames/1"),
            client.get("/studies/1.2.3"),
            client.get("/studies?limit=x"),
            client.get("/nothing-here"),
            client.put("/studies"),
            client.post("/studies", content=b"x"),
            store(client, [b"not DICOM"]),
        ]
    statuses = [answer.status_code for answer in answers]
    assert statuses == [200, 200, 404, 400, 404, 405, 415, 409]
    for answer in answers:
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "Origin" in answer.headers["vary"]
        exposed = {
            name.strip() for name in answer.headers["access-control-expose-headers"].split(",")
        }
        assert {"Content-Range", "Content-Length", "Content-Location"} <= exposed
        assert {"ETag", "Warning", "Location"} <= exposed


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_preflight_is_answered_for_every_method(behind_proxy: Server, method: str) -> None:
    headers = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "accept, content-type, authorization, range",
    }
    answer = httpx.options(behind_proxy.root + "/studies", headers=headers)
    assert answer.status_code in (200, 204)
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert method in answer.headers["access-control-allow-methods"]
    allowed = answer.headers["access-control-allow-headers"].lower()
    for name in ("accept", "content-type", "authorization", "range", "if-none-match"):
        assert name in allowed
    assert int(answer.headers["access-control-max-age"]) >= 7200


def test_another_origin_gets_no_permission(behind_proxy: Server, server: Server) -> None:
    for live in (behind_proxy, server):
        headers = {"Origin": "https://evil.example"}
        answer = httpx.get(live.root + "/studies", headers=headers)
        assert "access-control-allow-origin" not in answer.headers
        headers["Access-Control-Request-Method"] = "GET"
        preflight = httpx.options(live.root + "/studies", headers=headers)
        assert "access-control-allow-origin" not in preflight.headers


# --- errors


def test_errors_are_problem_documents_without_inner_names(server: Server) -> None:
    with httpx.Client(base_url=server.root) as client:
        for path, status in (("/studies/1.2.3", 404), ("/studies/not-a-uid", 400)):
            answer = client.get(path)
            assert answer.status_code == status
            assert answer.headers["content-type"] == "application/problem+json"
            document = json.loads(answer.text)
            assert document["status"] == status
            assert document["detail"]
            assert "Traceback" not in answer.text


def test_a_method_that_is_not_there_is_405_with_those_that_are(server: Server) -> None:
    answer = httpx.put(server.root + "/studies")
    assert answer.status_code == 405
    assert {"GET", "POST"} <= {name.strip() for name in answer.headers["allow"].split(",")}

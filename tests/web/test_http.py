"""What surrounds the services: errors, CORS, hosts, slashes, health."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import orjson
import pytest

from dicomweb_server import errors
from dicomweb_server.settings import HttpSettings
from dicomweb_server.web.errors import STATUS, name_of
from tests.datasets import STUDY, instance
from tests.site import Site, open_site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path) as site:
        yield site


def tree(kind: type[errors.ArchiveError]) -> Iterator[type[errors.ArchiveError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from tree(below)


def test_every_error_has_a_status() -> None:
    assert set(tree(errors.ArchiveError)) == set(STATUS)


def test_error_names_are_words_joined_by_dashes() -> None:
    assert name_of(errors.FrameOutOfRange) == "frame-out-of-range"


def test_errors_are_problem_documents_that_name_their_request(site: Site) -> None:
    response = site.get("/studies/9.9/metadata")
    problem = orjson.loads(response.content)
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["type"] == "urn:dicomweb-server:problem:not-found"
    assert problem["status"] == response.status_code == 404
    assert problem["instance"] == f"urn:uuid:{response.headers['x-request-id']}"


def test_unknown_paths_are_404_with_a_problem_document(site: Site) -> None:
    for path in ("/nothing", "//elsewhere", "/studies/1.2/elsewhere"):
        response = site.get(path)
        assert response.status_code == 404
        assert response.headers["content-type"] == "application/problem+json"


def test_a_wrong_method_is_405_with_allow(site: Site) -> None:
    response = site.request("PUT", "/studies")
    assert response.status_code == 405
    allowed = response.headers["allow"].replace(" ", "").split(",")
    assert sorted(allowed) == ["GET", "HEAD", "OPTIONS", "POST"]


def test_plain_options_tells_the_methods(site: Site) -> None:
    response = site.request("OPTIONS", f"/studies/{STUDY}")
    assert response.status_code == 200
    assert "DELETE" in response.headers["allow"]


@pytest.mark.parametrize("path", ["/studies/", f"/studies/{STUDY}/"])
def test_a_trailing_slash_changes_nothing(site: Site, path: str) -> None:
    response = site.request(
        "POST", path, headers={"Content-Type": "application/dicom"}, content=instance()
    )
    assert response.status_code == 200
    assert site.get(path).status_code == 200


def test_health(site: Site) -> None:
    assert site.get("//livez").json() == {"status": "alive"}
    assert site.get("//readyz").json() == {"status": "ready", "damaged": 0}


def test_the_page_says_where_the_root_is_and_runs_no_script(site: Site) -> None:
    response = site.get("//")
    assert "http://127.0.0.1:8080/dicom-web" in response.text
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"


def retrieve_url(site: Site, **headers: str) -> object:
    site.store([instance()])
    response = site.get("/studies", "application/dicom+json", **headers)
    return orjson.loads(response.content)[0]["00081190"]["Value"][0]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example"])
def test_a_made_up_host_never_gets_into_a_url(site: Site, host: str) -> None:
    url = f"http://127.0.0.1:8080/dicom-web/studies/{STUDY}"
    assert str(retrieve_url(site, Host=host)).endswith(f"/dicom-web/studies/{STUDY}")
    assert "evil" not in str(retrieve_url(site, Host=host))
    assert retrieve_url(site) == url


def test_a_host_without_a_port_means_the_port_of_the_connection(site: Site) -> None:
    url = f"http://localhost:8080/dicom-web/studies/{STUDY}"
    assert retrieve_url(site, Host="localhost") == url
    assert retrieve_url(site, Host="localhost:9") == url.replace("8080", "9")


def test_forwarding_headers_of_strangers_do_not_count(site: Site) -> None:
    url = retrieve_url(site, X_Forwarded_Host="evil.example", Forwarded="host=evil.example")
    assert url == f"http://127.0.0.1:8080/dicom-web/studies/{STUDY}"


@pytest.mark.parametrize(
    "headers",
    [
        {"Forwarded": "for=10.0.0.9;proto=https;host=pacs.example"},
        {"X_Forwarded_Proto": "https", "X_Forwarded_Host": "pacs.example"},
    ],
)
def test_a_trusted_proxy_tells_the_outer_url(tmp_path: Path, headers: dict[str, str]) -> None:
    http = HttpSettings(trusted_proxies=(ip_network("127.0.0.0/8"),))
    with open_site(tmp_path, http=http) as site:
        url = retrieve_url(site, **headers)
        assert url == f"https://pacs.example/dicom-web/studies/{STUDY}"


def test_the_public_base_url_wins(tmp_path: Path) -> None:
    http = HttpSettings(public_base_url="https://pacs.example/archive")
    with open_site(tmp_path, http=http) as site:
        url = retrieve_url(site, Host="evil.example")
        assert url == f"https://pacs.example/archive/dicom-web/studies/{STUDY}"


@pytest.fixture
def cors_site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path, http=HttpSettings(cors_origins=("https://viewer.example",))) as site:
        yield site


def test_a_preflight_of_a_named_origin_is_answered(cors_site: Site) -> None:
    response = cors_site.request(
        "OPTIONS",
        "/studies",
        headers={
            "Origin": "https://viewer.example",
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "accept",
        },
    )
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "https://viewer.example"
    assert "accept" in response.headers["access-control-allow-headers"].lower()


@pytest.mark.parametrize(("path", "status"), [("/studies", 200), ("/studies/9.9", 404)])
def test_cors_headers_stand_on_errors_too(cors_site: Site, path: str, status: int) -> None:
    response = cors_site.get(path, Origin="https://viewer.example")
    assert response.status_code == status
    assert response.headers["access-control-allow-origin"] == "https://viewer.example"
    assert "Warning" in response.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in response.headers


def test_other_origins_get_no_cors_headers(cors_site: Site) -> None:
    for origin in ("https://evil.example", "null"):
        response = cors_site.get("/studies", Origin=origin)
        assert "access-control-allow-origin" not in response.headers

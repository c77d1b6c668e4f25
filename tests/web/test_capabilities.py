"""Retrieve Capabilities, preflights and methods that are not there (STANDARD X1 to X3)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import XML, Element

import httpx
import orjson
import pytest

from dicomweb_server.settings import Settings
from dicomweb_server.web.routes import ROUTES
from tests.site import Site, open_site

WADL = "application/vnd.sun.wadl+xml"
NAME = "{http://wadl.dev.java.net/2009/02}"
PAGE = "http://viewer.example"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path, http=Settings().http.__class__(cors_origins=(PAGE,))) as site:
        yield site


def options(site: Site, path: str = "", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return site.request("OPTIONS", path, headers=named)


def tree_of(text: str) -> Element:
    return XML(text)  # what the server under test wrote


def methods(resource: Element, path: str) -> Iterator[tuple[str, str, Element]]:
    """Path and name of each method in a tree, with its element."""
    for method in resource.findall(f"{NAME}method"):
        yield path, method.attrib["name"], method
    for below in resource.findall(f"{NAME}resource"):
        yield from methods(below, f"{path}/{below.attrib['path']}")


def test_x1_wadl_tells_every_resource_and_method(site: Site) -> None:
    response = options(site, Accept=WADL)
    assert (response.status_code, response.headers["content-type"]) == (200, WADL)
    assert "GET" in response.headers["allow"]
    application = tree_of(response.text)
    assert application.tag == f"{NAME}application"
    (resources,) = application
    assert resources.attrib == {"base": "http://127.0.0.1:8080/dicom-web"}
    told = {(path, name) for path, name, _ in methods(resources, "")}
    rows = {(row.template.removeprefix("{root}"), row.method) for row in ROUTES}
    assert told == {(path, name) for path, name in rows if path.startswith("/studies")} | {
        ("/series", "GET"),
        ("/instances", "GET"),
        ("/wado", "GET"),
    }


def test_x1_every_method_tells_its_parameters_and_media_types(site: Site) -> None:
    (resources,) = tree_of(options(site, Accept=WADL).text)
    described = {(path, name): method for path, name, method in methods(resources, "")}
    search = described["/studies", "GET"]
    names = {param.attrib["name"] for param in search.iter(f"{NAME}param")}
    required = {"limit", "offset", "includefield", "fuzzymatching", "emptyvaluematching"}
    assert required | {"multiplevaluematching", "accept", "charset", "Accept"} <= names
    assert {"PatientName", "StudyDate", "ModalitiesInStudy"} <= names
    assert "Modality" not in names
    frames = described[
        "/studies/{study}/series/{series}/instances/{instance}/frames/{frames}", "GET"
    ]
    kinds = {each.attrib["mediaType"] for each in frames.iter(f"{NAME}representation")}
    assert {'multipart/related; type="application/octet-stream"', "image/jls"} <= kinds
    store = described["/studies", "POST"]
    request = store.find(f"{NAME}request")
    assert request is not None
    taken = [each.attrib["mediaType"] for each in request.findall(f"{NAME}representation")]
    assert taken[0] == 'multipart/related; type="application/dicom"'
    for (path, name), method in described.items():
        if name != "DELETE":
            representations = list(method.iter(f"{NAME}representation"))
            assert len(representations) > 1, path
        assert method.attrib["id"], path
    ids = [method.attrib["id"] for method in described.values()]
    assert len(ids) == len(set(ids))


def test_x1_json_tells_the_same_by_the_mapping_of_annex_g(site: Site) -> None:
    response = options(site, Accept="application/json")
    assert response.headers["content-type"] == "application/json"
    resources = orjson.loads(response.content)["application"]["resources"]
    assert resources["@base"] == "http://127.0.0.1:8080/dicom-web"
    studies = next(each for each in resources["resource"] if each["@path"] == "studies")
    search = next(each for each in studies["method"] if each["@name"] == "GET")
    assert search["@id"] == "SearchForStudies"
    accepted = next(each for each in search["request"]["param"] if each["@name"] == "Accept")
    assert accepted["option"][0] == {"@value": "application/dicom+json"}
    assert search["response"][0]["representation"][0] == {"@mediaType": "application/dicom+json"}


def test_x1_a_resource_tells_itself_and_those_below_it(site: Site) -> None:
    (resources,) = tree_of(options(site, "/studies/1.2.3", Accept=WADL).text)
    (study,) = resources
    assert study.attrib["path"] == "studies/{study}"
    (param,) = study.findall(f"{NAME}param")
    assert param.attrib["name"] == "study"
    paths = {path for path, _, _ in methods(resources, "")}
    assert "/studies/{study}/metadata" in paths
    assert all(path.startswith("/studies/{study}") for path in paths)


def test_x1_wadl_is_the_default_and_other_types_are_406(site: Site) -> None:
    assert options(site, Accept="*/*").headers["content-type"] == WADL
    assert options(site, Accept="text/html").status_code == 406


def test_x2_a_preflight_is_no_retrieve_capabilities(site: Site) -> None:
    asked = {"Access_Control_Request_Method": "GET", "Accept": "*/*"}
    allowed = options(site, "/studies", Origin=PAGE, **asked)
    assert (allowed.status_code, allowed.content) == (204, b"")
    assert allowed.headers["access-control-allow-origin"] == PAGE
    foreign = options(site, "/studies", Origin="http://elsewhere.example", **asked)
    assert (foreign.status_code, foreign.content) == (204, b"")
    assert "access-control-allow-origin" not in foreign.headers
    plain = options(site, "/studies", Origin=PAGE, Accept=WADL)
    assert plain.status_code == 200
    assert plain.headers["access-control-allow-origin"] == PAGE


@pytest.mark.parametrize("row", ROUTES, ids=lambda row: f"{row.method} {row.template}")
def test_x3_a_method_that_is_not_there_is_405_with_allow(site: Site, row: object) -> None:
    template = getattr(row, "template", "")
    path = template.replace("{root}", "/dicom-web").replace("{frames}", "1")
    for name in ("{study}", "{series}", "{instance}", "{path}"):
        path = path.replace(name, "1.2.3")
    response = site.request("PATCH", f"/{path}")
    assert response.status_code == 405
    allowed = {each.method for each in ROUTES if each.template == template}
    assert allowed <= set(response.headers["allow"].split(", "))

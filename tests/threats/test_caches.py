"""No answer of any kind may be kept by a cache that several people share (T29)."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.datasets import INSTANCE, SERIES, STUDY, dataset, instance, part10
from tests.site import ANY_SYNTAX, Site, open_site

STUDY_PATH = f"/studies/{STUDY}"
SERIES_PATH = f"{STUDY_PATH}/series/{SERIES}"
ONE = f"{SERIES_PATH}/instances/{INSTANCE}"
URI = f"/wado?requestType=WADO&studyUID={STUDY}&seriesUID={SERIES}&objectUID={INSTANCE}"
XML = 'multipart/related; type="application/dicom+xml"'
JSON, PICTURE, ZIP = "application/dicom+json", "image/jpeg", "application/zip"
ANSWERS = {
    "alive": ("GET", "//livez", "*/*", 200),
    "ready": ("GET", "//readyz", "*/*", 200),
    "studies": ("GET", "/studies", JSON, 200),
    "series": ("GET", f"{STUDY_PATH}/series", JSON, 200),
    "instances": ("GET", "/instances?limit=1", JSON, 200),
    "search in XML": ("GET", "/studies", XML, 200),
    "no match": ("GET", "/studies?PatientID=nobody", JSON, None),
    "study": ("GET", STUDY_PATH, ANY_SYNTAX, 200),
    "series of files": ("GET", SERIES_PATH, ANY_SYNTAX, 200),
    "instance": ("GET", ONE, "application/dicom", 200),
    "archive": ("GET", STUDY_PATH, ZIP, 200),
    "transcoded": ("GET", ONE, "application/dicom; transfer-syntax=1.2.840.10008.1.2.5", 200),
    "metadata of a study": ("GET", f"{STUDY_PATH}/metadata", JSON, 200),
    "metadata of an instance": ("GET", f"{ONE}/metadata", JSON, 200),
    "metadata in XML": ("GET", f"{ONE}/metadata", XML, 200),
    "frame": ("GET", f"{ONE}/frames/1", "*/*", 200),
    "frame decoded": ("GET", f"{ONE}/frames/1", "application/octet-stream", 200),
    "bulk data": ("GET", f"{ONE}/bulkdata/7FE00010", "*/*", 200),
    "all bulk data": ("GET", f"{STUDY_PATH}/bulkdata", "*/*", 200),
    "pixel data": ("GET", f"{ONE}/pixeldata", "*/*", 200),
    "rendered": ("GET", f"{ONE}/rendered", PICTURE, 200),
    "rendered frame": ("GET", f"{ONE}/frames/1/rendered", PICTURE, 200),
    "rendered series": ("GET", f"{SERIES_PATH}/rendered", "*/*", None),
    "thumbnail": ("GET", f"{STUDY_PATH}/thumbnail", PICTURE, 200),
    "file by URI": ("GET", f"{URI}&contentType=application/dicom", "*/*", 200),
    "picture by URI": ("GET", URI, PICTURE, 200),
    "capabilities": ("OPTIONS", "/studies", "*/*", None),
    "bad parameter": ("GET", "/studies?limit=x", JSON, 400),
    "not there": ("GET", "/studies/9.9", ANY_SYNTAX, 404),
    "no route": ("GET", "/nothing", "*/*", 404),
    "no method": ("PUT", "/studies", "*/*", 405),
    "not acceptable": ("GET", ONE, "text/csv", 406),
    "unsupported": ("POST", "/studies", JSON, 415),
    "deleted": ("DELETE", f"{SERIES_PATH}/instances/{SERIES}.7", "*/*", 204),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("data")) as site:
        stored = site.store([part10(dataset()), instance(2), instance(7)])
        assert_not_shared(stored, changing=True)
        yield site


def assert_not_shared(response: httpx.Response, *, changing: bool) -> None:
    told = {part.strip() for part in response.headers["cache-control"].split(",")}
    assert "no-store" in told or "private" in told, told
    assert not told & {"public", "s-maxage"}
    if any(part.startswith("max-age") for part in told):
        assert "etag" in response.headers
        assert "Accept" in response.headers["vary"]
    if changing:
        assert "immutable" not in told


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_may_be_kept_by_its_own_client_alone(site: Site, name: str) -> None:
    method, path, accept, status = ANSWERS[name]
    response = site.request(method, path, headers={"Accept": accept})
    assert status in (None, response.status_code), response.text
    # What can grow has to be asked for again: all but single instances.
    changing = not (path.startswith((ONE, "/wado")) and response.status_code == 200)
    assert_not_shared(response, changing=changing or path.endswith("metadata"))


@pytest.mark.parametrize("path", [ONE, f"{ONE}/frames/1", f"{ONE}/rendered", f"{ONE}/metadata"])
def test_an_answer_that_nothing_changed_says_the_same(site: Site, path: str) -> None:
    first = site.get(path)
    again = site.get(path, If_None_Match=first.headers["etag"])
    assert again.status_code == 304
    for name in ("cache-control", "vary", "etag"):
        assert again.headers[name] == first.headers[name]


def test_a_range_that_cannot_be_had_is_kept_by_nobody(site: Site) -> None:
    response = site.get(ONE, "application/dicom", Range="bytes=99999999-")
    assert response.status_code == 416
    assert_not_shared(response, changing=True)

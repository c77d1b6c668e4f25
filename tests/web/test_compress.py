"""Content coding of answers (STANDARD N16; issue: gzip of JSON and XML only)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson
import pytest

from tests.datasets import SERIES, STUDY, instance
from tests.site import Site, open_site

ONE = f"/studies/{STUDY}/series/{SERIES}/instances/1.2.3.4.1"
XML = 'multipart/related; type="application/dicom+xml"'
METADATA = [f"/studies/{STUDY}/metadata", f"/studies/{STUDY}/series/{SERIES}/metadata"]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path) as site:
        site.store([instance(number) for number in (1, 2, 3)])
        yield site


def encoded(response: httpx.Response) -> bool:
    return str(response.headers.get("content-encoding")) == "gzip"


@pytest.mark.parametrize("path", [*METADATA, f"{ONE}/metadata"])
def test_metadata_with_gzip_is_the_plain_metadata(site: Site, path: str) -> None:
    plain = site.get(path, Accept_Encoding="identity")
    zipped = site.get(path, Accept_Encoding="gzip")
    assert encoded(zipped)
    assert not encoded(plain)
    assert zipped.content == plain.content
    assert int(zipped.headers["content-length"]) < int(plain.headers["content-length"])
    assert int(plain.headers["content-length"]) == len(plain.content)
    for response in (plain, zipped):
        assert response.headers["vary"] == "Accept, Accept-Encoding"
        assert response.headers["content-type"] == "application/dicom+json"


@pytest.mark.parametrize("path", METADATA)
def test_each_coding_has_a_tag_of_its_own_that_changes_with_the_scope(
    site: Site, path: str
) -> None:
    def tags() -> list[str]:
        codings = ("identity", "gzip")
        return [site.get(path, Accept_Encoding=coding).headers["etag"] for coding in codings]

    before = tags()
    assert before[0] != before[1]
    again = site.get(path, Accept_Encoding="gzip", If_None_Match=before[1])
    assert (again.status_code, again.headers["vary"]) == (304, "Accept, Accept-Encoding")
    site.store([instance(4)])
    added = tags()
    assert not set(before) & set(added)
    site.request("DELETE", ONE)
    assert not (set(before) | set(added)) & set(tags())


def test_search_results_above_a_kibibyte_are_gzipped(site: Site) -> None:
    path = f"/studies/{STUDY}/instances"
    zipped = site.get(path, "application/dicom+json", Accept_Encoding="gzip")
    plain = site.get(path, "application/dicom+json", Accept_Encoding="identity")
    assert encoded(zipped)
    assert zipped.content == plain.content
    assert "accept-encoding" in zipped.headers["vary"].lower()
    empty = site.get("/studies?PatientID=nobody", Accept_Encoding="gzip")
    assert not encoded(empty)
    assert orjson.loads(empty.content) == []


@pytest.mark.parametrize("path", [METADATA[0], f"/studies/{STUDY}/instances"])
def test_xml_is_gzipped_too(site: Site, path: str) -> None:
    zipped = site.get(path, XML, Accept_Encoding="gzip")
    assert encoded(zipped)
    assert zipped.content.count(b"<NativeDicomModel") == 3


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        (METADATA[0], "*/*"),
        (METADATA[1], XML),
        (f"/studies/{STUDY}/instances", "*/*"),
        (f"/studies/{STUDY}/instances", XML),
    ],
)
def test_zstd_is_sent_where_it_is_wanted_more_than_gzip(site: Site, path: str, accept: str) -> None:
    plain = site.get(path, accept, Accept_Encoding="identity")
    packed = site.get(path, accept, Accept_Encoding="zstd, gzip;q=0.5")
    assert packed.headers["content-encoding"] == "zstd"
    assert packed.headers.get("etag", "packed") != plain.headers.get("etag", "plain")
    body = packed.content  # the client has decoded it
    if accept == XML:  # each answer has a boundary of its own
        assert body.count(b"<NativeDicomModel") == plain.content.count(b"<NativeDicomModel")
    else:
        assert body == plain.content


def test_pixels_and_dicom_are_never_encoded(site: Site) -> None:
    for path in (ONE, f"{ONE}/frames/1", f"{ONE}/bulkdata/7FE00010", f"/studies/{STUDY}"):
        response = site.get(path, Accept_Encoding="gzip, *;q=0.5, identity;q=0")
        assert response.status_code == 200
        assert "content-encoding" not in response.headers


def test_store_responses_stay_plain(site: Site) -> None:
    response = site.store([instance(9)])
    assert "content-encoding" not in response.headers
    assert response.headers["content-type"] == "application/dicom+json"


def test_what_excludes_every_coding_is_406(site: Site) -> None:
    response = site.get(METADATA[0], Accept_Encoding="identity;q=0, br")
    assert response.status_code == 406
    assert "gzip" in orjson.loads(response.content)["hint"]


def test_head_tells_the_length_of_the_gzipped_form(site: Site) -> None:
    headers = {"Accept": "*/*", "Accept-Encoding": "gzip"}
    head = site.request("HEAD", METADATA[0], headers=headers)
    assert encoded(head)
    full = site.get(METADATA[0], Accept_Encoding="gzip")
    assert head.headers["content-length"] == full.headers["content-length"]

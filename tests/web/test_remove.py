"""Deletion and its condition (an extension; RFC 9110 13.1.1)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.datasets import SERIES, STUDY, instance
from tests.site import ANY_SYNTAX, Site, open_site

STUDY_PATH = f"/studies/{STUDY}"
PATHS = (
    STUDY_PATH,
    f"{STUDY_PATH}/series/{SERIES}",
    f"{STUDY_PATH}/series/{SERIES}/instances/{SERIES}.1",
)
XML = 'multipart/related; type="application/dicom+xml"'


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path) as site:
        site.store([instance(1), instance(2)])
        yield site


def delete(site: Site, path: str, **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return site.request("DELETE", path, headers=named).status_code


@pytest.mark.parametrize("path", PATHS)
def test_if_match_with_the_tag_of_the_metadata(site: Site, path: str) -> None:
    for accept, coding in (("*/*", "identity"), ("*/*", "gzip"), (XML, "zstd, gzip;q=0.1")):
        tag = site.get(f"{path}/metadata", accept, Accept_Encoding=coding).headers["etag"]
        assert delete(site, path, If_Match='"another"') == 412
        assert delete(site, path, If_Match=f'"another", {tag}') == 204
        assert site.get(f"{path}/metadata").status_code == 404
        site.store([instance(1), instance(2)])


@pytest.mark.parametrize("path", PATHS)
def test_if_match_with_the_tag_of_the_files_as_they_were_accepted(site: Site, path: str) -> None:
    tag = site.get(path, ANY_SYNTAX).headers["etag"]
    assert delete(site, path, If_Match=tag, Accept=ANY_SYNTAX) == 204


def test_a_tag_of_before_deletes_nothing(site: Site) -> None:
    tag = site.get(f"{STUDY_PATH}/metadata").headers["etag"]
    site.store([instance(3)])
    response = site.request("DELETE", STUDY_PATH, headers={"If-Match": tag})
    assert response.status_code == 412
    assert "ETag" in response.json()["hint"]
    assert site.get(f"{STUDY_PATH}/metadata").status_code == 200


def test_a_star_means_whatever_is_there(site: Site) -> None:
    assert delete(site, STUDY_PATH, If_Match="*") == 204
    assert delete(site, STUDY_PATH, If_Match="*") == 404

"""QIDO-RS over HTTP: headers, paging, warnings (PS3.18 10.6)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.datasets import SERIES, STUDY, dataset, instance, part10
from tests.site import Site, open_site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path) as site:
        studies = [
            part10(
                dataset(
                    StudyInstanceUID=f"1.{number}",
                    SeriesInstanceUID=f"1.{number}.1",
                    SOPInstanceUID=f"1.{number}.1.1",
                    StudyDate=f"202401{number:02}",
                    PatientName=f"Doe^Jane{number}",
                )
            )
            for number in range(1, 6)
        ]
        assert site.store(studies).status_code == 200
        yield site


def uids(site: Site, query: str) -> list[object]:
    rows = site.search(f"/studies?{query}")
    return [row["0020000D"]["Value"][0] for row in rows]  # type: ignore[index] # a UID


def test_zero_hits_are_200_with_an_empty_list(site: Site) -> None:
    response = site.get("/studies?PatientID=nobody", "application/dicom+json")
    assert (response.status_code, response.content) == (200, b"[]")
    assert response.headers["content-type"] == "application/dicom+json"


def test_newest_studies_come_first(site: Site) -> None:
    assert uids(site, "") == ["1.5", "1.4", "1.3", "1.2", "1.1"]


def test_limit_and_offset_page_and_the_rest_is_told(site: Site) -> None:
    response = site.get("/studies?limit=2&offset=1", "application/dicom+json")
    rows = orjson.loads(response.content)
    assert [row["0020000D"]["Value"][0] for row in rows] == ["1.4", "1.3"]
    told = "There are 2 additional results that can be requested"
    assert response.headers["warning"].startswith("299 ")
    assert told in response.headers["warning"]


def test_an_offset_beyond_the_end_is_an_empty_list(site: Site) -> None:
    assert uids(site, "offset=99") == []


def test_the_next_link_walks_every_match_once_while_data_arrive(site: Site) -> None:
    path, seen = "/studies?limit=2&PatientName=doe*", []
    for _ in range(9):
        response = site.get(path, "application/dicom+json")
        seen += [row["0020000D"]["Value"][0] for row in orjson.loads(response.content)]
        site.store([part10(dataset(StudyInstanceUID=f"7.{len(seen)}", StudyDate="20300101"))])
        link = response.headers.get("link")
        if link is None:
            break
        assert link.endswith('>; rel="next"')
        path = link[1 : link.index(">")].removeprefix("http://127.0.0.1:8080/dicom-web")
    assert seen == ["1.5", "1.4", "1.3", "1.2", "1.1"]


def test_order_by_an_attribute_both_ways(site: Site) -> None:
    assert uids(site, "orderby=StudyDate") == ["1.1", "1.2", "1.3", "1.4", "1.5"]
    assert uids(site, "orderby=-PatientName&limit=1") == ["1.5"]


def test_an_unknown_key_is_ignored_with_a_warning(site: Site) -> None:
    response = site.get("/studies?NoSuchThing=1", "application/dicom+json")
    assert response.status_code == 200
    assert len(orjson.loads(response.content)) == 5
    assert "NoSuchThing" in response.headers["warning"]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("StudyDate=yesterday", "StudyDate"),
        ("limit=-1", "limit"),
        ("fuzzymatching=perhaps", "fuzzymatching"),
        ("StudyInstanceUID=a.b", "StudyInstanceUID"),
        ("cursor=nonsense", "cursor"),
    ],
)
def test_a_bad_value_is_400_naming_its_parameter(site: Site, query: str, name: str) -> None:
    response = site.get(f"/studies?{query}", "application/dicom+json")
    assert response.status_code == 400
    problem = orjson.loads(response.content)
    assert name in problem["detail"]
    assert problem["hint"]


@pytest.mark.parametrize(
    "path",
    [
        "/series?Modality=CT",
        "/studies/1.2/series",
        "/instances",
        "/studies/1.2/instances",
        "/studies/1.2/series/1.2.1/instances",
    ],
)
def test_every_resource_answers_with_the_uids_above(site: Site, path: str) -> None:
    rows = site.search(path)
    assert rows
    for row in rows:
        assert "Value" in row["0020000D"]
        assert str(row["00081190"]["Value"]).startswith("['http://127.0.0.1:8080/dicom-web/")


def test_a_search_below_an_unknown_study_is_an_empty_list(site: Site) -> None:
    assert site.search("/studies/9.9/series") == []


def test_included_attributes_may_come_from_the_whole_instance(site: Site) -> None:
    site.store([instance(1, PixelSpacing=["0.5", "0.25"])])
    path = f"/studies/{STUDY}/series/{SERIES}/instances?includefield=PixelSpacing%2CRows"
    (row,) = site.search(path)
    assert row["00280030"] == {"vr": "DS", "Value": [0.5, 0.25]}
    assert row["00280010"] == {"vr": "US", "Value": [4]}


def test_answers_come_as_xml_parts_when_asked(site: Site) -> None:
    response = site.get("/studies?limit=1", 'multipart/related; type="application/dicom+xml"')
    assert response.status_code == 200
    assert b"NativeDicomModel" in response.content


@pytest.mark.parametrize("query", ["", "limit=2", "limit=2&offset=1", "offset=4"])
def test_the_total_is_told_on_every_page(site: Site, query: str) -> None:
    response = site.get(f"/studies?{query}", "application/dicom+json")
    assert response.headers["x-total-count"] == "5"

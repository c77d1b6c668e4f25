"""STOW-RS: each part stands alone, and what is acknowledged is there (PS3.18 10.5)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from dicomweb_server.model.outcome import DuplicatePolicy
from dicomweb_server.settings import StoreSettings
from tests.datasets import STUDY, dataset, instance, part10
from tests.site import Site, multipart, open_site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path) as site:
        yield site


def stored_uids(module: dict[str, dict[str, list[dict[str, dict[str, list[str]]]]]]) -> list[str]:
    items = module.get("00081199", {}).get("Value", [])
    return [item["00081155"]["Value"][0] for item in items]


def test_all_stored_is_200_with_the_response_module(site: Site) -> None:
    response = site.store([instance(1), instance(2)])
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/dicom+json"
    module = orjson.loads(response.content)
    assert stored_uids(module) == ["1.2.3.4.1", "1.2.3.4.2"]
    url = module["00081199"]["Value"][0]["00081190"]["Value"][0]
    assert url == "http://127.0.0.1:8080/dicom-web/studies/1.2.3/series/1.2.3.4/instances/1.2.3.4.1"


def test_one_bad_part_harms_no_other_and_the_answer_is_202(site: Site) -> None:
    response = site.store([instance(1), b"this is no DICOM", instance(2)])
    assert response.status_code == 202
    module = orjson.loads(response.content)
    assert len(stored_uids(module)) == 2
    assert module["0008119A"]["Value"][0]["00081197"]["Value"][0] >= 0xC000
    assert len(site.search("/instances")) == 2


def test_none_stored_is_409_with_reasons(site: Site) -> None:
    response = site.store([part10(dataset(StudyInstanceUID="1.9"))], f"/studies/{STUDY}")
    assert response.status_code == 409
    item = orjson.loads(response.content)["00081198"]["Value"][0]
    assert item["00081197"]["Value"] == [0xA900]
    assert item["00081155"]["Value"] == ["1.2.3.4.5"]
    assert "1.2.3.4.5: Study Instance UID differs" in response.headers["warning"]


def test_a_single_instance_may_come_as_the_body_itself(site: Site) -> None:
    response = site.request(
        "POST", "/studies", headers={"Content-Type": "application/dicom"}, content=instance()
    )
    assert response.status_code == 200
    assert len(site.search("/instances")) == 1


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/related; type=application/dicom; boundary=limit",
        "multipart/related; boundary=limit",
        'Multipart/Related; boundary="limit"; type="application/dicom";',
    ],
)
def test_content_type_may_be_quoted_or_not(site: Site, content_type: str) -> None:
    body = multipart([instance()])
    response = site.request(
        "POST", "/studies", headers={"Content-Type": content_type}, content=body
    )
    assert response.status_code == 200, response.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 415),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": 'multipart/related; type="image/jpeg"; boundary=limit'}, 415),
        ({"Content-Type": 'multipart/related; type="application/dicom"'}, 400),
        ({"Content-Type": "application/dicom", "Content-Encoding": "gzip"}, 415),
    ],
)
def test_wrong_content_is_refused_with_a_problem_document(
    site: Site, headers: dict[str, str], status: int
) -> None:
    response = site.request("POST", "/studies", headers=headers, content=multipart([instance()]))
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = orjson.loads(response.content)
    assert problem["status"] == status
    assert problem["hint"]


@pytest.mark.parametrize("body", [b"", b"\r\n--limit--", b"--limit--\r\n"])
def test_a_body_without_an_instance_is_400(site: Site, body: bytes) -> None:
    response = site.request(
        "POST",
        "/studies",
        headers={"Content-Type": 'multipart/related; type="application/dicom"; boundary=limit'},
        content=body,
    )
    assert response.status_code == 400


def test_a_cut_off_multipart_body_stores_nothing(site: Site) -> None:
    body = multipart([instance(1), instance(2)])[:-20]
    response = site.request(
        "POST",
        "/studies",
        headers={"Content-Type": 'multipart/related; type="application/dicom"; boundary=limit'},
        content=body,
    )
    assert response.status_code == 400
    assert site.search("/instances") == []


def test_the_same_bytes_again_are_200_and_one_row(site: Site, tmp_path: Path) -> None:
    assert site.store([instance()]).status_code == 200
    assert site.store([instance(), instance()]).status_code == 200
    assert len(site.search("/instances")) == 1
    assert len([path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]) == 1


def test_other_bytes_are_kept_out_with_a_warning_by_default(site: Site) -> None:
    site.store([instance(PatientID="first")])
    response = site.store([instance(PatientID="second")])
    assert response.status_code == 202
    item = orjson.loads(response.content)["00081199"]["Value"][0]
    assert "00081196" in item
    assert site.search("/studies")[0]["00100020"]["Value"] == ["first"]


def test_other_bytes_take_the_place_under_replace(tmp_path: Path) -> None:
    with open_site(tmp_path, store=StoreSettings(duplicates=DuplicatePolicy.REPLACE)) as site:
        site.store([instance(PatientID="first")])
        assert site.store([instance(PatientID="second")]).status_code == 200
        assert site.search("/studies")[0]["00100020"]["Value"] == ["second"]
        assert len(site.search("/instances")) == 1


def test_under_replace_the_last_part_of_a_request_stays_also_when_it_was_there(
    tmp_path: Path,
) -> None:
    first, second = instance(PatientID="first"), instance(PatientID="second")
    with open_site(tmp_path, store=StoreSettings(duplicates=DuplicatePolicy.REPLACE)) as site:
        site.store([second])
        assert site.store([first, second]).status_code == 200
        assert site.search("/studies")[0]["00100020"]["Value"] == ["second"]
        assert site.store([second, first]).status_code == 200
        assert site.search("/studies")[0]["00100020"]["Value"] == ["first"]


def test_other_bytes_are_refused_under_reject(tmp_path: Path) -> None:
    with open_site(tmp_path, store=StoreSettings(duplicates=DuplicatePolicy.REJECT)) as site:
        site.store([instance(PatientID="first")])
        response = site.store([instance(PatientID="second")])
        assert response.status_code == 409
        failed = orjson.loads(response.content)["00081198"]["Value"][0]
        assert failed["00081197"]["Value"] == [0x0111]


def test_the_answer_comes_as_xml_when_asked(site: Site) -> None:
    response = site.request(
        "POST",
        "/studies",
        headers={"Content-Type": "application/dicom", "Accept": "application/dicom+xml"},
        content=instance(),
    )
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/dicom+xml"
    assert b"NativeDicomModel" in response.content


def test_a_part_that_is_too_large_fails_alone(tmp_path: Path) -> None:
    with open_site(tmp_path, store=StoreSettings(max_instance_bytes=5000)) as site:
        response = site.store([instance(1), b"x" * 6000, instance(2)])
        assert response.status_code == 202
        assert len(site.search("/instances")) == 2


def test_a_file_without_preamble_is_stored_with_one(site: Site) -> None:
    whole = instance()
    assert site.store([whole[132:]]).status_code == 200
    stored = site.get("/studies/1.2.3/series/1.2.3.4/instances/1.2.3.4.1", "application/dicom")
    assert stored.content == whole
    assert site.store([whole]).status_code == 200
    assert len(site.search("/instances")) == 1


@pytest.mark.parametrize("junk", [b"", b"x", b"\x02\x00\x10\x00", b"\x02\x00\x10\x00UI\x04\x00"])
def test_a_few_bytes_are_refused_like_any_other_junk(site: Site, junk: bytes) -> None:
    assert site.store([junk]).status_code == 409


def test_thousands_of_instances_come_in_one_request(site: Site) -> None:
    response = site.store([instance(number) for number in range(1, 1001)])
    assert response.status_code == 200
    assert site.search("/studies")[0]["00201208"]["Value"] == [1000]

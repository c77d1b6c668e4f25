"""Negotiation through HTTP: refusals that explain themselves, strictness, labels, caching."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson
import pytest
from pydicom.encaps import encapsulate

from dicomweb_server.settings import HttpSettings
from tests.datasets import INSTANCE, SERIES, STUDY, dataset, instance, part10
from tests.site import Site, open_site

ONE = f"/studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}"
METADATA = f"{ONE}/metadata"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"
DICOM = 'multipart/related; type="application/dicom"'
OCTETS = 'multipart/related; type="application/octet-stream"'


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path) as site:
        made = dataset(PixelData=encapsulate([b"\xff\xd8\xff\xd9"]))
        made["PixelData"].VR = "OB"
        site.store([part10(made, JPEG_LOSSLESS)])
        yield site


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path, http=HttpSettings(strict_accept=True)) as site:
        site.store([part10(dataset())])
        yield site


def without_accept(site: Site, path: str) -> httpx.Response:
    return site.request("GET", path, headers={"Accept": ""})


@pytest.mark.parametrize(
    ("path", "accept", "offered"),
    [
        (ONE, DICOM, f"application/dicom; transfer-syntax={JPEG_LOSSLESS}"),
        (f"{ONE}/frames/1", OCTETS, f"image/jpeg; transfer-syntax={JPEG_LOSSLESS}"),
        (f"{ONE}/bulkdata", OCTETS, f"application/octet-stream; transfer-syntax={JPEG_LOSSLESS}"),
        (f"{ONE}/pixeldata", "image/jls", f"image/jpeg; transfer-syntax={JPEG_LOSSLESS}"),
    ],
)
def test_n2_a_refusal_tells_what_is_stored_and_what_would_work(
    site: Site, path: str, accept: str, offered: str
) -> None:
    response = site.get(path, accept)
    assert response.status_code == 406
    problem = orjson.loads(response.content)
    assert problem["asked"]
    assert problem["stored"] == f"{JPEG_LOSSLESS} (JPEG Lossless (Process 14 SV1))"
    assert offered in problem["offered"]
    works = offered if "frames" in path else f"multipart/related; type={offered}"
    assert site.get(path, works).status_code == 200


@pytest.mark.parametrize("path", [METADATA, "/studies", ONE, f"{ONE}/frames/1"])
def test_n2_a_type_that_does_not_exist_here_is_refused_with_the_offer(
    site: Site, path: str
) -> None:
    response = site.get(path, "image/x-nothing;q=0.5, text/csv")
    assert response.status_code == 406
    problem = orjson.loads(response.content)
    assert problem["asked"] == ["image/x-nothing;q=0.5", "text/csv"]
    assert site.get(path, f"{problem['offered'][0]}; transfer-syntax=*").status_code == 200


def test_n1_no_accept_is_answered_unless_strict(site: Site, strict: Site) -> None:
    for path in (METADATA, "/studies"):
        assert without_accept(site, path).status_code == 200
    for path in (METADATA, "/studies", ONE, f"{METADATA}?accept=application/dicom%2Bjson"):
        refused = without_accept(strict, path)
        assert refused.status_code == 406
        assert "Accept" in orjson.loads(refused.content)["detail"]
        assert strict.get(path).status_code == 200


@pytest.mark.parametrize("accept", ["*/*", "application/*;q=0.1", "text/html, */*;q=0.01"])
def test_n3_a_wildcard_means_the_default(site: Site, accept: str) -> None:
    assert site.get(METADATA, accept).headers["content-type"] == "application/dicom+json"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ('application/dicom+json;q=0.1, multipart/related;type="application/dicom+xml"', "multip"),
        ("application/dicom+json;q=1, */*;q=0.9", "application/dicom+json"),
        ("nonsense, application/dicom+json", "application/dicom+json"),
        ("application/dicom+json;q=2, application/dicom+json", "application/dicom+json"),
        ("*/*, application/dicom+json;q=0", "multipart/related"),
    ],
)
def test_n4_quality_decides_and_malformed_members_do_not_count(
    site: Site, accept: str, kind: str
) -> None:
    assert site.get(METADATA, accept).headers["content-type"].startswith(kind)


def test_n5_dicom_and_rendered_types_together_are_400(site: Site, strict: Site) -> None:
    mixed = "application/dicom+json, image/png"
    assert strict.get(METADATA, mixed).status_code == 400
    assert site.get(METADATA, mixed).status_code == 200
    parameter = "?accept=application/dicom%2Bjson,image/png"
    assert site.get(METADATA + parameter).status_code == 400


@pytest.mark.parametrize("syntax", ["*", '"*"', JPEG_LOSSLESS, f'"{JPEG_LOSSLESS}"'])
def test_n6_n7_transfer_syntaxes_are_honoured(site: Site, syntax: str) -> None:
    response = site.get(ONE, f"application/dicom; transfer-syntax={syntax}")
    assert response.headers["content-type"].endswith(JPEG_LOSSLESS)


def test_n8_without_a_transfer_syntax_it_is_the_default_of_the_type(site: Site) -> None:
    assert site.get(ONE, "application/dicom").status_code == 406
    assert site.get(f"{ONE}/frames/1", "image/jpeg").status_code == 200
    assert site.get(f"{ONE}/frames/1", "image/jls").status_code == 406


def test_35_text_is_labelled_where_a_character_set_is_named(site: Site, strict: Site) -> None:
    plain, label = "application/dicom+json", "application/dicom+json; charset=utf-8"
    for path in (METADATA, "/studies"):
        assert site.get(path).headers["content-type"] == plain
        assert site.get(f"{path}?charset=utf-8").headers["content-type"] == label
        assert site.get(path, Accept_Charset="utf-8").headers["content-type"] == label
        assert site.get(path, Accept_Charset="koi8-r").headers["content-type"] == plain
        assert strict.get(path, Accept_Charset="koi8-r").status_code == 406
        assert site.get(f"{path}?charset=*").status_code == 400


def test_35_store_responses_keep_their_exact_type(site: Site) -> None:
    response = site.request(
        "POST",
        "/studies",
        headers={
            "Content-Type": "application/dicom",
            "Accept": "application/dicom+json",
            "Accept-Charset": "utf-8",
        },
        content=instance(7),
    )
    assert response.headers["content-type"] == "application/dicom+json"


def test_answers_of_private_data_are_kept_by_the_client_alone(site: Site) -> None:
    for path in ("/studies", METADATA, f"{ONE}/frames/1", f"{ONE}/bulkdata", f"/studies/{STUDY}"):
        control = site.get(path).headers["cache-control"].split(", ")
        assert control[0] == "private", path
        assert "no-cache" in control or "immutable" in control, path


def test_errors_and_store_responses_are_kept_by_nobody(site: Site) -> None:
    answers = [
        site.store([instance(3)]),
        site.get("/studies/9.9"),
        site.get("/nothing"),
        site.get("/studies?limit=x"),
        site.request("PATCH", "/studies"),
        site.request("DELETE", f"/studies/{STUDY}"),
    ]
    assert [answer.headers["cache-control"] for answer in answers] == ["no-store"] * 6


def test_the_time_that_was_spent_waiting_is_told_by_what_it_was_spent_on(site: Site) -> None:
    def waits(response: httpx.Response) -> dict[str, float]:
        members = response.headers["server-timing"].split(", ")
        pairs = (member.split(";dur=") for member in members)
        return {name: float(milliseconds) for name, milliseconds in pairs}

    search = waits(site.get("/studies"))
    assert set(search) == {"index", "total"}
    assert search["index"] <= search["total"]
    assert set(waits(site.store([instance(9)]))) == {"index", "store", "total"}
    assert set(waits(site.get("/nothing"))) == {"total"}


@pytest.mark.parametrize("path", ["/studies", METADATA, "/nothing", "//livez"])
def test_every_answer_tells_how_long_it_took(site: Site, path: str) -> None:
    members = site.get(path).headers["server-timing"].split(", ")
    name, _, rest = members[-1].partition(";dur=")
    assert name == "total"
    assert float(rest.partition(",")[0]) >= 0


def test_answers_vary_with_the_origin_where_origins_are_named(tmp_path: Path) -> None:
    with open_site(tmp_path, http=HttpSettings(cors_origins=("https://viewer.example",))) as site:
        for headers in ({}, {"Origin": "https://viewer.example"}, {"Origin": "https://x.example"}):
            response = site.request("GET", "/studies", headers=headers)
            assert "Origin" in response.headers["vary"]
            assert ("timing-allow-origin" in response.headers) == ("viewer" in str(headers))

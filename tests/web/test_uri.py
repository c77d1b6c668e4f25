"""WADO-URI: rows V1 to V12 of the standard over the whole server (PS3.18 9)."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import (
    MPEG4HP41,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from dicomweb_server.settings import Settings
from tests.datasets import INSTANCE, SERIES, STUDY, dataset, part10
from tests.site import Site, open_site

EXPLICIT = "1.2.840.10008.1.2.1"
PLACES = ("", "/wado")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path) as site:
        yield site


def asked(site: Site, place: str = "/wado", accept: str = "*/*", **more: str) -> httpx.Response:
    parameters = {
        "requestType": "WADO",
        "studyUID": STUDY,
        "seriesUID": SERIES,
        "objectUID": INSTANCE,
        **more,
    }
    return site.get(f"{place}?{urlencode(parameters)}", accept)


def file_of(site: Site, **more: str) -> httpx.Response:
    return asked(site, contentType="application/dicom", **more)


@pytest.mark.parametrize("place", PLACES)
def test_v2_the_file_comes_as_application_dicom_without_parameters(site: Site, place: str) -> None:
    data = part10(dataset())
    site.store([data])
    response = asked(site, place, contentType="application/dicom")
    assert (response.status_code, response.content) == (200, data)
    assert response.headers["content-type"] == "application/dicom"
    assert asked(site, place, "application/dicom").content == data


def test_v12_the_answer_tells_where_the_instance_lies(site: Site) -> None:
    site.store([part10(dataset())])
    response = file_of(site)
    path = f"/dicom-web/studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}"
    assert response.headers["content-location"].endswith(path)
    assert int(response.headers["content-length"]) == len(response.content)


@pytest.mark.parametrize(
    "stored", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_v6_without_transfer_syntax_it_is_explicit_little_endian(site: Site, stored: str) -> None:
    site.store([part10(dataset(), stored)])
    for more in ({}, {"transferSyntax": EXPLICIT}):
        found = dcmread(BytesIO(file_of(site, **more).content))
        assert found.file_meta.TransferSyntaxUID == EXPLICIT
        assert found.PatientName == "Doe^Jane"
        assert len(found.PixelData) == 32


def test_v6_a_star_means_as_stored(site: Site) -> None:
    data = part10(dataset(), DeflatedExplicitVRLittleEndian)
    site.store([data])
    assert file_of(site, transferSyntax="*").content == data
    assert file_of(site, transferSyntax=DeflatedExplicitVRLittleEndian).content == data


def test_v6_files_are_transcoded(site: Site) -> None:
    site.store([part10(dataset())])
    for syntax in (JPEGLSLossless, JPEG2000Lossless, RLELossless):
        found = dcmread(BytesIO(file_of(site, transferSyntax=syntax).content))
        assert found.file_meta.TransferSyntaxUID == syntax
        assert found.pixel_array.tobytes() == bytes(range(32))


def test_v6_video_comes_as_it_is_stored_unless_something_else_is_asked_for(site: Site) -> None:
    made = dataset(PixelData=encapsulate([b"\0\0\0\x18ftypmp42" + bytes(20)], has_bot=False))
    made["PixelData"].VR, made["PixelData"].is_undefined_length = "OB", True
    data = part10(made, MPEG4HP41)
    site.store([data])
    assert file_of(site).content == data
    assert file_of(site, transferSyntax=EXPLICIT).status_code == 406


def test_v6_transfer_syntaxes_that_cannot_be(site: Site) -> None:
    site.store([part10(dataset())])
    for syntax in ("1.2.3.4.5", ImplicitVRLittleEndian, ExplicitVRBigEndian):
        response = file_of(site, transferSyntax=syntax)
        assert response.status_code == 406
        assert response.json()["offered"]
    assert file_of(site, transferSyntax="nonsense").status_code == 400


def test_v1_what_is_not_there(site: Site) -> None:
    site.store([part10(dataset())])
    for name in ("studyUID", "seriesUID", "objectUID"):
        assert file_of(site, **{name: "1.2.404"}).status_code == 404
        assert file_of(site, **{name: "x"}).status_code == 400
    assert file_of(site, requestType="FETCH").status_code == 400
    assert site.get("/wado").status_code == 400


def test_v4_anonymization_is_refused_with_a_reason(site: Site) -> None:
    site.store([part10(dataset())])
    response = file_of(site, anonymize="yes")
    assert response.status_code == 501
    assert "de-identify" in response.json()["detail"]
    assert response.json()["hint"]
    assert file_of(site, anonymize="no").status_code == 400


def test_parameters_of_the_other_transaction_are_told_of(site: Site) -> None:
    site.store([part10(dataset())])
    response = file_of(site, rows="5", imageQuality="3")
    assert response.status_code == 200
    told = response.headers.get_list("warning")
    assert len(told) == 2
    assert any("rows" in text for text in told)


def test_the_root_without_its_parameters_is_still_the_page(site: Site) -> None:
    response = site.get("", "text/html")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert site.get("?utm_source=mail", "text/html").status_code == 200


def test_ranges_heads_and_tags_work_as_elsewhere(site: Site) -> None:
    data = part10(dataset())
    site.store([data])
    first = file_of(site)
    query = str(first.request.url.query, "ascii")
    part = site.get(f"/wado?{query}", Range="bytes=128-131")
    assert (part.status_code, part.content) == (206, b"DICM")
    known = site.get(f"/wado?{query}", If_None_Match=first.headers["etag"])
    assert known.status_code == 304
    head = site.request("HEAD", f"/wado?{query}")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(data))


def test_strict_servers_want_an_accept_header_for_rendered_media_types_only(
    tmp_path: Path,
) -> None:
    http = Settings().http.__class__(strict_accept=True)
    with open_site(tmp_path, http=http) as site:
        data = part10(dataset())
        site.store([data])
        assert file_of(site, accept="").content == data
        assert asked(site, accept="").status_code == 406

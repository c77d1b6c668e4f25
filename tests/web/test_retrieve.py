"""WADO-RS: what went in comes out (PS3.18 10.4)."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import orjson
import pydicom
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)

from tests.datasets import INSTANCE, SERIES, STUDY, dataset, instance, part10
from tests.site import ANY_SYNTAX, Site, open_site, parts_of

EXPLICIT = "1.2.840.10008.1.2.1"
OCTETS = 'multipart/related; type="application/octet-stream"'
ONE = f"/studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path) as site:
        yield site


def test_stored_bytes_come_back_identical(site: Site) -> None:
    files = [instance(1), instance(2), instance(3)]
    site.store(files)
    response = site.get(f"/studies/{STUDY}", ANY_SYNTAX)
    assert response.status_code == 200
    parts = parts_of(response)
    assert [body for _, body in parts] == files
    headers = parts[0][0]
    assert next(iter(headers)) == "Content-Type"
    assert headers["Content-Type"] == f"application/dicom; transfer-syntax={EXPLICIT}"
    assert headers["Content-Location"].endswith("/instances/1.2.3.4.1")


def test_a_study_of_thousands_is_sent_without_keeping_a_list_of_it(site: Site) -> None:
    files = [instance(number) for number in range(1, 1101)]
    site.store(files)
    response = site.get(f"/studies/{STUDY}", ANY_SYNTAX)
    assert response.status_code == 200
    assert int(response.headers["content-length"]) == len(response.content)
    assert sorted(body for _, body in parts_of(response)) == sorted(files)
    again = site.get(f"/studies/{STUDY}", ANY_SYNTAX, If_None_Match=response.headers["etag"])
    assert again.status_code == 304


def test_the_length_of_a_multipart_answer_is_told(site: Site) -> None:
    site.store([instance(1), instance(2)])
    response = site.get(f"/studies/{STUDY}", ANY_SYNTAX)
    assert int(response.headers["content-length"]) == len(response.content)


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_native_syntaxes_are_rewritten_to_explicit_little_endian(site: Site, syntax: str) -> None:
    original = part10(dataset(), syntax)
    site.store([original])
    response = site.get(ONE, "application/dicom")
    assert response.status_code == 200
    assert response.headers["content-type"] == f"application/dicom; transfer-syntax={EXPLICIT}"
    assert int(response.headers["content-length"]) == len(response.content)
    made = pydicom.dcmread(BytesIO(response.content))
    assert made.file_meta.TransferSyntaxUID == EXPLICIT
    expected = pydicom.dcmread(BytesIO(original))
    assert (made.pixel_array == expected.pixel_array).all()
    for name in ("PatientName", "StudyDate", "Rows"):
        assert made[name].value == expected[name].value


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_implicit_and_big_endian_never_travel(site: Site, syntax: str) -> None:
    site.store([part10(dataset(), syntax)])
    (headers, _), *_ = parts_of(site.get(ONE, ANY_SYNTAX))
    assert headers["Content-Type"].endswith(EXPLICIT)
    asked = f'multipart/related; type="application/dicom"; transfer-syntax={syntax}'
    assert site.get(ONE, asked).status_code == 406


@pytest.mark.parametrize(
    "syntax",
    [EXPLICIT, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian],
)
def test_frames_are_little_endian_whatever_is_stored(site: Site, syntax: str) -> None:
    pixels = bytes(range(96))
    made = dataset(NumberOfFrames=3, PixelData=pixels)
    if syntax == ExplicitVRBigEndian:
        swapped = bytearray(pixels)
        swapped[::2], swapped[1::2] = pixels[1::2], pixels[::2]
        made.PixelData = bytes(swapped)
    site.store([part10(made, syntax)])
    response = site.get(f"{ONE}/frames/1,3", OCTETS)
    assert response.status_code == 200
    parts = parts_of(response)
    assert [body for _, body in parts] == [pixels[:32], pixels[64:]]
    assert parts[1][0]["Content-Type"] == f"application/octet-stream; transfer-syntax={EXPLICIT}"
    assert parts[1][0]["Content-Location"].endswith("/frames/3")


def test_a_frame_out_of_range_is_404_naming_the_number_of_frames(site: Site) -> None:
    site.store([part10(dataset())])
    response = site.get(f"{ONE}/frames/2", OCTETS)
    assert response.status_code == 404
    assert "1 frame" in response.text


@pytest.mark.parametrize("frames", ["0", "-1", "a", "1,,2", ""])
def test_frame_lists_that_are_none_are_400(site: Site, frames: str) -> None:
    site.store([part10(dataset())])
    assert site.get(f"{ONE}/frames/{frames}", OCTETS).status_code in (400, 404)


@pytest.mark.parametrize(
    "path",
    [
        "/studies/9.9",
        f"/studies/{STUDY}/series/9.9",
        f"/studies/{STUDY}/series/{SERIES}/instances/9.9",
        f"/studies/9.9/series/{SERIES}/instances/{INSTANCE}",
        f"/studies/{STUDY}/series/9.9/instances/{INSTANCE}",
    ],
)
def test_what_is_not_there_is_404(site: Site, path: str) -> None:
    site.store([part10(dataset())])
    for tail in ("", "/metadata"):
        assert site.get(path + tail).status_code == 404, path + tail
    if "instances" in path:
        assert site.get(f"{path}/frames/1").status_code == 404
        assert site.get(f"{path}/bulkdata/7FE00010").status_code == 404


def test_identifiers_that_are_no_uids_are_400(site: Site) -> None:
    assert site.get("/studies/not-a-uid").status_code == 400
    assert site.get("/studies/" + "1" * 65).status_code == 400


def test_every_bulk_data_uri_resolves_to_the_exact_bytes(site: Site) -> None:
    item = pydicom.Dataset()
    item.add_new(0x54001010, "OW", bytes(range(256)) * 40)
    made = dataset(WaveformSequence=[item])
    made.add_new(0x00090010, "LO", "ACME")
    made.add_new(0x00091001, "OB", b"\x01\x02" * 5000)
    site.store([part10(made)])
    metadata = orjson.loads(site.get(f"{ONE}/metadata").content)[0]
    wave = metadata["54000100"]["Value"][0]["54001010"]["BulkDataURI"]
    found = {
        wave: bytes(range(256)) * 40,
        metadata["00091001"]["BulkDataURI"]: b"\x01\x02" * 5000,
        metadata["7FE00010"]["BulkDataURI"]: bytes(range(32)),
    }
    for uri, expected in found.items():
        assert uri.startswith("http://127.0.0.1:8080/dicom-web/studies/")
        response = site.get("/" + uri.removeprefix("http://127.0.0.1:8080"))
        assert response.status_code == 200, uri
        assert response.content == expected
        (part,) = parts_of(site.get("/" + uri.removeprefix("http://127.0.0.1:8080"), OCTETS))
        assert part[1] == expected


def test_ranges_of_single_parts(site: Site) -> None:
    data = part10(dataset())
    site.store([data])
    response = site.get(ONE, "application/dicom", Range="bytes=128-131")
    assert (response.status_code, response.content) == (206, b"DICM")
    assert response.headers["content-range"] == f"bytes 128-131/{len(data)}"
    response = site.get(f"{ONE}/bulkdata/7FE00010", Range="bytes=-4")
    assert (response.status_code, response.content) == (206, bytes(range(28, 32)))
    response = site.get(f"{ONE}/bulkdata/7FE00010", Range="bytes=99-")
    assert response.status_code == 416
    assert response.headers["content-range"] == "bytes */32"


@pytest.mark.parametrize("tail", ["", "/metadata", "/frames/1", "/bulkdata/7FE00010"])
def test_conditional_requests_are_answered_with_304(site: Site, tail: str) -> None:
    site.store([part10(dataset())])
    first = site.get(ONE + tail)
    assert first.status_code == 200, first.text
    tag = first.headers["etag"]
    assert not tag.startswith("W/")
    again = site.get(ONE + tail, If_None_Match=tag)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag
    assert site.get(ONE + tail, If_None_Match='"other"').status_code == 200


def test_the_tag_of_a_study_changes_with_its_instances(site: Site) -> None:
    site.store([instance(1)])
    paths = [f"/studies/{STUDY}", f"/studies/{STUDY}/metadata"]
    before = [site.get(path).headers["etag"] for path in paths]
    site.store([instance(2)])
    after = [site.get(path).headers["etag"] for path in paths]
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_the_same_tag_means_the_same_bytes_of_a_multipart_answer(site: Site) -> None:
    site.store([instance(1), instance(2)])
    first, second = (site.get(f"/studies/{STUDY}", ANY_SYNTAX) for _ in range(2))
    assert first.headers["etag"] == second.headers["etag"]
    assert first.content == second.content


def test_head_takes_no_notice_of_a_range(site: Site) -> None:
    data = part10(dataset())
    site.store([data])
    headers = {"Accept": "application/dicom", "Range": "bytes=0-3"}
    response = site.request("HEAD", ONE, headers=headers)
    assert (response.status_code, response.headers["content-length"]) == (200, str(len(data)))


@pytest.mark.parametrize("tail", ["", "/metadata", "/frames/1", "/bulkdata/7FE00010"])
def test_head_tells_the_headers_alone(site: Site, tail: str) -> None:
    site.store([part10(dataset())])
    response = site.request("HEAD", ONE + tail, headers={"Accept": "*/*"})
    assert (response.status_code, response.content) == (200, b"")
    full = site.get(ONE + tail)
    assert response.headers["content-type"] == full.headers["content-type"]


def test_compressed_pixels_travel_as_stored_and_are_refused_otherwise(site: Site) -> None:
    made = dataset(PixelData=pydicom.encaps.encapsulate([b"\xff\xd8\xff\xd9"]))
    made["PixelData"].VR = "OB"
    site.store([part10(made, "1.2.840.10008.1.2.4.70")])
    (headers, body), *_ = parts_of(site.get(f"{ONE}/frames/1", f"{OCTETS}; transfer-syntax=*"))
    assert body == b"\xff\xd8\xff\xd9"
    assert headers["Content-Type"] == (
        "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.70"
    )
    (headers, _), *_ = parts_of(site.get(f"{ONE}/frames/1", 'multipart/related; type="image/jpeg"'))
    assert headers["Content-Type"] == "image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.70"
    refused = site.get(f"{ONE}/frames/1", OCTETS)
    assert refused.status_code == 406
    problem = orjson.loads(refused.content)
    assert "1.2.840.10008.1.2.4.70" in problem["detail"]
    assert "transfer-syntax=*" in problem["hint"]


def test_what_cannot_be_delivered_is_left_out_with_206(site: Site) -> None:
    made = dataset(PixelData=pydicom.encaps.encapsulate([b"\xff\xd8\xff\xd9"]))
    made["PixelData"].VR = "OB"
    site.store([part10(made, "1.2.840.10008.1.2.4.70"), instance(1)])
    response = site.get(f"/studies/{STUDY}", 'multipart/related; type="application/dicom"')
    assert response.status_code == 206
    assert len(parts_of(response)) == 1
    assert "instances/1.2.3.4.5" in response.headers["warning"]


def test_b5_metadata_tell_where_they_are(site: Site) -> None:
    site.store([instance(1)])
    path = f"/studies/{STUDY}/series/{SERIES}/metadata"
    found = site.get(path).headers["content-location"]
    assert found == f"http://127.0.0.1:8080/dicom-web{path}"


def test_metadata_comes_as_xml_parts_when_asked(site: Site) -> None:
    site.store([instance(1), instance(2)])
    response = site.get(
        f"/studies/{STUDY}/metadata", 'multipart/related; type="application/dicom+xml"'
    )
    parts = parts_of(response)
    assert len(parts) == 2
    assert parts[0][0]["Content-Type"] == "application/dicom+xml"


def test_a_deleted_instance_is_gone_everywhere(site: Site) -> None:
    site.store([instance(1), instance(2)])
    path = f"/studies/{STUDY}/series/{SERIES}/instances/1.2.3.4.1"
    assert site.request("DELETE", path).status_code == 204
    assert site.get(path).status_code == 404
    assert site.request("DELETE", path).status_code == 404
    assert site.search("/studies")[0]["00201208"]["Value"] == [1]
    assert site.request("DELETE", f"/studies/{STUDY}").status_code == 204
    assert site.search("/studies") == []
    assert site.store([instance(1)]).status_code == 200
    assert len(site.search("/studies")) == 1

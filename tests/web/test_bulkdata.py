"""Bulk data of studies, series and instances (STANDARD R4 to R6, N15)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import pydicom
import pytest
from pydicom.encaps import encapsulate

import dicomweb_server.service.bulkdata as bulkdata
from tests.data import valid_files
from tests.datasets import SERIES, STUDY, dataset, instance, part10
from tests.site import Site, open_site, parts_of

OCTETS = 'multipart/related; type="application/octet-stream"'
ANY_OCTETS = f"{OCTETS}; transfer-syntax=*"
STUDY_PATH = f"/studies/{STUDY}"
SERIES_PATH = f"{STUDY_PATH}/series/{SERIES}"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"
MP4 = "1.2.840.10008.1.2.4.103"
LEVELS = [STUDY_PATH, SERIES_PATH, f"{SERIES_PATH}/instances/1.2.3.4.1"]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path) as site:
        yield site


def with_icon(number: int) -> bytes:
    icon = pydicom.Dataset()
    icon.PixelData = b"\x07\x08" * 5000
    icon["PixelData"].VR = "OW"
    private = pydicom.Dataset()
    private.add_new(0x00091001, "OB", b"\x01\x02" * 5000)
    private.add_new(0x00090010, "LO", "ACME")
    return instance(number, IconImageSequence=[icon], RequestAttributesSequence=[private])


def compressed(number: int, frames: list[bytes], syntax: str = JPEG_LOSSLESS) -> bytes:
    made = dataset(
        SOPInstanceUID=f"{SERIES}.{number}",
        NumberOfFrames=len(frames),
        PixelData=encapsulate(frames),
    )
    made["PixelData"].VR = "OB"
    return part10(made, syntax)


def uris(value: object) -> Iterator[str]:
    """All BulkDataURI values of metadata, in order."""
    if isinstance(value, dict):
        if isinstance(value.get("BulkDataURI"), str):
            yield value["BulkDataURI"]
        for inner in value.values():
            yield from uris(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from uris(inner)


def path_of(url: str) -> str:
    return "/" + urlsplit(url).path


@pytest.mark.parametrize("path", LEVELS)
def test_r5_every_bulk_data_uri_of_the_metadata_is_a_part(site: Site, path: str) -> None:
    site.store([with_icon(1), with_icon(2)])
    published = list(uris(orjson.loads(site.get(f"{path}/metadata").content)))
    response = site.get(f"{path}/bulkdata", OCTETS)
    assert response.status_code == 200
    assert int(response.headers["content-length"]) == len(response.content)
    parts = parts_of(response)
    assert [headers["Content-Location"] for headers, _ in parts] == published
    assert len(published) == (6 if path != LEVELS[2] else 3)
    for headers, body in parts:
        assert site.get(path_of(headers["Content-Location"])).content == body


@pytest.mark.parametrize("path", LEVELS)
def test_r6_pixel_data_leave_icons_and_private_values_out(site: Site, path: str) -> None:
    site.store([with_icon(1)])
    ((headers, body),) = parts_of(site.get(f"{path}/pixeldata", OCTETS))
    assert headers["Content-Location"].endswith("/instances/1.2.3.4.1/bulkdata/7FE00010")
    assert headers["Content-Type"].endswith("transfer-syntax=1.2.840.10008.1.2.1")
    assert body == bytes(range(32))


@pytest.mark.parametrize("path", LEVELS)
@pytest.mark.parametrize("tail", ["bulkdata", "pixeldata"])
def test_r6_compressed_frames_are_parts_of_their_own(site: Site, path: str, tail: str) -> None:
    frames = [b"\xff\xd8\x01\xff\xd9\x00", b"\xff\xd8\x02\xff\xd9\x00"]
    site.store([compressed(1, frames)])
    response = site.get(f"{path}/{tail}", 'multipart/related; type="image/jpeg"')
    parts = parts_of(response)
    assert [body for _, body in parts] == frames
    assert parts[1][0]["Content-Location"].endswith("/instances/1.2.3.4.1/frames/2")
    assert parts[1][0]["Content-Type"] == f"image/jpeg; transfer-syntax={JPEG_LOSSLESS}"
    assert 'type="image/jpeg"' in response.headers["content-type"]


def test_r5_what_cannot_be_delivered_is_told_with_206(site: Site) -> None:
    site.store([compressed(1, [b"\xff\xd8\xff\xd9"]), instance(2)])
    response = site.get(f"{STUDY_PATH}/bulkdata", OCTETS)
    assert response.status_code == 206
    assert len(parts_of(response)) == 1
    assert "instances/1.2.3.4.1" in response.headers["warning"]
    assert site.get(f"{STUDY_PATH}/bulkdata", ANY_OCTETS).status_code == 200
    site.request("DELETE", f"{SERIES_PATH}/instances/1.2.3.4.2")
    refused = site.get(f"{STUDY_PATH}/bulkdata", OCTETS)
    assert refused.status_code == 406
    assert JPEG_LOSSLESS in refused.text


@pytest.mark.parametrize("path", LEVELS)
def test_historical_bulk_data_of_the_instances_themselves(site: Site, path: str) -> None:
    site.store([with_icon(1), instance(2)])
    historical = site.get(path, OCTETS)
    assert historical.status_code == 200
    assert parts_of(historical) == parts_of(site.get(f"{path}/bulkdata", OCTETS))


def test_the_first_kind_that_can_be_delivered_is(site: Site) -> None:
    site.store([compressed(1, [b"\xff\xd8\xff\xd9"])])
    accept = f'{OCTETS}, multipart/related; type="application/dicom"; transfer-syntax=*'
    (part,) = parts_of(site.get(STUDY_PATH, accept))
    assert part[0]["Content-Type"] == f"application/dicom; transfer-syntax={JPEG_LOSSLESS}"


def test_n15_single_part_types_do_not_fit_many_items(site: Site) -> None:
    site.store([instance(1)])
    for path in (STUDY_PATH, SERIES_PATH):
        for tail in ("", "/bulkdata", "/pixeldata"):
            response = site.get(path + tail, "application/octet-stream")
            assert response.status_code == 406, path + tail
    single = site.get(f"{LEVELS[2]}/pixeldata", "application/octet-stream")
    assert (single.status_code, single.content) == (200, bytes(range(32)))


@pytest.mark.parametrize("tail", ["bulkdata", "pixeldata"])
def test_no_bulk_data_is_404(site: Site, tail: str) -> None:
    site.store([part10(dataset(PixelData=None, SOPInstanceUID="1.2.3.4.1"))])
    for path in LEVELS:
        assert site.get(f"{path}/{tail}").status_code == 404
    assert site.get(f"/studies/9.9/{tail}").status_code == 404


def test_r5_more_parts_than_can_be_kept_are_streamed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.store([with_icon(number) for number in (1, 2, 3)])
    settled = site.get(f"{STUDY_PATH}/bulkdata", OCTETS)
    monkeypatch.setattr(bulkdata, "_MOST_SETTLED", 2)
    streamed = site.get(f"{STUDY_PATH}/bulkdata", OCTETS)
    assert "content-length" not in streamed.headers
    assert streamed.content == settled.content
    assert streamed.headers["etag"] == settled.headers["etag"]
    again = site.get(f"{STUDY_PATH}/bulkdata", OCTETS, If_None_Match=streamed.headers["etag"])
    assert again.status_code == 304


@pytest.mark.parametrize("accept", ["*/*", "video/mp4", "video/*"])
@pytest.mark.parametrize("tail", ["pixeldata", "bulkdata/7FE00010", "frames/1"])
def test_r12_video_is_served_by_ranges(site: Site, accept: str, tail: str) -> None:
    video = bytes(range(256)) * 100
    site.store([compressed(1, [video], MP4)])
    response = site.get(f"{LEVELS[2]}/{tail}", accept, Range="bytes=1000-1999")
    if tail == "frames/1" and accept == "*/*":
        assert response.status_code == 200
        return
    assert response.status_code == 206
    assert response.headers["content-type"] == f"video/mp4; transfer-syntax={MP4}"
    assert response.headers["content-range"] == f"bytes 1000-1999/{len(video)}"
    assert response.content == video[1000:2000]
    behind = site.get(f"{LEVELS[2]}/{tail}", accept, Range=f"bytes={len(video)}-")
    assert behind.status_code == 416


def test_r4_every_uri_of_every_real_file_resolves(site: Site) -> None:
    files = valid_files()
    if not files:
        pytest.skip("the folder of real DICOM files is missing")
    for file in files:
        if file.stat().st_size < 400_000 and file.suffix == ".dcm":
            site.store([file.read_bytes()])
    for study in site.search("/studies?includefield=StudyInstanceUID"):
        value = study["0020000D"]["Value"]
        assert isinstance(value, list)
        path = f"/studies/{value[0]}"
        published = list(uris(orjson.loads(site.get(f"{path}/metadata").content)))
        if not published:
            continue
        response = site.get(f"{path}/bulkdata")
        assert response.status_code == 200
        parts = parts_of(response)
        pixel = {p for p in published if p.endswith("/7FE00010")}
        located = {headers["Content-Location"] for headers, _ in parts}
        assert {p for p in published if p not in pixel} <= located
        for headers, body in parts[:5]:
            assert (
                parts_of(site.get(path_of(headers["Content-Location"]), ANY_OCTETS))[0][1] == body
            )

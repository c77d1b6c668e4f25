"""Pixels in the form that is asked for, from whatever is stored (PS3.18 8.7.3)."""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import orjson
import pydicom
import pytest
from pydicom.encaps import encapsulate

from dicomweb_server.codec.transcode import transcode
from dicomweb_server.model.frame import Frame, Target
from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.service import retrieve
from tests.datasets import SERIES, STUDY, dataset, part10
from tests.site import Site, open_site, parts_of

EXPLICIT = "1.2.840.10008.1.2.1"
RLE = "1.2.840.10008.1.2.5"
BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"
JPEG_LS = "1.2.840.10008.1.2.4.80"
JPEG_2000 = "1.2.840.10008.1.2.4.90"
HTJ2K = "1.2.840.10008.1.2.4.201"
H264 = "1.2.840.10008.1.2.4.102"
DEFAULTS = {
    "image/jpeg": JPEG_LOSSLESS,
    "image/jls": JPEG_LS,
    "image/jp2": JPEG_2000,
    "image/jphc": HTJ2K,
    "image/dicom-rle": RLE,
}
OCTETS = 'multipart/related; type="application/octet-stream"'
DICOM = 'multipart/related; type="application/dicom"'
SIDE = 16
GREY = PixelHeader(SIDE, SIDE, 1, 8, 8, 7, 0, 0, "MONOCHROME2", 1, 0x7FE00010)
FRAMES = [bytes((x * y + 7 * n) % 251 for y in range(SIDE) for x in range(SIDE)) for n in range(3)]
MULTI, DAMAGED, LATE, VIDEO, BITS, NATIVE, LOSSY = (f"{SERIES}.{n}" for n in range(1, 8))


def path_of(uid: str, series: str = SERIES) -> str:
    return f"/studies/{STUDY}/series/{series}/instances/{uid}"


def encoded(frame: bytes, syntax: str, pixel: PixelHeader = GREY) -> bytes:
    return transcode(Frame(pixel, EXPLICIT, frame), Target(syntax)).data


def decoded(data: bytes, syntax: str) -> bytes:
    return transcode(Frame(GREY, syntax, data), Target(EXPLICIT)).data


def image(uid: str, frames: list[bytes], syntax: str, **attributes: object) -> bytes:
    """A stored image of 8 bits; compressed frames as they are."""
    native = syntax == EXPLICIT
    made = dataset(
        SOPInstanceUID=uid,
        Rows=SIDE,
        Columns=SIDE,
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        NumberOfFrames=len(frames),
        PixelData=b"".join(frames) if native else encapsulate(frames),
    )
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = not native
    return part10(made, syntax)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("site")) as site:
        good = [encoded(frame, JPEG_2000) for frame in FRAMES]
        elsewhere = {"SeriesInstanceUID": f"{SERIES}.99", "StudyInstanceUID": f"{STUDY}.9"}
        bits = dict.fromkeys(("BitsAllocated", "BitsStored"), 1)
        bits |= {"HighBit": 0, "Rows": 3, "Columns": 3}
        files = [
            image(MULTI, good, JPEG_2000),
            image(NATIVE, FRAMES, EXPLICIT),
            image(LOSSY, [encoded(FRAMES[0], BASELINE)], BASELINE),
            image(DAMAGED, [b"\xff\x4f\xff\x51 damaged"], JPEG_2000, **elsewhere),
            image(LATE, [*good * 3, b"\xff\x4f\xff\x51 damaged "], JPEG_2000, **elsewhere),
            image(VIDEO, [b"\0\0\0\1video "], H264, **elsewhere),
            image(BITS, [bits_of(0), bits_of(1)], JPEG_2000, **bits, **elsewhere),
        ]
        assert site.store(files).status_code == 200
        yield site


def bits_of(number: int) -> bytes:
    """A frame of 3 by 3 single bits, in JPEG 2000."""
    pixel = PixelHeader(3, 3, 1, 1, 1, 0, 0, 0, "MONOCHROME2", 1, 0x7FE00010)
    return encoded((0b101010101 if number else 0b011001110).to_bytes(2, "little"), JPEG_2000, pixel)


def away(uid: str) -> str:
    """Path of an instance of the other study."""
    return f"/studies/{STUDY}.9/series/{SERIES}.99/instances/{uid}"


# --- frames


@pytest.mark.parametrize("single", [True, False])
def test_n8_a_compressed_frame_as_octets_is_decoded(site: Site, single: bool) -> None:
    response = site.get(
        f"{path_of(MULTI)}/frames/2", "application/octet-stream" if single else OCTETS
    )
    assert response.status_code == 200
    assert int(response.headers["content-length"]) == len(response.content)
    told = f"application/octet-stream; transfer-syntax={EXPLICIT}"
    if single:
        assert response.content == FRAMES[1]
        assert response.headers["content-type"] == told
        return
    ((headers, body),) = parts_of(response)
    assert (headers["Content-Type"], body) == (told, FRAMES[1])
    assert headers["Content-Location"].endswith("/frames/2")


@pytest.mark.parametrize("uid", [MULTI, NATIVE])
@pytest.mark.parametrize("kind", DEFAULTS)
def test_n8_each_media_type_means_its_lossless_default(site: Site, uid: str, kind: str) -> None:
    response = site.get(f"{path_of(uid)}/frames/3,1", f'multipart/related; type="{kind}"')
    assert response.status_code == 200
    assert f'type="{kind}"' in response.headers["content-type"]
    parts = parts_of(response)
    assert {headers["Content-Type"] for headers, _ in parts} == {
        f"{kind}; transfer-syntax={DEFAULTS[kind]}"
    }
    found = [decoded(body, DEFAULTS[kind]) for _, body in parts]
    assert found == [FRAMES[2], FRAMES[0]]


def test_n7_the_stored_form_is_untouched(site: Site) -> None:
    stored = encoded(FRAMES[0], JPEG_2000)
    for accept in (f"{OCTETS}; transfer-syntax=*", 'multipart/related; type="*/*"'):
        ((headers, body),) = parts_of(site.get(f"{path_of(MULTI)}/frames/1", accept))
        assert body.removesuffix(b"\0") == stored.removesuffix(b"\0")
        assert headers["Content-Type"].endswith(JPEG_2000)


def test_n9_lossy_pixels_of_the_type_asked_for_are_not_encoded_again(site: Site) -> None:
    path = f"{path_of(LOSSY)}/frames/1"
    assert site.get(path, "image/jpeg").headers["content-type"].endswith(BASELINE)
    asked = site.get(path, f"image/jpeg; transfer-syntax={JPEG_LOSSLESS}")
    assert asked.headers["content-type"].endswith(JPEG_LOSSLESS)
    assert site.get(path, "application/octet-stream").headers["content-type"].endswith(EXPLICIT)


def test_a_wild_image_type_is_the_stored_one_or_one_that_can_be_made(site: Site) -> None:
    stored = site.get(f"{path_of(MULTI)}/frames/1", "image/*")
    assert stored.headers["content-type"] == f"image/jp2; transfer-syntax={JPEG_2000}"
    made = site.get(f"{path_of(NATIVE)}/frames/1", "image/*")
    assert made.headers["content-type"] == f"image/jpeg; transfer-syntax={JPEG_LOSSLESS}"


@pytest.mark.parametrize("accept", ["application/octet-stream", "image/jls"])
def test_ranges_of_frames_that_are_made(site: Site, accept: str) -> None:
    path = f"{path_of(MULTI)}/frames/1"
    whole = site.get(path, accept)
    assert whole.headers["accept-ranges"] == "bytes"
    part = site.get(path, accept, Range="bytes=10-19")
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole.content)}"


def test_each_representation_has_a_tag_of_its_own(site: Site) -> None:
    path = f"{path_of(MULTI)}/frames/1"
    accepts = ["application/octet-stream", *DEFAULTS]
    accepts += [f"application/octet-stream; transfer-syntax={each}" for each in (JPEG_LS, RLE)]
    tags = {accept: site.get(path, accept).headers["etag"] for accept in accepts}
    assert len(set(tags.values())) == len(accepts)
    for accept, tag in tags.items():
        response = site.get(path, accept, If_None_Match=tag)
        assert response.status_code == 304
        assert "immutable" in response.headers["cache-control"]


SLIDE_VIEWER = ", ".join(
    f'multipart/related; type="{kind}"; transfer-syntax={syntax}'
    for kind, syntax in [
        ("image/jls", JPEG_LS),
        ("image/jp2", JPEG_2000),
        ("application/octet-stream", "*"),
        ("image/jpeg", BASELINE),
    ]
)


@pytest.mark.parametrize("tail", ["/frames/1", "/pixeldata"])
@pytest.mark.parametrize(
    ("uid", "form"),
    [
        (MULTI, f"image/jp2; transfer-syntax={JPEG_2000}"),
        (LOSSY, f"image/jpeg; transfer-syntax={BASELINE}"),
        (NATIVE, f"application/octet-stream; transfer-syntax={EXPLICIT}"),
    ],
)
def test_of_equally_good_forms_the_stored_one_is_sent(
    site: Site, uid: str, form: str, tail: str
) -> None:
    response = site.get(path_of(uid) + tail, SLIDE_VIEWER)
    assert {headers["Content-Type"] for headers, _ in parts_of(response)} == {form}


def test_of_files_too_the_stored_form_is_sent_unless_another_is_better(site: Site) -> None:
    for quality, syntax in (("", JPEG_2000), (";q=0.9", HTJ2K)):
        wishes = [f"{DICOM}; transfer-syntax={HTJ2K}", f"{DICOM}; transfer-syntax=*{quality}"]
        head = site.get(path_of(MULTI), ", ".join(wishes)).content[:200]
        assert f"\r\nContent-Type: application/dicom; transfer-syntax={syntax}".encode() in head


def test_wildcards_still_mean_the_default(site: Site) -> None:
    for accept in ("*/*", f"{OCTETS}, {OCTETS}; transfer-syntax={JPEG_LS}"):
        ((headers, _),) = parts_of(site.get(f"{path_of(MULTI)}/frames/1", accept))
        assert headers["Content-Type"].endswith(f"transfer-syntax={EXPLICIT}")


@pytest.mark.parametrize("tail", ["", "/frames/1", "/pixeldata", "/bulkdata"])
def test_tags_of_what_is_made_change_with_its_maker(
    site: Site, tail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = "dicom" if tail == "" else "octet-stream"
    accept = f'multipart/related; type="application/{kind}"; transfer-syntax='
    path = path_of(MULTI) + tail

    def tags() -> list[str]:
        found = [site.get(path, accept + syntax) for syntax in (JPEG_LS, "*")]
        assert [each.status_code for each in found] == [200, 200]
        return [each.headers["etag"] for each in found]

    before = tags()
    monkeypatch.setattr(retrieve, "maker", lambda: "another")
    behind = tags()
    assert before[0] != behind[0]
    assert before[1] == behind[1] or tail == "/bulkdata"


def test_head_tells_what_get_would(site: Site) -> None:
    path = f"{path_of(MULTI)}/frames/1"
    head = site.request("HEAD", path, headers={"Accept": "image/jls"})
    got = site.get(path, "image/jls")
    assert head.headers["content-length"] == got.headers["content-length"]
    assert head.content == b""


def test_n10_what_cannot_be_decoded_is_refused_with_the_reason(site: Site) -> None:
    for tail, accept in (("/frames/1", OCTETS), ("", DICOM), ("/pixeldata", OCTETS)):
        response = site.get(away(DAMAGED) + tail, accept)
        assert response.status_code == 406, tail
        problem = orjson.loads(response.content)
        assert problem["stored"].startswith(JPEG_2000)
        assert any(offer.endswith(JPEG_2000) for offer in problem["offered"])
    assert site.get(f"{away(DAMAGED)}/frames/1", f"{OCTETS}; transfer-syntax=*").status_code == 200


@pytest.mark.parametrize("accept", ["*/*", 'multipart/related; type="*/*"', "multipart/related"])
@pytest.mark.parametrize("tail", ["", "/frames/1", "/bulkdata/7FE00010", "/pixeldata"])
def test_n3_a_wildcard_takes_damaged_pixels_as_they_are_stored(
    site: Site, accept: str, tail: str
) -> None:
    response = site.get(away(DAMAGED) + tail, accept)
    assert response.status_code == 200, response.text
    told = response.headers["content-type"].encode() + response.content
    assert f"transfer-syntax={JPEG_2000}".encode() in told


def test_a_later_frame_that_is_damaged_breaks_the_answer_off(site: Site) -> None:
    numbers = ",".join("1" * 40) + ",10"
    with pytest.raises(ConnectionAbortedError):
        site.get(f"{away(LATE)}/frames/{numbers}", OCTETS)
    assert site.get(f"{away(LATE)}/frames/9", OCTETS).status_code == 200
    assert site.get(f"{away(LATE)}/frames/1,10", OCTETS).status_code == 406


def test_video_is_delivered_as_it_is_stored(site: Site) -> None:
    for tail in ("/frames/1", "", "/pixeldata"):
        refused = site.get(away(VIDEO) + tail, DICOM if not tail else OCTETS)
        assert refused.status_code == 406
        assert "video is" in refused.text
        assert "transfer-syntax=*" in orjson.loads(refused.content)["hint"]
    assert site.get(f"{away(VIDEO)}/pixeldata", "video/mp4").status_code == 200


def test_what_does_not_fit_a_transfer_syntax_is_refused_with_what_would(site: Site) -> None:
    response = site.get(f"{path_of(MULTI)}/frames/1", "video/mp4")
    assert response.status_code == 406
    offered = orjson.loads(response.content)["offered"]
    assert f"image/jphc; transfer-syntax={HTJ2K}" in offered
    for offer in offered:
        assert site.get(f"{path_of(MULTI)}/frames/1", offer).status_code == 200, offer


# --- pixel data and bulk data


@pytest.mark.parametrize("tail", ["pixeldata", "bulkdata/7FE00010"])
def test_decoded_pixel_data_are_one_part(site: Site, tail: str) -> None:
    single = site.get(f"{path_of(MULTI)}/{tail}", "application/octet-stream")
    assert single.content == b"".join(FRAMES)
    assert int(single.headers["content-length"]) == len(single.content)
    part = site.get(f"{path_of(MULTI)}/{tail}", "application/octet-stream", Range="bytes=250-260")
    assert part.content == b"".join(FRAMES)[250:261]
    ((_, body),) = parts_of(site.get(f"{path_of(MULTI)}/{tail}", OCTETS))
    assert body == b"".join(FRAMES)


def test_frames_of_single_bits_lie_without_padding_between_them(site: Site) -> None:
    frames = [body for _, body in parts_of(site.get(f"{away(BITS)}/frames/1,2", OCTETS))]
    assert [int.from_bytes(frame, "little") for frame in frames] == [0b011001110, 0b101010101]
    joined = site.get(f"{away(BITS)}/pixeldata", "application/octet-stream").content
    assert int.from_bytes(joined, "little") == 0b101010101_011001110
    assert len(joined) == 4
    found = pydicom.dcmread(BytesIO(site.get(away(BITS), "application/dicom").content))
    assert found.PixelData == joined


@pytest.mark.parametrize("uid", [MULTI, NATIVE])
def test_compressed_pixel_data_are_one_part_for_each_frame(site: Site, uid: str) -> None:
    response = site.get(f"{path_of(uid)}/pixeldata", 'multipart/related; type="image/jls"')
    bodies = [decoded(body, JPEG_LS) for _, body in parts_of(response)]
    assert bodies == FRAMES
    assert site.get(f"{path_of(uid)}/pixeldata", "image/jls").status_code == 406


def test_bulk_data_of_a_study_are_decoded(site: Site) -> None:
    response = site.get(f"/studies/{STUDY}/pixeldata", OCTETS)
    bodies = [body for _, body in parts_of(response)]
    assert bodies[:2] == [b"".join(FRAMES)] * 2
    assert len(bodies) == 3


# --- files


@pytest.mark.parametrize("syntax", [EXPLICIT, *DEFAULTS.values()])
def test_a_study_comes_in_the_transfer_syntax_asked_for(site: Site, syntax: str) -> None:
    response = site.get(f"/studies/{STUDY}", f"{DICOM}; transfer-syntax={syntax}")
    assert response.status_code == 200
    boundary = response.headers["content-type"].rpartition("boundary=")[2].strip('"')
    pieces = response.content.split(f"--{boundary}".encode())[1:-1]
    found = [pydicom.dcmread(BytesIO(piece.partition(b"\r\n\r\n")[2])) for piece in pieces]
    assert len(found) == 3
    assert {str(each.file_meta.TransferSyntaxUID) for each in found} == {syntax}
    assert {str(each.SOPInstanceUID) for each in found} == {MULTI, NATIVE, LOSSY}


def test_the_length_of_a_file_is_told_where_it_is_known(site: Site) -> None:
    response = site.get(path_of(MULTI), "application/dicom")
    assert int(response.headers["content-length"]) == len(response.content)
    part = site.get(path_of(MULTI), "application/dicom", Range="bytes=128-131")
    assert (part.status_code, part.content) == (206, b"DICM")
    several = site.get(path_of(MULTI), f"application/dicom; transfer-syntax={JPEG_LS}")
    assert "content-length" not in several.headers
    assert "accept-ranges" not in several.headers
    single = site.get(path_of(LOSSY), f"application/dicom; transfer-syntax={JPEG_LS}")
    assert int(single.headers["content-length"]) == len(single.content)


def test_a_lossy_file_is_a_derived_instance_and_the_same_each_time(site: Site) -> None:
    accept = f"application/dicom; transfer-syntax={BASELINE}"
    found = [pydicom.dcmread(BytesIO(site.get(path_of(NATIVE), accept).content)) for _ in "ab"]
    assert found[0] == found[1]
    assert found[0].SOPInstanceUID not in (NATIVE, MULTI)
    assert found[0].SourceImageSequence[0].ReferencedSOPInstanceUID == NATIVE
    assert found[0].LossyImageCompression == "01"
    stored = pydicom.dcmread(BytesIO(site.get(path_of(LOSSY), accept).content))
    assert stored.SOPInstanceUID == LOSSY


def test_decoded_lossy_pixels_keep_their_uid_and_say_so(site: Site) -> None:
    found = pydicom.dcmread(BytesIO(site.get(path_of(LOSSY), "application/dicom").content))
    assert found.SOPInstanceUID == LOSSY
    assert found.file_meta.TransferSyntaxUID == EXPLICIT
    assert found.LossyImageCompression == "01"
    assert found.LossyImageCompressionMethod == "ISO_10918_1"


def test_an_archive_of_files_whose_lengths_are_not_known_is_whole(site: Site) -> None:
    response = site.get(f"/studies/{STUDY}", f"application/zip; transfer-syntax={JPEG_LS}")
    assert response.status_code == 200
    assert "content-length" not in response.headers
    with zipfile.ZipFile(BytesIO(response.content)) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 3
        for name in archive.namelist():
            found = pydicom.dcmread(BytesIO(archive.read(name)))
            assert found.file_meta.TransferSyntaxUID == JPEG_LS


def test_what_is_damaged_is_left_out_with_206(site: Site) -> None:
    # The last frame of one is damaged: that shows when the answer has begun, and is remembered.
    with pytest.raises(ConnectionAbortedError):
        site.get(f"/studies/{STUDY}.9", DICOM)
    response = site.get(f"/studies/{STUDY}.9", DICOM)
    assert response.status_code == 206
    told = " ".join(response.headers.get_list("warning"))
    assert [uid for uid in (DAMAGED, LATE, VIDEO, BITS) if f"/instances/{uid}:" in told] == [
        DAMAGED,
        LATE,
        VIDEO,
    ]
    assert site.get(f"/studies/{STUDY}.9", f"{DICOM}; transfer-syntax=*").status_code == 200


def test_metadata_describe_what_is_stored(site: Site) -> None:
    (found,) = orjson.loads(site.get(f"{path_of(MULTI)}/metadata").content)
    assert "BulkDataURI" in found["7FE00010"]
    path = found["7FE00010"]["BulkDataURI"].partition("/dicom-web")[2]
    assert site.get(path, "application/octet-stream").content == b"".join(FRAMES)
    for _, body in parts_of(site.get(path, f"{OCTETS}; transfer-syntax=*")):
        assert body.startswith(b"\xff\x4f\xff\x51")


def test_many_who_ask_for_one_frame_all_get_it(tmp_path: Path) -> None:
    with open_site(tmp_path) as site:
        site.store([image(MULTI, [encoded(FRAMES[0], JPEG_2000)], JPEG_2000)])

        async def crowd() -> list[bytes]:
            path, headers = f"/dicom-web{path_of(MULTI)}/frames/1", {"Accept": "image/jls"}
            calls = [site._client.get(path, headers=headers) for _ in range(12)]
            return [response.content for response in await asyncio.gather(*calls)]

        assert len(set(site._runner.run(crowd()))) == 1

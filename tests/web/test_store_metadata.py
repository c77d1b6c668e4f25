"""STOW-RS with metadata and bulk data (PS3.18 10.5.1.4; T4 to T11, T19)."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
import pydicom
import pytest
from pydicom.encaps import generate_fragments, get_frame

from dicomweb_server.dicom.xml_out import native_xml
from tests.bulk import (
    JSON,
    XML,
    BulkPart,
    Metadata,
    post,
    request_body,
    store_json,
    store_xml,
)
from tests.datasets import instance
from tests.pictures import animation, encoded, gradient, image
from tests.site import ANY_SYNTAX, Site, open_site, parts_of

_URL = "http://127.0.0.1:8080/dicom-web/studies"
_INSTANCE = "/studies/1.2.3/series/1.2.3.4/instances/1.2.3.4.5"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path) as site:
        yield site


def _metadata(number: int = 5, **attributes: dict[str, object]) -> Metadata:
    """Metadata with the four UIDs; attributes by `x` and their tag."""
    found: Metadata = {
        "00080016": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.7"]},
        "00080018": {"vr": "UI", "Value": [f"1.2.3.4.{number}"]},
        "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
        "0020000E": {"vr": "UI", "Value": ["1.2.3.4"]},
    }
    return {**found, **{tag.removeprefix("x"): value for tag, value in attributes.items()}}


def _us(value: int) -> dict[str, object]:
    return {"vr": "US", "Value": [value]}


def _native(number: int = 5, uri: str = "pixels") -> Metadata:
    return _metadata(
        number,
        x00280002=_us(1),
        x00280004={"vr": "CS", "Value": ["MONOCHROME2"]},
        x00280010=_us(5),
        x00280011=_us(7),
        x00280100=_us(16),
        x00280101=_us(16),
        x00280102=_us(15),
        x00280103=_us(0),
        x7FE00010={"vr": "OW", "BulkDataURI": uri},
    )


def _image(uri: str = "pixels") -> Metadata:
    """Metadata of an image without any description of its pixels."""
    return _metadata(x7FE00010={"vr": "OB", "BulkDataURI": uri})


def _stored(site: Site, number: int = 5) -> pydicom.FileDataset:
    path = _INSTANCE.rpartition(".")[0] + f".{number}"
    ((_, data),) = parts_of(site.get(path, ANY_SYNTAX))
    return pydicom.dcmread(BytesIO(data))


def _refused(response: Any) -> str:
    """Why the only instance was not stored."""
    assert response.status_code == 409, response.text
    warning: str = response.headers["warning"]
    return warning


def test_t4_json_is_one_part_with_an_array(site: Site) -> None:
    data = gradient(samples=1, bits=16)
    bulk = [BulkPart(f"{_URL}/1", data), BulkPart(f"{_URL}/2", data[::-1])]
    response = store_json(site, [_native(1, f"{_URL}/1"), _native(2, f"{_URL}/2")], bulk)
    assert response.status_code == 200
    assert _stored(site, 1).PixelData == data
    assert _stored(site, 2).PixelData == data[::-1]


def test_t4_xml_is_one_part_for_each_data_set(site: Site) -> None:
    data = gradient(samples=1, bits=16)
    response = store_xml(site, [_native(1), _native(2)], [BulkPart("pixels", data)])
    assert response.status_code == 200
    assert _stored(site, 1).PixelData == _stored(site, 2).PixelData == data


def test_t4_metadata_come_first(site: Site) -> None:
    document = orjson.dumps([_native()])
    body = request_body(JSON, [], [BulkPart("pixels", b"\0" * 70)])
    late = f"--limit\r\nContent-Type: {JSON}\r\n\r\n".encode() + document + b"\r\n--limit--"
    response = post(site, JSON, body.replace(b"--limit--\r\n", late))
    assert response.status_code == 400
    assert "metadata come behind bulk data" in response.json()["detail"]
    response = post(site, JSON, request_body(JSON, [document, document], []))
    assert response.status_code == 400


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("pixels", {"Content-Location": "pixels"}),
        ("pixels", {"Content-Location": "http://127.0.0.1:8080/dicom-web/pixels"}),
        ("http://127.0.0.1:8080/dicom-web/pixels", {"Content-Location": "pixels"}),
        ("../bulk/1", {"Content-Location": "http://127.0.0.1:8080/bulk/1"}),
        ("https://elsewhere.org/b?c=1", {"Content-Location": "https://elsewhere.org/b?c=1"}),
        ("urn:uuid:1", {"Content-Location": "urn:uuid:1"}),
        ("cid:a%40b", {"Content-ID": "<a@b>"}),
        ("CID:a@b", {"Content-ID": "a@b"}),
        ("file1.raw", {"content-location": "file1.raw "}),
    ],
)
def test_bulk_data_are_found_by_their_name(site: Site, uri: str, name: dict[str, str]) -> None:
    data = gradient(samples=1, bits=16)
    response = store_json(site, [_native(uri=uri)], [BulkPart("", data, headers=name)])
    assert response.status_code == 200, response.headers.get("warning")
    assert _stored(site).PixelData == data


def test_t19_nothing_is_fetched_and_only_the_instance_fails(site: Site) -> None:
    own = _native(2, "http://127.0.0.1:8080/dicom-web/health")
    response = store_json(site, [_native(1), own], [BulkPart("pixels", bytes(70))])
    assert response.status_code == 202
    assert (
        "1.2.3.4.2: 7FE00010: no part of the request has this BulkDataURI"
        in (response.headers["warning"])
    )
    assert len(site.search("/instances")) == 1


def test_bulk_data_without_a_name_or_use(site: Site) -> None:
    response = store_json(site, [_native()], [BulkPart("", b"\0")])
    assert response.status_code == 400
    assert "has no name" in response.json()["detail"]
    bulk = [BulkPart("unused", b"\0" * 10), BulkPart("pixels", bytes(70))]
    assert store_json(site, [_native()], bulk).status_code == 200


def test_part_10_files_are_not_mixed_in(site: Site) -> None:
    bulk = [BulkPart("x", instance(), "application/dicom")]
    assert store_json(site, [_native()], bulk).status_code == 409
    assert site.search("/instances") == []


def test_errors_are_located_in_the_metadata(site: Site) -> None:
    bad = _metadata(x00400275={"vr": "SQ", "Value": [{"00400009": {"vr": "SH", "Value": [7]}}]})
    response = store_json(site, [bad])
    assert "1.2.3.4.5: 00400275[1].00400009: value 1 is no text; send texts" in _refused(response)
    module = orjson.loads(response.content)
    assert module["00081198"]["Value"][0]["00081197"]["Value"] == [0xC000]


def test_t1_the_study_of_the_url_counts(site: Site) -> None:
    body = request_body(JSON, [orjson.dumps([_metadata()])], [])
    assert post(site, JSON, body, "/studies/1.2.9").status_code == 409
    assert post(site, JSON, body, "/studies/1.2.3").status_code == 200


@pytest.mark.parametrize("kind", [JSON, "application/json", XML])
def test_a_single_body_for_objects_without_bulk_data(site: Site, kind: str) -> None:
    text = orjson.dumps(_metadata() if kind == XML else [_metadata()])
    body = native_xml(text) if kind == XML else text
    response = site.request("POST", "/studies", headers={"Content-Type": kind}, content=body)
    assert response.status_code == 200
    meta = _stored(site).file_meta
    assert meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert meta.MediaStorageSOPInstanceUID == "1.2.3.4.5"


@pytest.mark.parametrize("root", [JSON, XML])
@pytest.mark.parametrize("text", [b"", b"<a", b"[", b"{}{}", b"<!DOCTYPE a><a/>"])
def test_metadata_that_cannot_be_read_are_400(site: Site, root: str, text: bytes) -> None:
    response = post(site, root, request_body(root, [text], []))
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"


def test_t5_the_parameter_tells_the_transfer_syntax(site: Site) -> None:
    jpeg = encoded(image("RGB", 16, 16), "JPEG")
    kind = 'image/jpeg; transfer-syntax="1.2.840.10008.1.2.4.51"'
    assert store_json(site, [_image()], [BulkPart("pixels", jpeg, kind)]).status_code == 200
    assert _stored(site).file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.51"


@pytest.mark.parametrize(
    "kind",
    [
        "image/jp2; transfer-syntax=1.2.840.10008.1.2.4.50",
        "image/jpeg; transfer-syntax=1.2.3",
        "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.2",
        "image/tiff",
        "application/pdf",
    ],
)
def test_syntaxes_that_do_not_belong_are_refused(site: Site, kind: str) -> None:
    response = store_json(site, [_native()], [BulkPart("pixels", bytes(70), kind)])
    assert "7FE00010: " in _refused(response)
    module = orjson.loads(response.content)
    assert module["00081198"]["Value"][0]["00081197"]["Value"] == [0xC122]


_COMPRESSED = [
    ("L", "JPEG", {}, "image/jpeg", "4.50", "MONOCHROME2"),
    ("RGB", "JPEG", {"subsampling": 0}, "image/jpeg", "4.50", "YBR_FULL"),
    ("RGB", "JPEG", {"subsampling": 2}, "image/jpeg", "4.50", "YBR_FULL_422"),
    ("RGB", "JPEG", {"keep_rgb": True}, "image/jpeg", "4.50", "RGB"),
    ("L", "JPEG2000", {"no_jp2": True}, "image/jp2", "4.90", "MONOCHROME2"),
    ("I;16", "JPEG2000", {"no_jp2": True}, "image/jp2", "4.90", "MONOCHROME2"),
    ("RGB", "JPEG2000", {"no_jp2": True}, "image/jp2", "4.90", "RGB"),
    ("RGB", "JPEG2000", {"no_jp2": True, "mct": 1}, "image/jp2", "4.90", "YBR_RCT"),
    (
        "RGB",
        "JPEG2000",
        {"no_jp2": True, "mct": 1, "irreversible": True},
        "image/jp2",
        "4.91",
        "YBR_ICT",
    ),
]


@pytest.mark.parametrize(("mode", "form", "options", "kind", "syntax", "colour"), _COMPRESSED)
def test_t6_pixels_are_described_from_the_image(
    site: Site, mode: str, form: str, options: dict[str, Any], kind: str, syntax: str, colour: str
) -> None:
    data = encoded(image(mode, 40, 48), form, **options)
    assert store_json(site, [_image()], [BulkPart("pixels", data, kind)]).status_code == 200
    stored = _stored(site)
    assert stored.file_meta.TransferSyntaxUID == f"1.2.840.10008.1.2.{syntax}"
    assert (stored.Rows, stored.Columns) == (40, 48)
    assert stored.PhotometricInterpretation == colour
    assert stored.SamplesPerPixel == (3 if mode == "RGB" else 1)
    assert stored.BitsAllocated == stored.BitsStored == stored.HighBit + 1
    assert stored.BitsStored == (16 if mode == "I;16" else 8)
    assert stored.PixelRepresentation == 0
    assert ("LossyImageCompression" in stored) is (syntax in ("4.50", "4.91"))
    assert get_frame(stored.PixelData, 0, number_of_frames=1)[: len(data)] == data


def test_t6_boxes_of_a_jp2_file_are_left_behind(site: Site) -> None:
    data = encoded(image("L", 40, 48), "JPEG2000")
    assert store_json(site, [_image()], [BulkPart("pixels", data, "image/jp2")]).status_code == 200
    (fragment,) = list(generate_fragments(_stored(site).PixelData))[1:]
    assert fragment.rstrip(b"\0") == data[data.index(b"\xff\x4f\xff\x51") :].rstrip(b"\0")


def test_t6_what_is_told_stays_and_must_fit(site: Site) -> None:
    data = encoded(image("L", 40, 48), "JPEG")
    told = {**_image(), "00280004": {"vr": "CS", "Value": ["MONOCHROME1"]}}
    assert store_json(site, [told], [BulkPart("pixels", data, "image/jpeg")]).status_code == 200
    assert _stored(site).PhotometricInterpretation == "MONOCHROME1"
    wrong = {**_image(), "00280010": _us(41)}
    response = store_json(site, [wrong], [BulkPart("pixels", data, "image/jpeg")])
    assert "00280010: Rows differs from the image, where it is 40" in _refused(response)


@pytest.mark.parametrize(
    ("data", "kind", "told"),
    [
        (encoded(image("RGB", 16, 16), "JPEG", progressive=True), "image/jpeg", "progressive"),
        (encoded(image("RGB", 16, 16), "JPEG")[:40], "image/jpeg", "cut off"),
        (encoded(image("RGBA", 16, 16), "JPEG2000"), "image/jp2", "without alpha"),
        (encoded(image("L", 16, 16), "JPEG"), "image/jp2", "the image is not image/jp2"),
        (encoded(image("L", 16, 16), "PNG")[:60], "image/png", "damaged or cut off"),
        (encoded(image("L", 16, 16), "PNG"), "image/gif", "it is no GIF"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xff\0\0\0\xff\0\x08\x02\0\0\0" + bytes(9), "image/png",
         "pixels"),
    ],
)  # fmt: skip
def test_t6_images_that_cannot_be_taken(site: Site, data: bytes, kind: str, told: str) -> None:
    response = store_json(site, [_image()], [BulkPart("pixels", data, kind)])
    warning = _refused(response)
    assert "7FE00010: " in warning
    assert told in warning


@pytest.mark.parametrize(
    ("mode", "plain", "bits"),
    [("L", "L", 8), ("LA", "L", 8), ("I;16", "I;16", 16), ("P", "RGB", 8), ("RGB", "RGB", 8),
     ("RGBA", "RGB", 8)],
)  # fmt: skip
def test_t9_png_becomes_native_pixels(site: Site, mode: str, plain: str, bits: int) -> None:
    made = image(mode)
    bulk = [BulkPart("pixels", encoded(made, "PNG"), "image/png")]
    assert store_json(site, [_image()], bulk).status_code == 200
    stored = _stored(site)
    assert stored.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert stored.PhotometricInterpretation == ("RGB" if plain == "RGB" else "MONOCHROME2")
    assert (stored.Rows, stored.Columns, stored.BitsAllocated) == (5, 7, bits)
    wanted = made if mode == plain else made.convert(plain)
    assert stored.PixelData.rstrip(b"\0") == wanted.tobytes().rstrip(b"\0")


def test_t9_an_animated_gif_has_frames(site: Site) -> None:
    bulk = [BulkPart("pixels", animation(3), "image/gif")]
    assert store_json(site, [_image()], bulk).status_code == 200
    stored = _stored(site)
    assert stored.NumberOfFrames == 3
    frames = [stored.PixelData[n * 105 : n * 105 + 3] for n in range(3)]
    assert frames == [bytes((80 * n, 255 - 80 * n, 10)) for n in range(3)]


def test_t8_compressed_frames_are_parts(site: Site) -> None:
    frames = [encoded(image("L", 16, 16 + n), "JPEG") for n in (0, 0, 0)]
    frames[1] += b"\0" * (1 + len(frames[1]) % 2)
    bulk = [BulkPart("pixels", frame, "image/jpeg") for frame in frames]
    assert store_json(site, [_image()], bulk).status_code == 200
    stored = _stored(site)
    assert stored.NumberOfFrames == 3
    for number, frame in enumerate(frames):
        assert get_frame(stored.PixelData, number, number_of_frames=3)[: len(frame)] == frame
    ((_, second),) = parts_of(site.get(f"{_INSTANCE}/frames/2", _frames("image/jpeg")))
    assert second[: len(frames[1])] == frames[1]


def _frames(kind: str) -> str:
    return f'multipart/related; type="{kind}"; transfer-syntax=*'


def test_t8_number_of_frames_must_fit(site: Site) -> None:
    frame = BulkPart("pixels", encoded(image("L", 16, 16), "JPEG"), "image/jpeg")
    told = {**_image(), "00280008": {"vr": "IS", "Value": [3]}}
    response = store_json(site, [told], [frame, frame])
    assert "00280008: differs from the 2 frames" in _refused(response)


def test_t8_extended_offset_tables_are_made_anew(site: Site) -> None:
    stale = {"vr": "OV", "InlineBinary": base64.b64encode(bytes(16)).decode()}
    told = {**_image(), "7FE00001": stale, "7FE00002": stale}
    frames = [encoded(image("L", 16, 16), "JPEG")] * 2
    bulk = [BulkPart("pixels", frame, "image/jpeg") for frame in frames]
    assert store_json(site, [told], bulk).status_code == 200
    stored = _stored(site)
    tables = (stored.ExtendedOffsetTable, stored.ExtendedOffsetTableLengths)
    assert next(generate_fragments(stored.PixelData)) == b""
    for number, frame in enumerate(frames):
        found = get_frame(stored.PixelData, number, extended_offsets=tables)
        assert found[: len(frame)] == frame


def test_t8_a_video_is_one_part_unchanged(site: Site) -> None:
    video = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(range(256)) * 9
    told = {**_native(), "00280008": {"vr": "IS", "Value": [25]}}
    bulk = BulkPart("pixels", video, "video/mp4")
    assert store_json(site, [told], [bulk]).status_code == 200
    stored = _stored(site)
    assert stored.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.102"
    assert list(generate_fragments(stored.PixelData)) == [b"", video]
    assert "a video is one part" in _refused(store_json(site, [_native(6)], [bulk, bulk]))


def _box(kind: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return (len(body) + 8).to_bytes(4, "big") + kind + body


def _mp4(columns: int, rows: int, frames: int) -> bytes:
    """The boxes of an MP4 whose pictures come first, with a track of sound in front of theirs."""
    size = columns.to_bytes(2, "big") + rows.to_bytes(2, "big")
    entry = _box(b"avc1", bytes(24), size, bytes(50))
    described = _box(b"stsd", b"\0\0\0\0\0\0\0\1", entry)
    sizes = _box(b"stsz", bytes(8), frames.to_bytes(4, "big"))
    sound = _box(b"stsd", b"\0\0\0\0\0\0\0\1", _box(b"mp4a", bytes(60)))
    tracks = (
        _box(b"trak", _box(b"mdia", _box(b"minf", _box(b"stbl", table))))
        for table in (sound, described + sizes)
    )
    return b"".join(
        (
            _box(b"ftyp", b"mp42\0\0\0\0"),
            _box(b"mdat", bytes(100_000)),
            _box(b"moov", _box(b"mvhd", bytes(100)), *tracks),
        )
    )


_VIDEOS = [
    (_mp4(160, 120, 24), "video/mp4", "4.102", 24),
    (b"\0\0\1\xb3\x0a\x00\x78\x13" + bytes(200), "video/mpeg", "4.101", None),
]


@pytest.mark.parametrize(("video", "kind", "syntax", "frames"), _VIDEOS)
def test_t6_videos_are_described_from_their_headers(
    site: Site, video: bytes, kind: str, syntax: str, frames: int | None
) -> None:
    assert store_json(site, [_image()], [BulkPart("pixels", video, kind)]).status_code == 200
    stored = _stored(site)
    assert stored.file_meta.TransferSyntaxUID == f"1.2.840.10008.1.2.{syntax}"
    assert (stored.Rows, stored.Columns, stored.SamplesPerPixel) == (120, 160, 3)
    assert stored.PhotometricInterpretation == "YBR_PARTIAL_420"
    assert stored.get("NumberOfFrames") == frames
    wrong = {**_image(), "00280010": _us(121)}
    response = store_json(site, [wrong], [BulkPart("pixels", video, kind)])
    assert "00280010: Rows differs" in _refused(response)


_DOCUMENTS = [
    ("application/pdf", b"%PDF-1.4\n%%EOF"),
    ("text/xml", b"<ClinicalDocument/>"),
    ("model/stl", bytes(84)),
    ("model/obj", b"v 0 0 0\n"),
]


@pytest.mark.parametrize(("kind", "data"), _DOCUMENTS)
@pytest.mark.parametrize("told", [True, False])
def test_t7_documents_are_typed_like_their_part(
    site: Site, kind: str, data: bytes, told: bool
) -> None:
    found = _metadata(x00420011={"vr": "OB", "BulkDataURI": "document"})
    if told:
        found["00420012"] = {"vr": "LO", "Value": [kind]}
    assert store_json(site, [found], [BulkPart("document", data, kind)]).status_code == 200
    stored = _stored(site)
    assert stored.MIMETypeOfEncapsulatedDocument == kind
    length = stored.get("EncapsulatedDocumentLength", len(stored.EncapsulatedDocument))
    assert stored.EncapsulatedDocument[:length] == data


def test_t7_a_document_of_another_type_is_refused(site: Site) -> None:
    found = _metadata(
        x00420011={"vr": "OB", "BulkDataURI": "document"},
        x00420012={"vr": "LO", "Value": ["application/pdf"]},
    )
    response = store_json(site, [found], [BulkPart("document", b"<a/>", "text/xml")])
    assert "00420012: MIMETypeOfEncapsulatedDocument differs" in _refused(response)


def test_bulk_data_in_nested_sequences_and_private_attributes(site: Site) -> None:
    item: Metadata = {
        "00191001": {"vr": "UN", "BulkDataURI": "private"},
        "00190010": {"vr": "LO", "Value": ["MAKER"]},
        "54001010": {"vr": "OW", "BulkDataURI": "wave"},
    }
    found = _metadata(x54000100={"vr": "SQ", "Value": [{}, item]})
    bulk = [BulkPart("wave", b"\1\2\3\4"), BulkPart("private", b"abc")]
    assert store_json(site, [found], bulk).status_code == 200
    (_, stored) = _stored(site).WaveformSequence
    assert stored.WaveformData == b"\1\2\3\4"
    assert stored[0x00191001].value == b"abc\0"


def test_dcm4che_sends_json_as_application_json_with_blanks(site: Site) -> None:
    """Unquoted boundary of dashes, blanks behind header values, its own Accept header."""
    kind = "multipart/related; type=application/json; boundary=----dcm4che"
    head = b"\r\n------dcm4che\r\nContent-Type: application/json \r\n\r\n"
    pixels = (
        b"\r\n------dcm4che\r\nContent-Type: image/jpeg \r\nContent-Location: bulk/pixels \r\n\r\n"
    )
    jpeg = encoded(image("L", 16, 16), "JPEG")
    body = head + orjson.dumps([_image("bulk/pixels")]) + pixels + jpeg + b"\r\n------dcm4che--"
    accept = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"
    response = site.request(
        "POST", "/studies", headers={"Content-Type": kind, "Accept": accept}, content=body
    )
    assert response.status_code == 200, response.text


def test_dcm4che_sends_xml_for_documents(site: Site) -> None:
    found = _metadata(
        x00420011={"vr": "OB", "BulkDataURI": "bulk/document"},
        x00420012={"vr": "LO", "Value": ["application/pdf"]},
    )
    kind = "multipart/related; type=application/dicom+xml; boundary=----dcm4che"
    body = b"".join(
        b"\r\n------dcm4che\r\n" + head + b"\r\n\r\n" + data
        for head, data in (
            (b"Content-Type: application/dicom+xml ", native_xml(orjson.dumps(found))),
            (b"Content-Type: application/pdf \r\nContent-Location: bulk/document ", b"%PDF"),
        )
    )
    headers = {"Content-Type": kind, "Accept": XML}
    response = site.request(
        "POST", "/studies", headers=headers, content=body + b"\r\n------dcm4che--"
    )
    assert response.status_code == 200, response.text
    assert _stored(site).EncapsulatedDocument == b"%PDF"


def test_large_bulk_data_wait_outside_of_memory(site: Site) -> None:
    data = bytes(range(256)) * 20_000
    found = _metadata(x54001010={"vr": "OW", "BulkDataURI": "wave"})
    assert store_json(site, [found], [BulkPart("wave", data)]).status_code == 200
    assert _stored(site).WaveformData == data


def _sequence(parts: Sequence[BulkPart]) -> bytes:
    return request_body(JSON, [orjson.dumps([_native()])], parts)


def test_a_request_that_breaks_off_stores_nothing(site: Site) -> None:
    body = _sequence([BulkPart("pixels", bytes(70))])
    assert post(site, JSON, body[:-40]).status_code == 400
    assert site.search("/instances") == []
    assert post(site, JSON, body).status_code == 200

"""Documents and videos inside of objects: what they are, and how long (PS3.3 C.24.2)."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from dicomweb_server.dicom.encapsulated import HEAD, read_document, video_type
from tests.dicom.scans import bulk_value, document, scanned

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_P = "1.2.840.10008.1.2.4."


def _document(
    sop_class: str, told: str = "", data: bytes = b"%PDF", length: int | None = None
) -> dict[str, object]:
    made: dict[str, object] = {
        "00080016": {"vr": "UI", "Value": [_STORAGE + sop_class]},
        "00420011": {"vr": "OB", "InlineBinary": base64.b64encode(data).decode()},
    }
    if told:
        made["00420012"] = {"vr": "LO", "Value": [told]}
    if length is not None:
        made["00420015"] = {"vr": "UL", "Value": [length]}
    return made


@pytest.mark.parametrize(
    ("sop_class", "told", "expected"),
    [
        ("104.1", "", "application/pdf"),
        ("104.1", "text/html", "application/pdf"),
        ("104.2", "text/XML", "text/xml"),
        ("104.3", "", "model/stl"),
        ("104.4", "", "model/obj"),
        ("104.5", "", "model/mtl"),
        ("999", "application/pdf; version=1", "application/pdf"),
        ("999", "application/xml", "text/xml"),
        ("999", "text/html", "application/octet-stream"),
        ("999", "image/svg+xml", "application/octet-stream"),
        ("999", "text/plain\r\nX: y", "application/octet-stream"),
        ("999", "", "application/octet-stream"),
    ],
)
def test_media_types_come_from_the_class_or_from_a_list(
    sop_class: str, told: str, expected: str
) -> None:
    found = read_document(_document(sop_class, told))
    assert found is not None
    assert found.media_type == expected


@pytest.mark.parametrize(
    ("length", "stored", "expected"),
    [(None, 10, 10), (9, 10, 9), (10, 10, 10), (8, 10, 10), (11, 10, 10), (0, 10, 10)],
)
def test_the_byte_that_makes_a_document_even_is_left_out(
    length: int | None, stored: int, expected: int
) -> None:
    found = read_document(_document("104.1", data=bytes(stored), length=length))
    assert found is not None
    assert found.length_of(stored) == expected
    assert len(found.data) == expected


def test_large_documents_lie_in_the_bulk_value() -> None:
    data = _document("104.1", length=99_999)
    data["00420011"] = {"vr": "OB", "BulkDataURI": "http://x/bulkdata/00420011"}
    found = read_document(data)
    assert found is not None
    assert (found.data, found.length_of(100_000)) == (b"", 99_999)


def test_objects_without_document() -> None:
    assert read_document({}) is None
    assert read_document({"00420011": {"vr": "OB"}}) is None


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [("encapsulated_pdf", b"%PDF-1.4", b"%%EOF dev"), ("encapsulated_cda", b"<?xml", b"Document>")],
)
def test_real_documents_come_whole(data_folder: Path, name: str, start: bytes, end: bytes) -> None:
    file = (data_folder / "valid" / "encapsulated" / f"{name}.dcm").read_bytes()
    found = read_document(document(scanned(file)))
    assert found is not None
    assert found.data.startswith(start)
    assert found.data.rstrip(b"\n\0 ").endswith(end)


@pytest.mark.parametrize(
    ("head", "syntax", "expected"),
    [
        (b"\0\0\0\x20ftypisom", "102", "video/mp4"),
        (b"\0\0\0\x20ftypmp42", "107", "video/mp4"),
        (b"\0\0\0\x14ftypqt  ", "102", "video/quicktime"),
        (b"\0\0\0\1\x67\x64\0\x28", "102", "video/H264"),
        (b"\0\0\1\x09\x10", "104.1", "video/H264"),
        (b"\0\0\0\1\x40\x01", "107", "video/H265"),
        (b"\0\0\0\1\x40\x01", "108.1", "video/H265"),
        (b"\0\0\1\xb3\x0a", "100", "video/mpeg"),
        (b"\0\0\1\xba\x21", "101", "video/mpeg"),
        (b"\0\0\1\xe0", "101", "video/mpeg"),
        (b"G" + bytes(187) + b"G" + bytes(187), "102", "video/mp2t"),
        (b"", "100", "video/mpeg"),
        (b"\1\2\3\4\5\6\7\x08", "102", "application/octet-stream"),
    ],
)
def test_only_mp4_files_are_told_as_mp4(head: bytes, syntax: str, expected: str) -> None:
    assert video_type(head, _P + syntax) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("h264-102/mpeg4_h264_24f.dcm", "video/mp4"),
        ("hevc-107/hevc_main_24f.dcm", "video/mp4"),
        ("mpeg2-100/mpeg2_mp_24f.dcm", "video/mpeg"),
    ],
)
def test_real_videos(data_folder: Path, name: str, expected: str) -> None:
    file = (data_folder / "valid" / "ts" / name).read_bytes()
    instance = scanned(file)
    head = bulk_value(file, instance.bulk[-1])[:HEAD]
    assert video_type(head, instance.transfer_syntax) == expected

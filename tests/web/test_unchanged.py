"""T10: what was sent is what is stored; nothing is coerced (PS3.18 10.5.2, PS3.3 C.12.1.1.9)."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.bulk import BulkPart, metadata_of, store_json
from tests.dicom.metadata import UIDS
from tests.dicom.test_video_coding import avcc, mp4
from tests.site import Site, open_site

_PATH = "/studies/1.2.3/series/1.2.3.4/instances/1.2.3.4.5"
_ORIGINALS = "04000561"
_DESCRIPTION = {
    *("00280002", "00280004", "00280006", "00280008", "00280010", "00280011", "00280100"),
    *("00280101", "00280102", "00280103", "00282110", "00282114", "00420012", "00420015"),
}
"""What may be added where it was not sent: how pixels or a document are to be read."""
_SENT: dict[str, Any] = {
    **UIDS,
    "00080020": {"vr": "DA", "Value": ["19000101"]},
    "00080050": {"vr": "SH"},
    "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Müller^Jörg", "Ideographic": "王^小東"}]},
    "00100020": {"vr": "LO", "Value": ["a  b"]},
    "00181310": {"vr": "US", "Value": [0, 4, 5, 0]},
    "00204000": {"vr": "LT", "Value": ["two\nlines"]},
    "00281050": {"vr": "DS", "Value": [40, -1.5]},
}
_KEPT = {
    "04000550": {"vr": "SQ", "Value": [{"00100020": {"vr": "LO", "Value": ["former"]}}]},
    "04000565": {"vr": "CS", "Value": ["COERCE"]},
}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path) as opened:
        yield opened


def _us(number: int) -> dict[str, Any]:
    return {"vr": "US", "Value": [number]}


def _picture(kind: str) -> bytes:
    written = BytesIO()
    Image.new("RGB", (16, 8), (10, 20, 30)).save(written, kind)
    return written.getvalue()


def _cases() -> dict[str, tuple[dict[str, Any], BulkPart | None]]:
    pixels = {"7FE00010": {"vr": "OB", "BulkDataURI": "part"}}
    document = {"00420011": {"vr": "OB", "BulkDataURI": "part"}}
    large = {"00281201": {"vr": "OW", "BulkDataURI": "part"}}
    original = {_ORIGINALS: {"vr": "SQ", "Value": [_KEPT]}}
    charset = {"00080005": {"vr": "CS", "Value": ["ISO_IR 192"]}}
    stated = {"00280010": _us(8), "00280011": _us(16), "00280002": _us(3), "00280006": _us(0)}
    return {
        "no bulk data": ({}, None),
        "character set": (charset, None),
        "original attributes": (original, None),
        "bulk value": (large, BulkPart("part", bytes(600), "application/octet-stream")),
        "document": (document, BulkPart("part", b"%PDF-1.7\n%%EOF", "application/pdf")),
        "jpeg": (pixels, BulkPart("part", _picture("JPEG"), "image/jpeg")),
        "png": (pixels, BulkPart("part", _picture("PNG"), "image/png")),
        "described png": ({**pixels, **stated}, BulkPart("part", _picture("PNG"), "image/png")),
        "video": (pixels, BulkPart("part", mp4(b"avc1", avcc(100, 41)), "video/mp4")),
        "empty description": (
            {**pixels, "00280010": {"vr": "US"}, "00282110": {"vr": "CS"}},
            BulkPart("part", _picture("JPEG"), "image/jpeg"),
        ),
    }


@pytest.mark.parametrize("name", _cases())
def test_t10_every_value_that_was_sent_is_stored(site: Site, name: str) -> None:
    more, bulk = _cases()[name]
    sent = {**_SENT, **more}
    response = store_json(site, [sent], [bulk] if bulk else [])
    assert response.status_code == 200, response.text
    assert _ORIGINALS not in response.json()
    stored = metadata_of(site, _PATH)
    for tag, attribute in sent.items():
        if "BulkDataURI" in attribute:
            assert stored[tag].keys() & {"BulkDataURI", "InlineBinary"}
        elif "Value" in attribute:
            assert stored[tag] == attribute, tag
    added = {tag for tag in stored if "Value" not in sent.get(tag, {})} - sent.keys()
    assert added <= _DESCRIPTION | {"00080005"}
    assert (_ORIGINALS in stored) == (_ORIGINALS in sent)


@pytest.mark.parametrize(
    ("tag", "attribute"),
    [
        ("00280002", _us(1)),
        ("00280004", {"vr": "CS", "Value": ["YBR_FULL"]}),
        ("00280006", _us(1)),
        ("00280008", {"vr": "IS", "Value": [2]}),
        ("00280010", _us(9)),
        ("00280011", _us(9)),
        ("00280100", _us(16)),
        ("00280101", _us(7)),
        ("00280103", _us(1)),
    ],
)
def test_t10_what_contradicts_a_picture_is_refused_and_not_corrected(
    site: Site, tag: str, attribute: dict[str, Any]
) -> None:
    sent = {**_SENT, "7FE00010": {"vr": "OB", "BulkDataURI": "part"}, tag: attribute}
    response = store_json(site, [sent], [BulkPart("part", _picture("PNG"), "image/png")])
    assert response.status_code == 409, response.text
    assert site.get(f"{_PATH}/metadata").status_code == 404


def test_t10_files_are_kept_byte_for_byte(site: Site, data_folder: Path) -> None:
    for name in ("chrH31", "chrH32", "chrX1", "chrGerm"):
        path = data_folder / "valid" / "charset" / f"{name}.dcm"
        if not path.exists():
            continue
        data = path.read_bytes()
        response = site.store([data])
        assert response.status_code in (200, 202), response.text
        url = response.json()["00081199"]["Value"][0]["00081190"]["Value"][0]
        kind = 'application/dicom; transfer-syntax="*"'
        kept = site.get(url.partition("/dicom-web")[2], kind)
        assert kept.content == data

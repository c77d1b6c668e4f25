"""Documents and videos as /rendered sends them: unchanged, whole or in ranges."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bulk import BulkPart, store_json
from tests.dicom.metadata import UIDS
from tests.dicom.test_video_coding import avcc, hvcc, mp4
from tests.site import Site, open_site

_PATH = "/studies/1.2.3/series/1.2.3.4/instances/1.2.3.4.5/rendered"
_STORAGE = "1.2.840.10008.5.1.4.1.1."


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path) as opened:
        yield opened


def _store(site: Site, sop_class: str, data: bytes, kind: str, tag: str = "00420011") -> None:
    metadata = {
        **UIDS,
        "00080016": {"vr": "UI", "Value": [_STORAGE + sop_class]},
        tag: {"vr": "OB", "BulkDataURI": "part"},
    }
    response = store_json(site, [metadata], [BulkPart("part", data, kind)])
    assert response.status_code == 200, response.text


@pytest.mark.parametrize("size", [101, 9_001])
@pytest.mark.parametrize(
    ("sop_class", "kind"),
    [("104.1", "application/pdf"), ("104.2", "text/xml"), ("104.3", "model/stl")],
)
def test_documents_come_as_they_were_sent(site: Site, sop_class: str, kind: str, size: int) -> None:
    data = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe4</a>".ljust(size, b"x")
    _store(site, sop_class, data, kind)
    response = site.get(_PATH, kind)
    assert response.status_code == 200
    assert response.content == data
    # A charset parameter would beat the declaration of the document (RFC 7303 3.2).
    assert response.headers["content-type"] == kind
    assert response.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in response.headers["content-security-policy"]
    part = site.get(_PATH, kind, Range="bytes=7-20")
    assert (part.status_code, part.content) == (206, data[7:21])


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (mp4(b"avc1", avcc(100, 41)), "video/mp4"),
        (mp4(b"hvc1", hvcc(1, 120)), "video/mp4"),
        (b"\0\0\1\xb3\x0a\0\x78\x22" + bytes(300), "video/mpeg"),
    ],
)
def test_videos_are_their_own_stream_with_ranges(site: Site, data: bytes, kind: str) -> None:
    _store(site, "77.1.4.1", data, kind, "7FE00010")
    response = site.get(_PATH, "video/*")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == kind
    assert response.headers["accept-ranges"] == "bytes"
    assert response.content.removesuffix(b"\0") == data.removesuffix(b"\0")
    part = site.get(_PATH, kind, Range="bytes=4-15")
    assert (part.status_code, part.content) == (206, data[4:16])
    assert part.headers["content-range"] == f"bytes 4-15/{len(response.content)}"


def test_bare_streams_are_not_called_mp4(site: Site) -> None:
    stream = b"\0\0\0\1\x67\x64\0\x28\xac\xd9" + bytes(range(1, 200))
    _store(site, "77.1.4.1", stream, "video/mp4", "7FE00010")
    response = site.get(_PATH, "*/*")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "video/H264"
    assert site.get(_PATH, "video/mp4").status_code == 406

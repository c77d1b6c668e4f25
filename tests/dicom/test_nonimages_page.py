"""Numbers and media types of docs/nonimages.md are those of the code."""

from __future__ import annotations

from dicomweb_server.dicom.encapsulated import video_type
from dicomweb_server.dicom.report.content import Bounds
from dicomweb_server.dicom.waveform import groups, paper
from dicomweb_server.model.kind import DOCUMENT_TYPES
from dicomweb_server.model.limits import MIB, ScanLimits
from dicomweb_server.wire.rendered_types import DRAWINGS, TEXTS
from tests.architecture.source import ROOT

_PAGE = " ".join((ROOT / "docs" / "nonimages.md").read_text("utf-8").split())


def test_bounds_are_told_as_they_are() -> None:
    bounds = Bounds()
    for sentence in (
        f"Up to {bounds.items} content items, 32 levels and {bounds.characters} characters",
        f"Texts above {ScanLimits().inline_text // 1024} KiB",
        f"Of long recordings {groups.MOST_BYTES // MIB} MiB are read",
        f"{paper.SECONDS:.0f} s of one lead (II, V1, V5 or I)",
    ):
        assert sentence in _PAGE


def test_media_types_are_told_as_they_are() -> None:
    for media_type in (*TEXTS, *DRAWINGS, *DOCUMENT_TYPES.values()):
        assert f"`{media_type}`" in _PAGE
    for head, syntax in (
        (b"\0\0\0\x20ftypisom", "102"),
        (b"\0\0\0\x20ftypqt  ", "102"),
        (b"\0\0\0\1\x67", "102"),
        (b"\0\0\0\1\x40", "107"),
        (b"\0\0\1\xb3", "100"),
        (b"G", "102"),
    ):
        assert f"`{video_type(head, f'1.2.840.10008.1.2.4.{syntax}')}`" in _PAGE


def test_tests_that_the_page_names_are_there() -> None:
    for name in ("tests/dicom/report/test_injection.py", "tests/live/test_pages_in_chromium.py"):
        assert name in _PAGE
        assert (ROOT / name).is_file()

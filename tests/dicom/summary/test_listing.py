"""Listings of objects that have neither picture nor text."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings

from dicomweb_server.dicom.report.html import html as report_html
from dicomweb_server.dicom.report.read import read_report
from dicomweb_server.dicom.summary.html import html
from dicomweb_server.dicom.summary.listing import NOTICE, Listing
from dicomweb_server.dicom.summary.read import read_listing
from dicomweb_server.dicom.summary.text import text
from dicomweb_server.errors import ArchiveError
from tests.dicom.metadata import DATA_SETS, Json
from tests.dicom.report.markup import require_plain, words
from tests.dicom.report.samples import link, value
from tests.dicom.scans import document, scanned


def _listing(path: Path) -> Listing:
    return read_listing(document(scanned(path.read_bytes())))


def test_structure_sets_list_their_regions(data_folder: Path) -> None:
    path = data_folder / "valid" / "rt" / "rtss.dcm"
    dataset = pydicom.dcmread(path)
    listing = _listing(path)
    (table,) = listing.tables
    contours = {
        each.ReferencedROINumber: len(each.get("ContourSequence") or ())
        for each in dataset.ROIContourSequence
    }
    assert [(row.cells[1], row.cells[3]) for row in table.rows] == [
        (roi.ROIName, str(contours[roi.ROINumber])) for roi in dataset.StructureSetROISequence
    ]
    colours = [tuple(map(int, each.ROIDisplayColor)) for each in dataset.ROIContourSequence]
    assert [row.colour for row in table.rows] == colours
    page = html(listing)
    require_plain(page)
    assert page.count('class="swatch"') == len(colours)
    assert f'fill="#{bytes(colours[0]).hex()}"' in page


def test_plans_list_their_beams(data_folder: Path) -> None:
    path = data_folder / "valid" / "rt" / "rtplan.dcm"
    dataset = pydicom.dcmread(path)
    listing = _listing(path)
    table = next(table for table in listing.tables if table.title == "Beams")
    metersets = {
        beam.ReferencedBeamNumber: float(beam.BeamMeterset)
        for beam in dataset.FractionGroupSequence[0].ReferencedBeamSequence
    }
    assert len(table.rows) == len(dataset.BeamSequence)
    for row, beam in zip(table.rows, dataset.BeamSequence, strict=True):
        assert row.cells[:2] == (str(beam.BeamNumber), beam.BeamName)
        assert float(row.cells[7].removesuffix(" MU")) == metersets[beam.BeamNumber]


@pytest.mark.parametrize("folder", ["pr-ko", "rt", "non-patient", "encapsulated", "waveform", "sr"])
def test_every_object_is_listed_and_says_that_it_is_a_listing(
    data_folder: Path, folder: str
) -> None:
    for path in sorted((data_folder / "valid" / folder).glob("*.dcm")):
        listing = _listing(path)
        page, plain = html(listing), text(listing)
        require_plain(page)
        for told in (words(page), plain):
            assert NOTICE in told
            assert listing.kind in told
            assert pydicom.dcmread(path).SOPInstanceUID in told


def test_broken_files_that_are_stored_are_listed_too(data_folder: Path) -> None:
    listed = 0
    for path in sorted((data_folder / "broken").rglob("*")):
        if not path.is_file() or path.stat().st_size > 300_000:
            continue
        try:
            found = document(scanned(path.read_bytes()))
        except ArchiveError:
            continue
        require_plain(html(read_listing(found)))
        require_plain(report_html(read_report(found), link))
        listed += 1
    assert listed > 20


@settings(max_examples=100, deadline=None)
@given(DATA_SETS)
def test_any_data_set_can_be_listed(data: Json) -> None:
    listing = read_listing(data)
    require_plain(html(listing))
    text(listing)
    for table in listing.tables:
        assert all(len(row.cells) == len(table.columns) for row in table.rows)


def test_listings_are_bounded_and_say_so() -> None:
    large = {
        f"{0x00180000 + number:08X}": value("LO", *["x" * 1000] * 1000) for number in range(2000)
    }
    listing = read_listing(large)
    (table,) = listing.tables
    assert len(table.rows) == 400
    assert table.left_out
    assert len(html(listing)) < 400 * 500
    assert "There is more that is not listed here." in html(listing)
    assert "There is more that is not listed here." in text(listing)


def test_deep_sequences_are_listed_to_the_third_level() -> None:
    inner: dict[str, object] = {"00080100": value("SH", "deepest")}
    for _ in range(40):
        inner = {"00081140": value("SQ", inner)}
    assert "deepest" not in text(read_listing(inner))
    shallow = {
        "00081140": value("SQ", {"00081140": value("SQ", {"00080100": value("SH", "seen")})})
    }
    assert "seen" in text(read_listing(shallow))


def test_private_attributes_and_binary_values_are_not_listed() -> None:
    data = {
        "00091001": value("LO", "private"),
        "00281201": {"vr": "OW", "InlineBinary": "AAAA"},
        "00420011": {"vr": "OB", "BulkDataURI": "http://x/bulkdata/00420011"},
    }
    told = text(read_listing(data))
    assert "private" not in told
    assert told.count("data, not shown here") == 2


def test_the_window_does_not_name_the_patient() -> None:
    data = {"00100010": value("PN", {"Alphabetic": "Canary"}), "00700080": value("CS", "CANARY")}
    assert "anary" not in html(read_listing(data)).partition("<body>")[0].lower()

"""Reports: what is read of them and how it is told, in HTML and in plain text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomweb_server.dicom.report.content import Bounds
from dicomweb_server.dicom.report.html import html
from dicomweb_server.dicom.report.read import is_report, read_report
from dicomweb_server.dicom.report.text import text
from dicomweb_server.dicom.report.tree import Content
from tests.dicom.report import samples
from tests.dicom.report.markup import require_plain, skeleton, words
from tests.dicom.report.samples import Json
from tests.dicom.scans import document, scanned


def _told(*children: Json, **others: Any) -> str:
    return text(read_report(samples.report(*children, **others)))


def _page(*children: Json, **others: Any) -> str:
    return html(read_report(samples.report(*children, **others)), samples.link)


def _count(content: Content) -> int:
    return 1 + sum(map(_count, content.children))


@pytest.mark.parametrize(
    ("child", "expected"),
    [
        (samples.number("Length", "12.5"), "- Length: 12.5 mm"),
        (samples.number("Length", 12), "- Length: 12 mm"),
        (samples.number("Area", 1.7, "cm2", "square centimeter"), "- Area: 1.7 cm² (cm2, UCUM)"),
        (samples.number("Pressure", 120, "mm[Hg]", "mmHg"), "- Pressure: 120 mmHg"),
        (samples.number("Rate", 72, "{H.B.}/min", "BPM"), "- Rate: 72 /min"),
        (samples.number("Ratio", 0.5, "1", "no units"), "- Ratio: 0.5"),
        (samples.number("Share", 50, "%", "percent"), "- Share: 50%"),
        (samples.number("Pixels", 128, "{pixels}", "pixels"), "- Pixels: 128 pixels"),
        (samples.number("Length", ""), "- Length: no value"),
        (samples.text("Finding", "all well"), "- Finding: all well"),
        (samples.text("Finding", ""), "- Finding: no value"),
        (samples.text("A", "b", "INFERRED FROM"), "- [inferred from] A: b"),
        (samples.text("A", "b", "HAS OBS CONTEXT"), "- [context] A: b"),
        (
            samples.item("CODE", "Site", _0040A168=samples.value("SQ", samples.code("Liver", "7"))),
            "- Site: Liver (7, 99TEST)",
        ),
        (
            samples.item(
                "PNAME", "By", _0040A123=samples.value("PN", {"Alphabetic": "Doe^J^^Dr."})
            ),
            "- By: Doe, Dr. J",
        ),
        (
            samples.item("DATETIME", "At", _0040A120=samples.value("DT", "20240229131415.5+0100")),
            "- At: 2024-02-29 13:14:15 +01:00",
        ),
        (samples.item("DATE", "On", _0040A121=samples.value("DA", "20240229")), "- On: 2024-02-29"),
        (samples.item("TIME", "At", _0040A122=samples.value("TM", "1314")), "- At: 13:14"),
        (samples.item("UIDREF", "UID", _0040A124=samples.value("UI", "1.2.3")), "- UID: 1.2.3"),
        (
            samples.item(
                "SCOORD",
                "Place",
                _00700023=samples.value("CS", "CIRCLE"),
                _00700022=samples.value("FL", 5.0, 6.5, 7.0, 8.0),
            ),
            "- Place: circle: (5, 6.5), (7, 8)",
        ),
        (
            samples.item(
                "SCOORD3D",
                "Place",
                _00700023=samples.value("CS", "POINT"),
                _00700022=samples.value("FL", 1.0, 2.0, 3.0),
                _30060024=samples.value("UI", "1.2"),
            ),
            "- Place: point: (1, 2, 3) mm, in frame of reference 1.2",
        ),
        (
            samples.item(
                "TCOORD",
                "When",
                _0040A130=samples.value("CS", "SEGMENT"),
                _0040A138=samples.value("DS", 1.5, 2),
            ),
            "- When: segment: 1.5, 2 s",
        ),
        (
            samples.item(
                "TCOORD",
                "When",
                _0040A130=samples.value("CS", "POINT"),
                _0040A132=samples.value("UL", 100),
            ),
            "- When: point: sample 100",
        ),
        (samples.image(), f"- CT Image {samples.IMAGE}"),
        (
            samples.image(_00081160=samples.value("IS", 3, 5)),
            f"- CT Image, frames 3, 5 {samples.IMAGE}",
        ),
        (
            samples.image(sop_class=samples.WAVEFORM, _0040A0B0=samples.value("US", 1, 2, 2, 0)),
            f"- 12-lead ECG Waveform, channels 2 of group 1, all of group 2 {samples.IMAGE}",
        ),
    ],
)
def test_items_are_told_in_words(child: Json, expected: str) -> None:
    assert expected in _told(child).splitlines()
    require_plain(_page(child))


def test_codes_stand_small_behind_names_and_values() -> None:
    coded = samples.item("CODE", "Site", _0040A168=samples.value("SQ", samples.code("Liver", "7")))
    page = _page(coded)
    assert "<small>(1, 99TEST)</small>" in page
    assert "<small>(7, 99TEST)</small>" in page


def test_numbers_that_are_missing_say_why() -> None:
    child = samples.item(
        "NUM", "Length", _0040A301=samples.value("SQ", samples.code("Not measured"))
    )
    assert "Not measured" in _told(child)


def test_the_header_tells_patient_status_and_people() -> None:
    verifier = {
        "0040A075": samples.value("PN", {"Alphabetic": "Roe^R", "Ideographic": "王^小"}),
        "0040A027": samples.value("LO", "Clinic"),
        "0040A030": samples.value("DT", "20240301"),
    }
    others = {
        "00100030": samples.value("DA", "19700102"),
        "00100040": samples.value("CS", "F"),
        "00101010": samples.value("AS", "054Y"),
        "0040A491": samples.value("CS", "COMPLETE"),
        "0040A493": samples.value("CS", "VERIFIED"),
        "0040A073": samples.value("SQ", verifier),
    }
    lines = _told(**others).splitlines()
    for line in (
        "Patient: Doe, Dr. Jane, MD",
        "Patient ID: 4711",
        "Born: 1970-01-02",
        "Sex: female",
        "Age: 54 years",
        "Completion: complete",
        "Verification: verified",
        "Verified by: Roe, R (王, 小), Clinic, 2024-03-01",
    ):
        assert line in lines
    assert "Doe" not in _page(**others).partition("<body>")[0]


def test_references_are_links_where_the_evidence_knows_the_object() -> None:
    known, unknown = samples.image(), samples.image("1.2.3.99")
    page = _page(known, unknown)
    url = samples.link(samples.STUDY, samples.SERIES, samples.IMAGE)
    assert page.count("<a ") == 1
    assert f'<a href="{url}">' in page
    assert "1.2.3.99" in page


def test_selections_of_key_objects_list_their_objects() -> None:
    images = [samples.image(f"1.2.3.4.{number}") for number in range(5)]
    key = {
        **samples.report(*images, title="Of Interest"),
        "00080016": samples.value("UI", "1.2.840.10008.5.1.4.1.1.88.59"),
        "0040A375": samples.evidence(*(f"1.2.3.4.{number}" for number in range(5))),
    }
    page = html(read_report(key), samples.link)
    assert page.count('<li><a href="http://here/studies/1.2.3/') == 5
    assert "<h1>Of Interest</h1><p>Key Object Selection Document</p>" in page


def test_items_by_reference_link_to_their_target() -> None:
    target = samples.text("Cause", "a fall")
    by_reference = {
        "0040A010": samples.value("CS", "INFERRED FROM"),
        "0040DB73": samples.value("UL", 1, 1),
    }
    finding = {**samples.text("Finding", "fracture"), "0040A730": samples.value("SQ", by_reference)}
    page = _page(target, finding)
    assert '<li id="item-1.1">' in page
    assert '<a href="#item-1.1">' in page
    assert "  - [inferred from] item 1.1, Cause" in _told(target, finding)
    lost = {**by_reference, "0040DB73": samples.value("UL", 9, 9)}
    assert "item 9.9, which is not here" in _page(lost)


def test_continuous_texts_flow_and_lists_of_measurements_do_not() -> None:
    prose = [samples.text("", words_in) for words_in in ("A lesion of", "was seen", ".")]
    prose.insert(1, samples.number("Diameter", "1.5", "cm", "centimeter"))
    flowing = samples.container("Findings", *prose, continuity="CONTINUOUS")
    assert "  A lesion of 1.5 cm (Diameter) was seen." in _told(flowing).splitlines()
    numbers = [samples.number(name, 1) for name in ("A", "B")]
    listed = samples.container("Findings", *numbers, continuity="CONTINUOUS")
    assert "  - A: 1 mm" in _told(listed).splitlines()


def test_containers_are_sections_with_headings_by_depth() -> None:
    inner = samples.container("C", samples.text("D", "x"))
    page = _page(samples.container("A", samples.container("B", inner)))
    tags = [tag for tag, _ in skeleton(page) if tag in ("h1", "h2", "h3", "h4", "section")]
    assert tags == ["h1", "section", "h2", "section", "h3", "section", "h4"]


def _nested(depth: int) -> Json:
    made = samples.text("Deepest", "here")
    for _ in range(depth):
        made = samples.container("Level", made)
    return made


def test_deep_trees_are_told_to_level_32_and_say_so_beyond() -> None:
    assert "Deepest: here" in _told(_nested(31))
    assert "not complete" not in _told(_nested(31))
    deeper = samples.report(_nested(60))
    for told in (text(read_report(deeper)), html(read_report(deeper), samples.link)):
        assert "This page is not complete" in told


def test_large_trees_are_bounded_and_say_so() -> None:
    children = [samples.text("A", "b" * 100) for _ in range(300)]
    report = read_report(samples.report(*children), Bounds(items=100, characters=10**6))
    assert _count(report.root) <= 100
    assert report.left_out >= 200
    assert "not complete" in html(report, samples.link)
    cut = read_report(samples.report(*children), Bounds(items=1000, characters=5000))
    assert len(text(cut)) < 5000 + 300 * 40
    assert "not complete" in text(cut)


def test_long_texts_outside_of_the_document_are_mentioned() -> None:
    child = samples.item("TEXT", "Long", _0040A160={"vr": "UT", "BulkDataURI": "x/bulkdata/y"})
    assert "- Long: a long text, to be read with a DICOM viewer" in _told(child)


def test_the_language_of_the_content_is_told_to_browsers() -> None:
    coded = samples.code("Korean", "ko-KR", "RFC5646")
    child = samples.item("CODE", "Language", _0040A168=samples.value("SQ", coded))
    child["0040A043"] = samples.value("SQ", samples.code("Language", "121049", "DCM"))
    assert '<main lang="ko-KR">' in _page(child)


@pytest.mark.parametrize("missing", [{}, {"0040A040": {"vr": "CS", "Value": ["CONTAINER"]}}])
def test_what_is_missing_is_left_out(missing: Json) -> None:
    report = read_report(missing)
    assert text(report)
    require_plain(html(report, samples.link))


_LEAF = st.one_of(st.none(), st.text(max_size=8), st.integers(), st.floats(), st.booleans())
_VALUE = st.recursive(
    _LEAF,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ("vr", "Value", "0040A730", "0040A040", "0040A300", "0040DB73", "0040A043")
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=30,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["0040A730", "0040A040", "0040A375", "00100010"]), _VALUE))
def test_malformed_documents_never_fail(data: dict[str, object]) -> None:
    report = read_report(data)
    text(report)
    require_plain(html(report, samples.link))


def test_only_trees_below_a_container_are_reports() -> None:
    assert is_report(samples.report())
    assert not is_report({})
    assert not is_report({"0040A040": samples.value("CS", "TEXT")})


def _texts(dataset: pydicom.Dataset) -> list[str]:
    """Texts, numbers and meanings that a report holds, told by another reader."""
    found = []
    for element in dataset.iterall():
        if element.keyword in ("TextValue", "NumericValue") and element.value not in (None, ""):
            found.append(str(element.value))
        if element.keyword == "ContentSequence":
            for item in element.value:
                names = item.get("ConceptNameCodeSequence") or []
                found += [str(name.CodeMeaning) for name in names]
    return found


@pytest.mark.parametrize("name", ["report_dfl", "reportsi", "sr", "sr_document", "no-pixel-data"])
def test_real_reports_are_told_whole(data_folder: Path, name: str) -> None:
    path = data_folder / "valid" / "sr" / f"{name}.dcm"
    dataset = pydicom.dcmread(path)
    report = read_report(document(scanned(path.read_bytes())))
    page = html(report, samples.link)
    require_plain(page)
    shown, plain = words(page), text(report)
    squeezed, squeezed_page = " ".join(plain.split()), " ".join(shown.split())
    wanted = _texts(dataset)
    assert wanted
    for each in wanted:
        told = " ".join(each.split())
        if name == "report_dfl" and told == "Description":  # names of texts that flow
            continue
        assert told in squeezed
        assert told in squeezed_page


def test_real_character_sets_reach_the_page(data_folder: Path) -> None:
    for path in sorted((data_folder / "valid" / "charset").glob("*.dcm")):
        found = document(scanned(path.read_bytes()))
        page = html(read_report(found), samples.link)
        require_plain(page)
        assert page.encode("utf-8").decode("utf-8") == page
        for name in found.get("00100010", {}).get("Value", ()):
            for group in (name or {}).values():
                assert group.split("^")[0].strip() in words(page), path.name

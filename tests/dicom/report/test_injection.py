"""No text of a file becomes markup: structure and attributes of pages never depend on it (T2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from lxml import etree

from dicomweb_server.dicom.drawings import placeholder
from dicomweb_server.dicom.report.html import html
from dicomweb_server.dicom.report.read import read_report
from dicomweb_server.dicom.report.text import text
from dicomweb_server.dicom.summary.html import html as listing_html
from dicomweb_server.dicom.summary.read import read_listing
from dicomweb_server.dicom.svg import svg
from dicomweb_server.model.drawing import Drawing, Words
from tests.dicom.report import samples
from tests.dicom.report.markup import require_plain, skeleton, words
from tests.dicom.report.payloads import PAYLOADS, TEXT_VRS
from tests.dicom.report.samples import Json

_KEPT = frozenset(("0040A040", "0040A050", "0040A010", "00080016"))
"""What decides the structure: kinds of content items and of objects."""
_HEADER = [
    "00080020",
    "00080023",
    "00080030",
    "00080033",
    "00080050",
    "00080060",
    "00080070",
    "00080080",
    "00080090",
    "00081030",
    "0008103E",
    "00081090",
    "00100010",
    "00100020",
    "00100021",
    "00100030",
    "00100040",
    "00101010",
    "00181020",
    "00200010",
    "00204000",
    "0040A491",
    "0040A492",
    "0040A493",
    "0040A496",
]


def hostile() -> Json:
    """A report in which every kind of item and every line of the header has a value."""
    children = [
        samples.text("Text", "text", "HAS OBS CONTEXT"),
        samples.item("CODE", "Code", _0040A168=samples.value("SQ", samples.code("coded"))),
        samples.number("Number", "12.5"),
        samples.number("Hounsfield", "12.5", "{x}", "unit"),
        samples.item("PNAME", "Person", _0040A123=samples.value("PN", {"Alphabetic": "A^B"})),
        samples.item("DATETIME", "Moment", _0040A120=samples.value("DT", "20240229")),
        samples.item("DATE", "Day", _0040A121=samples.value("DA", "20240229")),
        samples.item("TIME", "Time", _0040A122=samples.value("TM", "1200")),
        samples.item("UIDREF", "UID", _0040A124=samples.value("UI", "1.2.3")),
        samples.item("SCOORD", "Place", _00700023=samples.value("CS", "CIRCLE")),
        samples.item("SCOORD3D", "Place", _30060024=samples.value("UI", "1.2")),
        samples.item("TCOORD", "Time", _0040A130=samples.value("CS", "POINT")),
        samples.item("STRANGE", "Strange", _0040A160=samples.value("UT", "x")),
        samples.image(),
        samples.container("Prose", samples.text("A", "a"), continuity="CONTINUOUS"),
    ]
    made = samples.report(*children)
    made["0040A073"] = samples.value(
        "SQ",
        {
            "0040A075": samples.value("PN", {"Alphabetic": "A^B"}),
            "0040A027": samples.value("LO", "x"),
            "0040A030": samples.value("DT", "2024"),
        },
    )
    made.update({tag: samples.value("LO", "x") for tag in _HEADER})
    made["00100010"] = made["00080090"] = samples.value("PN", {"Alphabetic": "x", "Phonetic": "y"})
    return made


def filled(data: Any, words_in: str) -> Any:
    """The same with one text in all values, but for those that decide the structure."""
    if isinstance(data, dict) and "vr" in data:
        if data["vr"] == "SQ":
            return {"vr": "SQ", "Value": [filled(each, words_in) for each in data["Value"]]}
        if data["vr"] == "PN":
            return {"vr": "PN", "Value": [dict.fromkeys(data["Value"][0], words_in)]}
        return {"vr": data["vr"], "Value": [words_in]}
    return {
        tag: attribute if tag in _KEPT else filled(attribute, words_in)
        for tag, attribute in data.items()
    }


def _attributes(words_in: str) -> Json:
    """An object with one attribute of each text VR, at the root and in a sequence."""
    flat: Json = {}
    for number, vr in enumerate(TEXT_VRS):
        told: Any = {"Alphabetic": words_in, "Ideographic": words_in} if vr == "PN" else words_in
        flat[f"00410{number:03X}"] = {"vr": vr, "Value": [told, told]}
        flat[f"00080{number + 0x60:03X}"] = {"vr": vr, "Value": [told]}
    return {
        **flat,
        "00081115": samples.value("SQ", flat),
        "00080060": samples.value("CS", words_in),
    }


def _structure_set(words_in: str) -> Json:
    roi = {
        "30060022": samples.value("IS", 1),
        "30060026": samples.value("LO", words_in),
        "30060036": samples.value("CS", words_in),
    }
    contour = {"30060084": samples.value("IS", 1), "3006002A": samples.value("IS", 255, 0, 0)}
    return {
        "00080016": samples.value("UI", "1.2.840.10008.5.1.4.1.1.481.3"),
        "30060002": samples.value("SH", words_in),
        "30060020": samples.value("SQ", roi),
        "30060039": samples.value("SQ", contour),
    }


def _plan(words_in: str) -> Json:
    beam = {
        "300A00C0": samples.value("IS", 1),
        "300A00C2": samples.value("LO", words_in),
        "300A00B2": samples.value("SH", words_in),
        "300A00B3": samples.value("CS", words_in),
    }
    return {
        "00080016": samples.value("UI", "1.2.840.10008.5.1.4.1.1.481.5"),
        "300A0002": samples.value("SH", words_in),
        "300A00B0": samples.value("SQ", beam),
    }


def _pages(words_in: str) -> Iterator[str]:
    yield html(read_report(filled(hostile(), words_in)), samples.link)
    for make in (_attributes, _structure_set, _plan):
        yield listing_html(read_listing(make(words_in)))


def test_there_are_forty_payloads_and_all_text_vrs() -> None:
    assert len(set(PAYLOADS)) == 40
    assert len(set(TEXT_VRS)) >= 15


@pytest.mark.parametrize("payload", PAYLOADS)
def test_pages_have_the_same_structure_whatever_texts_say(payload: str) -> None:
    for page, harmless in zip(_pages(payload), _pages("harmless"), strict=True):
        require_plain(page)
        assert skeleton(page) == skeleton(harmless)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_texts_are_shown_as_they_are(payload: str) -> None:
    shown = payload.replace("\x00", "").strip()
    for page in _pages(payload):
        assert shown in words(page)
    assert shown in text(read_report(filled(hostile(), payload)))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_uids_from_files_become_links_only_where_they_are_uids(payload: str) -> None:
    document = filled(hostile(), payload)
    document["0040A375"] = filled(samples.evidence(payload), payload)
    page = html(read_report(document), lambda *_: "http://here/never")
    assert "http://here/never" not in page


@pytest.mark.parametrize("payload", PAYLOADS)
def test_words_of_drawings_are_no_markup(payload: str) -> None:
    for drawing in (Drawing(100, 100, (), (Words(payload, 1, 2),)), placeholder(payload)):
        tree = etree.fromstring(svg(drawing).encode("utf-8"))
        names = {(etree.QName(each).localname, *each.attrib) for each in tree.iter("*")}
        assert {name for name, *_ in names} <= {"svg", "rect", "g", "polyline", "text"}
        assert all(not name.startswith("on") for _, *told in names for name in told)
        assert "".join(map(str, tree.itertext())).strip() == drawing.words[0].text.strip()


def test_controls_and_broken_characters_do_not_reach_pages() -> None:
    page = html(
        read_report(samples.report(samples.text("A", "a\0b\x1bc\ud800d\te\nf"))), samples.link
    )
    assert "abc?d\te\nf" in words(page)
    page.encode("utf-8")

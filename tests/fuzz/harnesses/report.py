"""Structured reports as pages and as text, and listings of what is no report."""

from __future__ import annotations

from collections.abc import Iterable

from lxml import etree

from dicomweb_server.dicom.page import as_xml
from dicomweb_server.dicom.report import html as report_html
from dicomweb_server.dicom.report import text as report_text
from dicomweb_server.dicom.report.read import read_report
from dicomweb_server.dicom.summary import html as summary_html
from dicomweb_server.dicom.summary import text as summary_text
from dicomweb_server.dicom.summary.read import read_listing
from tests.fuzz import trees
from tests.fuzz.dice import Dice
from tests.fuzz.harness import Harness

_TAGS = (
    0x0040A730,
    0x0040A040,
    0x0040A043,
    0x0040A168,
    0x0040A160,
    0x0040A010,
    0x0040A050,
    0x0040A300,
    0x0040A30A,
    0x004008EA,
    0x0040A301,
    0x0040A121,
    0x0040A122,
    0x0040A120,
    0x0040A123,
    0x0040A124,
    0x0040A032,
    0x0040DB73,
    0x00080100,
    0x00080102,
    0x00080104,
    0x00081199,
    0x00081150,
    0x00081155,
    0x00081160,
    0x00700022,
    0x00700023,
    0x0040A130,
    0x0040A132,
    0x0040A138,
    0x0040A13A,
    0x0040A375,
    0x0040A385,
    0x00081115,
    0x0040A360,
    0x0040A491,
    0x0040A493,
    0x0040A073,
    0x00100010,
    0x00100030,
    0x0040A180,
    0x0040B020,
    0x00409096,
)
_WORDS = (
    "CONTAINER",
    "TEXT",
    "NUM",
    "CODE",
    "IMAGE",
    "SCOORD",
    "SCOORD3D",
    "TCOORD",
    "PNAME",
    "UIDREF",
    "TABLE",
    "COMPOSITE",
    "WAVEFORM",
    "DATETIME",
    "CONTAINS",
    "INFERRED FROM",
    "HAS OBS CONTEXT",
    "SEPARATE",
    "CONTINUOUS",
    "121049",
    "DCM",
    "en-US",
    "POLYLINE",
    "mm",
)
_ROOT = {"0040A040": {"vr": "CS", "Value": ["CONTAINER"]}}


def _run(data: bytes) -> None:
    document = trees.document(Dice(data), _TAGS, _WORDS, _ROOT)
    if document is None:
        return
    report, listing = read_report(document), read_listing(document)
    for page in (report_html.html(report, _link), summary_html.html(listing)):
        root = etree.fromstring(as_xml(page).encode())
        names = {etree.QName(element).localname for element in root.iter(etree.Element)}
        assert not names & {"script", "iframe", "object", "embed", "form", "img", "svg"}
        for element in root.iter(etree.Element):
            for name, value in element.attrib.items():
                assert not str(name).startswith("on")
                assert (
                    str(name) != "href" or str(value)[:5] in ("http:", "#item") or value[:1] == "#"
                )
    assert isinstance(report_text.text(report), str)
    assert isinstance(summary_text.text(listing), str)


def _link(study: str, series: str, instance: str) -> str:
    return f"http://here/studies/{study}/series/{series}/instances/{instance}/rendered"


def _seeds() -> Iterable[bytes]:
    yield bytes(range(1, 200))
    yield bytes((6, 0, 3, 4, 1, 1, 0, 2, 1, 9)) * 20
    yield bytes((11, 0, 1, 5, 1, 1, 2, 3, 1, 1, 4, 18, 1, 1)) * 12


HARNESS = Harness(
    promise="whatever a report holds, its page is XML without script, and nothing of it is markup",
    run=_run,
    seeds=_seeds,
    longest=600,
)

"""Pages as XML: well formed whatever they hold (PS3.18 8.7.4, Table 8.7.4-1)."""

from __future__ import annotations

import pytest
from lxml import etree

from dicomweb_server.dicom.page import as_xml
from dicomweb_server.dicom.report.html import html
from dicomweb_server.dicom.report.read import read_report
from dicomweb_server.dicom.summary.html import html as listing_html
from dicomweb_server.dicom.summary.read import read_listing
from tests.dicom.report import samples
from tests.dicom.report.payloads import PAYLOADS
from tests.dicom.report.samples import Json

XHTML = "{http://www.w3.org/1999/xhtml}"
_STRANGE = ("\ufffe\uffff", "\0\x0b", "a\u2028b", "\U0010ffff", "&nbsp;", "]]>")


def _link(study: str, series: str, instance: str) -> str:
    return f"/studies/{study}"


def _page(words: str) -> Json:
    return samples.report(
        samples.text("Text", words),
        samples.container(words, samples.image()),
        samples.number(words, "1"),
    )


@pytest.mark.parametrize("words", [*PAYLOADS, *_STRANGE])
def test_a_report_is_well_formed_and_says_the_same(words: str) -> None:
    page = html(read_report(_page(words)), _link)
    tree = etree.fromstring(as_xml(page).encode())
    assert tree.tag == f"{XHTML}html"
    assert tree.find(f".//{XHTML}script") is None
    plain = words.strip().translate(dict.fromkeys((0, 11, 0xFFFE, 0xFFFF), " "))
    told = etree.tostring(tree, encoding="unicode", method="text")
    assert all(part in told.replace("\ufffd", " ") for part in plain.split() if part.isprintable())


def test_a_listing_is_well_formed() -> None:
    page = listing_html(read_listing(_page("<&>")))
    assert etree.fromstring(as_xml(page).encode()).tag == f"{XHTML}html"

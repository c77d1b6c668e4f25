"""Addresses in what is sent or stored: the archive never calls them (T19)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from pydicom import Dataset
from pydicom.uid import EncapsulatedPDFStorage

from tests.bulk import JSON, XML, post, request_body
from tests.datasets import dataset, part10
from tests.dicom.metadata import UIDS
from tests.site import Site, open_site
from tests.threats.listener import Listener, listening

_NATIVE = (
    '<NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM"{0}>'
    '<DicomAttribute tag="00080016" vr="UI"><Value number="1">1.2.840.10008.5.1.4.1.1.7</Value>'
    '</DicomAttribute><DicomAttribute tag="00080018" vr="UI"><Value number="1">1.2.3.4.5</Value>'
    '</DicomAttribute><DicomAttribute tag="0020000D" vr="UI"><Value number="1">1.2.3</Value>'
    '</DicomAttribute><DicomAttribute tag="0020000E" vr="UI"><Value number="1">1.2.3.4</Value>'
    '</DicomAttribute><DicomAttribute tag="00400244" vr="UT">{1}</DicomAttribute>'
    "</NativeDicomModel>"
)


def _json(key: str, attribute: Mapping[str, object]) -> Callable[[Site, str], httpx.Response]:
    def send(site: Site, url: str) -> httpx.Response:
        filled = json.dumps([{**UIDS, key: attribute}]).replace("URL", url)
        return post(site, JSON, request_body(JSON, [filled.encode()], ()))

    return send


def _xml(head: str, inside: str, before: str = "") -> Callable[[Site, str], httpx.Response]:
    def send(site: Site, url: str) -> httpx.Response:
        text = (before + _NATIVE.format(head, inside)).replace("URL", url)
        return post(site, XML, request_body(XML, [text.encode()], ()))

    return send


def _stored(**attributes: object) -> Callable[[Site, str], httpx.Response]:
    def send(site: Site, url: str) -> httpx.Response:
        made = dataset()
        for keyword, value in attributes.items():
            setattr(made, keyword, value.replace("URL", url) if isinstance(value, str) else value)
        made.RetrieveURL = url
        return site.store([part10(made)])

    return send


def _document(text: str, kind: str) -> Callable[[Site, str], httpx.Response]:
    def send(site: Site, url: str) -> httpx.Response:
        made: Dataset = dataset(PixelData=None, SOPClassUID=EncapsulatedPDFStorage)
        made.EncapsulatedDocument = text.replace("URL", url).encode().ljust(1_000, b" ")
        made.MIMETypeOfEncapsulatedDocument = kind
        return site.store([part10(made)])

    return send


def _header(name: str, value: str) -> Callable[[Site, str], httpx.Response]:
    def send(site: Site, url: str) -> httpx.Response:
        return site.request("GET", "/studies", headers={name: value.replace("URL", url)})

    return send


def _query(query: str) -> Callable[[Site, str], httpx.Response]:
    return lambda site, url: site.get(query.replace("URL", url.replace(":", "%3A")))


_UT = {"vr": "UT", "BulkDataURI": "URL"}
_SCHEMA = ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="URL URL"'
_INCLUDE = '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="URL"/>'
VECTORS: dict[str, Callable[[Site, str], httpx.Response]] = {
    "BulkDataURI of pixels": _json("7FE00010", {"vr": "OW", "BulkDataURI": "URL"}),
    "BulkDataURI of text": _json("00400244", _UT),
    "BulkDataURI in a sequence": _json("00081115", {"vr": "SQ", "Value": [{"00400244": _UT}]}),
    "BulkDataURI without a scheme": _json("7FE00010", {"vr": "OW", "BulkDataURI": "//URL"}),
    "BulkDataURI of a file": _json("7FE00010", {"vr": "OW", "BulkDataURI": "file:///etc/passwd"}),
    "BulkDataURI of a document": _json("00420011", {"vr": "OB", "BulkDataURI": "URL"}),
    "Retrieve URL sent": _json("00081190", {"vr": "UR", "Value": ["URL"]}),
    "Retrieve URI sent": _json("0040E010", {"vr": "UR", "Value": ["URL"]}),
    "XML bulk data": _xml("", '<BulkData uri="URL"/>'),
    "XML entity": _xml("", "<Value>&x;</Value>", '<!DOCTYPE a [<!ENTITY x SYSTEM "URL">]>'),
    "XML parameter entity": _xml("", "", '<!DOCTYPE a [<!ENTITY % x SYSTEM "URL"> %x;]>'),
    "XML doctype": _xml("", "", '<!DOCTYPE NativeDicomModel SYSTEM "URL">'),
    "XML schema location": _xml(_SCHEMA, "<Value>a</Value>"),
    "XML include": _xml("", _INCLUDE),
    "XML style sheet": _xml("", "", '<?xml-stylesheet type="text/xsl" href="URL"?>'),
    "XML base": _xml(' xml:base="URL"', "<Value>a</Value>"),
    "XML namespace": _xml(' xmlns:a="URL"', "<Value>a</Value>"),
    "stored Retrieve URL": _stored(),
    "stored Retrieve URI": _stored(RetrieveURI="URL"),
    "stored Pixel Data Provider URL": _stored(PixelDataProviderURL="URL", PixelData=b""),
    "stored text": _stored(ImageComments='<img src="URL">'),
    "PDF that opens a link": _document(
        "%PDF-1.4\n1 0 obj<</OpenAction<</S/URI/URI(URL)>>>>endobj\n%%EOF", "application/pdf"
    ),
    "PDF with a file elsewhere": _document(
        "%PDF-1.4\n1 0 obj<</F<</FS/URL/F(URL)>>>>endobj", "application/pdf"
    ),
    "CDA with a picture": _document(
        '<?xml version="1.0"?><!DOCTYPE a SYSTEM "URL"><ClinicalDocument><image href="URL"/>'
        "</ClinicalDocument>",
        "text/xml",
    ),
    "SVG": _document('<svg><image href="URL"/></svg>', "image/svg+xml"),
    "Referer": _header("Referer", "URL"),
    "Forwarded": _header("Forwarded", "for=1;host=URL"),
    "a query value": _query("/studies?PatientName=URL"),
    "a profile": _query("/studies/1.2.3/rendered?iccprofile=URL"),
}


@pytest.fixture(scope="module")
def trap() -> Iterator[Listener]:
    """Who would be called."""
    with listening() as listener:
        yield listener


def test_there_are_enough_of_them_and_the_listener_hears(trap: Listener) -> None:
    assert len(VECTORS) >= 25
    assert httpx.get(trap.url("self")).content == b"DICM"
    assert trap.calls.pop().startswith(b"GET /self")


@pytest.mark.parametrize("name", VECTORS)
def test_t19_nothing_is_fetched(tmp_path: Path, trap: Listener, name: str) -> None:
    with open_site(tmp_path) as site:
        answer = VECTORS[name](site, trap.url("canary"))
        assert answer.status_code < 500, answer.text
        found = site.search("/instances")
        for match in found:
            uid = [match[tag]["Value"][0] for tag in ("0020000D", "0020000E", "00080018")]  # type: ignore[index] # UIDs have values
            path = f"/studies/{uid[0]}/series/{uid[1]}/instances/{uid[2]}"
            for tail in ("", "/metadata", "/bulkdata", "/rendered", "/thumbnail"):
                assert site.get(path + tail).status_code < 500, tail
            assert site.get(path + "/metadata", XML).status_code < 500
    assert not trap.calls

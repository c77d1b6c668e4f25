"""Metadata as a Native DICOM Model document, as they come with store requests."""

from __future__ import annotations

import json
from collections.abc import Iterable

from dicomweb_server.dicom.elements import DataSet
from dicomweb_server.dicom.xml_in import read_xml
from dicomweb_server.dicom.xml_out import native_xml
from dicomweb_server.errors import InvalidRequest, PayloadTooLarge
from tests.dicom.metadata import UIDS
from tests.fuzz.documents import LIMITS, kept, require_fixed, require_xml
from tests.fuzz.harness import Harness, require_told


def _run(data: bytes) -> None:
    try:
        found = read_xml(data, LIMITS)
    except (InvalidRequest, PayloadTooLarge) as refusal:
        require_told(refusal)
        return
    assert b"<!DOCTYPE" not in data
    if isinstance(found, DataSet):
        document = kept(found)
        if document is not None:
            require_fixed(document)
            require_xml(document)


def _seeds() -> Iterable[bytes]:
    tag = "00141000"
    for vr, value in (
        ("LO", ["a & <b>", "c"]),
        ("PN", [{"Alphabetic": "A^B^C", "Ideographic": "山^太"}]),
        ("DS", [1.5]),
        ("SQ", [{"00141000": {"vr": "US", "Value": [7]}}, {}]),
    ):
        yield native_xml(json.dumps({**UIDS, tag: {"vr": vr, "Value": value}}).encode())
    yield native_xml(json.dumps({**UIDS, tag: {"vr": "OB", "InlineBinary": "AAEC"}}).encode())
    private = {
        "00190010": {"vr": "LO", "Value": ["MAKER"]},
        "00191001": {"vr": "LO", "Value": ["x"]},
    }
    yield native_xml(json.dumps({**UIDS, **private}).encode())


HARNESS = Harness(
    promise="a Native DICOM Model document is read or refused; what the archive makes of it comes "
    "back from its own JSON as it was",
    run=_run,
    seeds=_seeds,
    words=(
        b"<DicomAttribute ",
        b'tag="00100010" ',
        b'vr="PN" ',
        b'<Value number="1">',
        b"</Value>",
        b'<Item number="1">',
        b"<InlineBinary>",
        b'<BulkData uri="cid:a"/>',
        b"<![CDATA[",
        b"]]>",
        b"&#0;",
        b"&#x10FFFF;",
        b"<?xml version='1.1' encoding='iso-8859-1'?>",
        b"<!DOCTYPE",
        b"<!--",
        b"-->",
        b'privateCreator="MAKER"',
    ),
    longest=3072,
)

"""Metadata in DICOM JSON, as they come with store requests."""

from __future__ import annotations

import json
from collections.abc import Iterable

from dicomweb_server.dicom.elements import DataSet
from dicomweb_server.dicom.json_in import read_metadata
from dicomweb_server.errors import InstanceRejected, InvalidRequest, PayloadTooLarge
from tests.dicom.metadata import UIDS
from tests.fuzz.documents import LIMITS, kept, require_fixed, require_xml
from tests.fuzz.harness import Harness, require_told


def _run(data: bytes) -> None:
    try:
        found = read_metadata(data, LIMITS)
    except (InvalidRequest, PayloadTooLarge) as refusal:
        require_told(refusal)
        return
    json.loads(data.decode("utf-8-sig"))  # whatever is read is JSON
    for each in found:
        if isinstance(each, InstanceRejected):
            assert each.detail
        elif isinstance(each, DataSet):
            document = kept(each)
            if document is not None:
                require_fixed(document)
                require_xml(document)


def _seeds() -> Iterable[bytes]:
    values = {
        "LO": ["a", None, "b"],
        "PN": [{"Alphabetic": "A^B", "Ideographic": "山"}],
        "DS": [1.5, "2"],
        "US": [1, 2],
        "FD": [1e300, "NaN"],
        "AT": ["00100010"],
        "UV": ["18446744073709551615"],
        "DA": ["20240101"],
    }
    for place, (vr, value) in enumerate(values.items()):
        tag = f"0014{0x1000 + place:04X}"
        yield json.dumps([{**UIDS, tag: {"vr": vr, "Value": value}}]).encode()
    yield json.dumps([{**UIDS, "00141000": {"vr": "OB", "InlineBinary": "AAEC"}}]).encode()
    yield json.dumps([{**UIDS, "7FE00010": {"vr": "OW", "BulkDataURI": "cid:a"}}]).encode()
    yield json.dumps(
        [{**UIDS, "00081115": {"vr": "SQ", "Value": [{"00081115": {"vr": "SQ"}}, {}]}}]
    ).encode()
    yield b'[{"00080005":{"vr":"CS","Value":["ISO_IR 100"]},"00100010":{"vr":"PN"}}]'


HARNESS = Harness(
    promise="DICOM JSON is read or refused; what the archive makes of it comes back from its own "
    "JSON as it was",
    run=_run,
    seeds=_seeds,
    words=(
        b'"vr":"',
        b'"Value":[',
        b'"InlineBinary":"',
        b'"BulkDataURI":"',
        b'"00100010":{',
        b'"Alphabetic":"',
        b"\\u0000",
        b"\\ud800",
        b"1e400",
        b"NaN",
        b"null",
        b"[[[[",
        b'{"00081115":{"vr":"SQ","Value":[',
        b"-0",
    ),
    longest=2048,
)

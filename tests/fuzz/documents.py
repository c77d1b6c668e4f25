"""What the archive makes of metadata: read, written as a file, scanned."""

from __future__ import annotations

import json

from dicomweb_server.dicom.elements import DataSet
from dicomweb_server.dicom.json_in import read_metadata
from dicomweb_server.dicom.xml_in import read_xml
from dicomweb_server.dicom.xml_out import native_xml
from dicomweb_server.errors import InstanceRejected
from dicomweb_server.model.limits import ScanLimits
from tests.dicom import scans
from tests.dicom.metadata import Json, file_of
from tests.fuzz.harness import require_told

LIMITS = ScanLimits(depth=8, elements=500, document=1 << 18)


def kept(found: DataSet) -> Json | None:
    """The document that the archive keeps of a data set; None where it does not take it."""
    try:
        return scans.document(scans.scanned(file_of(found), LIMITS))
    except InstanceRejected as refusal:
        require_told(refusal)
        return None


def require_fixed(document: Json) -> None:
    """What was kept is kept again, sent as JSON."""
    if holds_references(document):
        return
    sent = json.dumps([document]).encode()
    (again,) = read_metadata(sent, LIMITS)
    assert isinstance(again, DataSet), f"the archive's own JSON is refused: {again}"
    same = _shortened(kept(again)) == _shortened(document)
    assert same, "the archive's own JSON comes back as it was"


def _shortened(document: object) -> object:
    """The same with fractions of DS in the digits that 16 characters hold in any case.

    Files have longer ones, against PS3.5 6.2; told as numbers they are written shorter again.
    """
    if isinstance(document, list):
        return [_shortened(each) for each in document]
    if not isinstance(document, dict):
        return document
    if document.get("vr") == "DS":
        values = document.get("Value", ())
        told = [float(f"{v:.9e}") if isinstance(v, float) else v for v in values]
        return {**document, "Value": told}
    return {key: _shortened(value) for key, value in document.items()}


def require_xml(document: Json) -> None:
    """What was kept can be written as XML, which is read as such."""
    text = native_xml(json.dumps(document).encode())
    again = read_xml(text, LIMITS)
    if holds_references(document) or isinstance(again, InstanceRejected):
        return
    kept(again)


def holds_references(document: object) -> bool:
    """Whether some value lies elsewhere."""
    return b"BulkDataURI" in json.dumps(document).encode()

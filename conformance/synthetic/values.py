"""Instances that hold every VR, private attributes, sequences and documents."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from conformance.synthetic.images import ENCAPSULATED_PDF, new_image
from conformance.synthetic.instance import EXPLICIT, IMPLICIT, Instance

RAW_DATA = "1.2.840.10008.5.1.4.1.1.66"
BASIC_TEXT_SR = "1.2.840.10008.5.1.4.1.1.88.11"
CREATOR = "CONFORMANCE SUITE"
BULK = bytes(range(256)) * 64
NESTED_BULK = b"nested bulk data" * 512
PRIVATE_BULK = b"private bulk data" * 512
PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
LONG_TEXT = "All work and no play. " * 400

_VALUES: tuple[tuple[int, str, object], ...] = (
    (0x00080055, "AE", "STATION 1"),
    (0x00101010, "AS", "042Y"),
    (0x00280009, "AT", [0x00181063, 0x00540010]),
    (0x00080008, "CS", ["ORIGINAL", "", "AXIAL"]),
    (0x00080022, "DA", "20060705"),
    (0x0008002A, "DT", "20060705093000.123456+0100"),
    (0x00101030, "DS", "72.50"),
    (0x00180050, "DS", ""),
    (0x00201041, "DS", "-1.5e2"),
    (0x00720076, "FL", [1.5, -2.25]),
    (0x00720074, "FD", [0.1, 1e300]),
    (0x00200012, "IS", ["3", "-4"]),
    (0x00324000, "LT", "first line\r\nsecond line \\ with a backslash"),
    (0x00081048, "PN", ["Only^Alphabetic", "", "A^B^C^D^E"]),
    (0x00720078, "UL", [0, 4294967295]),
    (0x0072007C, "SL", [-2147483648, 2147483647]),
    (0x0072007E, "SS", [-32768, 32767]),
    (0x0072007A, "US", [0, 65535]),
    (0x00720082, "SV", [-9007199254740993, 1]),
    (0x00720083, "UV", [18446744073709551615]),
    (0x00720065, "OB", BULK),
    (0x00720067, "OF", b"\0\0\x80\x3f\0\0\0\x40"),
    (0x00720069, "OW", b"\x01\x02\x03\x04"),
    (0x00720073, "OD", b"\0\0\0\0\0\0\xf0\x3f"),
    (0x00720075, "OL", b"\x01\0\0\0"),
    (0x00720081, "OV", b"\x01\0\0\0\0\0\0\0"),
    (0x0072006D, "UN", b"\x07\x08"),
    (0x0072006F, "UC", ["unlimited", "characters"]),
    (0x00720071, "UR", "http://example.org/a?b=c"),
    (0x00720070, "UT", LONG_TEXT),
    (0x0072006E, "ST", "short text"),
    (0x00091001, "OB", PRIVATE_BULK),
    (0x00091002, "LO", "private value"),
)
"""Attributes of each VR, with empty values, several values and extremes."""


def values(base: Dataset) -> list[Instance]:
    """The instances.

    Args:
        base: Patient and study attributes.
    """
    return [
        _every_vr(base),
        _report(base),
        _document(base),
        _japanese(base),
        _long(base),
    ]


def _every_vr(base: Dataset) -> Instance:
    data = new_image(base, RAW_DATA)
    for tag, vr, value in _VALUES:
        data.add_new(tag, vr, list(value) if isinstance(value, list) else value)
    data.add_new(0x0008103F, "SQ", Sequence([]))
    data.add_new(0x00081250, "SQ", Sequence([Dataset(), _item()]))
    data.add_new(0x00090010, "LO", CREATOR)
    return Instance("values", data, EXPLICIT)


def _item() -> Dataset:
    item = Dataset()
    item.add_new(0x0040A170, "SQ", Sequence([]))
    item.add_new(0x00720065, "OB", NESTED_BULK)
    item.add_new(0x0020000D, "UI", "2.25.1")
    return item


def _report(base: Dataset) -> Instance:
    data = new_image(base, BASIC_TEXT_SR, "SR")
    data.ValueType = "CONTAINER"
    data.ContinuityOfContent = "SEPARATE"
    data.CompletionFlag = "COMPLETE"
    data.VerificationFlag = "UNVERIFIED"
    data.ConceptNameCodeSequence = Sequence([_code("18748-4", "LN", "Diagnostic imaging report")])
    text = Dataset()
    text.RelationshipType = "CONTAINS"
    text.ValueType = "TEXT"
    text.ConceptNameCodeSequence = Sequence([_code("121071", "DCM", "Finding")])
    text.TextValue = "Nothing was found"
    data.ContentSequence = Sequence([text])
    return Instance("report", data, EXPLICIT)


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def _document(base: Dataset) -> Instance:
    data = new_image(base, ENCAPSULATED_PDF, "DOC")
    data.DocumentTitle = "Conformance"
    data.MIMETypeOfEncapsulatedDocument = "application/pdf"
    data.EncapsulatedDocument = PDF + b"\0" * (len(PDF) % 2)
    return Instance("document", data, EXPLICIT)


def _japanese(base: Dataset) -> Instance:
    """PS3.5 H.3.1: names and text in ISO 2022 with escapes."""
    data = new_image(base, RAW_DATA)
    data.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
    data.ContentCreatorName = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    data.SeriesDescription = "胸部"
    return Instance("japanese", data, EXPLICIT)


def _long(base: Dataset) -> Instance:
    """A value that is too long for the 16-bit length of its VR when that is explicit."""
    data = new_image(base, RAW_DATA)
    data.add_new(0x00181065, "DS", [f"{number}.25" for number in range(10_000, 20_000)])
    return Instance("long", data, IMPLICIT)

"""Values of stored files: as JSON, as XML, and as pydicom reads them."""

from __future__ import annotations

import json
import math
import struct
import warnings
from collections.abc import Iterable
from io import BytesIO

import pydicom

from dicomweb_server.dicom.elements import DataSet
from dicomweb_server.dicom.json_in import read_metadata
from dicomweb_server.dicom.xml_in import read_xml
from dicomweb_server.dicom.xml_out import native_xml
from dicomweb_server.errors import InstanceRejected
from dicomweb_server.model.limits import ScanLimits
from tests.dicom import scans
from tests.dicom.metadata import UIDS, Json
from tests.fuzz import files
from tests.fuzz.dice import Dice
from tests.fuzz.harness import Harness, require_told

_LIMITS = ScanLimits(elements=500, document=1 << 18)
_TEXT = ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI")
_WORDS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "UV": "Q", "SV": "q"}
_VRS = (*_TEXT, "UR", "UT", *_WORDS, "AT", "OB", "OW", "OF", "UN")
_SETS = (
    b"",
    b"ISO_IR 100",
    b"ISO_IR 192",
    b"\\ISO 2022 IR 87",
    b"ISO_IR 13",
    b"GB18030",
    b"ISO 2022 IR 100\\ISO 2022 IR 149",
    b"nonsense",
)
_MOST = 12


def _run(data: bytes) -> None:
    dice = Dice(data)
    charset = dice.one(_SETS)
    elements: list[tuple[int, str, bytes]] = []
    while dice.left and len(elements) < _MOST:
        vr = dice.one(_VRS)
        value = dice.take(dice.number(64))
        elements.append((0x00210000 + 0x1001 + len(elements), vr, value))
    low = files.element(0x00080005, "CS", charset) if charset else b""
    block = b"".join(files.element(tag, vr, value) for tag, vr, value in elements)
    # Specific Character Set comes first of all.
    made = files.file(b"", files.element(0x00210010, "LO", b"FUZZ") + block)
    place = len(files.header(files.SYNTAXES[0]))
    made = made[:place] + low + made[place:]
    try:
        found = scans.scanned(made, _LIMITS)
    except InstanceRejected as refusal:
        require_told(refusal)
        return
    document = scans.document(found)
    _require_numbers(document, elements)
    if not charset:
        _require_pydicom(document, made, elements)
    _require_readable(document)


def _require_numbers(document: Json, elements: list[tuple[int, str, bytes]]) -> None:
    """Binary numbers are those that lie there."""
    for tag, vr, value in elements:
        attribute = document[f"{tag:08X}"]
        code = _WORDS.get(vr)
        size = struct.calcsize(code) if code else 1
        if code is None or not value or len(value) % size or attribute["vr"] != vr:
            continue
        told = attribute.get("Value")
        if told is None:
            continue
        for number, (lies,) in zip(told, struct.iter_unpack(f"<{code}", value), strict=True):
            if number is None:
                continue
            if vr in ("FL", "FD"):
                again = struct.unpack(code, struct.pack(code, float(number)))[0]
                assert again == lies or (math.isnan(again) and math.isnan(lies))
            else:
                assert int(number) == lies


def _require_pydicom(document: Json, made: bytes, elements: list[tuple[int, str, bytes]]) -> None:
    """Plain text reads as pydicom reads it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read = pydicom.dcmread(BytesIO(made))
        for tag, vr, value in elements:
            if vr not in ("SH", "LO", "UC") or not _is_plain(value):
                continue
            told = [text or "" for text in document[f"{tag:08X}"].get("Value", [])]
            theirs = read[tag].value
            theirs = [theirs] if isinstance(theirs, str) else list(theirs or [""])
            assert [text.strip() for text in told] == [str(text).strip() for text in theirs] or (
                not "".join(told).strip() and not "".join(theirs).strip()
            )


def _is_plain(value: bytes) -> bool:
    return value.isascii() and value.decode("ascii").isprintable()


def _require_readable(document: Json) -> None:
    """Both forms can be read; what comes of JSON is what was written."""
    text = json.dumps(document, ensure_ascii=False).encode()
    for found in (*read_metadata(b"[" + text + b"]", _LIMITS), read_xml(native_xml(text), _LIMITS)):
        assert isinstance(found, DataSet | InstanceRejected)
        if isinstance(found, DataSet):
            for key in UIDS:
                assert found.text(int(key, 16)) == UIDS[key]["Value"][0]


def _seeds() -> Iterable[bytes]:
    yield b"\0" + b"".join(bytes((place, 4)) + b"12\\3" for place in range(12))
    yield b"\0" + b"".join(bytes((place + 12, 8)) + b"1.5\\2.00" for place in range(12))
    yield b"\3\7\x0e\x1b$B;3ED\x1b(J^A"
    yield b"\4\7\4\xd4\xcf\xc0\xde"
    yield b"\5\7\4\xcd\xf5\xb0\xa1"
    yield b"\6\7\x08\x1b$)C\xb1\xe8\xc8\xf1"


HARNESS = Harness(
    promise="values are those that lie in the file, as pydicom reads them; both written forms can "
    "be read again",
    run=_run,
    seeds=_seeds,
    words=(
        b"\\",
        b"^",
        b"=",
        b"\x1b$B",
        b"\x1b(J",
        b"\x1b$)C",
        b"20240101",
        b"1e400",
        b"NaN",
        b"\0",
    ),
    longest=512,
)

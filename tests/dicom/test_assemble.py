"""Metadata and bulk data put together: what the web's tests do not reach (PS3.18 10.5.1.4)."""

from __future__ import annotations

import orjson
import pytest

from dicomweb_server.dicom.assemble import Assembled, BulkPart, assemble
from dicomweb_server.dicom.elements import Bulk, DataSet, Frames
from dicomweb_server.dicom.json_in import read_metadata
from dicomweb_server.errors import InstanceRejected
from dicomweb_server.model.instance import ByteRange
from dicomweb_server.model.limits import GIB, ScanLimits
from dicomweb_server.model.source import MemorySource
from tests.dicom.metadata import UIDS, Json
from tests.pictures import encoded, image

_PIXELS = 0x7FE00010
_BY_URI = {"vr": "OB", "BulkDataURI": "bulk"}
_DESCRIBED: Json = {
    "00280002": {"vr": "US", "Value": [1]},
    "00280004": {"vr": "CS", "Value": ["MONOCHROME2"]},
    "00280010": {"vr": "US", "Value": [4]},
    "00280011": {"vr": "US", "Value": [4]},
    "00280100": {"vr": "US", "Value": [8]},
    "00280101": {"vr": "US", "Value": [8]},
    "00280102": {"vr": "US", "Value": [7]},
    "00280103": {"vr": "US", "Value": [0]},
}


def _put(data: Json, parts: dict[str, list[BulkPart]], source: bytes = b"") -> Assembled:
    (found,) = read_metadata(orjson.dumps([{**UIDS, **data}]), ScanLimits())
    assert isinstance(found, DataSet), found
    return assemble(found, lambda uri: tuple(parts.get(uri, ())), MemorySource(source))


def _refusal(data: Json, parts: dict[str, list[BulkPart]], source: bytes = b"") -> str:
    with pytest.raises(InstanceRejected) as caught:
        _put(data, parts, source)
    assert caught.value.instance == "1.2.3.4.5"
    return caught.value.detail


def _part(kind: str, length: int, start: int = 0, syntax: str | None = None) -> BulkPart:
    return BulkPart(kind, syntax, ByteRange(start, length))


def _value(made: Assembled, tag: int) -> object:
    element = made.data_set.get(tag)
    assert element is not None
    return element.value


@pytest.mark.parametrize("missing", ["00080016", "00080018"])
def test_an_instance_needs_its_uids(missing: str) -> None:
    (found,) = read_metadata(orjson.dumps([{**UIDS, missing: {"vr": "UI"}}]), ScanLimits())
    assert isinstance(found, DataSet)
    with pytest.raises(InstanceRejected, match=f"^{missing}: SOP.*UID is missing or no UID"):
        assemble(found, lambda _uri: (), MemorySource(b""))


def test_missing_parts_are_located_in_items() -> None:
    data: Json = {"54000100": {"vr": "SQ", "Value": [{}, {"54001010": _BY_URI}]}}
    assert _refusal(data, {}).startswith("54000100[2].54001010: no part of the request")


def test_parts_of_one_image_are_alike() -> None:
    parts = {"bulk": [_part("image/jpeg", 10), _part("image/jls", 10)]}
    assert _refusal({"7FE00010": _BY_URI}, parts) == "7FE00010: its parts differ in media type"


def test_icons_are_compressed_only_like_their_image() -> None:
    data: Json = {"00880200": {"vr": "SQ", "Value": [{"7FE00010": {**_BY_URI}}]}}
    parts = {"bulk": [_part("image/jpeg", 10)]}
    assert _refusal(data, parts).startswith("00880200[1].7FE00010: compressed pixels need")
    jpeg = encoded(image("L", 8, 8), "JPEG")
    parts["image"] = [_part("image/jpeg", len(jpeg))]
    whole: Json = {**data, "7FE00010": {"vr": "OB", "BulkDataURI": "image"}}
    (icon,) = _items(_put(whole, parts, jpeg), 0x00880200)
    found = icon.get(_PIXELS)
    assert found is not None
    assert found.value == Frames((ByteRange(0, 10),), basic_table=False)


def _items(made: Assembled, tag: int) -> tuple[DataSet, ...]:
    value = _value(made, tag)
    assert isinstance(value, tuple)
    return value


def test_a_video_that_fits_no_fragment_becomes_fragmentable() -> None:
    parts = {"bulk": [_part("video/mp4", 5 * GIB)]}
    made = _put({**_DESCRIBED, "7FE00010": _BY_URI}, parts)
    assert made.transfer_syntax == "1.2.840.10008.1.2.4.102.1"
    frames = _value(made, _PIXELS)
    assert isinstance(frames, Frames)
    assert [part.length for part in frames.fragments] == [0xFFFFFFFE, 5 * GIB - 0xFFFFFFFE]


def test_values_above_4_gib_are_refused() -> None:
    large = {"bulk": [_part("application/octet-stream", 5 * GIB)]}
    assert _refusal({"54001010": _BY_URI}, large) == "54001010: is longer than 4 GiB"
    frame = {"bulk": [_part("image/jpeg", 5 * GIB, 0, "1.2.840.10008.1.2.4.50")]}
    data: Json = {**_DESCRIBED, "7FE00010": _BY_URI}
    assert _refusal(data, frame) == "7FE00010: a frame is longer than 4 GiB"


def test_offsets_beyond_32_bits_get_an_extended_table() -> None:
    syntax = "1.2.840.10008.1.2.4.50"
    parts = {"bulk": [_part("image/jpeg", 2 * GIB, n * GIB, syntax) for n in range(4)]}
    made = _put({**_DESCRIBED, "7FE00010": _BY_URI}, parts)
    offsets = made.data_set.field(0x7FE00001)
    assert int.from_bytes(offsets[24:], "little") == 3 * (2 * GIB + 8)
    assert made.data_set.text(0x00280008) == "4"


@pytest.mark.parametrize(
    ("vr", "bits", "wanted"), [("OB", 8, "OB"), ("OB", 16, "OW"), ("UN", 8, "OB")]
)
def test_native_pixels_have_the_vr_of_their_bits(vr: str, bits: int, wanted: str) -> None:
    data: Json = {
        "00280100": {"vr": "US", "Value": [bits]},
        "7FE00010": {"vr": vr, "BulkDataURI": "bulk"},
    }
    made = _put(data, {"bulk": [_part("application/octet-stream", 16)]})
    element = made.data_set.get(_PIXELS)
    assert element is not None
    assert (element.vr, element.value) == (wanted, Bulk((ByteRange(0, 16),)))
    assert made.transfer_syntax == "1.2.840.10008.1.2.1"

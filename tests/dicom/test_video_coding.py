"""Profiles and levels of videos, in MP4 and bare, and the transfer syntaxes that they mean."""

from __future__ import annotations

from pathlib import Path
from struct import pack

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.dicom.elements import DataSet, Misfit
from dicomweb_server.dicom.json_in import read_metadata
from dicomweb_server.dicom.video import Video, read_video
from dicomweb_server.dicom.video_coding import Coding, Family, read_coding, transfer_syntax
from dicomweb_server.errors import InstanceRejected
from dicomweb_server.model.instance import ByteRange
from dicomweb_server.model.source import MemorySource
from tests.dicom.metadata import UIDS, file_of
from tests.dicom.scans import LIMITS, bulk_value, document, scanned

_P = "1.2.840.10008.1.2.4."


def box(kind: bytes, *inside: bytes) -> bytes:
    """A box of an MP4 file."""
    body = b"".join(inside)
    return pack(">I", 8 + len(body)) + kind + body


def avcc(profile: int, level: int) -> bytes:
    """The configuration of an H.264 track (ISO/IEC 14496-15 5.3.3.1)."""
    return box(b"avcC", bytes((1, profile, 0, level, 0xFF, 0xE0, 0)))


def hvcc(profile: int, level: int, flags: int = 0) -> bytes:
    """The configuration of an H.265 track (ISO/IEC 14496-15 8.3.3.1)."""
    head = bytes((1, profile)) + pack(">I", flags) + bytes(6) + bytes((level,))
    return box(b"hvcC", head, bytes(10))


def mp4(kind: bytes, *inside: bytes) -> bytes:
    """A file with one track of pictures, 160 x 120, 24 samples."""
    entry = box(kind, bytes(24), pack(">HH", 160, 120), bytes(50), *inside)
    tables = box(
        b"stbl",
        box(b"stsd", bytes(4), pack(">I", 1), entry),
        box(b"stsz", bytes(8), pack(">I", 24)),
    )
    sound = box(b"trak", box(b"mdia", box(b"hdlr", bytes(8), b"soun", bytes(12))))
    handler = box(b"hdlr", bytes(8), b"vide", bytes(12))
    pictures = box(b"trak", box(b"mdia", handler, box(b"minf", tables)))
    return box(b"ftyp", b"isom") + box(b"mdat", bytes(40)) + box(b"moov", sound, pictures)


def _coding(data: bytes) -> Coding | None:
    return read_coding(MemorySource(b"in front" + data), ByteRange(8, len(data)))


def _syntax(data: bytes) -> str:
    coding = _coding(data)
    assert coding is not None
    return transfer_syntax(coding).removeprefix(_P)


@pytest.mark.parametrize(
    ("kind", "inside", "expected"),
    [
        (b"avc1", avcc(100, 41), "102"),
        (b"avc3", avcc(100, 10), "102"),
        (b"avc1", avcc(77, 31), "102"),
        (b"avc1", avcc(66, 30), "102"),
        (b"avc1", avcc(100, 42), "104"),
        (b"avc1", avcc(100, 42) + box(b"st3d", bytes(4), b"\2"), "105"),
        (b"avc1", avcc(100, 42) + box(b"st3d", bytes(4), b"\0"), "104"),
        (b"avc1", avcc(128, 42), "106"),
        (b"hvc1", hvcc(1, 153), "107"),
        (b"hev1", hvcc(1, 30), "107"),
        (b"hvc1", hvcc(2, 150), "108"),
        (b"avc1", b"", "102"),
        (b"hvc1", b"", "107"),
        (b"hvc1", hvcc(3, 120, 1 << 30 | 1 << 28), "107"),
    ],
)
def test_mp4_tells_its_transfer_syntax(kind: bytes, inside: bytes, expected: str) -> None:
    data = mp4(kind, inside)
    assert _syntax(data) == expected
    assert read_video(MemorySource(data), ByteRange(0, len(data))) == Video(120, 160, 24)


@pytest.mark.parametrize(
    ("kind", "inside"),
    [
        (b"avc1", avcc(100, 51)),
        (b"avc1", avcc(110, 31)),
        (b"avc1", avcc(122, 41)),
        (b"avc1", avcc(118, 40)),
        (b"hvc1", hvcc(1, 156)),
        (b"hvc1", hvcc(4, 120)),
        (b"av01", box(b"av1C", bytes(8))),
        (b"vp09", box(b"vpcC", bytes(8))),
        (b"mp4v", box(b"esds", bytes(8))),
    ],
)
def test_codings_without_transfer_syntax_are_refused(kind: bytes, inside: bytes) -> None:
    coding = _coding(mp4(kind, inside))
    assert coding is not None
    with pytest.raises(Misfit, match="no transfer syntax"):
        transfer_syntax(coding)


_SPS = b"\0\0\0\1\x67" + bytes((100, 0, 40)) + b"\xac\xd9" + bytes(20)
_VPS = b"\0\0\0\1\x40\x01\x0c\x01\xff\xff\x01\x60\0\0\3\0\xb0\0\0\3\0\0\3\0\x7b\xac\x09"
_MPEG2 = b"\0\0\1\xb3\x0a\0\x78\x22\xff\xff\xe0\x18\0\0\1\xb5"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (_SPS, Coding(Family.AVC, 100, 40)),
        (b"\0\0\1\x09\x10" + _SPS, Coding(Family.AVC, 100, 40)),
        (_VPS, Coding(Family.HEVC, 1, 123)),
        (_MPEG2 + b"\x14\x8a\0\1", Coding(Family.MPEG2, 4, 8)),
        (b"\0\0\1\xba" + bytes(10) + _MPEG2 + b"\x14\x4a\0\1", Coding(Family.MPEG2, 4, 4)),
        (b"\0\0\1\xb3" + b"\1" * 12 + b"\0\0\1\0\0\0\1\x67\x64\0\x28", Coding(Family.OTHER)),
        (b"", None),
        (b"\0\0\1", None),
        (bytes(100), None),
        (b"\0\0\1\x67\x64", None),
    ],
)
def test_bare_streams_tell_their_coding(data: bytes, expected: Coding | None) -> None:
    assert _coding(data) == expected


@pytest.mark.parametrize(
    ("profile", "level", "expected"), [(4, 8, "100"), (4, 6, "101"), (4, 4, "101"), (5, 8, "100")]
)
def test_levels_of_mpeg2(profile: int, level: int, expected: str) -> None:
    assert transfer_syntax(Coding(Family.MPEG2, profile, level)).removeprefix(_P) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("h264-102/mpeg4_h264_24f.dcm", "102"),
        ("hevc-107/hevc_main_24f.dcm", "107"),
        ("mpeg2-100/mpeg2_mp_24f.dcm", "100"),
    ],
)
def test_codings_of_real_videos(data_folder: Path, name: str, expected: str) -> None:
    file = (data_folder / "valid" / "ts" / name).read_bytes()
    video = bulk_value(file, scanned(file).bulk[-1])
    assert _syntax(video) == expected
    for end in range(0, len(video), 13):
        found = _coding(video[:end])
        assert found in (None, _coding(video))


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        ("video/mp4", mp4(b"avc1", avcc(100, 41)), "102"),
        ("video/mp4", mp4(b"avc1", avcc(100, 42)), "104"),
        ("video/mp4", mp4(b"hvc1", hvcc(1, 93)), "107"),
        ("video/mp4", mp4(b"hev1", hvcc(2, 120)), "108"),
        ("video/h265", _VPS, "107"),
        ("video/mpeg", _MPEG2 + b"\x14\x8a\0\1", "100"),
        ("video/mp4;1.2.840.10008.1.2.4.103", mp4(b"avc1", avcc(100, 51)), "103"),
    ],
)
def test_stored_videos_are_labelled_as_coded(kind: str, data: bytes, expected: str) -> None:
    pixels = {"vr": "OB", "BulkDataURI": "pixels"}
    found = read_metadata(orjson.dumps([{**UIDS, "7FE00010": pixels}]), LIMITS)[0]
    assert isinstance(found, DataSet)
    instance = scanned(file_of(found, {"pixels": [(kind, data)]}))
    assert instance.transfer_syntax.removeprefix(_P) == expected
    if expected != "103" and "mp4" in kind:
        told = document(instance)
        assert told["00280008"]["Value"] == [24]
        assert told["00280101"]["Value"] == [10 if expected == "108" else 8]


def test_a_video_of_another_kind_than_its_media_type_is_refused() -> None:
    pixels = {"vr": "OB", "BulkDataURI": "pixels"}
    found = read_metadata(orjson.dumps([{**UIDS, "7FE00010": pixels}]), LIMITS)[0]
    assert isinstance(found, DataSet)
    with pytest.raises(InstanceRejected, match=r"H\.264, not video/mpeg"):
        file_of(found, {"pixels": [("video/mpeg", mp4(b"avc1", avcc(100, 41)))]})


@given(st.binary(max_size=200), st.sampled_from([b"", b"\0\0\0\x08ftyp", mp4(b"avc1")[:300]]))
def test_reading_never_fails(data: bytes, lead: bytes) -> None:
    _coding(lead + data)

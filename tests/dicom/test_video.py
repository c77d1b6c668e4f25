"""Headers of videos, real and broken (T6)."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicomweb_server.dicom.video import Video, read_video
from dicomweb_server.model.instance import ByteRange
from dicomweb_server.model.source import MemorySource
from tests.dicom.scans import bulk_value, scanned


def _read(data: bytes) -> Video | None:
    return read_video(MemorySource(b"in front" + data), ByteRange(8, len(data)))


@pytest.mark.parametrize(
    ("name", "frames"),
    [
        ("h264-102/mpeg4_h264_24f.dcm", 24),
        ("hevc-107/hevc_main_24f.dcm", 24),
        ("mpeg2-100/mpeg2_mp_24f.dcm", None),
    ],
)
def test_headers_of_real_videos(data_folder: Path, name: str, frames: int | None) -> None:
    file = (data_folder / "valid" / "ts" / name).read_bytes()
    video = bulk_value(file, scanned(file).bulk[-1])
    found = _read(video)
    assert found == Video(120, 160, frames)
    for end in range(0, len(video), 13):
        assert _read(video[:end]) in (None, found, Video(120, 160, None))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0\1\xb3",
        b"\0\0\1\xb3\0\0\0\0",
        b"\0\0\0\x08ftyp",
        b"\0\0\0\x08ftyp" + b"\0\0\0\x08moov" * 2000,
        b"\0\0\0\x08ftyp" + b"\0\0\0\0moov" * 2000,
        b"\0\0\0\x08ftyp" + b"\0\0\0\x01moov" + b"\xff" * 8,
        b"\0\0\0\x08ftyp" + b"\0\0\0\x07moov",
    ],
)
def test_broken_videos_tell_nothing(data: bytes) -> None:
    assert _read(data) is None

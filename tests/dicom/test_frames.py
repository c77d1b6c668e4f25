"""Frames of native pixel data (PS3.5 8.1.1, PS3.3 C.7.6.3)."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

from dicomweb_server.model.instance import BitFrames, FrameTable, NativeFrames, ScannedInstance
from tests import datasets
from tests.dicom import scans


def _scan(
    syntax: str = ExplicitVRLittleEndian, vr: str = "OW", **attributes: Any
) -> tuple[bytes, ScannedInstance]:
    made = datasets.dataset(**attributes)
    made["PixelData"].VR = vr
    data = datasets.part10(made, syntax)
    return data, scans.scanned(data)


def _table(**attributes: Any) -> FrameTable | None:
    return _scan(**attributes)[1].frames


@pytest.mark.parametrize(("bits", "length"), [(8, 16), (16, 32), (32, 64), (64, 128)])
def test_frames_have_the_size_of_their_samples(bits: int, length: int) -> None:
    table = _table(BitsAllocated=bits, PixelData=bytes(length * 3), NumberOfFrames=3)
    assert isinstance(table, NativeFrames)
    assert (table.length, table.count, table.word) == (length, 3, 1)


def test_subsampled_colour_has_two_samples_per_pixel() -> None:
    colour = {"SamplesPerPixel": 3, "BitsAllocated": 8, "PlanarConfiguration": 0}
    table = _table(PhotometricInterpretation="YBR_FULL_422", PixelData=bytes(32), **colour)
    assert isinstance(table, NativeFrames)
    assert table.length == 32
    table = _table(PhotometricInterpretation="YBR_FULL_422", PixelData=bytes(48), **colour)
    assert isinstance(table, NativeFrames)
    assert table.length == 48


def test_bits_are_packed_over_frames() -> None:
    data, found = _scan(
        BitsAllocated=1, Rows=3, Columns=3, NumberOfFrames=3, PixelData=bytes((0xA5, 0x5A, 0xF0, 7))
    )
    assert isinstance(found.frames, BitFrames)
    assert (found.frames.bit_length, found.frames.count) == (9, 3)
    bits = 0x07F05AA5
    for number in (1, 2, 3):
        wanted = bits >> 9 * (number - 1) & 0x1FF
        assert int.from_bytes(scans.frame(data, found, number), "little") == wanted


def test_frames_that_are_not_there_cannot_be_asked_for() -> None:
    _, found = _scan(NumberOfFrames=1_000_000)
    assert found.frames is not None
    assert found.frames.count == 1
    assert found.warnings
    assert found.pixel is not None
    assert found.pixel.number_of_frames == 1_000_000


@pytest.mark.parametrize(
    "attributes", [{"Rows": 0}, {"Columns": None}, {"BitsAllocated": 0}, {"PixelData": bytes(30)}]
)
def test_pixel_data_without_a_whole_frame_are_stored_without_frames(
    attributes: dict[str, Any],
) -> None:
    _, found = _scan(**attributes)
    assert found.frames is None
    assert found.pixel is not None
    assert found.warnings


@pytest.mark.parametrize(
    ("bits", "vr", "word"), [(8, "OB", 1), (8, "OW", 2), (16, "OW", 2), (32, "OW", 4)]
)
def test_big_endian_samples_are_swapped_as_a_whole(bits: int, vr: str, word: int) -> None:
    _, found = _scan(ExplicitVRBigEndian, vr, BitsAllocated=bits, PixelData=bytes(bits * 2))
    assert isinstance(found.frames, NativeFrames)
    assert found.frames.word == word
    assert [bulk.word for bulk in found.bulk if bulk.path == "7FE00010"] == [word]


def test_big_endian_frames_of_odd_length_in_words_are_cut_out_bit_by_bit() -> None:
    swapped = bytes((1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14, 17, 16))
    data, found = _scan(
        ExplicitVRBigEndian, BitsAllocated=8, Rows=3, Columns=3, NumberOfFrames=2, PixelData=swapped
    )
    assert isinstance(found.frames, BitFrames)
    assert scans.frame(data, found, 1) == bytes(range(9))
    assert scans.frame(data, found, 2) == bytes(range(9, 18))


def test_float_pixel_data_have_frames() -> None:
    made = datasets.dataset(PixelData=None, FloatPixelData=bytes(128), NumberOfFrames=2)
    found = scans.scanned(datasets.part10(made))
    assert isinstance(found.frames, NativeFrames)
    assert (found.frames.length, found.frames.count) == (64, 2)
    assert found.pixel is not None
    assert found.pixel.tag == 0x7FE00008


def test_double_pixel_data_in_big_endian_are_swapped_by_eight() -> None:
    made = datasets.dataset(PixelData=None, DoubleFloatPixelData=bytes(128), BitsAllocated=64)
    found = scans.scanned(datasets.part10(made, ExplicitVRBigEndian))
    assert isinstance(found.frames, NativeFrames)
    assert (found.frames.length, found.frames.word) == (128, 8)

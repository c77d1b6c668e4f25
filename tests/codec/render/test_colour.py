"""Colours against pydicom, the standard and real files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.pixels.processing import apply_color_lut, convert_color_space

from dicomweb_server.errors import FrameUndecodable
from dicomweb_server.model.frame import Frame
from dicomweb_server.model.rendering import Appearance, LookupTable, Palette, Window
from tests.codec.render.files import pixels_of
from tests.codec.render.made import Levels, frame_of, shown, table

RNG = np.random.default_rng(1)


def test_rgb_is_shown_as_it_is() -> None:
    samples = RNG.integers(0, 256, (6, 5, 3)).astype(np.uint8)
    assert np.array_equal(shown(samples), samples)


def test_of_more_bits_the_upper_eight_are_shown() -> None:
    samples = RNG.integers(0, 4096, (6, 5, 3)).astype(np.uint16)
    assert np.array_equal(shown(frame_of(samples, bits=12)), samples >> 4)
    wide = RNG.integers(0, 2**32, (6, 5, 3)).astype(np.uint32)
    assert np.array_equal(shown(wide), wide >> 24)


def test_fewer_bits_are_spread() -> None:
    samples = np.array([[[0, 1, 3]]], np.uint8)
    assert shown(frame_of(samples, bits=2)).tolist() == [[[0, 85, 255]]]


def test_full_range_ybr_equals_pydicom() -> None:
    samples = RNG.integers(0, 256, (40, 50, 3)).astype(np.uint8)
    ours = shown(frame_of(samples, photometric="YBR_FULL")).astype(int)
    theirs = convert_color_space(samples, "YBR_FULL", "RGB").astype(int)
    assert np.abs(ours - theirs).max() <= 1


@pytest.mark.parametrize(
    ("ybr", "rgb"),
    [((16, 128, 128), (0, 0, 0)), ((235, 128, 128), (255, 255, 255)), ((81, 90, 240), (255, 0, 0))],
)
def test_partial_range_ybr(ybr: tuple[int, int, int], rgb: tuple[int, int, int]) -> None:
    samples = np.array([[ybr, ybr]], np.uint8)
    levels = shown(frame_of(samples, photometric="YBR_PARTIAL_420")).astype(int)
    assert np.abs(levels - rgb).max() <= 2


@pytest.mark.parametrize("bits", [8, 16])
def test_palettes_equal_pydicom(bits: int) -> None:
    samples = RNG.integers(0, 256, (20, 30)).astype(np.uint8)
    tables = [RNG.integers(0, 1 << bits, 200).astype("<u2") for _ in range(3)]
    dataset = pydicom.Dataset()
    dataset.PhotometricInterpretation, dataset.PixelRepresentation = "PALETTE COLOR", 0
    looks = []
    for name, entries in zip(("Red", "Green", "Blue"), tables, strict=True):
        setattr(dataset, f"{name}PaletteColorLookupTableDescriptor", [200, 20, bits])
        raw = entries.tobytes() if bits == 16 else entries.astype(np.uint8).tobytes()
        setattr(dataset, f"{name}PaletteColorLookupTableData", raw)
        looks.append(LookupTable(20, bits, entries.tobytes()))
    theirs = apply_color_lut(samples, dataset) >> (bits - 8)
    assert np.array_equal(
        shown(samples, Appearance(palette=Palette(looks[0], looks[1], looks[2]))), theirs
    )


def grey_palette(first: int, bits: int, *entries: int, supplemental: bool = False) -> Palette:
    entry = table(first, bits, *entries)
    return Palette(entry, entry, entry, supplemental)


def test_entries_of_eight_bits_told_as_sixteen_are_not_black() -> None:
    levels = shown(np.array([[0, 1]], np.uint8), Appearance(palette=grey_palette(0, 16, 3, 255)))
    assert levels.tolist() == [[[3, 3, 3], [255, 255, 255]]]


def test_palettes_take_any_index_and_any_length() -> None:
    one = LookupTable(5, 16, b"")
    samples = np.array([[-300, 5, 30000]], np.int16)
    assert not shown(samples, Appearance(palette=Palette(one, one, table(0, 99)))).any()


def test_supplemental_colours_leave_the_others_grey() -> None:
    samples = np.array([[0, 50, 99, 100, 101]], np.uint16)
    palette = grey_palette(100, 8, 7, 9, supplemental=True)
    levels = shown(samples, Appearance(palette=palette, voi=Window(50, 100)))
    assert levels[0, :, 0].tolist() == [0, 128, 255, 7, 9]


def test_two_samples_are_no_colour() -> None:
    frame = frame_of(np.zeros((2, 2, 2), np.uint8))
    with pytest.raises(FrameUndecodable):
        shown(frame)


def rendered(path: Path, number: int = 1) -> Levels:
    pixels = pixels_of(path)
    assert pixels is not None
    frame: Frame = pixels.frame(number)
    return shown(frame, pixels.appearance(number))


@pytest.mark.parametrize(
    "name", ["us/gdcm-US-ALOKA-16.dcm", "ts/big-endian/gdcm-US-ALOKA-16_big.dcm"]
)
def test_segmented_palettes_equal_pydicom(data_folder: Path, name: str) -> None:
    path = data_folder / "valid" / name
    dataset = pydicom.dcmread(path)
    theirs = apply_color_lut(dataset.pixel_array, dataset) >> 8
    assert np.array_equal(rendered(path), theirs)


@pytest.mark.parametrize(
    "name", ["sc/SC_rgb_32bit.dcm", "ts/big-endian/SC_rgb_expb_32bit.dcm", "sc/SC_rgb_16bit.dcm"]
)
def test_wide_samples_look_as_narrow_ones(data_folder: Path, name: str) -> None:
    narrow = rendered(data_folder / "valid/sc/SC_rgb.dcm").astype(int)
    assert np.abs(rendered(data_folder / "valid" / name) - narrow).max() <= 1


@pytest.mark.parametrize(
    "name",
    ["SC_rgb_jpeg_lossy_gdcm.dcm", "2_SC_rgb_jpeg_lossy_gdcm.dcm", "SC_rgb_dcmtk_+eb+cr.dcm"],
)
def test_streams_whose_data_set_names_other_colours(data_folder: Path, name: str) -> None:
    plain = rendered(data_folder / "valid/sc/SC_rgb.dcm").astype(int)
    levels = rendered(data_folder / "valid/ts/jpeg-baseline-50" / name)
    assert np.abs(levels - plain).mean() < 3


def test_float_maps_equal_the_formula(data_folder: Path) -> None:
    path = data_folder / "valid/generated/float_pixel_data.dcm"
    values = pydicom.dcmread(path).pixel_array.astype(float)
    expected = np.floor((values - values.min()) / np.ptp(values) * 255 + 1e-6)
    assert np.abs(rendered(path) - expected).max() <= 0

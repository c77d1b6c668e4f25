"""The grey pipeline against the formulas of the standard and against pydicom."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.pixels.processing import apply_windowing

from dicomweb_server.codec.render.voi import windowed
from dicomweb_server.model.rendering import (
    Appearance,
    RenderOptions,
    Rescale,
    Window,
    WindowFunction,
)
from tests.codec.render.made import DOUBLE, FLOAT, Levels, frame_of, shown, signed_as, table

LINEAR, EXACT, SIGMOID = WindowFunction


def share(value: float, center: float, width: float, function: WindowFunction = LINEAR) -> float:
    return float(windowed(np.array([value]), Window(center, width, function))[0])


@pytest.mark.parametrize(
    ("center", "width", "value", "expected"),
    [
        # The examples of PS3.3 C.11.2.1.2.1: c=2048 w=4096, c=2048 w=1, c=0 w=100, c=0 w=1.
        (2048, 4096, 0, 0.0),
        (2048, 4096, 4096, 1.0),
        (2048, 4096, 1000, (1000 - 2047.5) / 4095 + 0.5),
        (2048, 1, 2047.5, 0.0),
        (2048, 1, 2048, 1.0),
        (0, 100, -50, 0.0),
        (0, 100, 49.5, 1.0),
        (0, 100, 10, 10.5 / 99 + 0.5),
        (0, 1, -0.5, 0.0),
        (0, 1, 0, 1.0),
    ],
)
def test_linear_windows(center: float, width: float, value: float, expected: float) -> None:
    assert share(value, center, width) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("center", "width", "value", "expected"),
    [
        # The examples of PS3.3 C.11.2.1.3.2.
        (2048, 4096, 0, 0.0),
        (2048, 4096, 4096, 1.0),
        (2048, 4096, 1024, 0.25),
        (2048, 1, 2047.5, 0.0),
        (2048, 1, 2048.5, 1.0),
        (0, 100, -50, 0.0),
        (0, 100, 50, 1.0),
        (0, 1, 0.25, 0.75),
    ],
)
def test_exact_windows(center: float, width: float, value: float, expected: float) -> None:
    assert share(value, center, width, EXACT) == pytest.approx(expected)


@pytest.mark.parametrize("value", [-3000, -20, 0, 40, 7000])
def test_sigmoid_windows(value: float) -> None:
    expected = 1 / (1 + math.exp(-4 * (value - 40) / 400))
    assert share(value, 40, 400, SIGMOID) == pytest.approx(expected)


@pytest.mark.parametrize("function", WindowFunction)
@pytest.mark.parametrize("width", [0.0, -5.0])
def test_a_width_that_is_not_allowed_makes_a_step(function: WindowFunction, width: float) -> None:
    assert share(0, 100, width, function) == 0
    assert share(200, 100, width, function) == 1


@settings(max_examples=60, deadline=None)
@given(
    st.integers(-12000, 12000).map(lambda quarters: quarters / 4),
    st.integers(4, 20000).map(lambda quarters: quarters / 4),
    st.sampled_from(WindowFunction),
    st.integers(0, 2**32),
)
def test_windows_equal_those_of_pydicom(
    center: float, width: float, function: WindowFunction, seed: int
) -> None:
    samples = np.random.default_rng(seed).integers(-4096, 4096, (5, 7)).astype(np.int16)
    dataset = Dataset()
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsStored, dataset.PixelRepresentation = 16, 1
    dataset.WindowCenter, dataset.WindowWidth = center, width
    dataset.VOILUTFunction = function.name
    window = Window(center, width, function)
    with np.errstate(over="ignore"):
        theirs = (apply_windowing(samples, dataset).astype(float) + 32768) / 65535
    assert np.allclose(windowed(samples.astype(float), window), theirs, atol=1e-9)


def test_without_a_window_all_values_are_shown() -> None:
    assert shown(np.array([[100, 200, 355]], np.uint16)).tolist() == [[0, 100, 255]]


def test_fractions_of_a_level_are_cut_off() -> None:
    samples = np.arange(4, dtype=np.uint16)[None]
    assert shown(samples, Appearance(voi=Window(1, 2, EXACT))).tolist() == [[0, 127, 255, 255]]


def test_one_value_alone_is_black() -> None:
    assert not shown(np.full((3, 4), 7, np.uint16)).any()


def test_single_bits_are_black_and_white() -> None:
    assert shown(frame_of(np.array([[1, 1]], np.uint8), bits=1)).tolist() == [[255, 255]]


def test_the_request_overrides_the_window() -> None:
    samples = np.array([[0, 50, 100]], np.int16)
    options = RenderOptions(window=Window(50, 100, EXACT))
    assert shown(samples, Appearance(voi=Window(0, 1)), options).tolist() == [[0, 127, 255]]


def test_a_rescale_comes_before_the_window() -> None:
    samples = np.array([[0, 1024, 2048]], np.uint16)
    look = Appearance(Rescale(0.5, -512), Window(0, 1024, EXACT))
    assert shown(samples, look).tolist() == [[0, 127, 255]]


def test_a_falling_rescale_turns_the_order() -> None:
    samples = np.array([[0, 10, 20]], np.uint16)
    assert shown(samples, Appearance(Rescale(-1, 5))).tolist() == [[255, 127, 0]]


def test_a_modality_table_comes_before_the_window() -> None:
    samples = np.array([[9, 10, 11, 12, 99]], np.uint16)
    look = Appearance(table(10, 16, 1000, 2000, 3000), Window(2000, 2000, EXACT))
    assert shown(samples, look).tolist() == [[0, 0, 127, 255, 255]]


def test_without_a_window_the_entries_of_the_values_that_occur_count() -> None:
    samples = np.array([[1, 2]], np.uint16)
    assert shown(samples, Appearance(table(0, 16, 0, 500, 900, 65535))).tolist() == [[0, 255]]


def test_a_voi_table_spreads_its_bits() -> None:
    samples = np.array([[-2, -1, 0, 1, 5]], np.int16)
    look = Appearance(voi=table(-1, 12, 0, 2048, 4095))
    assert shown(samples, look).tolist() == [[0, 0, 127, 255, 255]]


def test_entries_beyond_the_bits_told_count_in_full() -> None:
    look = Appearance(voi=table(0, 8, 0, 2048, 4095))
    assert shown(np.array([[0, 1, 2]], np.uint8), look).tolist() == [[0, 127, 255]]


def test_a_presentation_table_comes_behind_the_window() -> None:
    samples = np.array([[0, 99, 100, 200]], np.uint16)
    look = Appearance(voi=Window(100, 200, EXACT), presentation=table(0, 8, 255, 10, 0))
    assert shown(samples, look).tolist() == [[255, 255, 10, 0]]


def test_inverse_images_are_turned_before_they_are_rounded() -> None:
    samples = np.array([[0, 1, 2]], np.uint16)
    look = Appearance(voi=Window(1, 2, EXACT), inverse=True)
    assert shown(samples, look).tolist() == [[255, 127, 0]]


@pytest.mark.parametrize("inverse", [False, True])
def test_padding_is_dark_and_counts_for_no_window(*, inverse: bool) -> None:
    samples = np.array([[-2000, 0, 50, 100]], np.int16)
    expected = [0, 255, 127, 0] if inverse else [0, 0, 127, 255]
    look = Appearance(padding=(-2000, -2000), inverse=inverse)
    assert shown(samples, look).tolist() == [expected]


def test_a_range_of_padding() -> None:
    samples = np.array([[0, 10, 90, 100]], np.uint16)
    assert shown(samples, Appearance(padding=(90, 100))).tolist() == [[0, 255, 0, 0]]


def test_padding_told_without_its_sign() -> None:
    samples = np.array([[-2000, 0, 100]], np.int16)
    assert shown(samples, Appearance(padding=(63536, 63536))).tolist() == [[0, 0, 255]]


def test_nothing_but_padding_is_black() -> None:
    assert not shown(np.full((2, 2), 5, np.uint8), Appearance(padding=(0, 9))).any()


def test_unused_bits_do_not_count() -> None:
    cells = np.array([[0xF000, 0x0FFF, 0x8800]], np.uint16)
    unsigned = frame_of(cells, bits=12)
    assert shown(unsigned).tolist() == [[0, 255, 127]]
    signed = signed_as(unsigned, 1)
    assert shown(signed, Appearance(voi=Window(0, 4096))).tolist() == [[127, 127, 0]]


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32])
def test_integers_of_all_sizes(kind: type[np.generic]) -> None:
    info = np.iinfo(kind)  # type: ignore[type-var] # kinds are integers
    samples = np.array([[info.min, info.max]], kind)
    assert shown(samples).tolist() == [[0, 255]]


def test_wide_ranges_are_computed_piece_by_piece() -> None:
    samples = np.linspace(0, 2**32 - 1, 600 * 500).astype(np.uint32).reshape(600, 500)
    expected = np.floor(samples.astype(float) / (2**32 - 1) * 255 + 1e-6)
    assert np.array_equal(shown(samples), expected)


@pytest.mark.parametrize(("kind", "tag"), [(np.float32, FLOAT), (np.float64, DOUBLE)])
def test_floats(kind: type[np.generic], tag: int) -> None:
    samples = np.array([[0.25, 0.5, 0.75, np.nan, np.inf, -np.inf]], kind)
    levels = shown(frame_of(samples, tag=tag))
    assert levels.tolist() == [[0, 127, 255, 0, 255, 0]]


def test_floats_without_a_number_are_black() -> None:
    assert not shown(frame_of(np.full((2, 2), np.nan, np.float32), tag=FLOAT)).any()


def test_tables_meet_any_value() -> None:
    samples = np.array([[-1e300, 1e300, np.nan, np.inf]], np.float64)
    levels: Levels = shown(frame_of(samples, tag=DOUBLE), Appearance(voi=table(3, 8, 0, 255)))
    assert levels.tolist() == [[0, 255, 0, 255]]

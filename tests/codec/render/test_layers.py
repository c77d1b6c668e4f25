"""Segments, label maps and doses on images and on nothing."""

from __future__ import annotations

import numpy as np
import pytest

from dicomweb_server.codec.port import Background
from dicomweb_server.codec.render import render
from dicomweb_server.model.frame import Frame
from dicomweb_server.model.rendering import Appearance, Palette, Rendering, Window, WindowFunction
from tests.codec.render.made import Levels, frame_of, opened, shown, table

SEGMENT = frame_of(np.array([[0, 1, 1], [0, 0, 1]], np.uint8), bits=1)
GREY = Background(
    frame_of(np.array([[0, 100, 200], [50, 100, 250]], np.uint8)),
    Appearance(voi=Window(127.5, 255, WindowFunction.LINEAR_EXACT)),
)
RED = Appearance(colour=(255, 0, 0), opacity=0.5)


def on(background: Background, frame: Frame, look: Appearance) -> Levels:
    return opened(render(frame, Rendering("image/png", look), background))


def test_a_segment_alone_has_its_full_colour() -> None:
    assert shown(SEGMENT, RED)[0].tolist() == [[0, 0, 0], [255, 0, 0], [255, 0, 0]]


def test_a_segment_lets_the_image_shine_through() -> None:
    levels = on(GREY, SEGMENT, RED)
    assert levels[0].tolist() == [[0, 0, 0], [178, 50, 50], [228, 100, 100]]


def test_fractions_weigh_the_colour() -> None:
    frame = frame_of(np.array([[0, 128, 255]], np.uint8))
    look = Appearance(colour=(0, 200, 0), opacity=1.0, greatest=255)
    assert shown(frame, look)[0, :, 1].tolist() == [0, 100, 200]


@pytest.mark.parametrize("greatest", [0, -3])
def test_a_greatest_value_that_lies_counts_as_one(greatest: int) -> None:
    look = Appearance(colour=(9, 999, -9), opacity=float("nan"), greatest=greatest)
    assert shown(SEGMENT, look)[0].tolist() == [[0, 0, 0], [9, 255, 0], [9, 255, 0]]


def test_a_background_of_another_size_is_fitted() -> None:
    below = Background(frame_of(np.full((8, 9), 60, np.uint8)), GREY.appearance)
    assert on(below, SEGMENT, RED)[0].tolist() == [[60, 60, 60], [158, 30, 30], [158, 30, 30]]


def test_a_background_in_colours() -> None:
    colours = np.zeros((2, 3, 3), np.uint8)
    colours[:, :, 2] = 100
    levels = on(Background(frame_of(colours), Appearance()), SEGMENT, RED)
    assert levels[0].tolist() == [[0, 0, 100], [128, 0, 50], [128, 0, 50]]


def heat() -> Palette:
    ramp = table(0, 8, *range(256))
    return Palette(ramp, table(0, 8, 0), table(0, 8, 7))


DOSE = frame_of(np.array([[0, 100, 255], [0, 0, 0]], np.uint8))
TINT = Appearance(voi=Window(127.5, 255, WindowFunction.LINEAR_EXACT), tint=heat(), opacity=0.5)


def test_a_dose_alone_is_tinted() -> None:
    assert shown(DOSE, TINT)[0].tolist() == [[0, 0, 7], [100, 0, 7], [255, 0, 7]]


def test_where_there_is_no_dose_the_image_shows() -> None:
    levels = on(GREY, DOSE, TINT)
    assert levels[1].tolist() == [[50] * 3, [100] * 3, [250] * 3]
    assert levels[0, 1].tolist() == [100, 50, 53]


def test_the_background_label_of_a_label_map_is_transparent() -> None:
    labels = frame_of(np.array([[0, 1, 2], [5, 5, 5]], np.uint8))
    palette = Palette(table(0, 8, 0, 255, 0), table(0, 8, 0, 0, 255), table(0, 8, 0))
    levels = on(GREY, labels, Appearance(palette=palette, transparent=0, opacity=1.0))
    assert levels[0].tolist() == [[0, 0, 0], [255, 0, 0], [0, 255, 0]]
    clear = on(GREY, labels, Appearance(palette=palette, transparent=5, opacity=1.0))
    assert clear[1].tolist() == [[50] * 3, [100] * 3, [250] * 3]


def test_an_image_hides_its_background() -> None:
    frame = frame_of(np.array([[0, 10]], np.uint8))
    assert on(GREY, frame, Appearance()).tolist() == [[0, 255]]

"""Drawings as pictures."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dicomweb_server.codec.render import draw
from dicomweb_server.errors import FrameUndecodable
from dicomweb_server.model.drawing import Drawing, Line, Words
from tests.codec.render.made import Levels, opened


def page(*lines: Line, words: tuple[Words, ...] = ()) -> Levels:
    return opened(draw(Drawing(100, 60, lines, words), "image/png", 90))


def test_the_ground_is_white() -> None:
    assert (page() == 255).all()


def test_lines_have_colour_and_width() -> None:
    levels = page(Line(((10, 30), (90, 30)), (200, 0, 0), 4))
    column = levels[:, 50]
    assert (column == (200, 0, 0)).all(axis=1).sum() == 4
    assert levels[30, 50].tolist() == [200, 0, 0]
    assert levels[30, 5].tolist() == [255, 255, 255]


def test_thin_lines_are_smooth() -> None:
    levels = page(
        Line(
            ((0, 0), (100, 57)),
        )
    )
    assert len(np.unique(levels)) > 2


def test_later_lines_lie_in_front() -> None:
    levels = page(
        Line(((0, 30), (100, 30)), (9, 9, 9), 6), Line(((0, 30), (100, 30)), (0, 200, 0), 6)
    )
    assert levels[30, 50].tolist() == [0, 200, 0]


def test_words_stand_on_their_line() -> None:
    dark = (page(words=(Words("HHH", 10, 40, 20),)) < 128).any(axis=2)
    rows, columns = np.nonzero(dark)
    assert 38 <= rows.max() + 1 <= 41
    assert 22 <= rows.min() <= 28
    assert 10 <= columns.min() <= 13


@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e300, -1e300])
def test_numbers_that_lie_never_fail(bad: float) -> None:
    levels = page(
        Line(((bad, 1), (50, bad), (3, 4)), width=bad),
        words=(Words("x", bad, 1), Words("y", 1, 1, bad)),
    )
    assert levels.shape == (60, 100, 3)


@pytest.mark.parametrize("size", [(0, 5), (5, -1), (100_000, 5), (60_000, 60_000)])
def test_pages_are_bounded(size: tuple[int, int]) -> None:
    with pytest.raises(FrameUndecodable):
        draw(Drawing(*size, ()), "image/png", 90)

"""Graphics and texts of presentation states."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dicomweb_server.codec.render.graphics import curve_through
from dicomweb_server.model.rendering import (
    Appearance,
    Graphic,
    GraphicType,
    RenderOptions,
    Text,
    Viewport,
)
from tests.codec.render.made import Levels, shown

BLACK = np.zeros((60, 80), np.uint8)
Points = tuple[tuple[float, float], ...]


def drawn(
    kind: GraphicType, points: Points, *, filled: bool = False, relative: bool = False
) -> Levels:
    return shown(BLACK, Appearance(graphics=(Graphic(kind, points, filled, relative),)))


def middle(levels: Levels) -> tuple[float, float]:
    """Column and row of the centre of light, counted from 1."""
    rows, columns = np.indices(levels.shape)
    total = levels.sum()
    return float((columns * levels).sum() / total + 1), float((rows * levels).sum() / total + 1)


def extent(levels: Levels) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(levels > 60)
    return int(columns.min()) + 1, int(rows.min()) + 1, int(columns.max()) + 1, int(rows.max()) + 1


def test_lines_run_between_centres_of_pixels() -> None:
    levels = drawn(GraphicType.POLYLINE, ((10, 20), (70, 20)))
    assert np.allclose(middle(levels), (40, 20), atol=0.6)
    left, top, right, bottom = extent(levels)
    assert abs(left - 10) <= 1
    assert abs(right - 70) <= 1
    assert bottom - top <= 1


def test_a_circle_has_a_centre_and_a_point_on_it() -> None:
    levels = drawn(GraphicType.CIRCLE, ((40, 30), (40, 50)))
    assert np.allclose(middle(levels), (40, 30), atol=0.6)
    assert np.allclose(extent(levels), (20, 10, 60, 50), atol=1)
    assert levels[29, 39] == 0


def test_an_ellipse_has_the_ends_of_its_axes() -> None:
    levels = drawn(GraphicType.ELLIPSE, ((10, 30), (70, 30), (40, 20), (40, 40)), filled=True)
    assert np.allclose(extent(levels), (10, 20, 70, 40), atol=1)
    assert levels[29, 39] == 255
    assert levels[21, 12] == 0


def test_filled_polygons() -> None:
    levels = drawn(GraphicType.POLYLINE, ((10, 10), (50, 10), (50, 40), (10, 40)), filled=True)
    assert levels[20, 30] == 255
    assert np.isclose(levels.astype(float).sum() / 255, 41 * 31, rtol=0.1)


def test_points_are_seen() -> None:
    levels = drawn(GraphicType.POINT, ((40, 30),))
    assert np.allclose(middle(levels), (40, 30), atol=0.6)


def test_curves_go_through_their_points() -> None:
    points = ((0.0, 0.0), (10.0, 5.0), (20.0, -3.0), (0.0, 0.0))
    curve = curve_through(points)
    assert all(any(math.dist(point, each) < 1e-9 for each in curve) for point in points)
    assert curve[0] == curve[-1]


def test_shares_of_the_displayed_area() -> None:
    levels = drawn(GraphicType.POLYLINE, ((0.5, 0.25), (1.0, 0.25)), relative=True)
    left, top, _, bottom = extent(levels)
    assert abs(left - 41) <= 1
    assert abs(top - 15) <= 1
    assert bottom - top <= 1


def test_graphics_follow_turning_and_scaling() -> None:
    graphic = Graphic(GraphicType.POINT, ((10, 20),))
    look = Appearance(graphics=(graphic,), rotation=90)
    levels = shown(BLACK, look, RenderOptions(viewport=Viewport(240, 240)))
    assert levels.shape == (240, 180)
    assert np.allclose(middle(levels), ((60 - 19.5) * 3, 9.5 * 3), atol=2)


def test_their_grey_value() -> None:
    graphic = Graphic(
        GraphicType.POLYLINE, ((1, 1), (80, 1), (80, 60), (1, 60)), filled=True, value=0.5
    )
    levels = shown(BLACK, Appearance(graphics=(graphic,)))
    assert levels[30, 40] == 128


def test_texts_begin_at_their_place() -> None:
    levels = shown(BLACK, Appearance(texts=(Text(("Hx", "H"), (20, 10)),)))
    left, top, right, bottom = extent(levels)
    assert 17 <= left <= 23
    assert 8 <= top <= 18
    assert right > left + 5
    assert bottom > top + 12


@pytest.mark.parametrize("kind", GraphicType)
@pytest.mark.parametrize(
    "points",
    [
        (),
        ((5.0, 5.0),),
        ((math.nan, 1.0), (2.0, math.inf)) * 3,
        ((1e300, -1e300), (-1e300, 1e300), (0.0, 1e300), (1e300, 0.0)),
        ((7.0, 7.0),) * 5,
    ],
)
def test_points_that_lie_never_fail(kind: GraphicType, points: Points) -> None:
    assert drawn(kind, points, filled=True).shape == BLACK.shape


@pytest.mark.parametrize("place", [(math.nan, 3.0), (1e300, 3.0), (-1e9, -1e9)])
def test_texts_far_away_are_not_drawn(place: tuple[float, float]) -> None:
    assert not shown(BLACK, Appearance(texts=(Text(("away",), place),))).any()


def test_graphics_on_colours() -> None:
    graphic = Graphic(GraphicType.POLYLINE, ((1, 5), (80, 5)))
    levels = shown(np.zeros((60, 80, 3), np.uint8), Appearance(graphics=(graphic,)))
    assert levels.max() == 255

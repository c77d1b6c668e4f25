"""What part of an image is shown, which way up and how large."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomweb_server.codec.render.geometry import geometry_of
from dicomweb_server.errors import FrameUndecodable
from dicomweb_server.model.rendering import (
    Appearance,
    Region,
    RenderOptions,
    Viewport,
    Window,
    WindowFunction,
)
from tests.codec.render.made import AS_IS, PLAIN, Levels, shown

SEEN = Window(127.5, 255, WindowFunction.LINEAR_EXACT)


def image(rows: int = 12, columns: int = 20, seed: int = 3) -> Levels:
    return np.random.default_rng(seed).integers(0, 256, (rows, columns)).astype(np.uint8)


def part(x: float, y: float, width: float | None, height: float | None) -> RenderOptions:
    """A part in its own size."""
    size = (round(abs(width or 20 - x)), round(abs(height or 12 - y)))
    return RenderOptions(viewport=Viewport(*size, x, y, width, height))


def test_an_image_is_shown_as_it_is() -> None:
    assert np.array_equal(shown(image(), Appearance(voi=SEEN)), image())


def test_a_part() -> None:
    levels = shown(image(), Appearance(voi=SEEN), part(3, 2, 10, 5))
    assert np.array_equal(levels, image()[2:7, 3:13])


def test_a_part_reaches_to_the_edge_where_nothing_else_is_told() -> None:
    levels = shown(image(), Appearance(voi=SEEN), part(3, 2, None, None))
    assert np.array_equal(levels, image()[2:, 3:])


def test_a_part_over_the_edge_ends_there() -> None:
    options = RenderOptions(viewport=Viewport(10, 6, 10, 6, 500, 500))
    assert np.array_equal(shown(image(), Appearance(voi=SEEN), options), image()[6:, 10:])


def test_negative_sizes_mirror() -> None:
    look = Appearance(voi=SEEN)
    assert np.array_equal(shown(image(), look, part(3, 2, -10, 5)), image()[2:7, 3:13][:, ::-1])
    assert np.array_equal(shown(image(), look, part(3, 2, 10, -5)), image()[2:7, 3:13][::-1])


def test_a_region_in_shares() -> None:
    options = RenderOptions(region=Region(0.25, 0.5, 0.75, 1.0))
    assert np.array_equal(shown(image(), Appearance(voi=SEEN), options), image()[6:12, 5:15])


def test_a_region_has_a_pixel_at_least() -> None:
    options = RenderOptions(region=Region(0.999, 0.999, 1.0, 1.0))
    assert shown(image(), Appearance(voi=SEEN), options).tolist() == [[int(image()[-1, -1])]]


@pytest.mark.parametrize("corner", [(20, 0), (0, 12), (1e300, 0), (-1e300, 0)])
def test_a_part_outside_of_the_image_is_an_error(corner: tuple[float, float]) -> None:
    options = RenderOptions(viewport=Viewport(5, 5, *corner, 5, 5))
    with pytest.raises(FrameUndecodable, match="outside") as caught:
        shown(image(), PLAIN, options)
    assert "20 columns and 12 rows" in caught.value.hint


@pytest.mark.parametrize(
    ("viewport", "size"),
    [
        (Viewport(10, 10), (10, 6)),
        (Viewport(100, 24), (40, 24)),
        (Viewport(100, 24, enlarge=False), (20, 12)),
        (Viewport(10, 3, enlarge=False), (5, 3)),
        (Viewport(1, 1), (1, 1)),
        (Viewport(50, 50, 0, 0, 10, 2), (50, 10)),
    ],
)
def test_pictures_fit_into_the_viewport(viewport: Viewport, size: tuple[int, int]) -> None:
    levels = shown(image(), PLAIN, RenderOptions(viewport=viewport))
    assert (levels.shape[1], levels.shape[0]) == size


@pytest.mark.parametrize(
    ("aspect", "size"),
    [(2.0, (20, 24)), (0.5, (40, 12)), (math.nan, (20, 12)), (0.0, (20, 12)), (-1.0, (20, 12))],
)
def test_pixels_that_are_not_square_are_stretched(aspect: float, size: tuple[int, int]) -> None:
    levels = shown(image(), Appearance(aspect=aspect))
    assert (levels.shape[1], levels.shape[0]) == size


def test_the_aspect_ratio_turns_with_the_image() -> None:
    assert shown(image(), Appearance(aspect=2.0, rotation=90)).shape == (20, 24)


def test_the_aspect_ratio_counts_in_the_viewport() -> None:
    options = RenderOptions(viewport=Viewport(100, 100))
    assert shown(image(10, 10), Appearance(aspect=2.0), options).shape == (100, 50)


def test_enlarging_keeps_the_shares_of_light() -> None:
    options = RenderOptions(viewport=Viewport(200, 120))
    levels = shown(image(), Appearance(voi=SEEN), options)
    assert abs(levels.mean() - image().mean()) < 2


def test_shrinking_averages() -> None:
    checks = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    levels = shown(checks, Appearance(voi=SEEN), RenderOptions(viewport=Viewport(8, 8)))
    assert np.abs(levels.astype(int) - 127).max() <= 3


@pytest.mark.parametrize("quarters", range(4))
@pytest.mark.parametrize("flip", [False, True])
def test_images_are_turned_clockwise_and_then_mirrored(quarters: int, *, flip: bool) -> None:
    expected = np.rot90(image(), -quarters)
    expected = expected[:, ::-1] if flip else expected
    look = Appearance(voi=SEEN, rotation=90 * quarters, flip=flip)
    assert np.array_equal(shown(image(), look), expected)
    height, width = expected.shape
    viewport = Viewport(width - 4, height - 5, 3, 4, width - 4, height - 5)
    levels = shown(image(), look, RenderOptions(viewport=viewport))
    assert np.array_equal(levels, expected[4:-1, 3:-1])
    small = RenderOptions(viewport=Viewport(3, 4, 2, 1, 3, 4))
    assert np.array_equal(shown(image(), look, small), expected[1:5, 2:5])


def test_the_displayed_area_cuts_the_stored_image() -> None:
    look = Appearance(voi=SEEN, area=(3, 2, 12, 7), rotation=90)
    assert np.array_equal(shown(image(), look), np.rot90(image()[1:7, 2:12], -1))


def test_the_displayed_area_may_reach_over_the_edge() -> None:
    levels = shown(image(), Appearance(voi=SEEN, area=(-1, 1, 22, 12)))
    assert levels.shape == (12, 24)
    assert np.array_equal(levels[:, 2:22], image())
    assert not levels[:, :2].any()
    assert not levels[:, 22:].any()


def test_a_displayed_area_outside_of_the_image_is_an_error() -> None:
    with pytest.raises(FrameUndecodable, match="outside"):
        shown(image(), Appearance(area=(50, 50, 60, 60)))


def test_the_size_of_a_displayed_area_is_bounded() -> None:
    levels = shown(image(), Appearance(area=(-(10**9), -(10**9), 10**9, 10**9)))
    assert levels.shape == (36, 60)


@pytest.mark.parametrize("viewport", [Viewport(9000, 9000), Viewport(70000, 100)])
def test_pictures_are_bounded(viewport: Viewport) -> None:
    with pytest.raises(FrameUndecodable, match="larger") as caught:
        geometry_of(
            900, 900 if viewport.width == 9000 else 1, PLAIN, RenderOptions(viewport=viewport)
        )
    assert "viewport" in caught.value.hint


looks = st.builds(
    Appearance,
    rotation=st.sampled_from((0, 90, 180, 270)),
    flip=st.booleans(),
    area=st.one_of(st.none(), st.just((2, 3, 18, 11)), st.just((-2, -1, 25, 14))),
    aspect=st.sampled_from((1.0, 2.0, 0.5)),
)
parts = st.one_of(
    st.just(AS_IS),
    st.builds(
        RenderOptions,
        viewport=st.builds(
            Viewport,
            st.integers(60, 90),
            st.integers(60, 90),
            st.integers(0, 2),
            st.integers(0, 2),
            st.sampled_from((None, 8.0, -8.0)),
            st.sampled_from((None, 8.0, -8.0)),
        ),
    ),
)


@settings(max_examples=150, deadline=None)
@given(looks, parts, st.integers(0, 19), st.integers(0, 11))
def test_points_lie_where_their_pixels_are_shown(
    look: Appearance, options: RenderOptions, column: int, row: int
) -> None:
    samples = np.zeros((12, 20), np.uint8)
    samples[row, column] = 255
    shine = Appearance(
        voi=SEEN, rotation=look.rotation, flip=look.flip, area=look.area, aspect=look.aspect
    )
    levels = shown(samples, shine, options)
    geometry = geometry_of(20, 12, look, options)
    x, y = geometry.place((column + 1, row + 1))
    inside = 0 < x < levels.shape[1] and 0 < y < levels.shape[0]
    assert inside == bool(levels.max() > 20)
    if inside:
        assert levels[int(y), int(x)] > 0.7 * levels.max()


def test_shares_of_the_displayed_area_are_of_what_is_seen() -> None:
    geometry = geometry_of(20, 12, Appearance(rotation=90), AS_IS)
    assert geometry.place((0, 0), relative=True) == (0, 0)
    assert geometry.place((1, 1), relative=True) == (12, 20)

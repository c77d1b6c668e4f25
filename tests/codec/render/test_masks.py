"""Shutters and overlays."""

from __future__ import annotations

import math
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dicomweb_server.model.rendering import (
    Appearance,
    Overlay,
    RenderOptions,
    Shutter,
    ShutterShape,
    Window,
)
from tests.codec.render.files import pixels_of
from tests.codec.render.made import frame_of, opened, shown

WHITE = np.full((9, 11), 200, np.uint8)
DRAWN = RenderOptions(overlays=True)


def masked(*shutters: Shutter, aspect: float = 1.0) -> NDArray[np.bool_]:
    """Which pixels are seen, before an aspect ratio stretches them."""
    look = Appearance(voi=Window(100, 200), shutters=shutters, aspect=aspect)
    return shown(WHITE, look) > 127


def test_rectangular_shutters_mask_their_edges_too() -> None:
    seen = masked(Shutter(ShutterShape.RECTANGULAR, (2, 10, 3, 8)))
    expected = np.zeros((9, 11), bool)
    expected[3:7, 2:9] = True
    assert np.array_equal(seen, expected)


def test_circular_shutters() -> None:
    seen = masked(Shutter(ShutterShape.CIRCULAR, (5, 6, 3)))
    rows, columns = np.indices((9, 11))
    assert np.array_equal(seen, (rows - 4) ** 2 + (columns - 5) ** 2 <= 9)


def test_circles_are_round_on_the_screen() -> None:
    seen = masked(Shutter(ShutterShape.CIRCULAR, (5, 6, 4)), aspect=2.0)
    assert seen.shape == (18, 11)
    assert abs(int(seen.any(axis=1).sum()) - int(seen.any(axis=0).sum())) <= 1


def test_polygonal_shutters() -> None:
    seen = masked(Shutter(ShutterShape.POLYGONAL, (2, 3, 2, 9, 7, 9, 7, 3)))
    expected = np.zeros((9, 11), bool)
    expected[1:7, 2:9] = True
    assert np.array_equal(seen, expected)


def test_what_lies_within_all_shutters_is_seen() -> None:
    one = Shutter(ShutterShape.RECTANGULAR, (0, 6, 0, 10))
    other = Shutter(ShutterShape.RECTANGULAR, (3, 12, 0, 10))
    seen = masked(one, other)
    assert seen.any(axis=0).tolist() == [False] * 3 + [True] * 2 + [False] * 6


def test_what_is_masked_has_the_value_of_the_shutter() -> None:
    look = Appearance(shutters=(Shutter(ShutterShape.CIRCULAR, (5, 6, -1), 0.5),))
    assert shown(WHITE, look)[0, 0] == 128


@pytest.mark.parametrize("shape", ShutterShape)
@pytest.mark.parametrize("numbers", [(), (1.0,), (math.nan,) * 8, (math.inf,) * 8, (1e308,) * 8])
def test_numbers_that_lie_never_fail(shape: ShutterShape, numbers: tuple[float, ...]) -> None:
    assert masked(Shutter(shape, numbers)).shape == (9, 11)


def plane(rows: int, columns: int, *places: tuple[int, int]) -> bytes:
    bits = np.zeros((rows, columns), np.uint8)
    for place in places:
        bits[place] = 1
    return np.packbits(bits.reshape(-1), bitorder="little").tobytes()


def drawn(overlay: Overlay, options: RenderOptions = DRAWN) -> list[list[int]]:
    levels = shown(np.zeros((9, 11), np.uint8), Appearance(overlays=(overlay,)), options)
    return [[int(row), int(column)] for row, column in np.argwhere(levels)]


def test_overlays_lie_at_their_origin() -> None:
    overlay = Overlay(3, 5, 2, 4, plane(3, 5, (0, 0), (2, 4)))
    assert drawn(overlay) == [[1, 3], [3, 7]]


def test_overlays_are_drawn_where_they_are_wanted() -> None:
    assert drawn(Overlay(3, 5, 1, 1, b"\xff\xff"), RenderOptions()) == []


def test_overlays_may_begin_outside_of_the_image() -> None:
    overlay = Overlay(3, 5, 0, -1, plane(3, 5, (0, 0), (1, 1), (1, 2), (2, 4)))
    assert drawn(overlay) == [[0, 0], [1, 2]]


@pytest.mark.parametrize(
    "overlay",
    [
        Overlay(65535, 65535, 1, 1, b"\x01"),
        Overlay(0, 0, 1, 1, b"\xff"),
        Overlay(-4, -4, 1, 1, b"\xff"),
        Overlay(4, 4, 30000, -30000, b"\xff\xff"),
        Overlay(1, 3, 1, 13, b"\xff"),
        Overlay(3, 1, 11, 1, b"\xff"),
        Overlay(0, 3, 0, 13, b""),
        Overlay(9, 11, 1, 1, b"", embedded=40),
    ],
)
def test_overlays_that_lie_about_their_size_never_fail(overlay: Overlay) -> None:
    assert drawn(overlay) in ([], [[0, 0]])


def test_planes_that_are_too_short_end_early() -> None:
    assert drawn(Overlay(9, 11, 1, 1, b"\xff\xff")) == [[0, x] for x in range(11)] + [
        [1, x] for x in range(5)
    ]


def test_overlays_in_unused_bits() -> None:
    cells = np.zeros((9, 11), np.uint16)
    cells[4, 5] = 0x8000
    cells[0, 0] = 0x4000
    look = Appearance(voi=Window(2000, 4000), overlays=(Overlay(9, 11, 1, 1, b"", 15, 0.5),))
    levels = shown(frame_of(cells, bits=12), look, DRAWN)
    assert np.argwhere(levels).tolist() == [[4, 5]]
    assert levels[4, 5] == 128


def test_overlays_of_colour_images() -> None:
    look = Appearance(overlays=(Overlay(1, 1, 1, 1, b"\x01"),))
    levels = shown(np.zeros((2, 2, 3), np.uint8), look, DRAWN)
    assert levels.tolist() == [[[255] * 3, [0] * 3], [[0] * 3, [0] * 3]]


@pytest.mark.parametrize("name", ["sc/ovly_p01.dcm", "generated/overlay_in_high_bit_12.dcm"])
def test_overlays_of_real_files_equal_those_of_dcmtk(
    name: str, data_folder: Path, tmp_path: Path
) -> None:
    if shutil.which("dcmj2pnm") is None:
        pytest.skip("DCMTK is not here")
    path = data_folder / "valid" / name
    pixels = pixels_of(path)
    assert pixels is not None
    look = pixels.appearance(1)
    ours = shown(pixels.frame(1), replace(look, voi=Window(1024, 2048)), DRAWN)
    target = tmp_path / "picture.pnm"
    command = ["dcmj2pnm", "+O", "0", "+Omr", "+Ww", "1024", "2048", "+op", str(path), str(target)]
    subprocess.run(command, check=True, timeout=60)
    assert np.abs(ours.astype(float) - opened(target.read_bytes())).mean() < 0.01

"""Which frame of a slide lies where (PS3.3 C.7.6.17.3)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.dicom.tiles import Tiles, tiles_of


def number(value: int) -> dict[str, object]:
    return {"vr": "UL", "Value": [value]}


def full(width: int, height: int) -> Attributes:
    return Attributes(
        {
            "00480006": number(width),
            "00480007": number(height),
            "00209311": {"vr": "CS", "Value": ["TILED_FULL"]},
        }
    )


def sparse(places: list[tuple[int, int]]) -> Attributes:
    items = [
        {
            "0048021A": {
                "vr": "SQ",
                "Value": [{"0048021E": number(left + 1), "0048021F": number(top + 1)}],
            }
        }
        for left, top in places
    ]
    return Attributes(
        {
            "00480006": number(100),
            "00480007": number(100),
            "52009230": {"vr": "SQ", "Value": items},
        }
    )


def test_full_tiles_run_row_by_row() -> None:
    found = tiles_of(full(50, 30), 20, 10, 9)
    assert found is not None
    tiles = found.within(0, 0, 50, 30)
    assert [tile.number for tile in tiles] == list(range(1, 10))
    assert [(tile.left, tile.top) for tile in tiles[2:5]] == [(40, 0), (0, 10), (20, 10)]


@given(st.floats(0, 49), st.floats(0, 29), st.floats(0.1, 50), st.floats(0.1, 30), st.booleans())
def test_exactly_the_tiles_that_overlap_are_touched(
    left: float, top: float, width: float, height: float, is_full: bool
) -> None:
    right, bottom = min(50.0, left + width), min(30.0, top + height)
    places = [(x, y) for y in range(0, 30, 10) for x in range(0, 60, 20)]
    found = tiles_of(full(50, 30) if is_full else sparse(places), 20, 10, 9)
    assert found is not None
    expected = {
        n
        for n, (x, y) in enumerate(places, 1)
        if x < right and y < bottom and x + 20 > left and y + 10 > top
    }
    numbers = [tile.number for tile in found.within(left, top, right, bottom)]
    assert expected <= set(numbers)
    assert len(numbers) == len(set(numbers)) <= found.touched(left, top, right, bottom)


def test_tiles_that_are_not_there_are_not_told() -> None:
    found = tiles_of(sparse([(0, 0), (40, 20)]), 20, 10, 2)
    assert found is not None
    assert [tile.number for tile in found.within(0, 0, 100, 100)] == [1, 2]
    assert found.within(0, 50, 100, 100) == []


def test_the_first_focal_plane_counts() -> None:
    found = tiles_of(sparse([(0, 0), (0, 0)]), 20, 10, 2)
    assert found == Tiles(100, 100, 20, 10, {(0, 0): 1}, 2)


def test_what_does_not_tell_its_places_is_no_slide() -> None:
    assert tiles_of(Attributes({}), 20, 10, 2) is None
    assert tiles_of(full(0, 10), 20, 10, 2) is None
    assert tiles_of(full(1 << 30, 10), 20, 10, 2) is None
    assert tiles_of(sparse([]), 20, 10, 2) is None

"""Rules of overlay planes (PS3.3 C.9.2)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.dicom.appearance.frame import appearance, bulk_needed
from dicomweb_server.dicom.appearance.overlays import overlays
from dicomweb_server.model.rendering import Overlay
from tests.dicom.appearance.instances import GREY


def _numbers(vr: str, *values: int) -> dict[str, object]:
    return {"vr": vr, "Value": list(values)}


def _plane(group: str = "6000", /, **more: dict[str, object]) -> dict[str, object]:
    """A plane of 2 rows and 4 columns by reference; elements of the group by name."""
    elements: dict[str, object] = {
        "0010": _numbers("US", 2),
        "0011": _numbers("US", 4),
        "0040": {"vr": "CS", "Value": ["G"]},
        "0050": _numbers("SS", 1, 1),
        "0100": _numbers("US", 1),
        "0102": _numbers("US", 0),
        "3000": {"vr": "OW", "BulkDataURI": "x"},
        **{name.lstrip("_"): value for name, value in more.items()},
    }
    return {f"{group}{name}": value for name, value in elements.items()}


def _found(
    members: dict[str, object], frame: int = 1, data: bytes = b"\xa5\0"
) -> tuple[Overlay, ...]:
    return overlays(Attributes(members), frame, {"60003000": data, "601E3000": data}, GREY)


def test_a_plane_is_cut_out_of_its_data() -> None:
    assert _found(_plane()) == (Overlay(2, 4, 1, 1, b"\xa5"),)


def test_planes_of_all_groups_are_found() -> None:
    assert len(_found({**_plane("6000"), **_plane("601E")})) == 2
    assert _found(_plane("6020")) == ()
    document = Attributes({**_plane("6000"), **_plane("601E")})
    assert bulk_needed(document, 1, GREY) == ("60003000", "601E3000")


def test_a_plane_may_begin_outside_the_image() -> None:
    (found,) = _found(_plane(_0050=_numbers("SS", -3, 17)))
    assert (found.top, found.left) == (-3, 17)


@pytest.mark.parametrize(
    ("frame", "bits"), [(1, b"\x05"), (2, b"\x04"), (3, b"\x03"), (4, b"\x02")]
)
def test_planes_of_frames_follow_one_another_bit_by_bit(frame: int, bits: bytes) -> None:
    # Four planes of 1 row and 3 columns: 101, 001, 110, 010 from the first bit on.
    data = int("010011100101", 2).to_bytes(2, "little")
    members = _plane(
        _0010=_numbers("US", 1), _0011=_numbers("US", 3), _0015={"vr": "IS", "Value": [4]}
    )
    (found,) = _found(members, frame, data)
    assert found.bits[0] & 7 == bits[0]


def test_planes_begin_at_the_frame_that_is_told() -> None:
    members = _plane(_0015={"vr": "IS", "Value": ["2"]}, _0051=_numbers("US", 3))
    frames = [bool(_found(members, frame, b"\1\2")) for frame in range(1, 7)]
    assert frames == [False, False, True, True, False, False]


def test_a_plane_without_numbers_belongs_to_all_frames() -> None:
    assert _found(_plane(), 300) == _found(_plane(), 1)


@pytest.mark.parametrize(
    "more",
    [
        {"_0010": _numbers("US", 0)},
        {"_0011": {"vr": "US"}},
        {"_0010": _numbers("US", 65535), "_0011": _numbers("US", 65535)},
        {"_0050": _numbers("SS", 1 << 20, 1)},
        {"_0010": _numbers("US", 5)},
        {"_0051": _numbers("US", 2)},
    ],
)
def test_damaged_planes_are_left_out(more: dict[str, dict[str, object]]) -> None:
    assert _found(_plane("6000", **more)) == ()


def _embedded(position: int) -> dict[str, object]:
    members = _plane(_0100=_numbers("US", 16), _0102=_numbers("US", position))
    del members["60003000"]
    return members


@pytest.mark.parametrize(
    ("position", "found"), [(0, False), (11, False), (12, True), (15, True), (16, False)]
)
def test_planes_without_data_lie_in_bits_that_no_sample_uses(position: int, found: bool) -> None:
    expected = (Overlay(2, 4, 1, 1, b"", position),) if found else ()
    assert _found(_embedded(position)) == expected


def test_low_bits_may_hold_planes_too() -> None:
    pixel = replace(GREY, high_bit=15)
    found = overlays(Attributes(_embedded(0)), 1, {}, pixel)
    assert [each.embedded for each in found] == [0]


@given(st.binary(max_size=64), st.integers(1, 9), st.integers(1, 9), st.integers(1, 9))
def test_planes_are_the_bits_at_their_place(
    data: bytes, rows: int, columns: int, frame: int
) -> None:
    members = _plane(
        _0010=_numbers("US", rows), _0011=_numbers("US", columns), _0015=_numbers("IS", 9)
    )
    found = _found(members, frame, data)
    size = rows * columns
    bits = [byte >> place & 1 for byte in data for place in range(8)]
    expected = bits[(frame - 1) * size : frame * size]
    if len(expected) < size:
        assert found == ()
        return
    told = [byte >> place & 1 for byte in found[0].bits for place in range(8)]
    assert told[:size] == expected


def test_planes_are_asked_for_only_where_they_are_wanted() -> None:
    document = Attributes(_plane())
    assert bulk_needed(document, 1, GREY, planes=False) == ()
    assert appearance(document, 1, {"60003000": b"\1"}, GREY, planes=False).overlays == ()
    assert len(appearance(document, 1, {"60003000": b"\1"}, GREY).overlays) == 1

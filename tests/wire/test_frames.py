"""Lists of frame numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.errors import InvalidParameter
from dicomweb_server.wire import frames


def test_numbers_come_in_the_order_asked() -> None:
    assert frames.parse("1,3,5") == (1, 3, 5)
    assert frames.parse("5,1") == (5, 1)
    assert frames.parse("7") == (7,)


def test_a_frame_asked_for_twice_is_given_twice() -> None:
    assert frames.parse("2,2") == (2, 2)


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "1,,2", "1,", ",1", "a", "1.5", "1-3", "+1", "٣", "1,0", "9" * 30]
)
def test_what_is_no_frame_number_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        frames.parse(text)
    assert caught.value.name == "frames"
    assert "begin at 1" in caught.value.hint


def test_the_number_of_frames_is_limited() -> None:
    assert frames.parse("1,2,3", 3) == (1, 2, 3)
    with pytest.raises(InvalidParameter):
        frames.parse("1,2,3,4", 3)


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=30))
def test_what_is_written_reads_back(numbers: list[int]) -> None:
    assert frames.parse(",".join(map(str, numbers))) == tuple(numbers)

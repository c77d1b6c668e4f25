"""Range: one range of bytes, or the whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.errors import RangeNotSatisfiable
from dicomweb_server.model.instance import ByteRange
from dicomweb_server.wire import byterange


@pytest.mark.parametrize(
    ("header", "start", "length"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=90-", 90, 10),
        ("bytes=-10", 90, 10),
        ("bytes=-1000", 0, 100),
        ("bytes=50-1000", 50, 50),
        ("Bytes=99-99", 99, 1),
        ("bytes= 0-0 ", 0, 1),
        ("bytes=000000000000000000000000005-000000000000000000000000000006", 5, 2),
        ("bytes=0-" + "9" * 8000, 0, 100),
    ],
)
def test_one_range_is_cut_to_the_representation(header: str, start: int, length: int) -> None:
    assert byterange.parse(header, 100) == ByteRange(start, length)


@pytest.mark.parametrize(
    "header",
    [
        "bytes=0-1,3-4",
        "bytes=" + "0-," * 2500,
        "items=0-1",
        "bytes=-",
        "bytes=5-4",
        "bytes=9223372036854775807000-9223372036854775806000",
        "bytes=a-b",
        "bytes 0-1",
        "bytes=0x1-2",
        "bytes=+1-2",
        "bytes=1--2",
        "bytes=٣-٤",
        "",
    ],
)
def test_several_ranges_other_units_and_nonsense_mean_the_whole(header: str) -> None:
    assert byterange.parse(header, 100) is None


@pytest.mark.parametrize(
    "header", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=9" + "9" * 30 + "-"]
)
def test_a_range_behind_the_end_cannot_be_satisfied(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable) as caught:
        byterange.parse(header, 100)
    assert caught.value.size == 100


def test_nothing_of_an_empty_representation_can_be_a_range() -> None:
    with pytest.raises(RangeNotSatisfiable):
        byterange.parse("bytes=0-", 0)
    assert byterange.parse("bytes=-5", 0) is None


def test_the_answer_names_its_range() -> None:
    assert byterange.content_range(ByteRange(10, 5), 100) == "bytes 10-14/100"


def test_if_range_holds_only_for_the_same_strong_tag() -> None:
    assert byterange.if_range_holds(None, '"a"')
    assert byterange.if_range_holds(' "a" ', '"a"')
    assert not byterange.if_range_holds('W/"a"', '"a"')
    assert not byterange.if_range_holds('"b"', '"a"')
    assert not byterange.if_range_holds("Wed, 21 Oct 2015 07:28:00 GMT", '"a"')


@given(st.binary(min_size=1, max_size=50), st.integers(0, 60), st.integers(0, 60))
def test_a_range_is_the_slice_that_it_names(data: bytes, first: int, last: int) -> None:
    expected = data[first : last + 1]
    try:
        found = byterange.parse(f"bytes={first}-{last}", len(data))
    except RangeNotSatisfiable:
        assert first >= len(data)
        assert last >= first
        return
    if found is None:
        assert last < first
    else:
        assert data[found.start : found.start + found.length] == expected
        assert expected


@given(st.binary(min_size=1, max_size=50), st.integers(1, 60))
def test_a_suffix_is_the_end_of_the_representation(data: bytes, count: int) -> None:
    found = byterange.parse(f"bytes=-{count}", len(data))
    assert found is not None
    assert data[found.start : found.start + found.length] == data[-count:]


@given(st.text("bytes=-0123456789, ", max_size=40), st.integers(0, 100))
def test_any_text_gives_a_range_inside_the_representation(text: str, size: int) -> None:
    try:
        found = byterange.parse(text, size)
    except RangeNotSatisfiable:
        return
    if found is not None:
        assert 0 <= found.start < found.start + found.length <= size

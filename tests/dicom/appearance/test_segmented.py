"""Rules of segmented lookup tables (PS3.3 C.7.9.2)."""

from __future__ import annotations

from struct import pack

from hypothesis import given
from hypothesis import strategies as st
from pydicom.pixels.processing import _expand_segmented_lut  # the oracle has no public name

from dicomweb_server.dicom.appearance.segmented import expand

NARROW, WIDE = True, False


def _wide(*words: int) -> bytes:
    return pack(f"<{len(words)}H", *words)


def test_discrete_segments_are_entries_as_they_stand() -> None:
    assert expand(_wide(0, 3, 7, 300, 65535), WIDE, 3) == [7, 300, 65535]
    assert expand(bytes((0, 3, 7, 8, 255)), NARROW, 3) == [7, 8, 255]


def test_linear_segments_lead_from_the_entry_before_to_their_end() -> None:
    assert expand(_wide(0, 1, 0, 1, 4, 100), WIDE, 5) == [0, 25, 50, 75, 100]
    assert expand(bytes((0, 1, 200, 1, 2, 100)), NARROW, 3) == [200, 150, 100]
    assert expand(_wide(0, 1, 9, 1, 3, 9), WIDE, 4) == [9, 9, 9, 9]


def test_indirect_segments_copy_segments_from_a_place_in_bytes() -> None:
    # The first segment (0, 2, 5, 6) is used again: two words tell its byte offset, 0.
    assert expand(_wide(0, 2, 5, 6, 0, 1, 9, 2, 1, 0, 0), WIDE, 5) == [5, 6, 9, 5, 6]
    # The second segment begins at byte 8.
    assert expand(_wide(0, 2, 5, 6, 0, 1, 9, 2, 1, 8, 0), WIDE, 4) == [5, 6, 9, 9]
    # With entries of 8 bits the offset has four bytes.
    assert expand(bytes((0, 2, 5, 6, 1, 2, 8, 2, 1, 4, 0, 0, 0)), NARROW, 6) == [5, 6, 7, 8, 8, 8]


def test_a_linear_segment_that_is_copied_begins_at_the_entry_before_the_copy() -> None:
    words = _wide(0, 1, 0, 1, 2, 10, 0, 1, 30, 2, 1, 6, 0)
    assert expand(words, WIDE, 6) == [0, 5, 10, 30, 20, 10]


def test_no_more_entries_come_out_than_told() -> None:
    assert (
        expand(_wide(0, 1, 0, 1, 60000, 100), WIDE, 10)
        == expand(_wide(0, 1, 0, 1, 60000, 100), WIDE, 10_000)[:10]
    )


def test_what_cannot_come_first_ends_the_table() -> None:
    assert expand(_wide(1, 4, 100), WIDE, 4) == []
    assert expand(_wide(2, 1, 0, 0), WIDE, 4) == []
    assert expand(_wide(0, 1, 5, 7, 7, 7), WIDE, 4) == [5]


def test_segments_that_copy_themselves_come_to_an_end() -> None:
    loop = _wide(0, 1, 5, 2, 65535, 6, 0)
    assert set(expand(loop, WIDE, 65536)) == {5}


@given(st.binary(max_size=200), st.booleans(), st.integers(1, 300))
def test_any_bytes_give_at_most_the_entries_told(data: bytes, narrow: bool, count: int) -> None:
    entries = expand(data, narrow, count)
    assert len(entries) <= count
    assert all(0 <= entry <= (255 if narrow else 65535) for entry in entries)


_SEGMENT = st.one_of(
    st.lists(st.integers(0, 65535), min_size=1, max_size=9).map(lambda v: [0, len(v), *v]),
    st.tuples(st.integers(1, 40), st.integers(0, 65535)).map(lambda v: [1, *v]),
)


@given(st.lists(_SEGMENT, max_size=8))
def test_sound_segments_expand_as_pydicom_expands_them(segments: list[list[int]]) -> None:
    words = [0, 1, 7, *(word for segment in segments for word in segment)]
    expected = _expand_segmented_lut(tuple(words), "<H")
    found = expand(_wide(*words), WIDE, 65536)
    assert len(found) == len(expected)
    # Where a step lies half way between two entries, floats round it either way.
    assert all(abs(one - other) <= 1 for one, other in zip(found, expected, strict=True))

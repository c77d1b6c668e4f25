"""Entity tags and the conditions on them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.wire import conditional

TAG = '"abc"'


def test_without_the_header_the_condition_holds() -> None:
    assert conditional.none_match(None, TAG)
    assert conditional.any_match(None, TAG)


@pytest.mark.parametrize(
    "header", [TAG, 'W/"abc"', '"x", "abc"', '"x,y",W/"abc" , "z"', "*", " * "]
)
def test_a_listed_tag_or_a_star_ends_if_none_match(header: str) -> None:
    assert not conditional.none_match(header, TAG)


@pytest.mark.parametrize("header", ['"abcd"', "abc", '"x", "y"', "", '"abc', '"x,abc"'])
def test_other_tags_let_if_none_match_hold(header: str) -> None:
    assert conditional.none_match(header, TAG)


def test_if_match_compares_strongly() -> None:
    assert conditional.any_match("*", TAG)
    assert conditional.any_match('"x", "abc"', TAG)
    assert not conditional.any_match('W/"abc"', TAG)
    assert not conditional.any_match('"x"', TAG)


def test_a_tag_is_strong_quoted_and_ascii() -> None:
    tag = conditional.etag("digest", "1.2.840.10008.1.2.1", "ä")
    assert tag.isascii()
    assert tag.startswith('"')
    assert tag.endswith('"')
    assert not conditional.none_match(tag, tag)


def test_parts_of_a_tag_do_not_run_into_each_other() -> None:
    assert conditional.etag("a", "bc") != conditional.etag("ab", "c")
    assert conditional.etag("a") != conditional.etag("a", "")


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_tags_are_equal_exactly_for_equal_parts(one: list[str], other: list[str]) -> None:
    assert (conditional.etag(*one) == conditional.etag(*other)) == (one == other)

"""Negotiation where a resource has fixed types, and the reading of Accept itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.errors import InvalidParameter, NotAcceptable
from dicomweb_server.wire import accept, mediarange
from dicomweb_server.wire.accept import FIXED, MULTIPART_XML, MediaRange, Resource, choose

JSON = "application/dicom+json"
XML = "application/dicom+xml"
SEARCH = FIXED[Resource.SEARCH]
STORE = FIXED[Resource.STORE_RESPONSE]


@pytest.mark.parametrize(
    "header",
    [
        "application/dicom+json",
        "application/json",
        "application/dicom+json, application/json",
        "application/dicom+json; charset=utf-8",
        'application/dicom+json; transfer-syntax="*"',
        "*/*",
        "*",
        "application/*",
        "",
        "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        'multipart/related; type="application/octet-stream"; transfer-syntax=*, application/json',
        'application/dicom+json, multipart/related; type="application/dicom+xml"',
    ],
)
@pytest.mark.parametrize("offered", [SEARCH, STORE])
def test_clients_get_json(header: str, offered: tuple[str, ...]) -> None:
    assert choose([header], [], offered) == JSON
    assert choose([header], [], offered) == choose(header.split(","), [], offered)


def test_no_header_gives_the_default_unless_strict() -> None:
    assert choose([], [], SEARCH) == JSON
    with pytest.raises(NotAcceptable) as caught:
        choose([], [JSON], SEARCH, strict=True)
    assert JSON in caught.value.hint


@pytest.mark.parametrize(
    "header",
    [
        'multipart/related; type="application/dicom+xml"',
        "multipart/related;type=application/dicom+xml; transfer-syntax=1.2.840.10008.1.2.1",
        'application/json;q=0.5, multipart/related; type="application/dicom+xml"',
        'application/json;q=0, multipart/related; type="application/dicom+xml"',
        'application/json;q=0, multipart/related; type="*/*"',
        "multipart/related",
        "application/json;q=0, multipart/*",
    ],
)
def test_xml_is_given_where_it_is_wanted_more(header: str) -> None:
    assert choose([header], [], SEARCH) == MULTIPART_XML


def test_a_store_response_may_be_plain_xml() -> None:
    assert choose(["application/dicom+xml"], [], STORE) == XML
    with pytest.raises(NotAcceptable):
        choose(["application/dicom+xml"], [], SEARCH)


@pytest.mark.parametrize(
    "header", ["text/html", "image/*", "*/*;q=0", "application/dicom", "application/json;q=0, a"]
)
def test_nothing_acceptable_is_an_error_with_a_hint(header: str) -> None:
    with pytest.raises(NotAcceptable) as caught:
        choose([header], [], SEARCH)
    assert JSON in caught.value.hint
    assert MULTIPART_XML in caught.value.hint


def test_the_parameter_beats_the_header_where_the_header_covers_it() -> None:
    both = f"{MULTIPART_XML};q=0.1, application/json"
    assert choose([both], [MULTIPART_XML], SEARCH) == MULTIPART_XML
    assert choose(["application/json"], [MULTIPART_XML], SEARCH) == JSON
    assert choose(["*/*"], ["image/png"], SEARCH) == JSON


def test_a_range_keeps_all_that_it_says() -> None:
    assert accept.parse(['A/b; C="d"; q=0.5; e=f', "*"]) == (
        MediaRange("a/b", (("c", "d"), ("e", "f")), 0.5, 0),
        MediaRange("*/*", (), 1.0, 1),
    )


def test_commas_and_semicolons_in_quotes_do_not_separate() -> None:
    (found,) = accept.parse(['a/b; c="x, y; z\\""'])
    assert found.parameters == (("c", 'x, y; z"'),)


def test_invalid_members_are_left_out() -> None:
    header = 'a, a/b/c, */b, a/b;q=2, a/b;q=x, a/b;q=., a/b;c="d, e/f'
    assert accept.parse([header]) == ()
    assert [r.media_type for r in accept.parse([f"x/y, {header}"])] == ["x/y"]
    assert accept.parse([", ,,"]) == ()


@pytest.mark.parametrize(
    ("q", "expected"), [("0", 0), ("1", 1), (".2", 0.2), ("1.", 1), ("0.125", 0.125)]
)
def test_quality_is_read_leniently(q: str, expected: float) -> None:
    assert accept.parse([f"a/b; q={q}"])[0].q == expected


def test_the_header_is_limited() -> None:
    with pytest.raises(InvalidParameter):
        accept.parse(["a/b," * 65])
    with pytest.raises(InvalidParameter):
        accept.parse(["a/b", "x" * mediarange.MAXIMUM_LENGTH])


@given(st.text(max_size=100) | st.text('";,=*/\\ aq01.', max_size=100))
def test_any_text_can_be_read(text: str) -> None:
    for found in accept.parse([text]):
        assert 0 <= found.q <= 1
        assert found.media_type.count("/") == 1


tokens = st.text("abcxyz+-.", min_size=1, max_size=6)


@given(st.lists(st.tuples(tokens, tokens, st.integers(0, 1000), st.text('ab,;"\\ ')), max_size=5))
def test_a_grammatical_header_is_read_whole(members: list[tuple[str, str, int, str]]) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    header = ", ".join(
        f"{major}/{minor}; p={quoted(text)}; q={q / 1000:.3f}" for major, minor, q, text in members
    )
    assert accept.parse([header]) == tuple(
        MediaRange(f"{major}/{minor}", (("p", text),), q / 1000, place)
        for place, (major, minor, q, text) in enumerate(members)
    )

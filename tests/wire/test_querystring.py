"""Query strings: what the standard says of their characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.errors import InvalidParameter
from dicomweb_server.model.limits import QueryLimits
from dicomweb_server.wire import querystring
from dicomweb_server.wire.querystring import Parameter

LIMITS = QueryLimits()


def pairs(raw: bytes) -> list[tuple[str, str]]:
    return [(p.name, p.value) for p in querystring.parse(raw, LIMITS)]


def test_plus_stays_a_plus() -> None:
    assert pairs(b"00080201=+0100") == [("00080201", "+0100")]


def test_escapes_are_decoded_exactly_once() -> None:
    assert pairs(b"a=%2C&b=%252C&c%3D=%2b") == [("a", ","), ("b", "%2C"), ("c=", "+")]


def test_a_bare_name_has_no_value_and_an_equals_sign_gives_an_empty_one() -> None:
    assert querystring.parse(b"update&PatientID=", LIMITS) == (
        Parameter("update", "", False),
        Parameter("PatientID", "", True),
    )


def test_only_the_first_equals_sign_separates() -> None:
    assert pairs(b"filter=a=b") == [("filter", "a=b")]


def test_empty_segments_do_not_count() -> None:
    assert pairs(b"&&a=1&&") == [("a", "1")]
    assert pairs(b"") == []


def test_repeated_names_stay_in_order() -> None:
    assert pairs(b"includefield=B&includefield=A") == [("includefield", "B"), ("includefield", "A")]


@pytest.mark.parametrize(
    "raw", [b"a=%", b"a=%4", b"a=%zz", b"%=1", b"a=%FF", b"a=\xff", b"a=%00", b"=1", b"a=%C3"]
)
def test_malformed_text_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidParameter):
        querystring.parse(raw, LIMITS)


def test_a_bad_value_is_reported_under_its_name_and_not_repeated() -> None:
    with pytest.raises(InvalidParameter) as caught:
        querystring.parse(b"PatientName=Secret%FF", LIMITS)
    assert caught.value.name == "PatientName"
    assert "Secret" not in caught.value.detail
    assert caught.value.hint


def test_raw_and_escaped_utf_8_read_the_same() -> None:
    assert pairs("n=Äß".encode()) == pairs(b"n=%C3%84%C3%9F") == [("n", "Äß")]


def test_the_number_of_parameters_is_limited() -> None:
    limits = QueryLimits(parameters=3)
    assert len(querystring.parse(b"a&b&c", limits)) == 3
    with pytest.raises(InvalidParameter):
        querystring.parse(b"a&b&c&d", limits)


def test_the_length_is_limited() -> None:
    limits = QueryLimits(query_bytes=4)
    assert querystring.parse(b"a=12", limits)
    with pytest.raises(InvalidParameter):
        querystring.parse(b"a=123", limits)


def test_the_study_list_of_a_viewer() -> None:
    raw = (
        b"limit=101&offset=0&fuzzymatching=false"
        b"&includefield=00081030%2C00080060%2C00080090%2C00100030&StudyDescription=*CT%20sixty*"
    )
    found = dict(pairs(raw))
    assert found["StudyDescription"] == "*CT sixty*"
    assert querystring.split_list(found["includefield"]) == [
        "00081030",
        "00080060",
        "00080090",
        "00100030",
    ]


def test_lists_drop_blanks_and_empty_members() -> None:
    assert querystring.split_list(" a , b,,c ,") == ["a", "b", "c"]
    assert querystring.split_list("") == []


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
parameters = st.builds(
    lambda name, value: Parameter(name, value or "", value is not None),
    texts.filter(bool),
    st.none() | texts,
)


@given(st.lists(parameters, max_size=8))
def test_what_is_built_reads_back(written: list[Parameter]) -> None:
    text = querystring.build(written)
    assert querystring.parse(text.encode("ascii"), LIMITS) == tuple(written)


@given(st.binary(max_size=200))
def test_any_bytes_give_parameters_or_an_invalid_parameter(raw: bytes) -> None:
    try:
        found = querystring.parse(raw, LIMITS)
    except InvalidParameter:
        return
    assert all(parameter.name for parameter in found)

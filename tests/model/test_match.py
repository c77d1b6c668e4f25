"""What each clause means."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.model.canonical import canonical
from dicomweb_server.model.ids import Level
from dicomweb_server.model.instance import IndexedValue
from dicomweb_server.model.match import below_of, glob, holds
from dicomweb_server.model.query import (
    Between,
    Clause,
    Empty,
    Every,
    Exact,
    Like,
    Moment,
    Name,
    Nested,
    OneOf,
    Path,
)

DATE: Path = (0x00080020,)
TIME: Path = (0x00080030,)
NAME: Path = (0x00100010,)
TYPE: Path = (0x00080008,)
NUMBER: Path = (0x00200011,)
REQUEST = 0x00400275
STEP = 0x00400009
PROCEDURE = 0x00401001
CODES = 0x00400008


def value(path: Path, vr: str, text: str, item: str = "") -> IndexedValue:
    return IndexedValue(Level.STUDY, path, item, vr, text)


def found(clause: Clause, *values: IndexedValue) -> bool:
    return holds(clause, below_of(values))


def test_a2_single_values_match_case_sensitively() -> None:
    assert found(Exact((0x00081030,), "Head"), value((0x00081030,), "LO", "Head "))
    assert not found(Exact((0x00081030,), "head"), value((0x00081030,), "LO", "Head"))
    assert not found(Exact((0x00081030,), "Head"))


def test_a4_times_match_by_meaning() -> None:
    assert found(Exact(TIME, canonical("TM", "2230")), value(TIME, "TM", "223000"))
    assert found(Exact(TIME, canonical("TM", "223000.000")), value(TIME, "TM", "22:30"))


def test_a5_numbers_match_by_meaning() -> None:
    assert found(Exact(NUMBER, "7"), value(NUMBER, "IS", "007"))


def test_a6_any_uid_of_a_list() -> None:
    uid: Path = (0x0020000D,)
    assert found(OneOf(uid, ("1.2", "1.3")), value(uid, "UI", "1.3"))
    assert not found(OneOf(uid, ("1.2", "1.3")), value(uid, "UI", "1.4"))


def test_a12_any_value_of_a_multi_valued_attribute_matches() -> None:
    values = (value(TYPE, "CS", "ORIGINAL"), value(TYPE, "CS", "PRIMARY"))
    assert found(Exact(TYPE, "PRIMARY"), *values)
    assert found(Like(TYPE, "PRI*"), *values)


def test_a14_every_value_has_to_be_there() -> None:
    values = (value(TYPE, "CS", "ORIGINAL"), value(TYPE, "CS", "PRIMARY"))
    assert found(Every(TYPE, ("PRIMARY", "ORIGINAL")), *values)
    assert not found(Every(TYPE, ("PRIMARY", "AXIAL")), *values)


def test_a13_empty_is_absent_or_of_zero_length() -> None:
    assert found(Empty(TYPE))
    assert found(Empty(TYPE), value(TYPE, "CS", " "))
    assert not found(Empty(TYPE), value(TYPE, "CS", ""), value(TYPE, "CS", "AXIAL"))


@pytest.mark.parametrize("low", [None, "20240101"])
@pytest.mark.parametrize("high", [None, "20241231"])
def test_a9_ranges_take_real_dates_only(low: str | None, high: str | None) -> None:
    clause = Between(DATE, low, high)
    assert found(clause, value(DATE, "DA", "2024.06.30"))
    assert not found(clause, value(DATE, "DA", "20240631"))
    assert not found(clause, value(DATE, "DA", ""))
    assert not found(clause)


def test_a9_ranges_are_inclusive() -> None:
    assert found(Between(DATE, "20240101", "20240101"), value(DATE, "DA", "20240101"))
    assert not found(Between(DATE, "20240102", None), value(DATE, "DA", "20240101"))
    assert not found(Between(DATE, None, "20231231"), value(DATE, "DA", "20240101"))


MOMENT = Moment(DATE, TIME, "20060705100000.000000", "20060707180000.000000")


@pytest.mark.parametrize(
    ("date", "time", "answer"),
    [
        ("20060705", "0959", False),
        ("20060705", "1000", True),
        ("20060706", "0300", True),
        ("20060707", "1800", True),
        ("20060707", "180001", False),
        ("20060706", None, True),
        ("20060705", None, False),
        ("20060706", "nine", True),
        (None, "1100", False),
    ],
)
def test_a10_date_and_time_are_one_interval(
    date: str | None, time: str | None, answer: bool
) -> None:
    values = [value(DATE, "DA", date)] if date else []
    values += [value(TIME, "TM", time)] if time else []
    assert found(MOMENT, *values) is answer


@pytest.mark.parametrize(
    ("own", "answer"), [("+0100", True), ("+0000", False), (None, True), ("soon", True)]
)
def test_a17_instances_that_tell_their_offset_are_compared_in_utc(
    own: str | None, answer: bool
) -> None:
    clause = Moment(DATE, TIME, "20240101100000.000000", "20240101110000.000000", offset=120)
    clock = "093000" if own == "+0100" else "103000"
    values = [value(DATE, "DA", "20240101"), value(TIME, "TM", clock)]
    values += [value((0x00080201,), "SH", own)] if own else []
    assert found(clause, *values) is answer


def test_a3_names_match_in_any_group_without_case_and_accents() -> None:
    stored = value(NAME, "PN", "Müller^Jörg=山田^太郎=やまだ^たろう")
    assert found(Name(NAME, "muller^jorg"), stored)
    assert found(Name(NAME, "山田*"), stored)
    assert found(Name(NAME, "*たろう"), stored)
    assert not found(Name(NAME, "muller"), stored)
    assert not found(Name(NAME, "muller*太郎"), stored)


def test_a15_words_of_a_name_match_in_any_order_in_one_group() -> None:
    stored = value(NAME, "PN", "Smith-Jones^Mary Ann=山田^太郎")
    assert found(Name(NAME, "", ("mary", "smi")), stored)
    assert found(Name(NAME, "", ("jones", "ann")), stored)
    assert found(Name(NAME, "", ("山", "太郎")), stored)
    assert not found(Name(NAME, "", ("smith", "山田")), stored)
    assert not found(Name(NAME, "", ("mith",)), stored)


def test_a11_all_keys_of_a_sequence_hold_in_the_same_item() -> None:
    clause = Nested((REQUEST,), (Exact((STEP,), "A"), Exact((PROCEDURE,), "B")))
    first = value((REQUEST, STEP), "SH", "A", "0001")
    assert found(clause, first, value((REQUEST, PROCEDURE), "SH", "B", "0001"))
    assert not found(clause, first, value((REQUEST, PROCEDURE), "SH", "B", "0002"))


def test_a11_items_inside_items() -> None:
    inner = Nested((CODES,), (Exact((0x00080100,), "X"), Exact((0x00080102,), "99")))
    clause = Nested((REQUEST,), (inner, Exact((STEP,), "A")))
    values = [
        value((REQUEST, STEP), "SH", "A", "0002"),
        value((REQUEST, CODES, 0x00080100), "SH", "X", "0002.0001"),
        value((REQUEST, CODES, 0x00080102), "SH", "99", "0002.0001"),
    ]
    assert found(clause, *values)
    values[2] = value((REQUEST, CODES, 0x00080102), "SH", "99", "0002.0002")
    assert not found(clause, *values)
    values[2] = value((REQUEST, CODES, 0x00080102), "SH", "99", "0001.0001")
    assert not found(clause, *values)


def test_a13_empty_inside_an_item() -> None:
    clause = Nested((REQUEST,), (Exact((STEP,), "A"), Empty((PROCEDURE,))))
    step = value((REQUEST, STEP), "SH", "A", "0002")
    other = value((REQUEST, PROCEDURE), "SH", "B", "0001")
    assert found(clause, step, other)
    assert found(clause, step, value((REQUEST, PROCEDURE), "SH", "", "0002"))
    assert not found(clause, step, value((REQUEST, PROCEDURE), "SH", "B", "0002"))
    assert not found(Nested((REQUEST,), (Empty((PROCEDURE,)),)))


def _expression(pattern: str) -> str:
    parts = {"*": ".*", "?": "."}
    return "".join(parts.get(character, re.escape(character)) for character in pattern)


@given(st.text("ab*?[", max_size=8), st.text("ab[\n", max_size=8))
def test_a8_wildcards_mean_what_a_regular_expression_means(pattern: str, text: str) -> None:
    assert glob(pattern, text) is bool(re.fullmatch(_expression(pattern), text, re.DOTALL))


def test_t14_the_worst_pattern_takes_few_steps() -> None:
    assert not glob("*a*a*a*a*a*a*a*b", "a" * 10_000)

"""Canonical texts."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.valuerep import DA, DT, TM

from dicomweb_server.model.canonical import (
    bounds,
    canonical,
    fold_name,
    is_canonical,
    name_groups,
    name_words,
    offset_minutes,
    to_utc,
)

moments = st.datetimes(datetime(1000, 1, 1), datetime(9998, 12, 31))


@pytest.mark.parametrize(
    ("vr", "value", "text"),
    [
        ("DA", "20240131", "20240131"),
        ("DA", "2024.01.31", "20240131"),
        ("DA", "20240131 ", "20240131"),
        ("DA", "20230229", "20230229"),
        ("DA", "2024.1.31", "2024.1.31"),
        ("DA", "0000.01.01", "0000.01.01"),
        ("TM", "22", "220000.000000"),
        ("TM", "2230", "223000.000000"),
        ("TM", "22:30", "223000.000000"),
        ("TM", "22:30:15.5", "223015.500000"),
        ("TM", "223015.123456", "223015.123456"),
        ("TM", "235960", "235960.000000"),
        ("TM", "240000", "240000"),
        ("TM", "22:3015", "22:3015"),
        ("TM", "223015.1234567", "223015.1234567"),
        ("DT", "2024", "20240101000000.000000"),
        ("DT", "202402", "20240201000000.000000"),
        ("DT", "20240131101112.5-0500", "20240131151112.500000"),
        ("DT", "20240101+0100", "20231231230000.000000"),
        ("DT", "20240101+1500", "20240101+1500"),
        ("IS", "007", "7"),
        ("IS", " +12 ", "12"),
        ("IS", "-0", "0"),
        ("DS", "1.50", "1.5"),
        ("DS", "1e3", "1000"),
        ("DS", ".5", "0.5"),
        ("DS", "-1E-3", "-0.001"),
        ("DS", "1e999", "1E999"),
        ("DS", "1e99999", "1e99999"),
        ("DS", "twelve", "twelve"),
        ("DS", "NaN", "NaN"),
        ("FD", "1e+16", "10000000000000000"),
        ("US", "512", "512"),
        ("UI", "1.2.840\0", "1.2.840"),
        ("AT", "0010001a", "0010001A"),
        ("LO", "  Head ", "Head"),
        ("UT", "  Head ", "  Head"),
        ("CS", "ct", "ct"),
    ],
)
def test_canonical_text_of_a_value(vr: str, value: str, text: str) -> None:
    assert canonical(vr, value) == text


@given(moments)
def test_dates_times_and_moments_mean_what_pydicom_reads(moment: datetime) -> None:
    day, clock = DA(moment.date()), TM(moment.time())
    assert canonical("DA", f"{day}") == f"{moment.year:04}{moment:%m%d}"
    assert canonical("TM", f"{clock}") == f"{moment:%H%M%S.%f}"
    assert canonical("DT", str(DT(f"{moment.year:04}{moment:%m%d%H%M%S.%f}"))) == (
        f"{moment.year:04}{moment:%m%d%H%M%S.%f}"
    )


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6).filter(lambda d: abs(d) < 1e12))
def test_equal_numbers_have_one_text(number: Decimal) -> None:
    texts = {canonical("DS", f"{number:f}"), canonical("DS", f"{number:.8f}")}
    texts.add(canonical("DS", f"{number:E}"))
    assert len(texts) == 1
    assert Decimal(texts.pop()) == number


@given(st.sampled_from(["DA", "TM", "DT", "IS", "DS", "PN", "LO", "UT", "AT"]), st.text())
def test_canonical_texts_stay_as_they_are(vr: str, text: str) -> None:
    once = canonical(vr, text)
    assert canonical(vr, once) == once


@pytest.mark.parametrize(
    ("vr", "text", "answer"),
    [
        ("DA", "20240229", True),
        ("DA", "20230229", False),
        ("DA", "2024.02.29", False),
        ("TM", "101112.000000", True),
        ("TM", "101112", False),
        ("DT", "20240229101112.000000", True),
        ("DT", "20240229101112.000000+0100", False),
        ("LO", "20240229", False),
        ("DA", "", False),
    ],
)
def test_only_real_dates_in_canonical_form_take_part_in_ranges(
    vr: str, text: str, answer: bool
) -> None:
    assert is_canonical(vr, text) is answer


@pytest.mark.parametrize(
    ("vr", "text", "low", "high"),
    [
        ("DA", "20240229", "20240229", "20240229"),
        ("TM", "18", "180000.000000", "185959.999999"),
        ("TM", "1830", "183000.000000", "183059.999999"),
        ("TM", "183015.25", "183015.250000", "183015.259999"),
        ("DT", "2024", "20240101000000.000000", "20241231235959.999999"),
        ("DT", "202402", "20240201000000.000000", "20240229235959.999999"),
        ("DT", "20240229+0200", "20240228220000.000000", "20240229215959.999999"),
    ],
)
def test_bounds_of_partial_precision(vr: str, text: str, low: str, high: str) -> None:
    assert bounds(vr, text) == (low, high)


@pytest.mark.parametrize(("vr", "text"), [("DA", "202402"), ("TM", "1"), ("DT", ""), ("LO", "1")])
def test_bounds_of_malformed_text(vr: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"not a {vr} value"):
        bounds(vr, text)


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("Müller^Jörg", "muller^jorg"),
        ("MULLER^JORG^^^", "muller^jorg"),
        ("Søren ^  Łukasz", "soren^lukasz"),
        ("\uff37\uff41\uff4e\uff47", "wang"),
        ("Straße", "strasse"),
        ("Διονύσιος", "διονυσιοσ"),
        ("ЩЁЛКИНД^ЙЖ", "щелкинд^иж"),
        ("ﾔﾏﾀﾞ^ﾀﾛｳ", "ヤマダ^タロウ"),
        ("山田^太郎", "山田^太郎"),
        ("김희중", "김희중"),
        ("\u05d3\u05b8\u05d5\u05b4\u05d3", "\u05d3\u05d5\u05d3"),
        ("\u0645\u064f\u062d\u0645\u062f", "\u0645\u062d\u0645\u062f"),
        ("Do?^J*", "do?^j*"),
        ("^^^", ""),
        ("^John", "^john"),
    ],
)
def test_names_fold_case_accents_and_width(name: str, folded: str) -> None:
    assert fold_name(name) == folded


def test_voicing_marks_and_vowel_signs_are_not_accents() -> None:
    assert fold_name("が") != fold_name("か")
    assert fold_name("कि") != fold_name("क")


@given(st.text())
def test_folding_ignores_unicode_normalisation(text: str) -> None:
    assert fold_name(unicodedata.normalize("NFD", text)) == fold_name(text)


def test_groups_of_a_name_without_the_empty_ones() -> None:
    assert name_groups("Yamada^Tarou=山田^太郎=やまだ^たろう") == (
        "yamada^tarou",
        "山田^太郎",
        "やまだ^たろう",
    )
    assert name_groups("=山田^太郎") == ("山田^太郎",)
    assert name_groups("^^=") == ()


def test_words_of_a_name() -> None:
    assert name_words("O'Brien-Smith, José^*") == ("obrien", "smith", "jose")
    assert name_words("山田^太郎=やまだ^たろう") == ("山田", "太郎", "やまだ", "たろう")
    assert name_words("^ *") == ()


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("+0100", 60),
        ("-0530", -330),
        ("+1400", 840),
        ("+1401", None),
        ("-1201", None),
        ("0100", None),
        ("+01:00", None),
        ("+0160", None),
        ("", None),
    ],
)
def test_offset_from_utc(text: str, minutes: int | None) -> None:
    assert offset_minutes(text) == minutes


@given(moments, st.integers(-720, 840))
def test_a17_moments_move_to_utc_as_datetime_moves_them(moment: datetime, minutes: int) -> None:
    text = f"{moment.year:04}{moment:%m%d%H%M%S.%f}"
    utc = moment.replace(tzinfo=timezone(timedelta(minutes=minutes))).astimezone(UTC)
    assert to_utc(text, minutes) == f"{utc.year:04}{utc:%m%d%H%M%S.%f}"


def test_moments_stop_at_the_ends_of_the_calendar() -> None:
    assert to_utc("00010101000000.000000", 60) == "00010101000000.000000"
    assert to_utc("99991231235959.000000", -60) == "99991231235959.999999"

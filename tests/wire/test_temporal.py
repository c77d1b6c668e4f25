"""Dates, times and moments of searches (PS3.4 C.2.2.2.5, PS3.18 8.3.4.1.1)."""

from __future__ import annotations

import pytest

from dicomweb_server.model.ids import Level, Scope
from dicomweb_server.model.levels import IndexPlan
from dicomweb_server.model.query import Between, Exact, Moment, Nested
from dicomweb_server.wire import qido, querystring
from tests.wire.searches import LIMITS, clauses, parse, refused

DATE, TIME = (0x00080020,), (0x00080030,)


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ("20240101-20241231", "20240101", "20241231"),
        ("20240101%20-%2020241231", "20240101", "20241231"),
        ("-20241231", None, "20241231"),
        ("20240101-", "20240101", None),
        ("2024.01.01-2024.12.31", "20240101", "20241231"),
    ],
)
def test_a9_ranges_of_dates(value: str, low: str | None, high: str | None) -> None:
    assert clauses(f"StudyDate={value}") == (Between(DATE, low, high),)


def test_a9_ranges_of_times_cover_what_is_not_told() -> None:
    assert clauses("StudyTime=10-18") == (Between(TIME, "100000.000000", "185959.999999"),)
    assert clauses("StudyTime=-1830") == (Between(TIME, None, "183059.999999"),)


def test_a9_a_range_of_times_does_not_cross_midnight() -> None:
    assert "midnight" in refused("StudyTime=2200-0600").hint
    refused("StudyDate=20240102-20240101")
    refused("00400275.00400009=1&SeriesTime=22-06", Level.SERIES)


@pytest.mark.parametrize(
    "value",
    [
        "2024",
        "20240230",
        "20240101-2024",
        "-",
        "--",
        "20240101--20240102",
        "yesterday",
        "2024-01-01",
    ],
)
def test_a16_malformed_dates(value: str) -> None:
    assert "YYYYMMDD" in refused(f"StudyDate={value}").hint


def test_a4_a_single_time_is_matched_by_meaning() -> None:
    assert clauses("StudyTime=2230") == (Exact(TIME, "223000.000000"),)


@pytest.mark.parametrize(
    ("dates", "times", "low", "high"),
    [
        ("20060705-20060707", "1000-1800", "20060705100000.000000", "20060707180059.999999"),
        ("20060705-20060707", "1800-1000", "20060705180000.000000", "20060707100059.999999"),
        ("20060705-", "1000-", "20060705100000.000000", None),
        ("-20060707", "-1800", None, "20060707180059.999999"),
    ],
)
def test_a10_date_and_time_of_the_same_form_are_one_interval(
    dates: str, times: str, low: str | None, high: str | None
) -> None:
    expected = (Moment(DATE, TIME, low, high),)
    assert clauses(f"StudyDate={dates}&StudyTime={times}") == expected
    assert clauses(f"StudyTime={times}&StudyDate={dates}") == expected


def test_a10_an_interval_does_not_end_before_it_begins() -> None:
    refused("StudyDate=20060705-20060705&StudyTime=1800-1000")


def test_a10_other_forms_stay_apart() -> None:
    assert clauses("StudyDate=20060705-20060707&StudyTime=1000-") == (
        Between(DATE, "20060705", "20060707"),
        Between(TIME, "100000.000000", None),
    )
    assert clauses("StudyDate=20060705&StudyTime=1000-1800") == (
        Exact(DATE, "20060705"),
        Between(TIME, "100000.000000", "180059.999999"),
    )


@pytest.mark.parametrize(
    ("query", "low", "high"),
    [
        ("StudyDate=20240101", "20240101000000.000000", "20240101235959.999999"),
        ("StudyDate=20240101-", "20240101000000.000000", None),
        ("StudyDate=20240101&StudyTime=10", "20240101100000.000000", "20240101100000.000000"),
        ("StudyDate=20240101&StudyTime=10-11", "20240101100000.000000", "20240101115959.999999"),
        ("StudyDate=20240101&StudyTime=-11", "20240101000000.000000", "20240101115959.999999"),
    ],
)
def test_a17_timezone_of_dates(query: str, low: str, high: str | None) -> None:
    expected = (Moment(DATE, TIME, low, high, offset=60),)
    assert clauses(f"{query}&00080201=+0100") == expected
    assert clauses(f"TimezoneOffsetFromUTC=%2B0100&{query}") == expected


def test_a17_a_date_of_birth_has_no_timezone() -> None:
    assert clauses("PatientBirthDate=19700101&00080201=+0100") == (
        Exact((0x00100030,), "19700101"),
    )


def test_a17_times_of_another_form_stay_apart() -> None:
    assert clauses("StudyDate=20240101-&StudyTime=10-11&00080201=-0500") == (
        Moment(DATE, TIME, "20240101000000.000000", None, offset=-300),
        Between(TIME, "100000.000000", "115959.999999"),
    )


def test_a17_the_timezone_is_no_match_key() -> None:
    query = parse("00080201=+0100").query
    assert query.clauses == ()
    assert query.include == ((0x00080201,),)
    assert refused("00080201=0100").name == "00080201"
    assert parse("00080201=").query.include == ((0x00080201,),)


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ("20240101-20240102", "20240101000000.000000", "20240102235959.999999"),
        ("2024-", "20240101000000.000000", None),
        ("-202402", None, "20240229235959.999999"),
        ("20240101-0500-", "20240101050000.000000", None),
        ("20240101-0500-20240102-0500", "20240101050000.000000", "20240103045959.999999"),
        ("20240101+0100-2024", "20231231230000.000000", "20241231235959.999999"),
    ],
)
def test_a9_ranges_of_moments(value: str, low: str | None, high: str | None) -> None:
    path = (0x0008002A,)
    assert clauses(f"AcquisitionDateTime={value}", Level.INSTANCE) == (Between(path, low, high),)


def test_a4_moments_with_offsets_and_with_a_timezone() -> None:
    path, noon = (0x0008002A,), "20240101120000.000000"
    for query in ("20240101120000", "20240101070000-0500", "202401011300&00080201=+0100"):
        assert clauses(f"AcquisitionDateTime={query}", Level.INSTANCE) == (Exact(path, noon),)


def test_a11_dates_inside_items_are_clauses_of_their_own() -> None:
    plan = IndexPlan.of([(0x00400100, 0x00400002), (0x00400100, 0x00400003)])
    query = b"00400100.00400002=20240101-&00400100.00400003=10-11"
    parameters = querystring.parse(query, LIMITS)
    parsed = qido.parse(Level.INSTANCE, Scope(), parameters, plan, LIMITS)
    inner = (
        Between((0x00400002,), "20240101", None),
        Between((0x00400003,), "100000.000000", "115959.999999"),
    )
    assert parsed.query.clauses == (Nested((0x00400100,), inner),)

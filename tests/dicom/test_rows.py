"""Answers of searches: what each level returns (PS3.18 10.6.3.3)."""

from __future__ import annotations

import json
from typing import NotRequired, TypedDict

import orjson
import pytest

from dicomweb_server.dicom.rows import Rows, deliverable, missing_paths
from dicomweb_server.dicom.selection import extract
from dicomweb_server.model.ids import Level, Scope
from dicomweb_server.model.media import TRANSFER_SYNTAXES
from dicomweb_server.model.query import (
    Between,
    Clause,
    Empty,
    Exact,
    InstanceRow,
    Match,
    Moment,
    Name,
    Nested,
    Page,
    Path,
    Query,
    SeriesRow,
    StudyRow,
)

_BASE = "https://pacs.example/dicom-web"
_STUDY = StudyRow(
    "1.2",
    orjson.dumps(
        {
            "00080020": {"vr": "DA", "Value": ["20200101"]},
            "00080201": {"vr": "SH", "Value": ["+0100"]},
            "00081030": {"vr": "LO", "Value": ["Head"]},
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^John"}]},
            "0020000D": {"vr": "UI", "Value": ["1.2"]},
        }
    ),
    ("CT", "SR"),
    2,
    7,
)
_SERIES = SeriesRow(
    "1.2.3",
    orjson.dumps(
        {
            "00080060": {"vr": "CS", "Value": ["CT"]},
            "00180015": {"vr": "CS", "Value": ["HEAD"]},
            "0020000E": {"vr": "UI", "Value": ["1.2.3"]},
            "00400275": {
                "vr": "SQ",
                "Value": [
                    {
                        "00321060": {"vr": "LO", "Value": ["CT head"]},
                        "00400007": {"vr": "LO", "Value": ["step"]},
                        "00400009": {"vr": "SH", "Value": ["S1"]},
                        "00401001": {"vr": "SH", "Value": ["R1"]},
                    }
                ],
            },
        }
    ),
    5,
)
_INSTANCE = InstanceRow(
    "1.2.3.4",
    orjson.dumps(
        {
            "00080008": {"vr": "CS", "Value": ["ORIGINAL"]},
            "00080016": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.2"]},
            "00080018": {"vr": "UI", "Value": ["1.2.3.4"]},
            "00200013": {"vr": "IS"},
            "00280010": {"vr": "US", "Value": [512]},
        }
    ),
    "1.2.840.10008.1.2",
)
_MATCH = Match(_STUDY, _SERIES, _INSTANCE)

_STUDY_KEYS = {
    *("00080020", "00080030", "00080050", "00080056", "00080061", "00080090", "00080201"),
    *("00081190", "00100010", "00100020", "00100030", "00100040", "0020000D", "00200010"),
    *("00201206", "00201208"),
}
_SERIES_KEYS = {
    *("00080056", "00080060", "00081190", "0020000E", "00200011", "00201209", "00400275"),
}
_INSTANCE_KEYS = {
    *("00080016", "00080018", "00080056", "00081190", "00083002", "00200013", "00280010"),
}


class _Attribute(TypedDict):
    vr: str
    Value: NotRequired[list[object]]


def _row(
    level: Level,
    scope: Scope = Scope(),
    include: tuple[Path, ...] = (),
    include_all: bool = False,
    clauses: tuple[Clause, ...] = (),
) -> dict[str, _Attribute]:
    query = Query(level, Page(10), scope, clauses, (), include, include_all)
    match = Match(
        _STUDY,
        _SERIES if level >= Level.SERIES else None,
        _INSTANCE if level is Level.INSTANCE else None,
    )
    written = Rows(query, _BASE).row(match)
    read: dict[str, _Attribute] = json.loads(written)
    assert list(read) == sorted(read)
    return read


def test_study_answer_holds_the_required_attributes() -> None:
    row = _row(Level.STUDY)
    assert set(row) == _STUDY_KEYS
    assert row["00080061"] == {"vr": "CS", "Value": ["CT", "SR"]}
    assert row["00201206"] == {"vr": "IS", "Value": [2]}
    assert row["00201208"] == {"vr": "IS", "Value": [7]}
    assert row["00081190"] == {"vr": "UR", "Value": [f"{_BASE}/studies/1.2"]}
    assert row["00080056"] == {"vr": "CS", "Value": ["ONLINE"]}


def test_what_is_unknown_is_empty() -> None:
    row = _row(Level.STUDY)
    assert row["00080050"] == {"vr": "SH"}
    assert row["00080090"] == {"vr": "PN"}
    assert _row(Level.SERIES, Scope("1.2"))["00200011"] == {"vr": "IS"}


def test_study_without_modalities_has_none() -> None:
    study = StudyRow("1.2", b"{}", (), 0, 0)
    row = json.loads(Rows(Query(Level.STUDY, Page(1)), _BASE).row(Match(study)))
    assert row["00080061"] == {"vr": "CS"}
    assert row["0020000D"] == {"vr": "UI", "Value": ["1.2"]}


def test_series_of_a_study_names_its_study_alone() -> None:
    row = _row(Level.SERIES, Scope("1.2"))
    assert set(row) == _SERIES_KEYS | {"0020000D"}
    assert row["00081190"]["Value"] == [f"{_BASE}/studies/1.2/series/1.2.3"]
    assert row["00201209"]["Value"] == [5]


def test_series_of_the_archive_brings_study_attributes() -> None:
    row = _row(Level.SERIES)
    assert set(row) == _SERIES_KEYS | _STUDY_KEYS
    assert row["00081190"]["Value"] == [f"{_BASE}/studies/1.2/series/1.2.3"]


@pytest.mark.parametrize(
    ("scope", "keys"),
    [
        (Scope("1.2", "1.2.3"), _INSTANCE_KEYS | {"0020000D", "0020000E"}),
        (Scope("1.2"), _INSTANCE_KEYS | _SERIES_KEYS | {"0020000D"}),
        (Scope(), _INSTANCE_KEYS | _SERIES_KEYS | _STUDY_KEYS),
    ],
)
def test_instances_bring_what_their_scope_leaves_open(scope: Scope, keys: set[str]) -> None:
    row = _row(Level.INSTANCE, scope)
    assert set(row) == keys
    url = f"{_BASE}/studies/1.2/series/1.2.3/instances/1.2.3.4"
    assert row["00081190"]["Value"] == [url]
    assert row["0020000D"]["Value"] == ["1.2"]
    assert row["0020000E"]["Value"] == ["1.2.3"]


def test_request_attributes_hold_the_two_required_members() -> None:
    items = _row(Level.SERIES, Scope("1.2"))["00400275"]["Value"]
    assert items == [
        {
            "00400009": {"vr": "SH", "Value": ["S1"]},
            "00401001": {"vr": "SH", "Value": ["R1"]},
        }
    ]


def test_dotted_include_brings_one_more_member() -> None:
    row = _row(Level.SERIES, Scope("1.2"), include=((0x00400275, 0x00400007),))
    (item,) = row["00400275"]["Value"]
    assert isinstance(item, dict)
    assert set(item) == {"00400007", "00400009", "00401001"}


def test_included_sequence_is_whole() -> None:
    (item,) = _row(Level.SERIES, Scope("1.2"), include=((0x00400275,),))["00400275"]["Value"]
    assert isinstance(item, dict)
    assert len(item) == 4


def test_include_reaches_the_levels_above() -> None:
    scope = Scope("1.2", "1.2.3")
    include = ((0x00081030,), (0x00180015,), (0x00080061,), (0x00201209,), (0x00201208,))
    row = _row(Level.INSTANCE, scope, include=include)
    assert set(row) >= {"00081030", "00180015", "00080061", "00201209", "00201208"}


def test_f2_include_never_reaches_the_levels_below() -> None:
    include = ((0x00180015,), (0x00280010,), (0x00201209,), (0x00083002,))
    assert set(_row(Level.STUDY, include=include)) == _STUDY_KEYS


def test_include_of_something_unknown_is_left_out() -> None:
    assert "00081080" not in _row(Level.STUDY, include=((0x00081080,),))


def test_include_all_brings_all_that_is_kept() -> None:
    row = _row(Level.INSTANCE, Scope("1.2", "1.2.3"), include_all=True)
    assert set(row) >= {"00080008", "00180015", "00081030", "00080061", "00201209"}
    (item,) = row["00400275"]["Value"]
    assert isinstance(item, dict)
    assert len(item) == 4
    assert row["00080020"]["Value"] == ["20200101"]


@pytest.mark.parametrize(
    "clause",
    [
        Exact((0x00081030,), "Head"),
        Name((0x00081030,), "head"),
        Moment((0x00081030,), (0x00080030,), None, "2020"),
        Between((0x00081030,), "1", None),
    ],
)
def test_a20_what_matched_is_returned(clause: Clause) -> None:
    assert "00081030" in _row(Level.STUDY, clauses=(clause,))


def test_a20_nested_clauses_bring_their_member() -> None:
    clause = Nested((0x00400275,), (Exact((0x00400007,), "step"),))
    (item,) = _row(Level.SERIES, clauses=(clause,))["00400275"]["Value"]
    assert isinstance(item, dict)
    assert "00400007" in item


_CODES = orjson.dumps(
    {
        "00400275": {
            "vr": "SQ",
            "Value": [
                {"00400009": {"vr": "SH", "Value": ["S1"]}, "00401001": {"vr": "SH"}},
                {"00400009": {"vr": "SH", "Value": ["S2", None, "S3"]}},
                {
                    "00400009": {"vr": "SH", "Value": ["S4"]},
                    "00321064": {
                        "vr": "SQ",
                        "Value": [{}, {"00080100": {"vr": "SH", "Value": ["C"]}}],
                    },
                    "00404034": {"vr": "PN", "Value": [{"Ideographic": "山田^太郎"}]},
                    "00400010": {"vr": "DS", "Value": [1.5]},
                },
            ],
        }
    }
)


@pytest.mark.parametrize(
    ("clause", "kept"),
    [
        (Nested((0x00400275,), (Exact((0x00400009,), "S1"),)), ["S1"]),
        (Nested((0x00400275,), (Exact((0x00400009,), "S3"),)), ["S2"]),
        (Nested((0x00400275,), (Empty((0x00401001,)), Exact((0x00400009,), "S1"))), ["S1"]),
        (Nested((0x00400275,), (Exact((0x00400010,), "1.5"),)), ["S4"]),
        (Nested((0x00400275,), (Name((0x00404034,), "山田*"),)), ["S4"]),
        (Nested((0x00400275, 0x00321064), (Exact((0x00080100,), "C"),)), ["S4"]),
        (
            Nested((0x00400275,), (Nested((0x00321064,), (Exact((0x00080100,), "C"),)),)),
            ["S4"],
        ),
        (Nested((0x00400275,), (Exact((0x00400009,), "in another instance"),)), ["S1", "S2", "S4"]),
    ],
)
def test_a11_searched_sequences_hold_the_items_that_match(clause: Nested, kept: list[str]) -> None:
    query = Query(Level.SERIES, Page(1), clauses=(clause,))
    match = Match(_STUDY, SeriesRow("1.2.3", _CODES, 1))
    items = json.loads(Rows(query, _BASE).row(match))["00400275"]["Value"]
    assert [item["00400009"]["Value"][0] for item in items] == kept


def test_j15_character_set_is_told_of_text_that_is_not_ascii() -> None:
    study = StudyRow(
        "1.2", '{"00100010":{"vr":"PN","Value":[{"Alphabetic":"Müller"}]}}'.encode(), (), 1, 1
    )
    row = json.loads(Rows(Query(Level.STUDY, Page(1)), _BASE).row(Match(study)))
    assert row["00080005"] == {"vr": "CS", "Value": ["ISO_IR 192"]}
    assert next(iter(row)) == "00080005"
    assert "00080005" not in _row(Level.STUDY, include=((0x00080005,),))


def test_native_data_travel_as_explicit_little_endian() -> None:
    for syntax in TRANSFER_SYNTAXES.values():
        expected = "1.2.840.10008.1.2.1" if syntax.is_native else syntax.uid
        assert deliverable(syntax.uid) == expected
    assert deliverable("1.2.3.4") == "1.2.3.4"
    row = _row(Level.INSTANCE)
    assert row["00083002"] == {"vr": "UI", "Value": ["1.2.840.10008.1.2.1"]}


def test_missing_paths_are_those_that_the_index_does_not_keep() -> None:
    include = ((0x00186000,), (0x00231001,), (0x00280010,), (0x00081030,), (0x00080061,))
    query = Query(Level.INSTANCE, Page(1), include=include)
    assert missing_paths(query) == ((0x00186000,), (0x00231001,))
    assert missing_paths(Query(Level.SERIES, Page(1), include=include)) == ()


def test_extra_attributes_join_the_answer() -> None:
    document = b'{"00080018":{"vr":"UI","Value":["9"]},"00186000":{"vr":"DS","Value":[1.5]}}'
    query = Query(Level.INSTANCE, Page(1), include=((0x00186000,),))
    extra = extract(document, missing_paths(query))
    row = json.loads(Rows(query, _BASE).row(_MATCH, extra))
    assert row["00186000"] == {"vr": "DS", "Value": [1.5]}
    assert row["00080018"]["Value"] == ["1.2.3.4"]


@pytest.mark.parametrize("level", list(Level))
def test_rows_of_one_series_are_written_alike(level: Level) -> None:
    rows = Rows(Query(level, Page(1)), _BASE)
    match = Match(
        _STUDY,
        _SERIES if level >= Level.SERIES else None,
        _INSTANCE if level is Level.INSTANCE else None,
    )
    assert rows.row(match) == rows.row(match) == Rows(Query(level, Page(1)), _BASE).row(match)


def test_empty_sequence_that_was_searched_stays() -> None:
    clause = Nested((0x00400275,), (Empty((0x00400009,)),))
    match = Match(_STUDY, SeriesRow("1.2.3", b'{"00400275":{"vr":"SQ"}}', 1))
    row = json.loads(Rows(Query(Level.SERIES, Page(1), clauses=(clause,)), _BASE).row(match))
    assert row["00400275"] == {"vr": "SQ"}


def test_many_studies_do_not_mix() -> None:
    rows = Rows(Query(Level.SERIES, Page(1)), _BASE)
    for number in range(1200):
        study = StudyRow(f"1.{number}", b"{}", (), number, 1)
        row = json.loads(rows.row(Match(study, SeriesRow(f"2.{number % 7}", b"{}", number))))
        assert row["0020000D"]["Value"] == [f"1.{number}"]
        assert row["00201206"]["Value"] == row["00201209"]["Value"] == [number]

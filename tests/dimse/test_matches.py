"""Answers of C-FIND: those of QIDO-RS to the same query, as identifiers (PS3.4 C.4.1.1.3.2)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset

from dicomweb_server.dimse.answers import Answers
from dicomweb_server.dimse.asked import Options
from dicomweb_server.index.memory import MemoryIndex
from dicomweb_server.model.ids import Level, Scope
from dicomweb_server.model.query import Match, Query, SearchResult, StudyRow
from tests.datasets import dataset
from tests.dimse.archives import (
    EXPLICIT,
    IMPLICIT,
    PATIENT_ROOT,
    STUDY_ROOT,
    Archive,
    Counting,
    filled,
    keys,
    opened,
    understood,
)
from tests.dimse.questions import LEVELS, NAMES, instances, queries, query_of, shown, tag_text

RELATIONAL = Options(relational=True, combined=True)


@pytest.fixture(scope="module")
def archive() -> Iterator[Archive]:
    with opened(filled(instances())) as found:
        yield found


@given(query=queries(), syntax=st.sampled_from([IMPLICIT, EXPLICIT]))
@settings(max_examples=150, deadline=None)
def test_answers_are_those_of_qido(
    archive: Archive, query: tuple[Level, dict[str, str]], syntax: str
) -> None:
    level, values = query
    asked = query_of(level, values)
    found = archive.find(asked, STUDY_ROOT, RELATIONAL, syntax)
    parameters = {name: text.replace("\\", ",") for name, text in values.items()}
    expected = archive.qido(level, Scope(), parameters)
    assert len(found) == len(expected)
    for answer, row in zip(found, expected, strict=True):
        told = answer.to_json_dict()
        for name in values:
            assert shown(told[tag_text(name)]) == shown(row.get(tag_text(name), {"vr": "UN"}))
        assert answer.QueryRetrieveLevel == LEVELS[level]
        assert answer.RetrieveAETitle == "ARCHIVE"
        assert answer.InstanceAvailability == "ONLINE"


def test_answers_hold_what_was_asked_and_no_more(archive: Archive) -> None:
    asked = keys("STUDY", PatientID="P4", ReferringPhysicianName="", StudyInstanceUID="")
    for answer in archive.find(asked):
        assert set(answer.dir()) == {
            "InstanceAvailability",
            "PatientID",
            "QueryRetrieveLevel",
            "ReferringPhysicianName",
            "RetrieveAETitle",
            "StudyInstanceUID",
        }
        assert answer["ReferringPhysicianName"].is_empty


@pytest.mark.parametrize(
    ("person", "terms", "told"),
    [
        (1, ["", "ISO 2022 IR 87"], ["", "ISO 2022 IR 87"]),
        (1, ["ISO 2022 IR 13", "ISO 2022 IR 87"], ["ISO 2022 IR 13", "ISO 2022 IR 87"]),
        (1, ["ISO_IR 100"], ["ISO_IR 192"]),
        (2, ["", "ISO 2022 IR 149"], ["", "ISO 2022 IR 149"]),
        (3, ["GB18030"], ["GB18030"]),
        (4, ["ISO_IR 126"], ["ISO_IR 126"]),
        (4, None, ["ISO_IR 192"]),
        (5, ["ISO_IR 144"], ["ISO_IR 144"]),
        (5, ["ISO_IR 100"], ["ISO_IR 192"]),
        (6, ["ISO_IR 100"], ["ISO_IR 100"]),
        (7, ["ISO_IR 100"], None),
    ],
)
def test_names_come_in_a_set_that_the_reader_knows(
    archive: Archive, person: int, terms: list[str] | None, told: list[str] | None
) -> None:
    asked = keys("STUDY", PatientID=f"P{person}", PatientName="")
    if terms is not None:
        asked.SpecificCharacterSet = terms
    for answer in archive.find(asked):
        sets = answer.get("SpecificCharacterSet")
        assert ([sets] if isinstance(sets, str) else sets) == told
        assert str(answer.PatientName) == NAMES[person - 1][1]


def test_sequences_are_searched_and_returned() -> None:
    request = Dataset()
    request.RequestedProcedureID, request.ScheduledProcedureStepID = "RP1", "S1"
    other = Dataset()
    other.RequestedProcedureID, other.ScheduledProcedureStepID = "RP2", "S2"
    member = Dataset()
    member.RequestedProcedureID, member.ScheduledProcedureStepID = "RP2", ""
    whole = keys("SERIES", StudyInstanceUID="1.2.3", RequestAttributesSequence=[])
    part = keys("SERIES", StudyInstanceUID="1.2.3", RequestAttributesSequence=[member])
    made = dataset(RequestAttributesSequence=[request, other])
    with opened(filled([made])) as archive:
        (answer,) = archive.find(whole)
        assert list(answer.RequestAttributesSequence) == [request, other]
        (answer,) = archive.find(part, syntax=EXPLICIT)
        assert list(answer.RequestAttributesSequence) == [other]
        member.RequestedProcedureID = "RP3"
        none = keys("SERIES", StudyInstanceUID="1.2.3", RequestAttributesSequence=[member])
        assert archive.find(none) == []


def test_patients_are_told_by_their_studies(archive: Archive) -> None:
    asked = keys(
        "PATIENT",
        PatientName="",
        PatientID="P*",
        NumberOfPatientRelatedStudies="",
        NumberOfPatientRelatedSeries="",
        NumberOfPatientRelatedInstances="",
    )
    asked.SpecificCharacterSet = "ISO_IR 192"
    found = archive.find(asked, PATIENT_ROOT)
    everything = list(instances())
    assert [answer.PatientID for answer in found] == [f"P{n}" for n in range(1, 8)]
    for answer, (_, name) in zip(found, NAMES, strict=True):
        own = [each for each in everything if each.PatientID == answer.PatientID]
        assert str(answer.PatientName) == name
        assert answer.QueryRetrieveLevel == "PATIENT"
        assert answer.NumberOfPatientRelatedStudies == len({e.StudyInstanceUID for e in own})
        assert answer.NumberOfPatientRelatedSeries == len({e.SeriesInstanceUID for e in own})
        assert answer.NumberOfPatientRelatedInstances == len(own)


def test_patients_are_counted_whole_where_not_all_studies_match() -> None:
    first = dataset(PatientName="Doe^Jane")
    second = dataset(PatientName="Roe^Jane", StudyInstanceUID="1.9", SeriesInstanceUID="1.9.1")
    asked = keys("PATIENT", PatientName="Doe*", PatientID="", NumberOfPatientRelatedStudies="")
    with opened(filled([first, second])) as archive:
        (answer,) = archive.find(asked, PATIENT_ROOT)
        assert answer.NumberOfPatientRelatedStudies == 2


@pytest.mark.parametrize(("level", "count"), [("STUDY", 100_000), ("PATIENT", 10_000)])
def test_many_matches_are_read_a_page_at_a_time(level: str, count: int) -> None:
    index = Counting(100_000 if level == "STUDY" else 20_000)
    asked = understood(keys(level, PatientID=""), PATIENT_ROOT, Options(relational=True))
    with opened(index) as archive:
        answers = archive.matches.answers(asked, Answers(asked, "ARCHIVE", (), IMPLICIT))
        for _ in range(40):
            next(answers)
        assert index.pages == [100]
        assert 40 + sum(1 for _ in answers) == count
    assert max(index.pages) == 1_000
    assert len(index.pages) == 1 + -(-(index.studies - 100) // 1_000)


class Large(MemoryIndex):
    """An index of studies of a megabyte each."""

    def __init__(self) -> None:
        super().__init__()
        self.limits: list[int] = []

    async def search(self, query: Query, seconds: float) -> SearchResult:
        """As many as are asked for, three times."""
        self.limits.append(query.page.limit)
        text = b'{"00104000":{"vr":"LT","Value":["%s"]}}' % (b"x" * 1_000_000)
        rows = tuple(Match(StudyRow(f"1.{n}", text, (), 1, 1)) for n in range(query.page.limit))
        return SearchResult(rows, None, 1, "1" if len(self.limits) < 3 else None)


def test_a_page_that_is_too_large_is_asked_for_in_parts() -> None:
    asked = understood(keys("STUDY", PatientComments=""))
    index = Large()
    with opened(index) as found:
        assert sum(1 for _ in found.rows(asked.query)) == 20
    assert index.limits == [100, 10, 10]

"""Identifiers understood: levels, unique keys, options (PS3.4 C.4.1, C.6)."""

from __future__ import annotations

import pytest
from pydicom import Dataset

from dicomweb_server.dimse.asked import Options, negotiate, options_of
from dicomweb_server.dimse.models import MODELS, Depth, Model
from dicomweb_server.errors import InvalidParameter
from dicomweb_server.model.ids import Level, Scope
from dicomweb_server.model.query import (
    Between,
    Empty,
    Every,
    Exact,
    Like,
    Moment,
    Name,
    Nested,
    OneOf,
)
from tests.dimse.archives import PATIENT_ROOT, PATIENT_STUDY, STUDY_ROOT, keys, understood

DATE, TIME, NAME = (0x00080020,), (0x00080030,), (0x00100010,)
UIDS = {"PatientID": "P1", "StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.2.3"}


def refused(asked: Dataset, model: Model = STUDY_ROOT) -> InvalidParameter:
    with pytest.raises(InvalidParameter) as caught:
        understood(asked, model)
    return caught.value


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
@pytest.mark.parametrize("depth", Depth)
def test_each_model_has_its_levels(model: Model, depth: Depth) -> None:
    asked = keys(depth.name, **UIDS)
    if not model.top <= depth <= model.bottom:
        assert refused(asked, model).name == "QueryRetrieveLevel"
        return
    found = understood(asked, model)
    assert found.depth is depth
    assert found.query.level is Level(max(depth, 1))


@pytest.mark.parametrize("level", ["", "study", "INSTANCE", "FRAME", "STUDY\\SERIES"])
def test_other_levels_are_refused(level: str) -> None:
    error = refused(keys(level))
    assert error.name == "QueryRetrieveLevel"
    assert error.detail == "QueryRetrieveLevel: must be one of STUDY, SERIES, IMAGE"


def test_level_is_required() -> None:
    assert refused(Dataset()).name == "QueryRetrieveLevel"


@pytest.mark.parametrize("value", ["", "*", "1.2*", "1.2\\1.3", "?"])
@pytest.mark.parametrize(
    ("model", "level", "keyword"),
    [
        (PATIENT_ROOT, "STUDY", "PatientID"),
        (PATIENT_ROOT, "SERIES", "StudyInstanceUID"),
        (PATIENT_ROOT, "IMAGE", "SeriesInstanceUID"),
        (PATIENT_STUDY, "STUDY", "PatientID"),
        (STUDY_ROOT, "SERIES", "StudyInstanceUID"),
        (STUDY_ROOT, "IMAGE", "StudyInstanceUID"),
        (STUDY_ROOT, "IMAGE", "SeriesInstanceUID"),
    ],
)
def test_unique_keys_above_have_a_single_value(
    model: Model, level: str, keyword: str, value: str
) -> None:
    values = {name: given.split("\\") for name, given in {**UIDS, keyword: value}.items()}
    error = refused(keys(level, **values), model)
    assert error.name == keyword
    assert "1.2" not in error.detail
    assert len(error.detail) <= 64


def test_unique_keys_above_become_the_scope() -> None:
    found = understood(keys("IMAGE", **UIDS, SOPInstanceUID=["1.5", "1.6"]), PATIENT_ROOT)
    assert found.query.scope == Scope("1.2", "1.2.3")
    assert set(found.query.clauses) == {
        Exact((0x00100020,), "P1"),
        OneOf((0x00080018,), ("1.5", "1.6")),
    }
    assert {path[0] for path in found.paths} == {0x00100020, 0x0020000D, 0x0020000E, 0x00080018}


def test_relational_queries_need_none_of_them() -> None:
    asked = keys("IMAGE", StudyInstanceUID=["1.2", "1.3"], SOPClassUID="1.4")
    found = understood(asked, options=Options(relational=True))
    assert found.query.scope == Scope()
    assert OneOf((0x0020000D,), ("1.2", "1.3")) in found.query.clauses


def test_every_kind_of_matching() -> None:
    request = Dataset()
    request.RequestedProcedureID = "RP1"
    request.ScheduledProcedureStepID = ""
    asked = keys(
        "SERIES",
        StudyInstanceUID="1.2",
        Modality="C?",
        SeriesDescription="",
        PatientName="MÜL*",
        StudyDate="20240101-20240131",
        StudyTime="0800-",
        SeriesNumber="007",
        AccessionNumber="*",
        RequestAttributesSequence=[request],
    )
    asked.SpecificCharacterSet = "ISO_IR 100"
    found = understood(asked)
    assert set(found.query.clauses) == {
        Like((0x00080060,), "C?"),
        Name(NAME, "mul*"),
        Between(DATE, "20240101", "20240131"),
        Between(TIME, "080000.000000", None),
        Exact((0x00200011,), "7"),
        Nested((0x00400275,), (Exact((0x00401001,), "RP1"),)),
    }
    assert not found.partial
    assert (0x00400275, 0x00400009) in found.paths


def test_dates_and_times_are_one_interval_only_where_that_was_negotiated() -> None:
    asked = keys("STUDY", StudyDate="20240101-20240131", StudyTime="0800-0900")
    alone = {
        Between(DATE, "20240101", "20240131"),
        Between(TIME, "080000.000000", "090059.999999"),
    }
    assert set(understood(asked).query.clauses) == alone
    together = understood(asked, options=Options(combined=True)).query.clauses
    assert together == (Moment(DATE, TIME, "20240101080000.000000", "20240131090059.999999"),)


def test_further_kinds_of_matching_only_where_they_were_negotiated() -> None:
    asked = keys("STUDY", PatientName="ane do", AccessionNumber='""')
    plain = set(understood(asked).query.clauses)
    assert plain == {Name(NAME, "ane do"), Exact((0x00080050,), '""')}
    negotiated = understood(asked, options=Options(fuzzy=True, empty=True)).query.clauses
    assert set(negotiated) == {Name(NAME, "ane do", ("ane", "do")), Empty((0x00080050,))}
    several = keys("STUDY", ModalitiesInStudy=["CT", "PT"])
    assert understood(several).query.clauses == (OneOf((0x00080061,), ("CT", "PT")),)
    options = Options(multiple=True)
    assert understood(several, options=options).query.clauses == (
        Every((0x00080061,), ("CT", "PT")),
    )


def test_negotiation_agrees_to_what_there_is() -> None:
    assert negotiate(b"") == b""
    assert negotiate(b"\1") == b"\1"
    assert negotiate(b"\0") == b"\0"
    assert negotiate(b"\1\1\1\1\1\1\1") == b"\1\1\1\0\0\1\1"
    assert negotiate(b"\1\2\1\1\1\1\1\1\1") == b"\1\0\1\0\0\1\1"
    assert options_of(b"\1\1\1\0\0\1\1") == Options(True, True, True, True, True)
    assert options_of(b"") == Options()
    assert options_of(b"\0\1") == Options(combined=True)


@pytest.mark.parametrize(
    ("level", "attributes"),
    [
        ("STUDY", {"SeriesNumber": ""}),
        ("STUDY", {"SeriesInstanceUID": "1.2"}),
        ("STUDY", {"EchoTime": "3"}),
        ("STUDY", {"RetrieveURL": ""}),
        ("STUDY", {"InstitutionName": "X"}),
        ("SERIES", {"StudyInstanceUID": "1.2", "InstanceNumber": ""}),
        ("IMAGE", {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.3", "KVP": "120"}),
    ],
)
def test_what_is_not_supported_is_told(level: str, attributes: dict[str, object]) -> None:
    assert understood(keys(level, **attributes)).partial


@pytest.mark.parametrize(
    ("level", "attributes"),
    [
        ("STUDY", {"StudyDescription": "", "PatientName": "A*", "ModalitiesInStudy": "CT"}),
        ("STUDY", {"RetrieveAETitle": "", "InstanceAvailability": "", "PatientWeight": ""}),
        ("SERIES", {"StudyInstanceUID": "1.2", "NumberOfSeriesRelatedInstances": ""}),
        (
            "IMAGE",
            {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.3", "KVP": "", "EchoTime": None},
        ),
    ],
)
def test_what_is_supported_needs_no_warning(level: str, attributes: dict[str, object]) -> None:
    assert not understood(keys(level, **attributes)).partial


def test_patients_are_asked_by_their_own_keys_alone() -> None:
    asked = keys("PATIENT", PatientID="", PatientName="A*", StudyDate="20240101", PatientAge="")
    found = understood(asked, PATIENT_ROOT)
    assert found.query.clauses == (Name(NAME, "a*"),)
    assert found.partial
    assert set(found.paths) == {NAME, (0x00100020,)}
    counted = understood(keys("PATIENT", NumberOfPatientRelatedStudies=""), PATIENT_ROOT)
    assert counted.counts == (0x00201200,)
    assert not counted.partial


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("StudyInstanceUID", "1.2.x"),
        ("StudyDate", "20241332"),
        ("StudyDate", "20240102-20240101"),
        ("AccessionNumber", "A1\\B1"),
        ("PatientName", "?" * 9),
    ],
)
def test_bad_values_are_named_and_not_repeated(keyword: str, value: str) -> None:
    error = refused(keys("STUDY", **{keyword: value}))
    assert error.detail.startswith(f"{keyword}: ")
    assert value not in error.detail


def test_sequences_have_one_item_at_the_most() -> None:
    item = Dataset()
    item.CodeValue = "A"
    error = refused(keys("STUDY", ProcedureCodeSequence=[item, item]))
    assert error.detail == "ProcedureCodeSequence: has 2 items"

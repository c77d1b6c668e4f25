"""Match values (PS3.4 C.2.2.2)."""

from __future__ import annotations

import pytest

from dicomweb_server.model.ids import Level
from dicomweb_server.model.query import Empty, Every, Exact, Like, Name, Nested, OneOf
from tests.wire.searches import clauses, refused

DATE, TIME = (0x00080020,), (0x00080030,)


@pytest.mark.parametrize("separator", [",", "%2C", "\\", "%5C", ",%20"])
def test_a6_lists_of_uids(separator: str) -> None:
    assert clauses(f"StudyInstanceUID=1.2{separator}1.3") == (OneOf((0x0020000D,), ("1.2", "1.3")),)


@pytest.mark.parametrize("value", ["1.2.x", "1.2*", "1.2,", "1.2,,1.3", "1" * 65])
def test_a6_malformed_uids(value: str) -> None:
    assert refused(f"StudyInstanceUID={value}").name == "StudyInstanceUID"


def test_t14_lists_of_uids_have_an_end() -> None:
    assert len(clauses("StudyInstanceUID=" + ",".join(f"1.{n}" for n in range(1000)))) == 1
    refused("StudyInstanceUID=" + ",".join(f"1.{n}" for n in range(1001)))


def test_one_uid_is_a_single_value() -> None:
    assert clauses("StudyInstanceUID=1.2,1.2") == (Exact((0x0020000D,), "1.2"),)


@pytest.mark.parametrize("value", ["CT,MR", "CT\\MR", "CT%5CMR"])
def test_lists_of_codes_mean_any_of_them(value: str) -> None:
    assert clauses(f"ModalitiesInStudy={value}") == (OneOf((0x00080061,), ("CT", "MR")),)
    refused("ModalitiesInStudy=C*,MR")


def test_a8_wildcards() -> None:
    assert clauses("StudyDescription=*Head%20a?d**") == (Like((0x00081030,), "*Head a?d*"),)
    assert clauses("StudyID=?") == (Like((0x00200010,), "?"),)
    assert clauses("StudyDescription=50%25_[a]") == (Exact((0x00081030,), "50%_[a]"),)


@pytest.mark.parametrize(
    "query",
    ["SeriesNumber=1*", "SeriesDate=2024*", "SeriesInstanceUID=1.?", "Rows=?", "PatientAge=0?5Y"],
)
def test_a8_no_wildcards_in_dates_numbers_and_uids(query: str) -> None:
    assert refused(query, Level.INSTANCE).name == query.split("=")[0]


def test_t14_patterns_are_short_and_have_few_wildcards() -> None:
    assert clauses("StudyDescription=" + "*a" * 8)
    refused("StudyDescription=" + "*a" * 9)
    refused("PatientName=" + "*a" * 9)
    refused("PatientName=" + "\uff0aa" * 9)
    assert clauses("StudyDescription=" + "a" * 128)
    refused("StudyDescription=" + "a" * 129)


def test_a5_numbers() -> None:
    assert clauses("SeriesNumber=007", Level.SERIES) == (Exact((0x00200011,), "7"),)
    assert clauses("Rows=512", Level.INSTANCE) == (Exact((0x00280010,), "512"),)
    assert clauses("SeriesNumber=-7.0", Level.SERIES) == (Exact((0x00200011,), "-7"),)
    refused("SeriesNumber=7.5", Level.SERIES)
    refused("SeriesNumber=seven", Level.SERIES)
    refused("SeriesNumber=1\\2", Level.SERIES)


def test_a3_names_are_folded() -> None:
    assert clauses("PatientName=M%C3%BCller^J*") == (Name((0x00100010,), "muller^j*"),)
    assert clauses("PatientName=Wang^Xiao%3D王^小") == (
        Name((0x00100010,), "wang^xiao"),
        Name((0x00100010,), "王^小"),
    )
    assert clauses("PatientName=^^") == (Empty((0x00100010,)),)
    refused("PatientName=A\\B")


def test_a15_fuzzy_names_are_words() -> None:
    assert clauses("PatientName=*Smith^Mary*&fuzzymatching=true") == (
        Name((0x00100010,), "*smith^mary*", ("smith", "mary")),
    )
    assert clauses("StudyDescription=Head&fuzzymatching=true") == (Exact((0x00081030,), "Head"),)


def test_a13_empty_value_matching() -> None:
    assert clauses("StudyDescription=%22%22&emptyvaluematching=true") == (Empty((0x00081030,)),)
    assert clauses("StudyDate=%22%22&emptyvaluematching=true") == (Empty(DATE),)
    assert clauses("StudyDescription=%22%22") == (Exact((0x00081030,), '""'),)
    refused("StudyDate=%22%22")
    refused("StudyInstanceUID=%22%22&emptyvaluematching=true")
    nested = clauses("00101002.00100021=%22%22&emptyvaluematching=true")
    assert nested == (Nested((0x00101002,), (Empty((0x00100021,)),)),)


def test_a14_multiple_value_matching() -> None:
    assert clauses("ImageType=ORIGINAL%5CAXIAL&multiplevaluematching=true", Level.INSTANCE) == (
        Every((0x00080008,), ("ORIGINAL", "AXIAL")),
    )
    assert clauses("Modality=CT%5CMR&multiplevaluematching=true") == (
        Every((0x00080061,), ("CT", "MR")),
    )
    assert clauses("OtherPatientNames=M%C3%BCller%5CMeier&multiplevaluematching=true") == (
        Every((0x00101001,), ("muller", "meier")),
    )
    refused("ImageType=ORIGINAL%5CAX*&multiplevaluematching=true", Level.INSTANCE)
    refused("ImageType=%5C&multiplevaluematching=true", Level.INSTANCE)
    refused("AccessionNumber=A%5CB&multiplevaluematching=true")
    refused("OtherPatientIDs=A%5CB")

"""Search parameters (PS3.18 8.3.4, 10.6.1.2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.errors import InvalidParameter
from dicomweb_server.model.ids import Level, Scope
from dicomweb_server.model.levels import REQUIRED_MATCH, SORTABLE, IndexPlan
from dicomweb_server.model.limits import QueryLimits
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
    Order,
    Page,
)
from dicomweb_server.model.tags import keyword_of
from dicomweb_server.wire import qido, querystring
from dicomweb_server.wire.qido import ParsedSearch

PLAN = IndexPlan.of()
LIMITS = QueryLimits()
DATE, TIME = (0x00080020,), (0x00080030,)


def parse(query: str, level: Level = Level.STUDY, scope: Scope = Scope()) -> ParsedSearch:
    parameters = querystring.parse(query.encode("utf-8"), LIMITS)
    return qido.parse(level, scope, parameters, PLAN, LIMITS)


def clauses(query: str, level: Level = Level.STUDY) -> tuple[Clause, ...]:
    parsed = parse(query, level)
    assert parsed.warnings == ()
    return parsed.query.clauses


def refused(query: str, level: Level = Level.STUDY) -> InvalidParameter:
    with pytest.raises(InvalidParameter) as caught:
        parse(query, level)
    assert caught.value.hint
    return caught.value


def test_no_parameters_ask_for_the_first_page_of_everything() -> None:
    query = parse("", scope=Scope("1.2")).query
    assert query.page == Page(limit=100)
    assert (query.clauses, query.order, query.include, query.include_all) == ((), (), (), False)
    assert query.scope == Scope("1.2")


@pytest.mark.parametrize("key", ["AccessionNumber", "00080050"])
def test_a1_keys_are_keywords_or_tags(key: str) -> None:
    assert clauses(f"{key}=A1") == (Exact((0x00080050,), "A1"),)


def test_g1_tags_in_lower_case_are_read_and_keywords_are_case_sensitive() -> None:
    assert parse("includefield=0008103e", Level.SERIES).query.include == ((0x0008103E,),)
    parsed = parse("accessionnumber=A1")
    assert parsed.query.clauses == ()
    assert "accessionnumber" in parsed.warnings[0]


@pytest.mark.parametrize(
    "key",
    ["OtherPatientIDsSequence.PatientID", "00101002.00100020", "OtherPatientIDsSequence.00100020"],
)
def test_a1_dotted_paths_mix_keywords_and_tags(key: str) -> None:
    assert clauses(f"{key}=A1") == (Nested((0x00101002,), (Exact((0x00100020,), "A1"),)),)


def test_a1_paths_lead_through_sequences_and_do_not_end_in_one() -> None:
    assert refused("PatientName.PatientID=1").name == "PatientName.PatientID"
    assert refused("OtherPatientIDsSequence=1").name == "OtherPatientIDsSequence"
    assert refused("includefield=PatientName.PatientID").name == "includefield"


def test_a1_an_attribute_is_given_once() -> None:
    assert refused("PatientID=1&00100020=2").name == "00100020"


def test_a11_keys_of_one_sequence_make_one_clause() -> None:
    found = clauses(
        "RequestAttributesSequence.ScheduledProcedureStepID=A&00400275.00401001=B*", Level.SERIES
    )
    inner = (Exact((0x00400009,), "A"), Like((0x00401001,), "B*"))
    assert found == (Nested((0x00400275,), inner),)


@pytest.mark.parametrize("value", ["", "*", "**", "%2A", " "])
@pytest.mark.parametrize(
    ("key", "path"),
    [("PatientName", 0x00100010), ("StudyDate", 0x00080020), ("0020000D", 0x20000D)],
)
def test_a7_universal_matching_returns_the_attribute(value: str, key: str, path: int) -> None:
    query = parse(f"{key}={value}").query
    assert query.clauses == ()
    assert query.include == ((path,),)


def test_a7_a_bare_key_is_universal() -> None:
    assert parse("PatientName").query.include == ((0x00100010,),)


def test_a20_what_is_matched_is_returned() -> None:
    assert parse("StudyDescription=Head&Modality=CT").query.include == (
        (0x00081030,),
        (0x00080061,),
    )


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


def test_a5_numbers() -> None:
    assert clauses("SeriesNumber=007", Level.SERIES) == (Exact((0x00200011,), "7"),)
    assert clauses("Rows=512", Level.INSTANCE) == (Exact((0x00280010,), "512"),)
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


@pytest.mark.parametrize(
    "name", ["fuzzymatching", "emptyvaluematching", "multiplevaluematching", "total"]
)
@pytest.mark.parametrize("value", ["TRUE", "1", "", "yes"])
def test_a16_switches_are_true_or_false(name: str, value: str) -> None:
    assert refused(f"{name}={value}").name == name
    assert parse(f"{name}=false").query == parse("").query


def test_a19_keys_of_lower_levels_are_ignored_with_a_warning() -> None:
    parsed = parse("SeriesDescription=Axial&Rows=512&PatientID=1")
    assert parsed.query.clauses == (Exact((0x00100020,), "1"),)
    assert [text.split()[2] for text in parsed.warnings] == ["SeriesDescription", "Rows"]
    assert "Axial" not in "".join(parsed.warnings)
    assert parse("SOPClassUID=1.2", Level.SERIES).query.clauses == ()


def test_a19_modality_of_studies_means_modalities_in_study() -> None:
    assert clauses("Modality=CT") == (Exact((0x00080061,), "CT"),)
    assert clauses("00080060=M*") == (Like((0x00080061,), "M*"),)
    assert clauses("Modality=CT", Level.SERIES) == (Exact((0x00080060,), "CT"),)


@pytest.mark.parametrize("level", [Level.SERIES, Level.INSTANCE])
def test_a19_keys_of_upper_levels_match(level: Level) -> None:
    assert clauses("PatientID=1&ModalitiesInStudy=CT&Modality=CT", level) == (
        Exact((0x00100020,), "1"),
        Exact((0x00080061,), "CT"),
        Exact((0x00080060,), "CT"),
    )


@pytest.mark.parametrize("level", list(Level))
def test_every_required_key_is_matched(level: Level) -> None:
    for path in REQUIRED_MATCH[level]:
        name = ".".join(keyword_of(tag) for tag in path)
        value = "10" if name.endswith("Time") else "20010101"
        assert len(clauses(f"{name}={value}", level)) == 1


@pytest.mark.parametrize(
    "query",
    ["Foo=1", "00091001=1", "00090010=ACME", "12345678=1", "DOE^JOHN=1", "StudyComments=x", "a=b"],
)
def test_g2_unknown_and_private_keys_are_ignored_with_a_warning(query: str) -> None:
    parsed = parse(query)
    assert parsed.query == parse("").query
    assert len(parsed.warnings) == 1
    assert "^" not in parsed.warnings[0]


def test_g2_keys_that_are_not_indexed_name_the_setting() -> None:
    parsed = parse("PatientAddress=Elm%20Street")
    assert parsed.query.clauses == ()
    assert "PatientAddress" in parsed.warnings[0]
    assert "index.extra" in parsed.warnings[0]
    assert "Elm" not in parsed.warnings[0]


def test_computed_and_binary_attributes() -> None:
    assert clauses("NumberOfStudyRelatedInstances=3") == (Exact((0x00201208,), "3"),)
    assert "RetrieveURL" in parse("RetrieveURL=http").warnings[0]
    assert "PixelData" in parse("PixelData=1", Level.INSTANCE).warnings[0]


def test_specific_character_set_is_never_matched() -> None:
    parsed = parse("SpecificCharacterSet=ISO_IR%20192&includefield=00080005")
    assert parsed == parse("")


@pytest.mark.parametrize(
    "query",
    [
        "includefield=StudyDescription&includefield=00100040",
        "includefield=StudyDescription,00100040",
        "includefield=00081030%2CPatientSex",
        "includefield=00081030,%20PatientSex,",
    ],
)
def test_f1_spellings_of_includefield(query: str) -> None:
    assert parse(query).query.include == ((0x00081030,), (0x00100040,))


def test_f1_all_stands_alone() -> None:
    assert parse("includefield=all").query.include_all
    assert refused("includefield=all,PatientSex").name == "includefield"
    refused("includefield=PatientSex&includefield=all")


def test_f1_dotted_includefield() -> None:
    parsed = parse("includefield=OtherPatientIDsSequence.00100020,ReferencedStudySequence")
    assert parsed.query.include == ((0x00101002, 0x00100020), (0x00081110,))


def test_f2_attributes_of_lower_levels_are_not_returned() -> None:
    parsed = parse("includefield=SeriesDescription,PatientSex,Nonsense")
    assert parsed.query.include == ((0x00100040,),)
    assert len(parsed.warnings) == 2
    assert parse("includefield=StudyDescription", Level.INSTANCE).query.include == ((0x00081030,),)


def test_ohif_study_list() -> None:
    parsed = parse(
        "PatientName=*Six*&limit=101&offset=0&fuzzymatching=false"
        "&includefield=00081030%2C00080060%2C00080090%2C00100030"
    )
    assert parsed.warnings == ()
    assert parsed.query.clauses == (Name((0x00100010,), "*six*"),)
    assert parsed.query.page == Page(limit=101)
    assert (0x00080061,) in parsed.query.include


def test_weasis_series_list() -> None:
    parsed = parse("includefield=0008103E,00080060,0020000E,00200011,00081190", Level.SERIES)
    assert parsed.warnings == ()
    assert len(parsed.query.include) == 5


def test_a22_pages() -> None:
    assert parse("limit=7&offset=3&total=true").query.page == Page(7, 3, None, total=True)
    assert parse("limit=0").query.page.limit == 0
    assert parse("limit=999999999").query.page.limit == 5_000
    assert parse("limit=" + "9" * 900).query.page.limit == 5_000
    assert parse("limit=999999", Level.INSTANCE).query.page.limit == 50_000
    assert parse("", Level.SERIES).query.page.limit == 1_000


@pytest.mark.parametrize("value", ["-1", "1.5", "", "ten", "+5", "0x5", "\u0661"])
@pytest.mark.parametrize("name", ["limit", "offset"])
def test_a22_limit_and_offset_are_unsigned(name: str, value: str) -> None:
    assert refused(f"{name}={value}").name == name


def test_t16_offsets_end_somewhere() -> None:
    assert parse("offset=1000000").query.page.offset == 1_000_000
    refused("offset=1000001")


def test_control_parameters_are_given_once() -> None:
    assert refused("limit=1&limit=2").name == "limit"


def test_cursor() -> None:
    assert parse("cursor=abc-_9").query.page.cursor == "abc-_9"
    refused("cursor=")
    refused("cursor=a%20b")
    assert refused("cursor=abc&offset=1").name == "offset"


def test_orderby() -> None:
    expected = (Order(0x00080020, descending=True), Order(0x00100010))
    assert parse("orderby=-StudyDate,PatientName").query.order == expected
    assert parse("orderby=-00080020&orderby=00100010").query.order == expected
    error = refused("orderby=SeriesNumber")
    assert error.name == "orderby"
    assert "StudyDate" in error.hint
    refused("orderby=StudyDate,-StudyDate")
    refused("orderby=--StudyDate")


@pytest.mark.parametrize("level", list(Level))
def test_everything_sortable_is_accepted(level: Level) -> None:
    for tag in SORTABLE[level]:
        assert parse(f"orderby=-{keyword_of(tag)}", level).query.order == (Order(tag, True),)


def test_accept_and_charset_are_read_elsewhere() -> None:
    assert parse("accept=application/json&charset=utf-8&accept=x") == parse("")


def test_g5_control_characters_are_refused() -> None:
    refused("PatientID=a%0Ab")
    assert refused("StudyID=a%1Fb").name == "StudyID"


def test_no_message_repeats_a_value() -> None:
    for query in ("StudyDate=SECRET", "StudyInstanceUID=SECRET", "PatientAge=SECRET"):
        error = refused(query)
        assert "SECRET" not in f"{error} {error.hint}"


@pytest.mark.parametrize("query", ["{}=1", "includefield={}", "{}"])
@pytest.mark.parametrize("name", ["1;DROP%20TABLE", "PatientName'--", "StudyDate)", '"'])
def test_t15_names_that_attack_are_unknown_names(name: str, query: str) -> None:
    parsed = parse(query.format(name))
    assert parsed.query == parse("").query
    assert len(parsed.warnings) == 1


def test_t15_attacks_do_not_sort() -> None:
    assert refused("orderby=StudyDate;DROP").name == "orderby"


def outcome(level: Level, pairs: dict[str, str]) -> ParsedSearch | InvalidParameter:
    """What comes of parameters; any other exception gets through."""
    parameters = tuple(
        querystring.Parameter(name, value, has_value=True) for name, value in pairs.items()
    )
    try:
        return qido.parse(level, Scope(), parameters, PLAN, LIMITS)
    except InvalidParameter as error:
        return error


_NAMES = st.sampled_from(
    [
        "StudyDate",
        "StudyTime",
        "PatientName",
        "Modality",
        "limit",
        "orderby",
        "includefield",
        "AcquisitionDateTime",
        "Rows",
        "cursor",
        "00080201",
        "00400275.00400009",
        "ImageType",
        "multiplevaluematching",
    ]
)


@given(st.sampled_from(list(Level)), st.dictionaries(_NAMES | st.text(min_size=1), st.text()))
def test_any_text_gives_a_query_or_a_clear_error(level: Level, pairs: dict[str, str]) -> None:
    found = outcome(level, pairs)
    assert isinstance(found, ParsedSearch) or found.hint

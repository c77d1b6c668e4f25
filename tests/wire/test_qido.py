"""Search parameters (PS3.18 8.3.4, 10.6.1.2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.errors import InvalidParameter
from dicomweb_server.model.ids import Level, Scope
from dicomweb_server.model.levels import REQUIRED_MATCH, SORTABLE, IndexPlan
from dicomweb_server.model.query import Exact, Like, Name, Nested, Order, Page
from dicomweb_server.model.tags import keyword_of
from dicomweb_server.wire import qido, querystring
from dicomweb_server.wire.qido import ParsedSearch
from tests.wire.searches import LIMITS, PLAN, clauses, parse, refused


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


def test_a18_private_keys_go_with_their_creator() -> None:
    plan = IndexPlan.of([(0x00090010,), (0x00091001,), (0x00111001,)])

    def read(query: str, level: Level = Level.INSTANCE) -> ParsedSearch:
        parameters = querystring.parse(query.encode(), LIMITS)
        return qido.parse(level, Scope(), parameters, plan, LIMITS)

    found = read("00090010=ACME&00091001=x*")
    assert found.query.clauses == (Exact((0x00090010,), "ACME"), Like((0x00091001,), "x*"))
    assert found.warnings == ()
    alone = read("00091001=x")
    assert alone.query.clauses == ()
    assert "00090010=NAME" in alone.warnings[0]
    unindexed = read("00110010=ACME&00111001=x")
    assert unindexed.query.clauses == ()
    assert len(unindexed.warnings) == 2
    assert len(read("00090010=ACME&00091001=x", Level.SERIES).warnings) == 2


def test_f4_private_attributes_are_returned_where_their_creator_is_named() -> None:
    named = parse("00090010=ACME&includefield=00091001", Level.INSTANCE)
    assert (0x00091001,) in named.query.include
    alone = parse("includefield=00091001", Level.INSTANCE)
    assert alone.query.include == ()
    assert "creator" in alone.warnings[0]


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


def test_t14_parameters_have_an_end() -> None:
    parameters = tuple(querystring.Parameter(f"a{n}", "", has_value=True) for n in range(65))
    with pytest.raises(InvalidParameter):
        qido.parse(Level.STUDY, Scope(), parameters, PLAN, LIMITS)
    assert qido.parse(Level.STUDY, Scope(), parameters[:64], PLAN, LIMITS).query.clauses == ()

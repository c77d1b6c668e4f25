"""Matching and paging (PS3.18 8.3.4, PS3.4 C.2.2.2)."""

from __future__ import annotations

from conformance.checks.general import (
    ALPHA,
    BETA,
    DELTA,
    EPSILON,
    EVERYONE,
    GAMMA,
    found,
    refused,
    row_of,
)
from conformance.model import MAY, SHALL, SHOULD, Check, Level, NotOffered, check, checks_of
from conformance.synthetic.instance import new_uid
from conformance.world import JSON, World, first, items, values

_NAME = "PS3.4 C.2.2.2.1"
_WILD = "PS3.4 C.2.2.2.4"
_RANGE = "PS3.4 C.2.2.2.5"

MATCHING = (
    refused("A1.sequence", SHOULD, "8.3.4.1", "a sequence itself as key with a value",
             "OtherPatientIDsSequence=x"),
    refused("A1.repeated", SHOULD, "8.3.1", "the same key twice",
             "StudyID=CF-001&00200010=CF-002"),
    found("A2.exact", SHALL, _NAME, "single value: no part of a value", "StudyID=CF-00"),
    found("A2.case", SHALL, _NAME, "single value: letters by case", "StudyID=cf-001"),
    found("A2.whole", SHALL, _NAME, "single value: the whole value", "StudyID=CF-001", ALPHA),
    found("A3.name", SHALL, "PS3.4 C.2.2.2.1.1", "a name, letter by letter",
           "PatientName=Conform^Beta", BETA),
    found("A3.part", SHALL, "PS3.4 C.2.2.2.1.1", "a name without wildcards: no part of it",
           "PatientName=Conform"),
    found("A3.ideographic", SHALL, "PS3.4 C.2.2.2.1.1", "all groups of a name",
           "PatientName=Yamada%5ETarou%3D%E5%B1%B1%E7%94%B0%5E%E5%A4%AA%E9%83%8E%3D%E3%82%84%E3%81%BE%E3%81%A0%5E%E3%81%9F%E3%82%8D%E3%81%86",
           GAMMA),
    found("A4.time-short", SHALL, "PS3.4 C.2.2.2.1.3", "2230 is the same time as 223000",
           "StudyTime=223000", GAMMA),
    found("A4.time-long", SHALL, "PS3.4 C.2.2.2.1.3", "093000.000000 is the same time as 093000",
           "StudyTime=093000.000000", ALPHA),
    found("A4.date", SHALL, "PS3.4 C.2.2.2.1.3", "a date", "StudyDate=20060706", GAMMA),
    found("A6.list", SHALL, "8.3.4.1", "a list of UIDs with commas",
           "StudyInstanceUID={alpha},{gamma}", ALPHA, GAMMA),
    found("A6.encoded", SHALL, "8.3.4.1", "a list of UIDs with an encoded comma",
           "StudyInstanceUID={alpha}%2C{gamma}", ALPHA, GAMMA),
    found("A6.unknown", SHALL, "8.3.4.1", "a list of UIDs, one of them unknown",
           "StudyInstanceUID={alpha},2.25.404", ALPHA),
    found("A6.backslash", SHOULD, "8.3.4.1", "a list of UIDs with backslashes, as in DIMSE",
           "StudyInstanceUID={alpha}%5C{gamma}", ALPHA, GAMMA),
    found("A7.empty-value", SHALL, "PS3.4 C.2.2.2.3", "a key with an empty value matches all",
           "StudyID=", *EVERYONE),
    found("A7.bare", SHOULD, "PS3.4 C.2.2.2.3", "a key without equals sign matches all",
           "StudyID", *EVERYONE),
    found("A8.end", SHALL, _WILD, "* at the end", "StudyID=CF-*", ALPHA, BETA, DELTA),
    found("A8.begin", SHALL, _WILD, "* at the begin", "StudyID=*001", ALPHA),
    found("A8.middle", SHALL, _WILD, "* in the middle", "StudyID=C*4", DELTA),
    found("A8.none", SHALL, _WILD, "* for no character", "StudyID=CF-001*", ALPHA),
    found("A8.question", SHALL, _WILD, "? for one character", "StudyID=CF-00?", ALPHA, BETA,
           DELTA),
    found("A8.question-one", SHALL, _WILD, "? never for none", "StudyID=CF-001?"),
    found("A8.two", SHALL, _WILD, "two stars", "StudyID=*F-00*", ALPHA, BETA, DELTA),
    found("A8.case", SHALL, _WILD, "wildcards: letters by case", "StudyID=cf-*"),
    found("A8.universal", SHALL, _WILD, "* alone matches all", "StudyID=*", *EVERYONE),
    found("A8.name", SHALL, _WILD, "* in a name", "PatientName=Conform*", ALPHA, BETA, EPSILON),
    found("A8.encoded", SHALL, _WILD, "a percent-encoded star", "StudyID=CF-%2A", ALPHA, BETA,
           DELTA),
    found("A8.patient-id", SHALL, _WILD, "* in Patient ID", "PatientID={run}-*", *EVERYONE),
    found("A8.patient-id-question", SHALL, _WILD, "? in Patient ID",
           "PatientID={run}-?", *EVERYONE),
    found("A8.regex", SHALL, _WILD, "signs of regular expressions stand for themselves",
           "StudyID=CF.0.2"),
    found("A8.percent", SHALL, _WILD, "signs of SQL patterns stand for themselves",
           "StudyID=CF%25"),
    found("A8.underscore", SHALL, _WILD, "an underscore stands for itself", "StudyID=CF_001"),
    found("A9.closed", SHALL, _RANGE, "a range of dates, both ends belong to it",
           "StudyDate=20060705-20060706", ALPHA, BETA, GAMMA),
    found("A9.one-day", SHALL, _RANGE, "a range of one day", "StudyDate=20060706-20060706", GAMMA),
    found("A9.open-start", SHALL, _RANGE, "a range without begin", "StudyDate=-20060705", ALPHA,
           BETA),
    found("A9.open-end", SHALL, _RANGE, "a range without end", "StudyDate=20060707-", DELTA,
           EPSILON),
    found("A9.nobody", SHALL, _RANGE, "a range in which nothing lies",
           "StudyDate=19000101-19000102"),
    found("A9.time", SHALL, _RANGE, "a range of times", "StudyTime=1000-1800", BETA, DELTA),
    found("A9.time-open-start", SHALL, _RANGE, "a range of times without begin",
           "StudyTime=-1030", ALPHA, BETA),
    found("A9.time-open-end", SHALL, _RANGE, "a range of times without end",
           "StudyTime=1830-", GAMMA, EPSILON),
    found("A10.combined", SHALL, "8.3.4.1.1", "a range of dates and one of times are one interval",
           "StudyDate=20060705-20060707&StudyTime=1000-1800", BETA, GAMMA, DELTA),
    found("A10.combined-open", SHALL, "8.3.4.1.1", "date and time without end are one interval",
           "StudyDate=20060705-&StudyTime=1000-", BETA, GAMMA, DELTA, EPSILON),
    found("A10.combined-start", SHALL, "8.3.4.1.1", "date and time without begin are one interval",
           "StudyDate=-20060706&StudyTime=-1000", ALPHA, BETA),
    found("A12.modalities", SHALL, "PS3.4 C.2.2.3", "any of several values matches",
           "ModalitiesInStudy=MR", ALPHA, BETA),
    found("A12.modalities-list", SHOULD, "8.3.4.1", "a list of modalities",
           "ModalitiesInStudy=MR,OT", ALPHA, BETA, EPSILON),
    found("A17.charset", SHALL, "10.6.1.2.1", "Specific Character Set is never matched",
           "SpecificCharacterSet=GB18030", *EVERYONE),
)  # fmt: skip


def _nested(
    identifier: str, level: Level, title: str, query: str, *expected: str, deep: bool = True
) -> Check:
    """A check of keys within sequences: of the series of alpha, or of studies."""

    def run(world: World) -> None:
        instance = world.instance("alpha")
        if deep:
            answer = world.search(f"{instance.study_path}/series", query)
            names = world.names(answer, "series")
        else:
            answer = world.narrowed(query.format(run=world.corpus.run))
            names = world.names(answer)
            if answer.warnings or len(names) == len(EVERYONE):
                raise NotOffered("the optional key is not supported")
        answer.equal(sorted(names), sorted(expected), "found")

    return check(identifier, level, "PS3.4 C.2.2.2.6", title)(run)


_STEP = "RequestAttributesSequence.ScheduledProcedureStepID"
_PROCEDURE = "RequestAttributesSequence.RequestedProcedureID"
_OTHER = "OtherPatientIDsSequence"

NESTED = (
    _nested("A1.path", SHALL, "a path of tags", "00400275.00400009=SPS1", "alpha"),
    _nested("A1.path-keywords", SHALL, "a path of keywords", f"{_STEP}=SPS1", "alpha"),
    _nested("A1.path-mixed", SHALL, "a path of keyword and tag",
            "RequestAttributesSequence.00400009=SPS1", "alpha"),
    _nested("A1.path-other", SHALL, "a path whose value is not there", f"{_STEP}=SPS3"),
    _nested("A11.item", SHALL, "keys of one sequence hold in the same item",
            f"{_STEP}=SPS1&{_PROCEDURE}=RP1", "alpha"),
    _nested("A11.second-item", SHALL, "the item in which they hold may be any",
            f"{_STEP}=SPS2&{_PROCEDURE}=RP2", "alpha"),
    _nested("A11.other-item", SHALL, "keys that hold in different items do not match",
            f"{_STEP}=SPS1&{_PROCEDURE}=RP2"),
    _nested("A11.wildcard", SHALL, "wildcards within a sequence", f"{_STEP}=SPS*", "alpha"),
    _nested("A11.optional", MAY, "an optional sequence of the study level",
            f"{_OTHER}.PatientID={{run}}-X&{_OTHER}.IssuerOfPatientID=one", ALPHA, deep=False),
    _nested("A11.optional-items", MAY, "an optional sequence, keys in different items",
            f"{_OTHER}.PatientID={{run}}-X&{_OTHER}.IssuerOfPatientID=two", deep=False),
)  # fmt: skip


@check("A11.answer", SHALL, "PS3.4 C.2.2.2.6", "the sequence that was matched is returned")
def sequence_answer(world: World) -> None:
    path = f"{world.instance('alpha').study_path}/series"
    answer = world.search(path, f"{_STEP}=SPS1")
    steps = [
        first(item, "00400009") for row in answer.datasets() for item in items(row, "00400275")
    ]
    answer.must("SPS1" in steps, "00400275 with the item of SPS1")


@check("A12.all-values", SHALL, "PS3.4 C.2.2.3", "all values of the matched attribute are returned")
def all_values(world: World) -> None:
    world.instance("mr")
    answer = world.narrowed("ModalitiesInStudy=MR")
    row = row_of(world, answer.datasets(), "alpha")
    answer.equal(sorted(map(str, values(row, "00080061"))), ["CT", "MR"], "Modalities in Study")


@check("A7.includefield", SHALL, "8.3.4.3", "a key with an empty value is returned")
def universal_returned(world: World) -> None:
    answer = world.narrowed("StudyDescription=&StudyID=CF-001")
    row = row_of(world, answer.datasets(), "alpha")
    answer.equal(first(row, "00081030"), "Conformance Alpha", "Study Description")


def _flag(name: str, row: str, phrase: str) -> tuple[Check, ...]:
    def wrong(world: World) -> None:
        world.get(f"/studies?AccessionNumber={world.corpus.run}&{name}=maybe", JSON).status_in(400)

    def accepted(world: World) -> None:
        answer = world.finds(f"StudyID=CF-001&{name}=true", ["alpha"]).ok()
        if row == "A15" and answer.warnings:
            answer.must("fuzzymatching" in answer.warnings, "a Warning about fuzzymatching")

    def false(world: World) -> None:
        answer = world.finds(f"StudyID=CF-001&{name}=false", ["alpha"]).ok()
        answer.must(name not in answer.warnings, f"no Warning about {name}")

    def warned(world: World) -> None:
        answer = world.finds(f"StudyID=CF-001&{name}=true", ["alpha"]).ok()
        if not answer.warnings:
            raise NotOffered(f"no Warning: {name} seems to be supported, which {row} judges")
        answer.must(
            answer.warnings.startswith("299") and phrase in answer.warnings,
            f"Warning: 299 ... {phrase}",
        )

    return (
        check(f"{row}.accepted", SHALL, "8.3.4", f"{name}=true: the search goes on")(accepted),
        check(f"{row}.false", SHALL, "8.3.4", f"{name}=false: as without it")(false),
        check(f"A16.{name}-invalid", SHALL, "8.3.4", f"{name} neither true nor false: 400")(wrong),
        check(f"A16.{name}-warning", SHALL, "8.3.4", f"unsupported {name}: the Warning")(warned),
    )


FLAGS = (
    *_flag("emptyvaluematching", "A13", "Empty Value Matching has not been performed"),
    *_flag("multiplevaluematching", "A14", "Multiple Value Matching has not been performed"),
    *_flag("fuzzymatching", "A15", "Only literal matching has been performed"),
)


def _unless_warned(world: World, query: str) -> set[str]:
    answer = world.search("/studies", query)
    if answer.warnings:
        raise NotOffered(f"{answer.asked} answered Warning: {answer.warnings[:100]}")
    return world.names(answer)


@check("A13.empty", MAY, "8.3.4.5", 'emptyvaluematching: "" matches what is empty')
def empty_value(world: World) -> None:
    query = f"PatientID={world.corpus.run}-Z&StudyDate=%22%22&emptyvaluematching=true"
    world.instance("zeta")
    if _unless_warned(world, query) != {"zeta"}:
        world.search("/studies", query).must(False, "study zeta, whose date is empty")


@check("A13.absent", MAY, "8.3.4.5", 'emptyvaluematching: "" matches what is absent')
def absent_value(world: World) -> None:
    query = f"PatientID={world.corpus.run}-Z&StudyID=%22%22&emptyvaluematching=true"
    world.instance("zeta")
    if _unless_warned(world, query) != {"zeta"}:
        world.search("/studies", query).must(False, "study zeta, which has no Study ID")


@check("A13.not-empty", MAY, "8.3.4.5", 'emptyvaluematching: "" does not match a value')
def not_empty(world: World) -> None:
    query = f"AccessionNumber={world.corpus.run}&StudyID=%22%22&emptyvaluematching=true"
    if matched := _unless_warned(world, query):
        world.search("/studies", query).must(False, f"nothing instead of {sorted(matched)}")


@check("A14.all", MAY, "8.3.4.6", "multiplevaluematching: all values must be there")
def all_of(world: World) -> None:
    for name in ("mr", "beta"):
        world.instance(name)
    run = world.corpus.run
    query = f"AccessionNumber={run}&ModalitiesInStudy=MR%5CCT&multiplevaluematching=true"
    if _unless_warned(world, query) != {"alpha"}:
        world.search("/studies", query).must(False, "study alpha only, which has MR and CT")


@check("A15.order", MAY, "8.3.4.2", "fuzzymatching: the components in another order")
def fuzzy(world: World) -> None:
    query = f"AccessionNumber={world.corpus.run}&PatientName=beta^conform&fuzzymatching=true"
    if "beta" not in _unless_warned(world, query):
        world.search("/studies", query).must(False, "study beta of Conform^Beta")


@check("A17.timezone", SHALL, "8.3.4.1.1", "Timezone Offset in the query is accepted")
def timezone(world: World) -> None:
    world.finds(
        "StudyDate=20060705-20060706&TimezoneOffsetFromUTC=%2B0000", ["alpha", "beta", "gamma"]
    )


@check("A17.plus", SHALL, "8.3.1", "Timezone Offset with a literal plus is accepted")
def timezone_plus(world: World) -> None:
    world.get(f"/studies?AccessionNumber={world.corpus.run}&00080201=+0100", JSON).ok()


@check("A18.private", MAY, "8.3.4.1", "a private key with its creator matches")
def private(world: World) -> None:
    instance = world.instance("values")
    query = "00090010=CONFORMANCE%20SUITE&00091002=private%20value"
    answer = world.get(f"{instance.series_path}/instances?{query}", JSON).offered()
    answer.status_in(200, 204)
    if answer.warnings:
        raise NotOffered(f"answered Warning: {answer.warnings[:100]}")
    answer.equal(world.names(answer, "uid"), {"values"}, "instances")


@check("A18.not", MAY, "8.3.4.1", "a private key does not match another value")
def private_not(world: World) -> None:
    instance = world.instance("values")
    query = "00090010=CONFORMANCE%20SUITE&00091002=another"
    answer = world.get(f"{instance.series_path}/instances?{query}", JSON).offered()
    if answer.status == 200 and (answer.warnings or world.names(answer, "uid")):
        raise NotOffered("private keys are ignored")


@check("A19.study-keys", SHALL, "10.6.1.2.1", "patient keys match below every level")
def patient_everywhere(world: World) -> None:
    instance = world.instance("alpha")
    run = world.corpus.run
    for path in (f"{instance.study_path}/series", f"{instance.series_path}/instances"):
        answer = world.search(path, f"PatientID={run}-none")
        answer.equal(len(answer.datasets()), 0, "results")


@check("A19.modality", SHOULD, "10.6.1.2.1", "Modality at the study level: matched, or a Warning")
def modality(world: World) -> None:
    answer = world.narrowed("Modality=MR")
    filtered = world.names(answer) == {"alpha", "beta"}
    answer.must(filtered or bool(answer.warnings), "Modality matched, or a Warning")


def _returns(tag: str, query: str, value: str) -> Check:
    def run(world: World) -> None:
        answer = world.narrowed(query)
        key = query.partition("=")[0]
        if "alpha" in world.names(world.narrowed(f"{key}=ANOTHER")):
            raise NotOffered(f"{key} does not match")
        row = row_of(world, answer.datasets(), "alpha")
        answer.must(value in map(str, values(row, tag)), f"{tag} with {value}")

    return check(f"A20.{tag}", SHALL, "10.6.3.3", f"the matched attribute {tag} is returned")(run)


RETURNS = (
    _returns("00081030", "StudyDescription=Conformance*", "Conformance Alpha"),
    _returns("00200010", "StudyID=CF-001", "CF-001"),
    _returns("00100040", "PatientSex=O", "O"),
)


@check("A21.order", SHALL, "8.3.4.4.1", "the same request has the same order")
def order(world: World) -> None:
    orders = [world.ordered_names(world.narrowed()) for _ in range(3)]
    world.narrowed().must(orders[0] == orders[1] == orders[2], "the same order each time")


@check("A21.pages", SHALL, "8.3.4.4.1", "pages put together are the whole, each result once")
def pages(world: World) -> None:
    whole = world.ordered_names(world.narrowed())
    got: list[str] = []
    for offset in range(0, len(EVERYONE) + 1, 2):
        got += world.ordered_names(world.narrowed(f"limit=2&offset={offset}"))
    world.narrowed().equal(got, whole, "pages")


@check("A22.limit", SHALL, "8.3.4.4.1", "limit: no more results than that")
def limit(world: World) -> None:
    answer = world.narrowed("limit=2")
    answer.equal(len(answer.datasets()), 2, "results")


@check("A22.limit-zero", SHALL, "8.3.4.4.1", "limit=0 is an unsigned number: no results, no error")
def limit_zero(world: World) -> None:
    answer = world.narrowed("limit=0")
    answer.equal(len(answer.datasets()), 0, "results")


@check("A22.limit-huge", SHALL, "8.3.4.4.1", "a limit above the server's own is no error")
def limit_huge(world: World) -> None:
    answer = world.narrowed("limit=1000000000")
    answer.equal(len(world.names(answer)), len(EVERYONE), "results")


@check("A22.offset-beyond", SHALL, "8.3.4.4.1", "an offset behind the end: no results")
def offset_beyond(world: World) -> None:
    answer = world.narrowed("offset=1000")
    answer.equal(len(answer.datasets()), 0, "results")


@check("A22.warning", SHALL, "8.3.4.4.1", "what is left out is told by a Warning")
def remaining(world: World) -> None:
    answer = world.narrowed("limit=2")
    expected = "There are 3 additional results that can be requested"
    answer.must(
        answer.warnings.startswith("299") and expected in answer.warnings,
        f"Warning: 299 ... {expected}",
    )


@check("A22.no-warning", SHALL, "8.3.4.4.1", "nothing left out: no Warning about more results")
def none_remaining(world: World) -> None:
    answer = world.narrowed("limit=5")
    answer.must("additional results" not in answer.warnings, "no Warning")


@check("A19.unknown-study", SHALL, "10.6.3", "a UID that matches nothing finds nothing")
def nothing(world: World) -> None:
    answer = world.search("/studies", f"StudyInstanceUID={new_uid()}")
    answer.equal(len(answer.datasets()), 0, "results")


CHECKS = checks_of(globals().values())

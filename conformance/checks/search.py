"""Search: resources, keys that must match, attributes that must be returned (PS3.18 10.6)."""

from __future__ import annotations

from collections.abc import Callable

from conformance.model import MAY, SHALL, SHOULD, Check, Failed, NotOffered, check, checks_of
from conformance.synthetic.instance import Instance, new_uid
from conformance.world import World, first, items, values

_DIGIT = {"study": 1, "series": 2, "instance": 3}
Resource = Callable[[Instance], str]

RESOURCES: dict[str, tuple[str, Resource, str, tuple[str, ...]]] = {
    "Q1": ("/studies", lambda _: "/studies", "study", ("alpha",)),
    "Q2": ("series of a study", lambda i: f"{i.study_path}/series", "series", ("alpha", "mr")),
    "Q3": (
        "instances of a series", lambda i: f"{i.series_path}/instances", "uid",
        ("alpha", "ct2", "ct3"),
    ),
    "Q4": (
        "instances of a study", lambda i: f"{i.study_path}/instances", "uid",
        ("alpha", "ct2", "ct3", "mr"),
    ),
    "Q5": ("/series", lambda _: "/series", "series", ("alpha", "mr")),
    "Q6": ("/instances", lambda _: "/instances", "uid", ("alpha", "ct2", "ct3", "mr")),
}  # fmt: skip
"""What each search resource is, where it lies, what it lists and what of study alpha it has."""


def _lists(row: str) -> Check:
    name, path, attribute, expected = RESOURCES[row]

    def run(world: World) -> None:
        instance = world.instance("alpha")
        answer = world.search(path(instance), f"StudyInstanceUID={instance.study}")
        answer.equal(sorted(world.ordered_names(answer, attribute)), sorted(expected), "found")

    return check(f"{row}.lists", SHALL, "10.6.1", f"{name}: one result each, and no more")(run)


def _empty(row: str) -> Check:
    name, path, _, _ = RESOURCES[row]

    def run(world: World) -> None:
        answer = world.get(
            f"{path(world.instance('alpha'))}?PatientID={world.corpus.run}-none",
            "application/dicom+json",
        )
        if answer.status != 204:
            answer.ok().equal(answer.datasets(), [], "results")

    return check(
        f"{row}.empty", SHALL, "10.6.3", f"{name}: no match is 200 with an empty array, or 204"
    )(run)


LISTS = tuple(_lists(row) for row in RESOURCES)
EMPTY = tuple(_empty(row) for row in ("Q1", "Q5", "Q6"))


@check("Q2.unknown", SHOULD, "10.6.3", "series of an unknown study: nothing found, or 404")
def unknown_study(world: World) -> None:
    answer = world.get(f"/studies/{new_uid()}/series", "application/dicom+json")
    answer.status_in(200, 204, 404)
    if answer.status == 200:
        answer.equal(answer.datasets(), [], "results")


MATCHED: dict[str, tuple[tuple[str, str, str], ...]] = {
    "study": (
        ("StudyDate", "00080020", "20060705"),
        ("StudyTime", "00080030", "093000"),
        ("AccessionNumber", "00080050", "{run}"),
        ("ModalitiesInStudy", "00080061", "MR"),
        ("ReferringPhysicianName", "00080090", "Referrer^Rita"),
        ("PatientName", "00100010", "Conform^Alpha^Middle^Dr^Jr"),
        ("PatientID", "00100020", "{run}-A"),
        ("StudyInstanceUID", "0020000D", "{study}"),
        ("StudyID", "00200010", "CF-001"),
    ),
    "series": (
        ("Modality", "00080060", "CT"),
        ("SeriesInstanceUID", "0020000E", "{series}"),
        ("SeriesNumber", "00200011", "7"),
        ("PerformedProcedureStepStartDate", "00400244", "20060705"),
        ("PerformedProcedureStepStartTime", "00400245", "093500"),
        ("RequestAttributesSequence.ScheduledProcedureStepID", "00400275.00400009", "SPS1"),
        ("RequestAttributesSequence.RequestedProcedureID", "00400275.00401001", "RP2"),
    ),
    "instance": (
        ("SOPClassUID", "00080016", "1.2.840.10008.5.1.4.1.1.2"),
        ("SOPInstanceUID", "00080018", "{uid}"),
        ("InstanceNumber", "00200013", "1"),
    ),
}
"""Table 10.6.1-5 with values of instance alpha."""

_PLACES = {
    "study": (("Q1", "study"), ("Q5", "series"), ("Q6", "uid")),
    "series": (("Q2", "series"), ("Q5", "series"), ("Q6", "uid")),
    "instance": (("Q3", "uid"), ("Q4", "uid"), ("Q6", "uid")),
}


def _matches(level: str, key: tuple[str, str, str], row: str, attribute: str) -> Check:
    keyword, tag, value = key

    def run(world: World) -> None:
        instance = world.instance("alpha")
        path = RESOURCES[row][1](instance)
        shown = value.format(
            run=world.corpus.run, study=instance.study, series=instance.series, uid=instance.uid
        )
        answer = world.search(path, f"{tag}={shown}&StudyInstanceUID={instance.study}"
                              if tag != "0020000D" else f"{tag}={shown}")  # fmt: skip
        answer.must("alpha" in world.names(answer, attribute), f"{attribute} of alpha among them")
        other = "nothing" if "UID" not in keyword else new_uid()
        wrong = {"StudyDate": "19010101", "PerformedProcedureStepStartDate": "19010101"}.get(
            keyword, "000001" if keyword.endswith("Time") else other
        )
        if keyword.endswith("Number") and keyword != "AccessionNumber":
            wrong = "987654"
        world_answer = world.search(path, f"{tag}={wrong}")
        world_answer.equal(world.names(world_answer, attribute), set(), "found")

    last = keyword.rpartition(".")[2]
    return check(
        f"K{_DIGIT[level]}.{last}-{row}",
        SHALL,
        "10.6.1.2.3 Table 10.6.1-5",
        f"{keyword} matches in {RESOURCES[row][0]}, and filters",
    )(run)


MATCH = tuple(
    _matches(level, key, row, attribute)
    for level, keys in MATCHED.items()
    for key in keys
    for row, attribute in _PLACES[level]
)

RETURNED: dict[str, tuple[tuple[str, str, str], ...]] = {
    "study": (
        ("StudyInstanceUID", "0020000D", "UI"),
        ("StudyDate", "00080020", "DA"),
        ("StudyTime", "00080030", "TM"),
        ("AccessionNumber", "00080050", "SH"),
        ("ModalitiesInStudy", "00080061", "CS"),
        ("ReferringPhysicianName", "00080090", "PN"),
        ("PatientName", "00100010", "PN"),
        ("PatientID", "00100020", "LO"),
        ("PatientBirthDate", "00100030", "DA"),
        ("PatientSex", "00100040", "CS"),
        ("StudyID", "00200010", "SH"),
        ("NumberOfStudyRelatedSeries", "00201206", "IS"),
        ("NumberOfStudyRelatedInstances", "00201208", "IS"),
    ),
    "series": (
        ("SeriesInstanceUID", "0020000E", "UI"),
        ("Modality", "00080060", "CS"),
        ("SeriesNumber", "00200011", "IS"),
        ("NumberOfSeriesRelatedInstances", "00201209", "IS"),
    ),
    "instance": (
        ("SOPInstanceUID", "00080018", "UI"),
        ("SOPClassUID", "00080016", "UI"),
        ("InstanceNumber", "00200013", "IS"),
    ),
}
"""Attributes of Tables 10.6.3-3 to -5 that are always there."""

CONDITIONAL: dict[str, tuple[tuple[str, str], ...]] = {
    "study": (("TimezoneOffsetFromUTC", "00080201"), ("RetrieveURL", "00081190")),
    "series": (
        ("SeriesDescription", "0008103E"),
        ("PerformedProcedureStepStartDate", "00400244"),
        ("PerformedProcedureStepStartTime", "00400245"),
        ("RequestAttributesSequence", "00400275"),
        ("RetrieveURL", "00081190"),
    ),
    "instance": (
        ("Rows", "00280010"),
        ("Columns", "00280011"),
        ("BitsAllocated", "00280100"),
        ("RetrieveURL", "00081190"),
    ),
}
"""Attributes of the same tables that are there when known; of alpha all are."""

_HOME = {"study": ("Q1", "study"), "series": ("Q2", "series"), "instance": ("Q3", "uid")}
_CLAUSE = {"study": "Table 10.6.3-3", "series": "Table 10.6.3-4", "instance": "Table 10.6.3-5"}


def _returned(level: str, keyword: str, tag: str, vr: str) -> Check:
    def run(world: World) -> None:
        row, attribute = _HOME[level]
        instance = world.instance("alpha")
        path = RESOURCES[row][1](instance)
        answer, found = world.row(f"StudyInstanceUID={instance.study}", "alpha", path, attribute)
        answer.must(tag in found, f"{keyword} {tag}")
        if vr:
            answer.equal(found[tag].get("vr"), vr, f"VR of {tag}")
        answer.must(bool(values(found, tag)), f"a value of {keyword}")

    kind = "always" if vr else "when known"
    return check(
        f"L{_DIGIT[level]}.{keyword}",
        SHALL,
        f"10.6.3.3 {_CLAUSE[level]}",
        f"{level} results hold {keyword} {kind}",
    )(run)


RETURN = tuple(_returned(level, *key) for level, keys in RETURNED.items() for key in keys) + tuple(
    _returned(level, keyword, tag, "")
    for level, keys in CONDITIONAL.items()
    for keyword, tag in keys
)


def _empty_key(tag: str, keyword: str) -> Check:
    def run(world: World) -> None:
        study = world.instance("zeta").study
        answer, found = world.row(f"StudyInstanceUID={study}", "zeta")
        answer.must(tag in found, f"{keyword} {tag} although empty")
        answer.equal(sorted(found[tag]), ["vr"], f"members of {tag}")

    return check(
        f"L1.empty-{keyword}", SHALL, "10.6.3.3 Table 10.6.3-3",
        f"{keyword} is returned with its VR only when it has no value",
    )(run)  # fmt: skip


EMPTY_KEYS = tuple(
    _empty_key(tag, keyword)
    for tag, keyword in (
        ("00080020", "StudyDate"),
        ("00080050", "AccessionNumber"),
        ("00080090", "ReferringPhysicianName"),
        ("00100030", "PatientBirthDate"),
        ("00200010", "StudyID"),
    )
)


@check(
    "L1.counts", SHALL, "10.6.3.3 Table 10.6.3-3", "the numbers of series and instances are right"
)
def counts(world: World) -> None:
    for name in ("alpha", "ct2", "ct3", "mr"):
        world.instance(name)
    answer, found = world.row(f"StudyInstanceUID={world.corpus['alpha'].study}", "alpha")
    numbers = [_number(first(found, tag)) for tag in ("00201206", "00201208")]
    answer.equal(numbers, [2, 4], "Number of Study Related Series and Instances")


@check("L1.modalities", SHALL, "10.6.3.3 Table 10.6.3-3", "Modalities in Study names each once")
def modalities(world: World) -> None:
    world.instance("mr")
    answer, found = world.row(f"StudyInstanceUID={world.instance('alpha').study}", "alpha")
    answer.equal(sorted(map(str, values(found, "00080061"))), ["CT", "MR"], "Modalities in Study")


@check("L1.retrieve-url", SHALL, "10.6.3.3 Table 10.6.3-3", "Retrieve URL can be retrieved")
def retrieve_url(world: World) -> None:
    answer, found = world.row(f"StudyInstanceUID={world.instance('alpha').study}", "alpha")
    url = first(found, "00081190")
    answer.must(isinstance(url, str) and url.startswith("http"), "an absolute Retrieve URL")
    world.get(str(url), 'multipart/related; type="application/dicom"').ok()


@check("L2.count", SHALL, "10.6.3.3 Table 10.6.3-4", "the number of a series' instances is right")
def series_count(world: World) -> None:
    instance = world.instance("alpha")
    answer, found = world.row("", "alpha", f"{instance.study_path}/series", "series")
    answer.equal(_number(first(found, "00201209")), 3, "Number of Series Related Instances")


@check("L2.request", SHALL, "10.6.3.3 Table 10.6.3-4", "Request Attributes Sequence holds both IDs")
def request_attributes(world: World) -> None:
    instance = world.instance("alpha")
    answer, found = world.row("", "alpha", f"{instance.study_path}/series", "series")
    steps = [first(item, "00400009") for item in items(found, "00400275")]
    procedures = [first(item, "00401001") for item in items(found, "00400275")]
    answer.equal((steps, procedures), (["SPS1", "SPS2"], ["RP1", "RP2"]), "IDs")


@check(
    "L3.transfer-syntaxes", MAY, "10.6.3.3 Table 10.6.3-5", "Available Transfer Syntax UID is told"
)
def transfer_syntaxes(world: World) -> None:
    instance = world.instance("jpeg")
    answer, found = world.row("", "jpeg", f"{instance.series_path}/instances", "uid")
    if "00083002" not in found:
        raise NotOffered("results have no Available Transfer Syntax UID")
    answer.must(instance.transfer_syntax in values(found, "00083002"), instance.transfer_syntax)


@check(
    "L3.frames", SHALL, "10.6.3.3 Table 10.6.3-5", "Number of Frames is told of a multi-frame image"
)
def number_of_frames(world: World) -> None:
    instance = world.instance("multi")
    answer, found = world.row("", "multi", f"{instance.series_path}/instances", "uid")
    answer.equal(_number(first(found, "00280008")), 3, "Number of Frames")


def _cross(row: str, attribute: str, tags: tuple[str, ...], title: str) -> Check:
    def run(world: World) -> None:
        instance = world.instance("alpha")
        query = f"StudyInstanceUID={instance.study}"
        answer, found = world.row(query, "alpha", RESOURCES[row][1](instance), attribute)
        answer.equal([tag for tag in tags if tag not in found], [], "without")

    return check(f"L4.{row}", SHALL, "10.6.3.3", title)(run)


CROSS = (
    _cross("Q5", "series", ("0020000D", "00100020", "00080020", "00100010"),
           "/series adds the study's attributes"),
    _cross("Q6", "uid", ("0020000D", "00100020", "00080060", "0020000E"),
           "/instances adds the study's and the series' attributes"),
    _cross("Q4", "uid", ("00080060", "0020000E", "00200011"),
           "instances of a study add the series' attributes"),
)  # fmt: skip


def _number(value: object) -> int:
    if not isinstance(value, int | float | str):
        raise Failed(f"{value!r} is no number")
    return int(value)


CHECKS = checks_of(globals().values())

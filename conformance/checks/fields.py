"""includefield (PS3.18 8.3.4.3, 10.6.3.3)."""

from __future__ import annotations

from conformance.checks.general import (
    row_of,
)
from conformance.model import MAY, SHALL, SHOULD, Check, Level, NotOffered, check, checks_of
from conformance.world import JSON, World, first, items


def _field(identifier: str, level: Level, title: str, query: str, *tags: str) -> Check:
    def run(world: World) -> None:
        answer = world.narrowed(f"StudyID=CF-001&{query}")
        row = row_of(world, answer.datasets(), "alpha")
        answer.equal([tag for tag in tags if tag not in row], [], "without")

    return check(identifier, level, "8.3.4.3", title)(run)


FIELDS = (
    _field("F1.tag", SHALL, "includefield with a tag", "includefield=00081030", "00081030"),
    _field("F1.keyword", SHALL, "includefield with a keyword", "includefield=StudyDescription",
           "00081030"),
    _field("F1.list", SHALL, "includefield with a comma list", "includefield=00100030,00081030",
           "00100030", "00081030"),
    _field("F1.repeated", SHALL, "includefield repeated",
           "includefield=PatientBirthDate&includefield=StudyDescription",
           "00100030", "00081030"),
    _field("F3.all", SHALL, "includefield=all gives the supported optional attributes",
           "includefield=all", "00081030"),
)  # fmt: skip


@check("F1.path", MAY, "8.3.4.3", "includefield with a path into an optional sequence")
def path_field(world: World) -> None:
    answer = world.narrowed("StudyID=CF-001&includefield=OtherPatientIDsSequence.PatientID")
    row = row_of(world, answer.datasets(), "alpha")
    if "00101002" not in row:
        raise NotOffered("the optional sequence is not returned")
    identifiers = [first(item, "00100020") for item in items(row, "00101002")]
    answer.must("Y" in identifiers, "the Patient ID of each item")


@check("F1.unknown", SHALL, "8.3", "includefield with an unknown attribute is ignored")
def unknown_field(world: World) -> None:
    world.get(f"/studies?AccessionNumber={world.corpus.run}&includefield=00000000", JSON).status_in(
        200, 400
    )
    world.finds("StudyID=CF-001&includefield=00189999", ["alpha"])


@check("F1.all-and-more", SHOULD, "8.3.4.3", "all with another attribute is malformed: 400")
def all_and_more(world: World) -> None:
    query = f"AccessionNumber={world.corpus.run}&includefield=all,StudyDescription"
    world.get(f"/studies?{query}", JSON).status_in(400)


@check("F2.level", SHALL, "10.6.3.3.1", "a study search never returns attributes of lower levels")
def lower_levels(world: World) -> None:
    answer = world.narrowed("includefield=SeriesNumber&includefield=InstanceNumber")
    lower = [row for row in answer.datasets() if {"00200011", "00200013"} & set(row)]
    answer.equal(len(lower), 0, "results with attributes of lower levels:")


@check("F2.series", SHALL, "10.6.3.3.2", "a series search never returns attributes of instances")
def series_level(world: World) -> None:
    path = f"{world.instance('alpha').study_path}/series"
    answer = world.search(path, "includefield=InstanceNumber")
    lower = [row for row in answer.datasets() if "00200013" in row]
    answer.equal(len(lower), 0, "results with Instance Number:")


@check(
    "F2.above", SHALL, "10.6.3.3.2", "a series search returns attributes of the study on request"
)
def above(world: World) -> None:
    path = f"{world.instance('alpha').study_path}/series"
    answer = world.search(path, "includefield=StudyDescription")
    answer.must(all("00081030" in row for row in answer.datasets()), "00081030 in each result")


@check("F3.not-pixels", SHALL, "8.3.4.3", "includefield=all is not the whole data set")
def not_pixels(world: World) -> None:
    path = f"{world.instance('alpha').series_path}/instances"
    answer = world.search(path, "includefield=all")
    answer.must(all("7FE00010" not in row for row in answer.datasets()), "no Pixel Data")


@check("F4.private", MAY, "8.3.4.3", "includefield with a private attribute and its creator")
def private_field(world: World) -> None:
    instance = world.instance("values")
    query = "00090010=CONFORMANCE%20SUITE&includefield=00091002"
    answer = world.get(f"{instance.series_path}/instances?{query}", JSON).offered()
    if not any("00091002" in row for row in answer.datasets()):
        raise NotOffered("private attributes are not returned")
    answer.must(all("00090010" in row for row in answer.datasets()), "the creator too")


CHECKS = checks_of(globals().values())

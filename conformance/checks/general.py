"""Query parameters in general (PS3.18 8.3)."""

from __future__ import annotations

from conformance.answer import Dataset
from conformance.model import SHALL, SHOULD, Check, Level, check, checks_of
from conformance.synthetic.corpus import SEARCHED
from conformance.world import JSON, World, first

ALPHA, BETA, GAMMA, DELTA, EPSILON = SEARCHED
EVERYONE = SEARCHED


def found(
    identifier: str, level: Level, clause: str, title: str, query: str, *expected: str
) -> Check:
    """A check that a search among the run's studies finds exactly the expected ones."""

    def run(world: World) -> None:
        shown = query.format(
            run=world.corpus.run, **{name: world.corpus[name].study for name in SEARCHED}
        )
        world.finds(shown, expected)

    return check(identifier, level, clause, title)(run)


def refused(identifier: str, level: Level, clause: str, title: str, query: str) -> Check:
    """A check that a search is answered by 400."""

    def run(world: World) -> None:
        world.get(f"/studies?AccessionNumber={world.corpus.run}&{query}", JSON).status_in(400)

    return check(identifier, level, clause, f"{title}: 400")(run)


SYNTAX = (
    found("G1.keyword", SHALL, "8.3.1", "a key as keyword", "StudyID=CF-002", BETA),
    found("G1.tag", SHALL, "8.3.1", "a key as tag of eight digits", "00200010=CF-002", BETA),
    found("G1.tag-case", SHOULD, "8.3.1", "a tag in lower case digits", "0020000d={beta}", BETA),
    found("G2.unknown", SHALL, "8.3", "an unknown parameter is ignored",
           "notaparameter=1&StudyID=CF-002", BETA),
    refused("G2.limit", SHALL, "8.3", "limit that is no number", "limit=many"),
    refused("G2.negative-limit", SHALL, "8.3.4.4", "negative limit", "limit=-1"),
    refused("G2.offset", SHALL, "8.3.4.4", "offset that is no number", "offset=few"),
    refused("G2.date", SHALL, "8.3.4.1", "a date that is none", "StudyDate=yesterday"),
    refused("G2.uid", SHOULD, "8.3.4.1", "a UID with letters", "StudyInstanceUID=abc"),
    found("G3.empty-query", SHOULD, "8.3", "nothing behind the last ampersand", "", *EVERYONE),
    found("G4.plus", SHALL, "8.3.1", "a plus sign stands for itself", "StudyID=CF+05", EPSILON),
    found("G4.encoded-plus", SHALL, "8.3.1", "a percent-encoded plus sign", "StudyID=CF%2B05",
           EPSILON),
    found("G4.utf-8", SHALL, "8.3.1", "letters beyond ASCII in percent-encoded UTF-8",
           "PatientName=%C3%84pfel%5E%C3%96se", DELTA),
    found("G4.caret", SHALL, "8.3.1", "a percent-encoded caret", "PatientName=Conform%5EBeta",
           BETA),
    found("G4.hyphen", SHALL, "8.3.1", "a percent-encoded hyphen", "StudyID=CF%2D002", BETA),
    found("G4.encoded-name", SHALL, "8.3.1", "a percent-encoded name of a parameter",
           "Study%49D=CF-002", BETA),
    refused("G5.nul", SHOULD, "8.3.1", "a NUL in a value", "StudyID=%00"),
    found("G9.comma", SHOULD, "8.3.4.3", "includefield with an encoded comma",
           "includefield=00081030%2C00080061&StudyID=CF-001", ALPHA),
)  # fmt: skip


@check("G3.bare", SHOULD, "8.3", "a question mark with nothing behind: as without, or 400")
def bare(world: World) -> None:
    world.get("/studies?", JSON).status_in(200, 204, 400)


@check("G9.returned", SHOULD, "8.3.4.3", "both attributes of an encoded list are returned")
def comma_returned(world: World) -> None:
    answer = world.narrowed("StudyID=CF-001&includefield=00100030%2C00081030")
    row = row_of(world, answer.datasets(), "alpha")
    answer.must("00081030" in row and "00100030" in row, "00081030 and 00100030")


def row_of(world: World, datasets: list[Dataset], name: str) -> Dataset:
    uid = world.corpus[name].study
    return next((row for row in datasets if first(row, "0020000D") == uid), {})


@check(
    "G6.unsupported", SHALL, "8.3.3.1", "accept= of what the header does not cover does not count"
)
def not_covered(world: World) -> None:
    path = f"/studies?AccessionNumber={world.corpus.run}&accept=application/dicom%2Bxml"
    world.get(path, JSON).ok().typed(JSON)


CHECKS = checks_of(globals().values())

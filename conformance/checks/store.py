"""Store: Part 10 files (PS3.18 10.5)."""

from __future__ import annotations

from copy import deepcopy

from conformance.answer import Answer
from conformance.checks.retrieve import differing, read
from conformance.model import SHALL, SHOULD, Failed, check, checks_of
from conformance.synthetic.instance import EXPLICIT, Instance, new_uid
from conformance.world import (
    ANY_DICOM,
    World,
    first,
    items,
    response_of,
)

_DICOM = '"application/dicom"'


def fresh(world: World, name: str = "alpha") -> Instance:
    """A copy of an instance in a study of its own, which is removed with the others."""
    source = world.corpus[name]
    dataset = deepcopy(source.dataset)
    dataset.StudyInstanceUID = new_uid()
    dataset.SeriesInstanceUID = new_uid()
    dataset.SOPInstanceUID = new_uid()
    dataset.PatientID = f"{world.corpus.run}-T"
    dataset.AccessionNumber = f"{world.corpus.run}-T"
    world.studies.append(str(dataset.StudyInstanceUID))
    return Instance(f"another {name}", dataset, source.transfer_syntax, source.frames)


@check("T1.studies", SHALL, "10.5.1.1", "POST /studies stores an instance: 200")
def studies(world: World) -> None:
    instance = fresh(world)
    answer = world.store([instance.file()]).ok()
    answer.equal(stored_of(answer), [instance.uid], "Referenced SOP Sequence")
    world.get(instance.path, ANY_DICOM).ok()


@check("T1.study", SHALL, "10.5.1.1", "POST /studies/{study} stores an instance of that study")
def study(world: World) -> None:
    instance = fresh(world)
    answer = world.store([instance.file()], instance.study_path).ok()
    answer.equal(stored_of(answer), [instance.uid], "Referenced SOP Sequence")


@check(
    "T1.other-study",
    SHALL,
    "10.5.1.1",
    "an instance of another study than the URI's is refused: 409",
)
def other_study(world: World) -> None:
    instance = fresh(world)
    other = new_uid()
    world.studies.append(other)
    answer = world.store([instance.file()], f"/studies/{other}").status_in(409, 400)
    world.get(instance.path, ANY_DICOM).status_in(404)
    answer.must(not stored_of(answer) if "json" in answer.media_type else True, "nothing stored")


@check("T1.mixed-studies", SHALL, "10.5.3", "of two, one of another study: 202, or 409 with none")
def mixed_studies(world: World) -> None:
    right, wrong = fresh(world), fresh(world)
    answer = world.store([right.file(), wrong.file()], right.study_path).status_in(202, 409)
    kept = [right.uid] if answer.status == 202 else []
    found = world.get(right.path, ANY_DICOM)
    found.must(found.succeeded == bool(kept), f"what the answer {answer.status} before said")
    answer.equal(stored_of(answer), kept, "Referenced SOP Sequence")
    answer.must(wrong.uid in failed_of(answer), "Failed SOP Sequence with the other one")


@check("T2.unknown-parameter", SHALL, "10.5.1.2", "unknown query parameters are ignored")
def unknown_parameter(world: World) -> None:
    world.store([fresh(world).file()], "/studies?unknown=1").ok()


@check("T3.several", SHALL, "10.5.1.4", "several instances in one request")
def several(world: World) -> None:
    first_one, second = fresh(world), fresh(world, "multi")
    answer = world.store([first_one.file(), second.file()]).ok()
    answer.equal(sorted(stored_of(answer)), sorted([first_one.uid, second.uid]), "stored")


@check("T3.unquoted", SHALL, "8.6.1.2", "type= of Content-Type without quotes")
def unquoted(world: World) -> None:
    part = ({"Content-Type": "application/dicom"}, fresh(world).file())
    world.post([part], "application/dicom").ok()


@check(
    "T3.same-bytes", SHOULD, "10.5.2", "the stored file comes back byte for byte in its data set"
)
def same_bytes(world: World) -> None:
    instance = fresh(world, "values")
    world.store([instance.file()]).ok()
    answer = world.get(instance.path, ANY_DICOM).ok()
    answer.equal(differing(instance, answer.part().body), [], "other values of")


@check(
    "T10.unchanged", SHOULD, "10.5.2", "a change of what was stored is told by Original Attributes"
)
def coercion(world: World) -> None:
    instance = fresh(world)
    world.store([instance.file()]).status_in(200, 202)
    answer = world.metadata(instance.path)
    found = answer.dataset()
    kept = first(found, "00100020") == instance.dataset.PatientID
    answer.must(kept or "04000561" in found, "Patient ID as stored, or 04000561")


@check(
    "T11.meta-wins", SHALL, "8.7.9", "the File Meta's transfer syntax beats that of Content-Type"
)
def meta_wins(world: World) -> None:
    instance = fresh(world)
    wrong = "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.50"
    world.post([({"Content-Type": wrong}, instance.file())], _DICOM).ok()
    found = read(world.get(instance.path, ANY_DICOM).ok().part().body)
    if found.file_meta.TransferSyntaxUID != EXPLICIT:
        raise Failed(f"stored as {found.file_meta.TransferSyntaxUID}; expected {EXPLICIT}")


@check("T12.again", SHOULD, "10.5", "the same instance again is no error")
def again(world: World) -> None:
    instance = fresh(world)
    world.store([instance.file()]).ok()
    world.store([instance.file()]).status_in(200, 202)
    answer = world.search(f"{instance.series_path}/instances")
    answer.equal(len(answer.datasets()), 1, "instances")


@check("T12.twice", SHOULD, "10.5", "the same instance twice in one request is no error")
def twice(world: World) -> None:
    instance = fresh(world)
    world.store([instance.file(), instance.file()]).status_in(200, 202)
    answer = world.search(f"{instance.series_path}/instances")
    answer.equal(len(answer.datasets()), 1, "instances")


def stored_of(answer: Answer) -> list[str]:
    return [str(first(item, "00081155")) for item in items(response_of(answer), "00081199")]


def failed_of(answer: Answer) -> list[str]:
    return [str(first(item, "00081155")) for item in items(response_of(answer), "00081198")]


CHECKS = checks_of(globals().values())

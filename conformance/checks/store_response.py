"""Store: status codes and the response module (PS3.18 10.5.3, Annex I)."""

from __future__ import annotations

from copy import deepcopy

from conformance.answer import Answer, Dataset
from conformance.checks.store import failed_of, fresh
from conformance.model import MAY, SHALL, SHOULD, Check, Failed, Level, NotOffered, check, checks_of
from conformance.synthetic.images import MULTIFRAME_BYTE, SECONDARY_CAPTURE
from conformance.synthetic.instance import EXPLICIT, Instance, new_uid, part10
from conformance.world import (
    ANY_DICOM,
    JSON,
    World,
    failures,
    first,
    items,
    response_of,
    values,
)


def _status(
    identifier: str, level: Level, title: str, content_type: str, body: bytes, *codes: int
) -> Check:
    def run(world: World) -> None:
        headers = {"Content-Type": content_type} if content_type else {}
        answer = world.client.request(
            "POST", "/studies", accept=JSON, headers=headers, content=body
        )
        answer.status_in(*codes)

    return check(identifier, level, "10.5.3", f"{title}: {' or '.join(map(str, codes))}")(run)


_HEAD = 'multipart/related; type="application/dicom"; boundary=b'

STATUS = (
    _status("SC2.type", SHALL, "a Content-Type that is not supported", "text/plain", b"x", 415),
    _status("SC2.no-type", SHALL, "no Content-Type", "", b"x", 400, 415),
    _status("SC2.part-type", SHALL, "multipart of an unsupported type",
            'multipart/related; type="text/plain"; boundary=b', b"--b\r\n\r\nx\r\n--b--\r\n", 415),
    _status("SC2.no-boundary", SHALL, "multipart without boundary",
            'multipart/related; type="application/dicom"', b"x", 400, 415),
    _status("SC2.no-parts", SHALL, "multipart without a part", _HEAD, b"--b--\r\n", 400, 409),
    _status("SC2.truncated", SHALL, "multipart without its end", _HEAD,
            b"--b\r\nContent-Type: application/dicom\r\n\r\nx", 400, 409),
    _status("SC2.garbage", SHALL, "a part that is no DICOM", _HEAD,
            b"--b\r\nContent-Type: application/dicom\r\n\r\nhello\r\n--b--\r\n", 400, 409),
    _status("SC2.empty", SHALL, "an empty body", _HEAD, b"", 400, 409, 411),
)  # fmt: skip


@check("SC2.partly", SHALL, "10.5.3", "one instance and one that is no DICOM: 202, or none stored")
def partly(world: World) -> None:
    instance = fresh(world)
    answer = world.store([instance.file(), b"no DICOM at all"]).status_in(202, 400, 409)
    found = world.get(instance.path, ANY_DICOM)
    found.must(found.succeeded == answer.succeeded, f"what the answer {answer.status} before said")
    if answer.succeeded:
        response = response_of(answer)
        told = items(response, "0008119A") + items(response, "00081198")
        answer.equal(len(told), 1, "failures told")


@check("SC2.other-failures", SHALL, "I.2", "what has no SOP Instance UID is told in Other Failures")
def other_failures(world: World) -> None:
    answer = world.store([fresh(world).file(), b"no DICOM at all"])
    if not answer.succeeded:
        raise NotOffered(f"the whole request was refused: {answer.describe()}")
    reasons = [first(item, "00081197") for item in items(response_of(answer), "0008119A")]
    answer.must(len(reasons) == 1 and isinstance(reasons[0], int), "0008119A with a Failure Reason")


def _response(world: World) -> tuple[Instance, Answer, Dataset]:
    instance = fresh(world)
    answer = world.store([instance.file()]).ok()
    return instance, answer, response_of(answer)


@check("SR.url", SHALL, "I.2", "Retrieve URL 00081190 is present in the response")
def study_url(world: World) -> None:
    instance, answer, response = _response(world)
    answer.must("00081190" in response, "00081190")
    urls = values(response, "00081190")
    answer.must(not urls or instance.study in str(urls[0]), "the URL of the study, or no value")


@check("SR.url-vr", SHALL, "I.2", "Retrieve URL has the VR UR")
def study_url_vr(world: World) -> None:
    _, answer, response = _response(world)
    answer.equal(response.get("00081190", {}).get("vr"), "UR", "VR")


@check("SR.referenced", SHALL, "I.2", "stored instances are told with class, UID and Retrieve URL")
def referenced(world: World) -> None:
    instance, answer, response = _response(world)
    item = (items(response, "00081199") or [{}])[0]
    found = (first(item, "00081150"), first(item, "00081155"))
    answer.equal(found, (instance.sop_class, instance.uid), "class and UID")
    answer.must("00081190" in item, "00081190 of the instance")


@check("SR.instance-url", SHALL, "I.2", "the Retrieve URL of a stored instance can be retrieved")
def instance_url(world: World) -> None:
    _, answer, response = _response(world)
    url = first((items(response, "00081199") or [{}])[0], "00081190")
    answer.must(isinstance(url, str), "a Retrieve URL")
    world.get(str(url), ANY_DICOM).ok()


@check("SR.no-failures", SHALL, "I.2", "no Failed SOP Sequence when nothing failed")
def no_failures(world: World) -> None:
    _, answer, response = _response(world)
    answer.equal(len(items(response, "00081198")), 0, "failures")


@check("SR.failed", SHALL, "I.2", "failed instances are told with class, UID and reason")
def failed(world: World) -> None:
    right, wrong = fresh(world), fresh(world)
    answer = world.store([right.file(), wrong.file()], right.study_path).status_in(202, 409)
    told = items(response_of(answer), "00081198")
    item = next((i for i in told if first(i, "00081155") == wrong.uid), {})
    found = (first(item, "00081150"), first(item, "00081155"))
    answer.equal(found, (wrong.sop_class, wrong.uid), "class and UID")
    answer.must(isinstance(first(item, "00081197"), int), "00081197 as a number")


@check("SR.reason", SHALL, "I.2.2", "the reason is one of the table or of PS3.7")
def reason(world: World) -> None:
    right, wrong = fresh(world), fresh(world)
    answer = world.store([right.file(), wrong.file()], right.study_path).status_in(202, 409)
    for code in failures(answer):
        known = code >> 8 in range(0xA7, 0xB0) or code >> 12 == 0xC or code in _REASONS
        answer.must(known, f"another reason than {code:04X}")


_REASONS = (0x0110, 0x0111, 0x0117, 0x0119, 0x0122, 0x0124)


@check("SR.all-failed", SHALL, "10.5.3", "nothing stored: 409 with the response module")
def all_failed(world: World) -> None:
    instance = fresh(world)
    other = new_uid()
    answer = world.store([instance.file()], f"/studies/{other}").status_in(409)
    answer.equal(failed_of(answer), [instance.uid], "Failed SOP Sequence")


@check("SR.xml", SHALL, "10.5.4-1", "the response as DICOM XML")
def xml_response(world: World) -> None:
    answer = world.store([fresh(world).file()], accept="application/dicom+xml").ok()
    root = answer.typed("application/dicom+xml").xml()
    answer.must(root.tag.endswith("NativeDicomModel"), "a NativeDicomModel document")


@check("SR.location", SHOULD, "10.5.3-2", "Content-Location or Location names what was created")
def location(world: World) -> None:
    instance, answer, _ = _response(world)
    named = answer.headers.get("content-location", "") + answer.headers.get("location", "")
    answer.must(instance.study in named, "Content-Location or Location with the study")


@check("SR.no-uid", SHALL, "10.5.3", "an instance without Study Instance UID is refused")
def no_study(world: World) -> None:
    dataset = deepcopy(fresh(world).dataset)
    del dataset.StudyInstanceUID
    world.store([part10(dataset, EXPLICIT)]).status_in(400, 409)


@check(
    "SR.unknown-class", MAY, "10.5.2", "an instance of an unknown SOP class: stored, or reason 0122"
)
def unknown_class(world: World) -> None:
    instance = fresh(world)
    instance.dataset.SOPClassUID = "1.2.3.4.5.6"
    answer = world.store([instance.file()]).status_in(200, 202, 409)
    if failures(answer):
        answer.must(0x0122 in failures(answer), "Failure Reason 0122")


@check("T1.classes", SHALL, "10.5.1.4", "instances of several SOP classes are taken")
def classes(world: World) -> None:
    refused = [i.name for i in world.corpus if i.name in world.refused]
    wanted = {SECONDARY_CAPTURE, MULTIFRAME_BYTE}
    lost = [
        n for n in refused if world.corpus[n].sop_class in wanted and "409" not in world.refused[n]
    ]
    if lost:
        raise Failed(f"asked to store {', '.join(lost)}; answered {world.refused[lost[0]]}")


CHECKS = checks_of(globals().values())

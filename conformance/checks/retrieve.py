"""Retrieve: instances, metadata and frames (PS3.18 10.4)."""

from __future__ import annotations

import io

from pydicom import dcmread
from pydicom.dataset import Dataset as PydicomDataset

from conformance.answer import Answer
from conformance.model import MAY, SHALL, SHOULD, Check, NotOffered, check, checks_of
from conformance.synthetic.instance import EXPLICIT, Instance, new_uid
from conformance.world import (
    ANY_DICOM,
    JSON,
    MULTIPART_DICOM,
    MULTIPART_OCTETS,
    World,
    first,
)

LEVELS = ("study", "series", "instance")
SIZES = {"study": ("alpha", "ct2", "ct3", "mr"), "series": ("alpha", "ct2", "ct3"),
         "instance": ("alpha",)}  # fmt: skip


def path_of(instance: Instance, level: str) -> str:
    """Path of an instance's resource of a level."""
    return {"study": instance.study_path, "series": instance.series_path}.get(level, instance.path)


def read(file: bytes) -> PydicomDataset:
    """A Part 10 file as pydicom reads it."""
    return dcmread(io.BytesIO(file))


def differing(instance: Instance, file: bytes) -> list[str]:
    """The attributes of an instance that a file lacks or has otherwise."""
    found = read(file)
    return [
        element.keyword or str(element.tag)
        for element in read(instance.file())
        if element.tag not in found or found[element.tag].value != element.value
    ]


def _instances(level: str) -> Check:
    def run(world: World) -> None:
        answer = world.get(path_of(world.instance("alpha"), level), MULTIPART_DICOM).ok()
        uids = {str(read(part.body).SOPInstanceUID) for part in answer.parts()}
        answer.equal(uids, {world.corpus[name].uid for name in SIZES[level]}, "instances")

    return check(
        f"R1.{level}", SHALL, "10.4.1.1.1", f"the {level} resource gives each of its instances once"
    )(run)


def _metadata(level: str) -> Check:
    def run(world: World) -> None:
        answer = world.metadata(path_of(world.instance("alpha"), level))
        uids = sorted(str(first(dataset, "00080018")) for dataset in answer.datasets())
        answer.equal(uids, sorted(world.corpus[name].uid for name in SIZES[level]), "instances")

    return check(
        f"R2.{level}", SHALL, "10.4.1.1.2", f"metadata of a {level}: one data set per instance"
    )(run)


def _unknown(level: str, suffix: str, row: str) -> Check:
    def run(world: World) -> None:
        instance = world.instance("alpha")
        path = path_of(instance, level)
        uid = {"study": instance.study, "series": instance.series}.get(level, instance.uid)
        accept = JSON if suffix else MULTIPART_DICOM
        world.get(path.replace(uid, new_uid()) + suffix, accept).status_in(404, 410)

    what = "metadata of " if suffix else ""
    return check(f"{row}.unknown-{level}", SHALL, "10.4.3", f"{what}an unknown {level}: 404")(run)


INSTANCES = tuple(_instances(level) for level in LEVELS)
METADATA = tuple(_metadata(level) for level in LEVELS)
UNKNOWN = tuple(
    _unknown(level, suffix, row)
    for suffix, row in (("", "R1"), ("/metadata", "R2"))
    for level in LEVELS
)


@check("R1.part10", SHALL, "10.4.3.3.1", "each part is a PS3.10 file with preamble and prefix")
def part10(world: World) -> None:
    answer = world.get(world.instance("alpha").path, MULTIPART_DICOM).ok()
    answer.equal(answer.part().body[128:132], b"DICM", "bytes 128 to 131")


@check("R1.same", SHALL, "10.4.1.1.1", "the data set that was stored comes back")
def same(world: World) -> None:
    instance = world.instance("alpha")
    answer = world.get(instance.path, MULTIPART_DICOM).ok()
    answer.equal(differing(instance, answer.part().body), [], "other values of")


@check(
    "R1.stored-form", SHALL, "8.7.3.5.2", "transfer-syntax=* gives the pixels as they were stored"
)
def stored_form(world: World) -> None:
    instance = world.instance("jpeg")
    answer = world.get(instance.path, ANY_DICOM).ok()
    found = read(answer.part().body)
    answer.equal(found.file_meta.TransferSyntaxUID, instance.transfer_syntax, "transfer syntax")
    answer.must(found.PixelData == instance.dataset.PixelData, "the stored pixel data")


@check("R1.wrong-parent", SHALL, "10.4.3", "an instance asked for below another series: 404")
def wrong_parent(world: World) -> None:
    instance, other = world.instance("alpha"), world.instance("mr")
    path = instance.path.replace(instance.series, other.series)
    world.get(path, MULTIPART_DICOM).status_in(404)


@check("R1.bad-uid", SHALL, "10.4.3", "a study UID that is none: 400 or 404, no server error")
def bad_uid(world: World) -> None:
    world.get("/studies/not-a-uid", MULTIPART_DICOM).status_in(400, 404)


@check("R2.no-meta", SHALL, "10.4.1.1.2", "metadata holds nothing of group 0002")
def no_meta(world: World) -> None:
    answer, found = world.described("alpha")
    answer.equal([tag for tag in found if tag.startswith("0002")], [], "attributes")


@check("R2.complete", SHALL, "10.4.3.3.2", "metadata holds every attribute that was stored")
def complete(world: World) -> None:
    answer, found = world.described("values")
    stored = {f"{element.tag:08X}" for element in world.corpus["values"].dataset}
    answer.equal(sorted(stored - set(found)), [], "without")


@check("R2.pixel-description", SHALL, "10.4.1.1.2", "metadata describes the stored pixels")
def pixel_description(world: World) -> None:
    answer, found = world.described("alpha")
    numbers = [first(found, tag) for tag in ("00280010", "00280011", "00280100", "00280101")]
    answer.equal(numbers, [8, 8, 16, 12], "Rows, Columns, Bits Allocated, Bits Stored")


def frames_of(answer: Answer) -> list[bytes]:
    """Bytes of the parts of a frames answer."""
    return [part.body for part in answer.ok().parts()]


@check("R3.first", SHALL, "10.4.1.1.3", "frame 1 has the bytes of exactly that frame")
def first_frame(world: World) -> None:
    instance = world.instance("multi")
    answer = world.get(f"{instance.path}/frames/1", MULTIPART_OCTETS)
    answer.equal(frames_of(answer), [instance.frames[0]], "frames")


@check("R3.last", SHALL, "10.4.1.1.3", "the last frame has the bytes of exactly that frame")
def last_frame(world: World) -> None:
    instance = world.instance("multi")
    answer = world.get(f"{instance.path}/frames/3", MULTIPART_OCTETS)
    answer.equal(frames_of(answer), [instance.frames[2]], "frames")


@check("R3.list", SHALL, "10.4.1.6", "a comma list gives exactly those frames, in order")
def frame_list(world: World) -> None:
    instance = world.instance("multi")
    answer = world.get(f"{instance.path}/frames/1,3", MULTIPART_OCTETS)
    joined = b"".join(frames_of(answer))
    answer.equal(joined, instance.frames[0] + instance.frames[2], "bytes")


@check("R3.list-parts", SHOULD, "8.7.3.3", "a list of uncompressed frames comes as a part each")
def frame_parts(world: World) -> None:
    answer = world.get(f"{world.instance('multi').path}/frames/1,3", MULTIPART_OCTETS)
    answer.equal(len(frames_of(answer)), 2, "parts")


@check("R3.encoded-comma", SHOULD, "8.3.1", "the comma of a frame list may be percent-encoded")
def encoded_comma(world: World) -> None:
    instance = world.instance("multi")
    answer = world.get(f"{instance.path}/frames/1%2C2", MULTIPART_OCTETS)
    answer.equal(b"".join(frames_of(answer)), b"".join(instance.frames[:2]), "bytes")


@check("R3.single-frame", SHALL, "10.4.1.1.3", "an instance without Number of Frames has frame 1")
def single_frame(world: World) -> None:
    instance = world.instance("alpha")
    answer = world.get(f"{instance.path}/frames/1", MULTIPART_OCTETS)
    answer.equal(frames_of(answer), list(instance.frames), "frames")


@check("R3.compressed", SHALL, "8.7.3.3", "a compressed frame has its codestream without item tags")
def compressed_frame(world: World) -> None:
    instance = world.instance("jpeg")
    answer = world.get(f"{instance.path}/frames/2", 'multipart/related; type="image/jpeg"; transfer-syntax=1.2.840.10008.1.2.4.50')  # fmt: skip # noqa: E501 # one header
    found = [body.rstrip(b"\0") for body in frames_of(answer)]
    answer.equal(found, [instance.frames[1]], "frames")


@check("R3.fragments", SHALL, "8.7.3.3", "a frame in several fragments comes as one")
def fragments(world: World) -> None:
    instance = world.instance("fragmented")
    answer = world.get(f"{instance.path}/frames/1", 'multipart/related; type="image/jpeg"; transfer-syntax=*')  # fmt: skip # noqa: E501 # one header
    found = [body.rstrip(b"\0") for body in frames_of(answer)]
    answer.equal(found, [instance.frames[0]], "frames")


@check("R3.big-endian", SHALL, "8.7.3", "frames stored big endian come little endian")
def big_endian_frame(world: World) -> None:
    instance = world.instance("big")
    answer = world.get(f"{instance.path}/frames/1", MULTIPART_OCTETS)
    answer.equal(frames_of(answer), list(instance.frames), "frames")


@check("R3.deflated", SHALL, "8.7.3", "frames of a deflated file come inflated")
def deflated_frame(world: World) -> None:
    instance = world.instance("deflated")
    answer = world.get(f"{instance.path}/frames/1", MULTIPART_OCTETS)
    answer.equal(frames_of(answer), list(instance.frames), "frames")


def _mpr(kind: str) -> Check:
    def run(world: World) -> None:
        path = world.instance("alpha").series_path
        world.get(f"{path}/{kind}", "image/jpeg").offered().ok()

    return check(f"R9.{kind}", MAY, "8.3.5.3", f"/{kind} of a series (since 2024d)")(run)


MPR = tuple(_mpr(kind) for kind in ("renderedmpr", "rendered3d"))


def _no_frame(name: str, which: str, title: str, instance: str = "multi") -> Check:
    def run(world: World) -> None:
        path = world.instance(instance).path
        world.get(f"{path}/frames/{which}", MULTIPART_OCTETS).status_in(400, 404)

    return check(f"R11.{name}", SHOULD, "10.4.3", f"{title}: 400 or 404")(run)


NO_FRAME = (
    _no_frame("beyond", "4", "a frame behind the last"),
    _no_frame("zero", "0", "frame 0"),
    _no_frame("negative", "-1", "frame -1"),
    _no_frame("word", "first", "a frame that is no number"),
    _no_frame("mixed", "1,9", "a list with one frame too far"),
    _no_frame("huge", "99999999999999999999", "a frame number beyond 64 bits"),
    _no_frame("no-image", "1", "a frame of what is no image", "report"),
)


@check("R12.head", MAY, "8.2", "HEAD answers as GET does, without a body")
def head(world: World) -> None:
    path = f"{world.instance('alpha').path}/metadata"
    answer = world.client.request("HEAD", path, accept=JSON).offered().ok().typed(JSON)
    answer.equal(answer.body, b"", "body")


@check("R12.etag", MAY, "8.5", "If-None-Match with the ETag of before: 304")
def etag(world: World) -> None:
    path = f"{world.instance('alpha').path}/metadata"
    tag = world.get(path, JSON).ok().headers.get("etag")
    if not tag:
        raise NotOffered("metadata comes without ETag")
    world.get(path, JSON, {"If-None-Match": tag}).status_in(304)


@check(
    "R1.explicit", SHALL, "8.7.3", "without transfer-syntax the files are Explicit VR Little Endian"
)
def explicit(world: World) -> None:
    answer = world.get(world.instance("implicit").path, MULTIPART_DICOM).ok()
    syntax = read(answer.part().body).file_meta.TransferSyntaxUID
    answer.equal(str(syntax), EXPLICIT, "transfer syntax")


CHECKS = checks_of(globals().values())

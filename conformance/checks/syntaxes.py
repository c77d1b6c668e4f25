"""Transfer syntaxes of answers (PS3.18 8.7.3)."""

from __future__ import annotations

from conformance.answer import Answer
from conformance.checks.bulkdata import bulk_uri
from conformance.checks.retrieve import read
from conformance.model import MAY, SHALL, SHOULD, Check, Level, NotOffered, check, checks_of
from conformance.synthetic import pixels
from conformance.synthetic.images import BIT_COLUMNS, BIT_ROWS
from conformance.synthetic.instance import BIG, EXPLICIT, IMPLICIT
from conformance.world import (
    ANY_DICOM,
    ANY_OCTETS,
    JSON,
    MULTIPART_DICOM,
    MULTIPART_OCTETS,
    World,
)


def _syntax_of(answer: Answer) -> str:
    return str(read(answer.part().body).file_meta.TransferSyntaxUID)


def _rewritten(name: str, row: str, level: Level = SHALL) -> Check:
    def run(world: World) -> None:
        instance = world.instance(name)
        answer = world.get(instance.path, MULTIPART_DICOM).ok()
        answer.equal(_syntax_of(answer), EXPLICIT, "transfer syntax")
        found = read(answer.part().body)
        native = len(instance.frames) == 1 and name not in ("rle", "jpeg")
        if native:
            answer.must(found.PixelData == instance.frames[0], "the samples little endian")

    return check(
        f"{row}.{name}", level, "8.7.3", f"the {name} instance comes as Explicit VR Little Endian"
    )(run)


REWRITTEN = (
    _rewritten("implicit", "N8"),
    _rewritten("big", "N8"),
    _rewritten("deflated", "N8"),
    _rewritten("rle", "N10"),
)


def _any(name: str) -> Check:
    def run(world: World) -> None:
        instance = world.instance(name)
        answer = world.get(instance.path, ANY_DICOM).ok()
        answer.equal(_syntax_of(answer), instance.transfer_syntax, "transfer syntax")
        answer.must(
            read(answer.part().body).PixelData == instance.dataset.PixelData, "the stored pixels"
        )

    return check(
        f"N7.{name}", SHALL, "8.7.3.5.2", f"transfer-syntax=*: the {name} instance as stored"
    )(run)


ANY = tuple(_any(name) for name in ("explicit", "rle", "jpeg", "jls", "j2k", "htj2k", "video"))


def _any_never(name: str) -> Check:
    def run(world: World) -> None:
        answer = world.get(world.instance(name).path, ANY_DICOM).ok()
        syntax = _syntax_of(answer)
        answer.must(syntax not in (IMPLICIT, BIG), f"another transfer syntax than {syntax}")

    return check(
        f"N11.any-{name}", SHALL, "8.7.3", f"transfer-syntax=* of the {name} instance: rewritten"
    )(run)


NEVER = tuple(_any_never(name) for name in ("implicit", "big"))


def _named(name: str) -> Check:
    def run(world: World) -> None:
        instance = world.instance(name)
        accept = f"{MULTIPART_DICOM}; transfer-syntax={instance.transfer_syntax}"
        answer = world.get(instance.path, accept).ok()
        answer.equal(_syntax_of(answer), instance.transfer_syntax, "transfer syntax")

    return check(f"N6.{name}", SHALL, "8.7.3.5.2", f"the stored transfer syntax by name: {name}")(
        run
    )


NAMED = tuple(_named(name) for name in ("rle", "jpeg", "jls", "j2k"))

_TYPES = {
    "rle": "image/dicom-rle",
    "jpeg": "image/jpeg",
    "jls": "image/jls",
    "j2k": "image/jp2",
    "htj2k": "image/jphc",
}


def _frame_type(name: str) -> Check:
    media_type = _TYPES[name]

    def run(world: World) -> None:
        instance = world.instance(name)
        accept = (
            f'multipart/related; type="{media_type}"; transfer-syntax={instance.transfer_syntax}'
        )
        answer = world.get(f"{instance.path}/frames/1", accept).ok()
        part = answer.parts()[0]
        answer.equal(part.media_type, media_type.lower(), "media type")
        answer.equal(part.body.rstrip(b"\0"), instance.frames[0].rstrip(b"\0"), "bytes")

    return check(
        f"TS.{name}", SHALL, "8.7.3.3 Table 8.7.3-5", f"the stored {name} frame as {media_type}"
    )(run)


FRAME_TYPES = tuple(_frame_type(name) for name in _TYPES)


@check("TS.video", SHALL, "8.7.3.3 Table 8.7.3-5", "the pixel data of a video as video/mp4")
def video(world: World) -> None:
    instance = world.instance("video")
    _, dataset = world.described("video")
    accept = f'multipart/related; type="video/mp4"; transfer-syntax={instance.transfer_syntax}'
    answer = world.get(bulk_uri(world, dataset, "7FE00010"), accept).ok()
    part = answer.part()
    answer.equal(part.media_type, "video/mp4", "media type")
    answer.equal(part.body.rstrip(b"\0"), instance.frames[0].rstrip(b"\0"), "bytes")


@check("TS.rle-old-name", MAY, "8.7.3.3 Table 8.7.3-5", "the older name image/x-dicom-rle is known")
def old_name(world: World) -> None:
    path = f"{world.instance('rle').path}/frames/1"
    world.get(path, 'multipart/related; type="image/x-dicom-rle"').offered().ok()


@check(
    "TS.mismatch", SHALL, "8.7.3.3 Table 8.7.3-5", "a type with a transfer syntax not its own: 406"
)
def mismatch(world: World) -> None:
    path = f"{world.instance('jpeg').path}/frames/1"
    accept = 'multipart/related; type="image/jp2"; transfer-syntax=1.2.840.10008.1.2.4.50'
    world.get(path, accept).status_in(400, 406)


@check("TS.bits", SHALL, "8.7.3.3.1", "frames of single bits are taken out bit by bit")
def bits(world: World) -> None:
    instance = world.instance("bits")
    answer = world.get(f"{instance.path}/frames/2", MULTIPART_OCTETS).ok()
    size = BIT_ROWS * BIT_COLUMNS
    found = pixels.unpacked_bits(answer.parts()[0].body.ljust(2, b"\0"), size)
    answer.equal(found, list(instance.frames[1]), "bits")


@check("TS.any-frame", SHALL, "8.7.3.5.2", "octet-stream with transfer-syntax=*: the stored frame")
def any_frame(world: World) -> None:
    instance = world.instance("jpeg")
    answer = world.get(f"{instance.path}/frames/1", ANY_OCTETS).ok()
    bodies = [part.body.rstrip(b"\0") for part in answer.parts()]
    answer.equal(bodies, [instance.frames[0]], "frames")


@check("N8.frames", SHALL, "8.7.3", "an RLE frame as octet-stream comes decoded")
def decoded(world: World) -> None:
    instance = world.instance("rle")
    answer = world.get(f"{instance.path}/frames/1", MULTIPART_OCTETS).ok()
    answer.equal(answer.parts()[0].body, pixels.ramp(5, 64), "samples")


@check("N8.default-jpeg", SHALL, "8.7.3.5.2", "image/jpeg alone means JPEG Lossless (.4.70)")
def default_jpeg(world: World) -> None:
    path = f"{world.instance('multi').path}/frames/1"
    answer = world.get(path, 'multipart/related; type="image/jpeg"')
    if answer.status == 406:
        raise NotOffered("native pixels are not encoded as JPEG Lossless")
    answer.ok().equal(
        answer.parts()[0].transfer_syntax, "1.2.840.10008.1.2.4.70", "transfer syntax"
    )


@check(
    "N9.lossy", MAY, "8.7.3.4", "lossy pixels where Explicit VR was asked for: labelled, or decoded"
)
def lossy(world: World) -> None:
    answer = world.get(world.instance("jpeg").path, MULTIPART_DICOM)
    if answer.status == 406:
        raise NotOffered("lossy pixels are not sent where no transfer syntax was asked for")
    part = answer.ok().part()
    declared = part.transfer_syntax or EXPLICIT
    answer.equal(_syntax_of(answer), declared, "transfer syntax")


@check(
    "N10.undecodable", SHALL, "8.7.8.1", "what cannot be decoded is refused by 406, not by an error"
)
def undecodable(world: World) -> None:
    answer = world.get(f"{world.instance('broken').path}/frames/1", MULTIPART_OCTETS)
    answer.must(answer.status < 500, "no server error")


@check("N13.deflated", MAY, "8.7.3.3.2", "Deflated Explicit VR by name: sent so, or refused by 406")
def deflated(world: World) -> None:
    accept = f"{MULTIPART_DICOM}; transfer-syntax=1.2.840.10008.1.2.1.99"
    answer = world.get(world.instance("deflated").path, accept)
    if answer.status == 406:
        raise NotOffered("files are not sent deflated")
    answer.ok().must(_syntax_of(answer) in (EXPLICIT, "1.2.840.10008.1.2.1.99"), "a readable file")


def _labelled(name: str, path: str, accept: str) -> Check:
    def run(world: World) -> None:
        instance = world.instance(name)
        answer = world.get(instance.path + path, accept).ok()
        expected = EXPLICIT if "transfer-syntax" not in accept else instance.transfer_syntax
        answer.equal(answer.parts()[0].transfer_syntax, expected, "transfer-syntax of the part")

    what = "frame" if path else "file"
    return check(
        f"N14.{what}-{name}",
        SHALL,
        "8.7.9",
        f"the part of a {name} {what} names its transfer syntax",
    )(run)


LABELLED = (
    _labelled("alpha", "", MULTIPART_DICOM),
    _labelled("jpeg", "", ANY_DICOM),
    _labelled("multi", "/frames/1", MULTIPART_OCTETS),
    _labelled("jpeg", "/frames/1", 'multipart/related; type="image/jpeg"; transfer-syntax=*'),
)


@check("N16.gzip", MAY, "8.4.1-1", "JSON is compressed on request")
def gzip(world: World) -> None:
    path = f"{world.instance('alpha').study_path}/metadata"
    answer = world.get(path, JSON, {"Accept-Encoding": "gzip"}).ok()
    answer.datasets()
    if answer.headers.get("content-encoding") != "gzip":
        raise NotOffered("gzip was offered and not taken")


@check("N16.vary", SHOULD, "8.4", "answers that depend on Accept say so by Vary")
def vary(world: World) -> None:
    answer = world.get(f"{world.instance('alpha').path}/metadata", JSON).ok()
    named = answer.headers.get("vary", "").lower()
    answer.must("accept" in named or named == "*", "Vary: Accept")


@check(
    "N6.uri-forbidden", MAY, "8.7.3.5.2", "transfer-syntax with a type that has none is no error"
)
def needless(world: World) -> None:
    path = f"{world.instance('alpha').path}/metadata"
    world.get(path, f"{JSON}; transfer-syntax={EXPLICIT}, */*; q=0.1").ok()


@check("N12.long", SHOULD, "8.7.3.4", "a value too long for its explicit VR comes as UN")
def too_long(world: World) -> None:
    instance = world.instance("long")
    answer = world.get(instance.path, MULTIPART_DICOM).ok()
    found = read(answer.part().body).get_item(0x00181065)
    answer.must(found is not None, "Frame Time Vector 00181065")
    value = b"" if found is None else found.value
    text = value.decode() if isinstance(value, bytes) else "\\".join(map(str, value or ()))
    answer.must(text.rstrip(" ").split("\\")[-1] == "19999.25", "all 10,000 values")


CHECKS = checks_of(globals().values())

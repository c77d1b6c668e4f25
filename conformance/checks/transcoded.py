"""Pixels in other transfer syntaxes than the stored one (PS3.18 8.7.3)."""

from __future__ import annotations

from conformance.answer import Answer
from conformance.checks.retrieve import read
from conformance.model import MAY, SHALL, Check, NotOffered, check, checks_of
from conformance.synthetic import pixels
from conformance.synthetic.instance import EXPLICIT, HTJ2K, JPEG_2000, JPEG_BASELINE, JPEG_LS, RLE
from conformance.world import JSON, MULTIPART_DICOM, MULTIPART_OCTETS, World, first

_DEFAULTS = {
    "image/jls": (JPEG_LS, b"\xff\xd8"),
    "image/jp2": (JPEG_2000, b"\xff\x4f\xff\x51"),
    "image/jphc": (HTJ2K, b"\xff\x4f\xff\x51"),
    "image/dicom-rle": (RLE, b"\x01\x00\x00\x00"),
}
"""Transfer syntax that a media type means by itself, and how its frames begin."""
_LEVELS = {"jls": 0, "j2k": 128, "htj2k": 128}
"""The one grey level of the frames."""


def _default(media_type: str) -> Check:
    syntax, magic = _DEFAULTS[media_type]

    def run(world: World) -> None:
        path = f"{world.instance('multi').path}/frames/2"
        answer = world.get(path, f'multipart/related; type="{media_type}"')
        if answer.status in (400, 406):
            raise NotOffered(f"native pixels are not encoded as {media_type}")
        part = answer.ok().parts()[0]
        answer.equal(part.transfer_syntax, syntax, "transfer syntax")
        answer.equal(part.media_type, media_type, "media type")
        answer.must(part.body.startswith(magic), f"a frame of {media_type}")

    name = media_type.partition("/")[2]
    return check(
        f"N8.default-{name}", MAY, "8.7.3.5.2", f"{media_type} alone means its lossless default"
    )(run)


DEFAULTS = tuple(_default(media_type) for media_type in _DEFAULTS)


def _single(media_type: str) -> Check:
    syntax, magic = _DEFAULTS[media_type]

    def run(world: World) -> None:
        path = f"{world.instance('multi').path}/frames/2"
        answer = world.get(path, f"{media_type}; transfer-syntax={syntax}").offered(406).ok()
        answer.typed(media_type)
        answer.must(answer.body.startswith(magic), f"a frame of {media_type}")

    name = media_type.partition("/")[2]
    return check(f"MT3.single-{name}", MAY, "10.4.4-1", f"one frame as a single {media_type}")(run)


SINGLE = tuple(_single(media_type) for media_type in _DEFAULTS)


def _frame(name: str) -> Check:
    def run(world: World) -> None:
        answer = world.get(f"{world.instance(name).path}/frames/1", MULTIPART_OCTETS).ok()
        part = answer.parts()[0]
        answer.equal(part.transfer_syntax or EXPLICIT, EXPLICIT, "transfer syntax")
        answer.equal(part.body, bytes([_LEVELS[name]]) * 64, "samples")

    return check(f"N10.frame-{name}", SHALL, "8.7.3.4", f"a {name} frame comes decoded")(run)


FRAMES = tuple(_frame(name) for name in _LEVELS)


def _file(name: str) -> Check:
    def run(world: World) -> None:
        answer = world.get(world.instance(name).path, MULTIPART_DICOM).ok()
        found = read(answer.part().body)
        answer.equal(str(found.file_meta.TransferSyntaxUID), EXPLICIT, "transfer syntax")
        answer.equal(found.PixelData, bytes([_LEVELS[name]]) * 64, "samples")

    return check(
        f"N10.{name}", SHALL, "8.7.3.4", f"the {name} instance comes as Explicit VR Little Endian"
    )(run)


FILES = tuple(_file(name) for name in _LEVELS)


@check("N10.rle-samples", SHALL, "8.7.3.4", "every frame of an RLE file comes decoded")
def rle_samples(world: World) -> None:
    answer = world.get(world.instance("rle").path, MULTIPART_DICOM).ok()
    found = read(answer.part().body).PixelData
    answer.equal(found, pixels.ramp(5, 64) + pixels.ramp(6, 64), "samples")


def _transcoded(name: str, syntax: str) -> Check:
    def run(world: World) -> None:
        accept = f"{MULTIPART_DICOM}; transfer-syntax={syntax}"
        answer = world.get(world.instance("multi").path, accept)
        if answer.status == 406:
            raise NotOffered(f"native pixels are not encoded as {name}")
        part = answer.ok().part()
        found = read(part.body)
        answer.equal(str(found.file_meta.TransferSyntaxUID), syntax, "transfer syntax")
        answer.equal(part.transfer_syntax, syntax, "transfer syntax of the part")
        answer.equal(str(found.SOPInstanceUID), world.instance("multi").uid, "SOP Instance UID")

    return check(f"N6.to-{name}", MAY, "8.7.3.5.2", f"a native file as {name} by name")(run)


TRANSCODED = (
    _transcoded("rle", RLE),
    _transcoded("jls", JPEG_LS),
    _transcoded("j2k", JPEG_2000),
    _transcoded("htj2k", HTJ2K),
)


@check("N6.to-jpeg", MAY, "8.7.3.5.2", "a native file as JPEG Baseline says that it is lossy")
def to_jpeg(world: World) -> None:
    accept = f"{MULTIPART_DICOM}; transfer-syntax={JPEG_BASELINE}"
    answer = world.get(world.instance("multi").path, accept)
    if answer.status == 406:
        raise NotOffered("native pixels are not encoded as JPEG Baseline")
    found = read(answer.ok().part().body)
    answer.equal(str(found.file_meta.TransferSyntaxUID), JPEG_BASELINE, "transfer syntax")
    answer.equal(str(found.get("LossyImageCompression", "")), "01", "Lossy Image Compression")


@check("N2.alternatives", SHALL, "8.7.8.1", "what cannot be made gives way to the next range")
def alternatives(world: World) -> None:
    path = f"{world.instance('multi').path}/frames/1"
    video = 'multipart/related; type="video/mp4"'
    answer = world.get(path, f"{video}, {MULTIPART_OCTETS}; q=0.5").ok()
    answer.equal(answer.parts()[0].body, pixels.ramp(0, 64), "samples")


@check("N10.video", SHALL, "8.7.3.4", "a video as Explicit VR: refused, or as it is, labelled")
def video(world: World) -> None:
    answer = world.get(world.instance("video").path, MULTIPART_DICOM)
    if answer.status != 406:
        part = answer.ok().part()
        told = str(read(part.body).file_meta.TransferSyntaxUID)
        answer.equal(part.transfer_syntax, told, "transfer syntax of the part")


def _photometric(answer: Answer) -> str:
    return str(read(answer.part().body).PhotometricInterpretation)


@check("J20.decoded", SHALL, "10.4.1.1.2", "a decoded file describes its own pixels")
def described(world: World) -> None:
    answer = world.get(world.instance("jpeg").path, MULTIPART_DICOM)
    if answer.status == 406:
        raise NotOffered("lossy pixels are not sent where no transfer syntax was asked for")
    found = read(answer.ok().part().body)
    native = str(found.file_meta.TransferSyntaxUID) == EXPLICIT
    if native:
        answer.equal(len(found.PixelData), 128, "bytes of two frames")
    answer.equal(_photometric(answer), "MONOCHROME2", "Photometric Interpretation")
    metadata = world.get(f"{world.instance('jpeg').path}/metadata", JSON).ok().dataset()
    answer.equal(first(metadata, "00280004"), "MONOCHROME2", "that of the metadata")


CHECKS = checks_of(globals().values())

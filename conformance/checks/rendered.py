"""Rendered resources, thumbnails and the URI service (PS3.18 8.3.5, 9, 10.4.1.1.3)."""

from __future__ import annotations

import struct
from urllib.parse import quote

from conformance.answer import Answer
from conformance.checks.retrieve import path_of, read
from conformance.model import MAY, SHALL, SHOULD, Check, Level, NotOffered, check, checks_of
from conformance.synthetic.instance import EXPLICIT, Instance, new_uid
from conformance.world import ANY_DICOM, World

JPEG, PNG, GIF = "image/jpeg", "image/png", "image/gif"
_MAGIC = {JPEG: b"\xff\xd8\xff", PNG: b"\x89PNG\r\n", GIF: b"GIF8"}


def size_of(image: bytes) -> tuple[int, int] | None:
    """Width and height of a JPEG, PNG or GIF."""
    if image.startswith(_MAGIC[PNG]):
        width, height = struct.unpack(">II", image[16:24])
        return width, height
    if image.startswith(_MAGIC[GIF]):
        width, height = struct.unpack("<HH", image[6:10])
        return width, height
    place = 2
    while place + 9 < len(image) and image[place] == 0xFF:
        marker, length = image[place + 1], struct.unpack(">H", image[place + 2 : place + 4])[0]
        if marker in (0xC0, 0xC1, 0xC2):
            height, width = struct.unpack(">HH", image[place + 5 : place + 9])
            return width, height
        place += 2 + length
    return None


def _picture(answer: Answer, media_type: str = JPEG) -> bytes:
    """The picture in an answer, which may be multipart."""
    body, found = answer.body, answer.media_type
    if found == "multipart/related":
        part = answer.parts()[0]
        body, found = part.body, part.media_type
    answer.equal(found, media_type, "media type")
    answer.must(body.startswith(_MAGIC[media_type]), f"a picture of {media_type}")
    return body


def _rendered(world: World, query: str = "", name: str = "alpha", accept: str = JPEG) -> Answer:
    path = f"{world.instance(name).path}/rendered"
    return world.get(f"{path}?{query}" if query else path, accept)


def _level(level: str) -> Check:
    def run(world: World) -> None:
        path = f"{path_of(world.instance('alpha'), level)}/rendered"
        answer = world.get(path, JPEG)
        if level != "instance" and not answer.succeeded:  # several pictures need several parts
            answer = world.get(path, f'multipart/related; type="{JPEG}"')
        _picture(answer.ok())

    return check(f"R7.{level}", SHALL, "10.4.1.1.3", f"/rendered of the {level}")(run)


LEVELS = tuple(_level(level) for level in ("study", "series", "instance"))


@check("R7.frame", SHALL, "10.4.1.1.3", "/frames/{list}/rendered")
def frame(world: World) -> None:
    _picture(world.get(f"{world.instance('multi').path}/frames/2/rendered", JPEG).ok())


def _photometric(name: str, title: str) -> Check:
    def run(world: World) -> None:
        picture = _picture(_rendered(world, name=name).ok())
        _rendered(world, name=name).equal(size_of(picture), (8, 8), "width and height")

    return check(f"R7.{name}", SHALL, "10.4.3.3.3", f"{title} is rendered")(run)


PHOTOMETRIC = (
    _photometric("explicit", "12-bit MONOCHROME2"),
    _photometric("inverted", "MONOCHROME1"),
    _photometric("rgb", "RGB"),
    _photometric("palette", "PALETTE COLOR"),
    _photometric("rle", "RLE"),
    _photometric("fragmented", "JPEG Baseline in several fragments"),
)


@check("R7.jpeg", SHALL, "10.4.3.3.3", "a frame of JPEG Baseline is rendered")
def jpeg(world: World) -> None:
    answer = world.get(f"{world.instance('jpeg').path}/frames/1/rendered", JPEG).ok()
    answer.equal(size_of(_picture(answer)), (8, 8), "width and height")


@check("R7.unknown", SHALL, "10.4.3", "/rendered of an unknown instance: 404")
def unknown(world: World) -> None:
    instance = world.instance("alpha")
    _picture(_rendered(world).ok())
    path = instance.path.replace(instance.uid, new_uid())
    world.get(f"{path}/rendered", JPEG).status_in(404)


def _media(identifier: str, level: Level, accept: str, expected: str, title: str) -> Check:
    def run(world: World) -> None:
        _picture(_rendered(world, accept=accept).ok(), expected)

    return check(identifier, level, "8.7.4-1", title)(run)


MEDIA = (
    _media("MT5.default", SHALL, "image/*", JPEG, "image/* of a single frame: image/jpeg"),
    _media("MT5.any", SHALL, "*/*", JPEG, "*/* of a single frame: image/jpeg"),
    _media("MT5.png", SHALL, PNG, PNG, "a single frame as image/png"),
    _media("MT5.gif", SHALL, GIF, GIF, "a single frame as image/gif"),
    _media("MT5.q", SHALL, f"{JPEG}; q=0.1, {PNG}", PNG, "the rendered type of the higher q"),
)


@check("MT5.refused", SHALL, "8.7.8.1", "a rendered image as nothing that is known: 406")
def refused(world: World) -> None:
    _rendered(world, accept="image/x-nothing").status_in(406)


@check("MT5.baseline", SHALL, "8.7.4", "image/jpeg is baseline, 8 bits, Huffman, sequential")
def baseline(world: World) -> None:
    answer = _rendered(world).ok()
    answer.must(b"\xff\xc0\x00" in _picture(answer), "a baseline frame header (SOF0)")


@check("MT6.text", SHALL, "8.7.4-1", "a structured report as text/html")
def text(world: World) -> None:
    _rendered(world, name="report", accept="text/html").ok().typed("text/html")


def _bad(identifier: str, query: str, title: str) -> Check:
    def run(world: World) -> None:
        _rendered(world).ok()
        _rendered(world, query).status_in(400)

    return check(identifier, SHALL, "8.3.5.1", f"{title}: 400")(run)


BAD = (
    _bad("D1.zero", "quality=0", "quality 0"),
    _bad("D1.above", "quality=101", "quality 101"),
    _bad("D1.word", "quality=best", "quality that is no number"),
    _bad("D2.one", "viewport=16", "a viewport of one number"),
    _bad("D2.word", "viewport=wide,high", "a viewport of words"),
    _bad("D2.seven", "viewport=1,2,3,4,5,6,7", "a viewport of seven numbers"),
    _bad("D3.two", "window=2048,4096", "a window without function"),
    _bad("D3.function", "window=2048,4096,cubic", "a window with an unknown function"),
    _bad("D3.word", "window=a,b,linear", "a window of words"),
    _bad("D4.empty", "annotation=", "an annotation without a keyword"),
)


def _changes(identifier: str, query: str, title: str) -> Check:
    def run(world: World) -> None:
        plain = _picture(_rendered(world, accept=PNG).ok(), PNG)
        answer = _rendered(world, query, accept=PNG).ok()
        answer.must(_picture(answer, PNG) != plain, "another picture than without")

    return check(identifier, SHALL, "8.3.5.1", title)(run)


CHANGES = (
    _changes("D3.linear", "window=1000,100,linear", "window=...,linear has an effect"),
    _changes("D3.exact", "window=1000,100,linear-exact", "window=...,linear-exact has an effect"),
    _changes("D3.sigmoid", "window=1000,100,sigmoid", "window=...,sigmoid has an effect"),
    _changes("D2.crop", "viewport=8,8,0,0,4,4", "a viewport crops"),
    _changes("D2.flip", "viewport=8,8,,,-8,8", "a negative width flips"),
)


def _sized(identifier: str, viewport: str, expected: tuple[int, int], title: str) -> Check:
    def run(world: World) -> None:
        answer = _rendered(world, f"viewport={viewport}").ok()
        answer.equal(size_of(_picture(answer)), expected, "width and height")

    return check(identifier, SHALL, "8.3.5.1.3", title)(run)


SIZED = (
    _sized("D2.enlarge", "32,32", (32, 32), "a viewport enlarges"),
    _sized("D2.shrink", "4,4", (4, 4), "a viewport shrinks"),
    _sized("D2.aspect", "32,16", (16, 16), "a viewport keeps the aspect"),
    _sized("D2.elided", "16,16,,,8,8", (16, 16), "a viewport with elided values"),
)


@check("D2.native", SHALL, "8.3.5.1.3", "without viewport the picture has its native size")
def native(world: World) -> None:
    answer = _rendered(world).ok()
    answer.equal(size_of(_picture(answer)), (8, 8), "width and height")


@check("D1.quality", SHALL, "8.3.5.1.2", "quality=1 to 100 is accepted")
def quality(world: World) -> None:
    for value in (1, 50, 100):
        _picture(_rendered(world, f"quality={value}").ok())


@check("D4.known", SHALL, "8.3.5.1.1", "annotation=patient,technique is accepted")
def annotation(world: World) -> None:
    _picture(_rendered(world, "annotation=patient,technique").ok())


@check("D4.unsupported", SHALL, "8.3.5.1.1", "an unsupported annotation: ignored with a Warning")
def annotation_warning(world: World) -> None:
    answer = _rendered(world, "annotation=somethingelse").ok()
    answer.must("annotation" in answer.warnings, "a Warning about annotation values")


@check("D5.no", MAY, "8.3.5.1.5", "iccprofile=no is accepted")
def no_profile(world: World) -> None:
    _picture(_rendered(world, "iccprofile=no").ok())


@check("D5.unknown", MAY, "8.3.5.1.5", "an unknown ICC profile: 400")
def unknown_profile(world: World) -> None:
    _rendered(world).ok()
    answer = _rendered(world, "iccprofile=unknown")
    if answer.status == 200:
        raise NotOffered("iccprofile is ignored")
    answer.status_in(400)


@check("D5.srgb", MAY, "8.3.5.1.5", "iccprofile=srgb embeds a profile")
def srgb(world: World) -> None:
    _rendered(world).ok()
    answer = _rendered(world, "iccprofile=srgb").offered(400).ok()
    if b"ICC_PROFILE" not in _picture(answer):
        raise NotOffered("iccprofile is ignored")


@check("D6.window", SHALL, "8.3.5.1.6", "a window on a presentation state: 400")
def state(world: World) -> None:
    _rendered(world).ok()
    world.get(f"{world.instance('state').path}/rendered?window=1,2,linear", JPEG).status_in(400)


@check("D7.inverted", SHOULD, "8.3.5.1.4", "MONOCHROME1 shows low values bright")
def inverted(world: World) -> None:
    picture = _picture(_rendered(world, name="inverted", accept=PNG).ok(), PNG)
    same = _picture(_rendered(world, name="explicit", accept=PNG).ok(), PNG)
    _rendered(world, name="inverted").must(picture != same, "inverted values")


def _thumbnail(level: str) -> Check:
    def run(world: World) -> None:
        path = f"{path_of(world.instance('alpha'), level)}/thumbnail"
        answer = world.get(path, JPEG).offered()
        if answer.status not in (301, 302, 303, 307):
            _picture(answer.ok())

    return check(f"R8.{level}", MAY, "10.4.1.1.4", f"/thumbnail of the {level}")(run)


THUMBNAILS = tuple(_thumbnail(level) for level in ("study", "series", "instance"))


@check("R8.frame", MAY, "10.4.1.1.4", "/thumbnail of a frame")
def frame_thumbnail(world: World) -> None:
    answer = world.get(f"{world.instance('multi').path}/frames/1/thumbnail", JPEG).offered()
    if answer.status not in (301, 302, 303, 307):
        _picture(answer.ok())


@check("R8.viewport", MAY, "8.3.5.2", "viewport of a thumbnail")
def thumbnail_size(world: World) -> None:
    path = f"{world.instance('alpha').path}/thumbnail?viewport=4,4"
    answer = world.get(path, JPEG).offered(404, 405, 501)
    if answer.status not in (301, 302, 303, 307):
        answer.equal(size_of(_picture(answer.ok())), (4, 4), "width and height")


@check("R8.crop", MAY, "8.3.5.2", "a thumbnail is never cropped: 400")
def thumbnail_crop(world: World) -> None:
    base = f"{world.instance('alpha').path}/thumbnail"
    world.get(base, JPEG).offered()
    world.get(f"{base}?viewport=4,4,0,0,2,2", JPEG).status_in(400)


def _uri(instance: Instance, **more: str) -> str:
    parameters = {
        "requestType": "WADO",
        "studyUID": instance.study,
        "seriesUID": instance.series,
        "objectUID": instance.uid,
        **more,
    }
    return "&".join(f"{name}={quote(value)}" for name, value in parameters.items() if value)


def _wado(world: World, accept: str = "*/*", **more: str) -> Answer:
    """A request of the URI service, which lies at the root, or beside it under /wado.

    Raises:
        NotOffered: The server has none.
    """
    query = _uri(world.instance("alpha"), **more)
    probe = _uri(world.corpus["alpha"], contentType="application/dicom")
    beside = world.client.root.rpartition("/")[0] + "/wado"
    for base in ("", "/wado", beside):
        found = world.get(f"{base}?{probe}")
        if found.status == 200 and found.media_type == "application/dicom":
            return world.get(f"{base}?{query}", accept)
    raise NotOffered("no URI service at the root, nor at /wado below or beside it")


@check("V2.dicom", SHALL, "9.4", "contentType=application/dicom gives the file")
def uri_dicom(world: World) -> None:
    answer = _wado(world, contentType="application/dicom").ok().typed("application/dicom")
    found = read(answer.body)
    answer.equal(str(found.SOPInstanceUID), world.corpus["alpha"].uid, "SOP Instance UID")


@check("V2.default", SHALL, "9.3", "no contentType and Accept */*: image/jpeg")
def uri_default(world: World) -> None:
    _picture(_wado(world).ok())


@check("V2.jpeg", SHALL, "9.5", "contentType=image/jpeg gives a picture")
def uri_jpeg(world: World) -> None:
    _picture(_wado(world, contentType=JPEG).ok())


@check("V6.default", SHALL, "9.4.1", "the file comes as Explicit VR Little Endian by default")
def uri_syntax(world: World) -> None:
    answer = _wado(world, contentType="application/dicom").ok()
    answer.equal(str(read(answer.body).file_meta.TransferSyntaxUID), EXPLICIT, "transfer syntax")


def _uri_bad(
    identifier: str, title: str, code: tuple[int, ...], level: Level = SHALL, **more: str
) -> Check:
    def run(world: World) -> None:
        _wado(world, **more).status_in(*code)

    return check(identifier, level, "9.4.1.2", f"{title}: {' or '.join(map(str, code))}")(run)


URI_BAD = (
    _uri_bad("V1.request-type", "another requestType", (400,), requestType="FETCH"),
    _uri_bad("V1.no-study", "no studyUID", (400,), studyUID=""),
    _uri_bad("V1.no-object", "no objectUID", (400,), objectUID=""),
    _uri_bad("V1.unknown", "an unknown objectUID", (404, 410), objectUID="2.25.404"),
    _uri_bad("V4.anonymize", "anonymize that is not yes", (400,), MAY,
             contentType="application/dicom", anonymize="maybe"),
    _uri_bad("V6.malformed", "a malformed transferSyntax", (400,), MAY,
             contentType="application/dicom", transferSyntax="abc"),
    _uri_bad("V6.unsupported", "an unknown transferSyntax", (406, 400), MAY,
             contentType="application/dicom",
             transferSyntax="1.2.3.4.5"),
    _uri_bad("V7.frame", "a frame behind the last", (400, 404),
             MAY, contentType=JPEG, frameNumber="99"),
    _uri_bad("V9.region", "a region of two numbers", (400,),
             MAY, contentType=JPEG, region="0.1,0.2"),
    _uri_bad("V10.half", "windowCenter without windowWidth", (400,), MAY, contentType=JPEG,
             windowCenter="40"),
)  # fmt: skip


@check("V8.rows", MAY, "9.5.1.2.4", "rows and columns scale the picture")
def uri_size(world: World) -> None:
    answer = _wado(world, contentType=JPEG, rows="4", columns="4").offered()
    answer.equal(size_of(_picture(answer.ok())), (4, 4), "width and height")


@check("V12.location", SHOULD, "9.4.3", "the answer has Content-Location")
def uri_location(world: World) -> None:
    answer = _wado(world, contentType="application/dicom").ok()
    answer.must("content-location" in answer.headers, "Content-Location")


@check("B4.location", SHALL, "8.6.1.2", "rendered parts name their source by Content-Location")
def rendered_location(world: World) -> None:
    path = f"{world.instance('alpha').series_path}/rendered"
    answer = world.get(path, f'multipart/related; type="{JPEG}"').ok()
    answer.must(all(part.location for part in answer.parts()), "Content-Location in each part")


@check(
    "MT1.not-rendered", SHALL, "10.4.4", "an instance itself is never rendered: image/png is 406"
)
def not_rendered(world: World) -> None:
    world.get(world.instance("explicit").path, PNG).status_in(406)
    world.get(world.instance("explicit").path, ANY_DICOM).ok()


CHECKS = checks_of(globals().values())

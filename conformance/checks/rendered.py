"""Rendered resources (PS3.18 8.3.5.1, 8.7.4, 10.4.1.1.3)."""

from __future__ import annotations

import struct

from conformance.answer import Answer
from conformance.checks.retrieve import path_of
from conformance.model import MAY, SHALL, SHOULD, Check, Level, NotOffered, check, checks_of
from conformance.synthetic.instance import new_uid
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


def picture(answer: Answer, media_type: str = JPEG) -> bytes:
    """The picture in an answer, which may be multipart.

    Raises:
        Failed: It is none of that media type.
    """
    body, found = answer.body, answer.media_type
    if found == "multipart/related":
        part = answer.parts()[0]
        body, found = part.body, part.media_type
    answer.equal(found, media_type, "media type")
    answer.must(body.startswith(_MAGIC[media_type]), f"a picture of {media_type}")
    return body


def rendered(world: World, query: str = "", name: str = "alpha", accept: str = JPEG) -> Answer:
    """The answer for a rendered instance."""
    path = f"{world.instance(name).path}/rendered"
    return world.get(f"{path}?{query}" if query else path, accept)


def _level(level: str) -> Check:
    def run(world: World) -> None:
        path = f"{path_of(world.instance('alpha'), level)}/rendered"
        answer = world.get(path, JPEG)
        if level != "instance" and not answer.succeeded:  # several pictures need several parts
            answer = world.get(path, f'multipart/related; type="{JPEG}"')
        picture(answer.ok())

    return check(f"R7.{level}", SHALL, "10.4.1.1.3", f"/rendered of the {level}")(run)


LEVELS = tuple(_level(level) for level in ("study", "series", "instance"))


@check("R7.frame", SHALL, "10.4.1.1.3", "/frames/{list}/rendered")
def frame(world: World) -> None:
    picture(world.get(f"{world.instance('multi').path}/frames/2/rendered", JPEG).ok())


def _photometric(name: str, title: str) -> Check:
    def run(world: World) -> None:
        answer = rendered(world, name=name).ok()
        answer.equal(size_of(picture(answer)), (8, 8), "width and height")

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
    answer.equal(size_of(picture(answer)), (8, 8), "width and height")


@check("R7.unknown", SHALL, "10.4.3", "/rendered of an unknown instance: 404")
def unknown(world: World) -> None:
    instance = world.instance("alpha")
    picture(rendered(world).ok())
    path = instance.path.replace(instance.uid, new_uid())
    world.get(f"{path}/rendered", JPEG).status_in(404)


def _media(identifier: str, level: Level, accept: str, expected: str, title: str) -> Check:
    def run(world: World) -> None:
        picture(rendered(world, accept=accept).ok(), expected)

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
    rendered(world, accept="image/x-nothing").status_in(406)


@check("MT5.baseline", SHALL, "8.7.4", "image/jpeg is baseline, 8 bits, Huffman, sequential")
def baseline(world: World) -> None:
    answer = rendered(world).ok()
    answer.must(b"\xff\xc0\x00" in picture(answer), "a baseline frame header (SOF0)")


def _bad(identifier: str, query: str, title: str) -> Check:
    def run(world: World) -> None:
        rendered(world).ok()
        rendered(world, query).status_in(400)

    return check(identifier, SHALL, "8.3.5.1", f"{title}: 400")(run)


BAD = (
    _bad("D1.zero", "quality=0", "quality 0"),
    _bad("D1.above", "quality=101", "quality 101"),
    _bad("D1.word", "quality=best", "quality that is no number"),
    _bad("D2.one", "viewport=16", "a viewport of one number"),
    _bad("D2.word", "viewport=wide,high", "a viewport of words"),
    _bad("D2.seven", "viewport=1,2,3,4,5,6,7", "a viewport of seven numbers"),
    _bad("D2.zero", "viewport=0,16", "a viewport without width"),
    _bad("D2.fraction", "viewport=1.5,16", "a viewport of fractions of pixels"),
    _bad("D3.empty", "window=", "a window without values"),
    _bad("D3.width", "window=40,0,linear", "a window without width"),
    _bad("D3.two", "window=2048,4096", "a window without function"),
    _bad("D3.function", "window=2048,4096,cubic", "a window with an unknown function"),
    _bad("D3.word", "window=a,b,linear", "a window of words"),
    _bad("D4.empty", "annotation=", "an annotation without a keyword"),
    _bad("D4.comma", "annotation=patient,,technique", "an annotation with an empty keyword"),
)


def _changes(identifier: str, query: str, title: str) -> Check:
    def run(world: World) -> None:
        plain = picture(rendered(world, accept=PNG).ok(), PNG)
        answer = rendered(world, query, accept=PNG).ok()
        answer.must(picture(answer, PNG) != plain, "another picture than without")

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
        answer = rendered(world, f"viewport={viewport}").ok()
        answer.equal(size_of(picture(answer)), expected, "width and height")

    return check(identifier, SHALL, "8.3.5.1.3", title)(run)


SIZED = (
    _sized("D2.enlarge", "32,32", (32, 32), "a viewport enlarges"),
    _sized("D2.shrink", "4,4", (4, 4), "a viewport shrinks"),
    _sized("D2.aspect", "32,16", (16, 16), "a viewport keeps the aspect"),
    _sized("D2.part", "8,8,2,2,4,2", (8, 4), "a viewport with the part of an image"),
    _sized("D2.edge", "8,8,4", (4, 8), "the part ends at the edge where no size is given"),
    _sized("D2.elided", "16,16,,,8,8", (16, 16), "a viewport with elided values"),
)


@check("D2.native", SHALL, "8.3.5.1.3", "without viewport the picture has its native size")
def native(world: World) -> None:
    answer = rendered(world).ok()
    answer.equal(size_of(picture(answer)), (8, 8), "width and height")


@check("D1.quality", SHALL, "8.3.5.1.2", "quality=1 to 100 is accepted")
def quality(world: World) -> None:
    for value in (1, 50, 100):
        picture(rendered(world, f"quality={value}").ok())


@check("D4.known", SHALL, "8.3.5.1.1", "annotation=patient,technique is accepted")
def annotation(world: World) -> None:
    picture(rendered(world, "annotation=patient,technique").ok())


@check("D4.unsupported", SHALL, "8.3.5.1.1", "an unsupported annotation: ignored with a Warning")
def annotation_warning(world: World) -> None:
    answer = rendered(world, "annotation=somethingelse").ok()
    answer.must("annotation" in answer.warnings, "a Warning about annotation values")


@check("D5.no", MAY, "8.3.5.1.5", "iccprofile=no is accepted")
def no_profile(world: World) -> None:
    picture(rendered(world, "iccprofile=no").ok())


@check("D5.unknown", MAY, "8.3.5.1.5", "an unknown ICC profile: 400")
def unknown_profile(world: World) -> None:
    rendered(world).ok()
    answer = rendered(world, "iccprofile=unknown")
    if answer.status == 200:
        raise NotOffered("iccprofile is ignored")
    answer.status_in(400)


@check("D5.srgb", MAY, "8.3.5.1.5", "iccprofile=srgb embeds a profile")
def srgb(world: World) -> None:
    rendered(world).ok()
    answer = rendered(world, "iccprofile=srgb").offered(400).ok()
    if b"ICC_PROFILE" not in picture(answer):
        raise NotOffered("iccprofile is ignored")


@check("D5.gif", MAY, "8.3.5.1.5", "a profile in a media type that has none: 400")
def gif_profile(world: World) -> None:
    rendered(world, accept=GIF).ok()
    answer = rendered(world, "iccprofile=srgb", accept=GIF)
    if answer.status == 200:
        raise NotOffered("iccprofile is ignored")
    answer.status_in(400)


@check("D5.png", MAY, "8.3.5.1.5", "iccprofile=yes or srgb in a PNG")
def png_profile(world: World) -> None:
    rendered(world, accept=PNG).ok()
    answer = rendered(world, "iccprofile=srgb", accept=PNG).offered(400).ok()
    if b"iCCP" not in picture(answer, PNG) and b"sRGB" not in picture(answer, PNG):
        raise NotOffered("iccprofile is ignored")


@check("D6.rendered", MAY, "8.3.5.1.6", "a presentation state shows its images its own way")
def shown_state(world: World) -> None:
    plain = picture(rendered(world, name="explicit", accept=PNG).ok(), PNG)
    accept = f'multipart/related; type="{PNG}"'
    answer = rendered(world, name="state", accept=f"{PNG}, {accept}").offered()
    found = picture(answer.ok(), PNG)
    answer.equal(size_of(found), (8, 8), "width and height")
    answer.must(found != plain, "another picture than without the state")


@check("D6.frame", MAY, "8.3.5.1.6", "frames of a presentation state: 400 or 404")
def framed_state(world: World) -> None:
    rendered(world).ok()
    path = f"{world.instance('state').path}/frames/1/rendered"
    world.get(path, JPEG).status_in(400, 404)


@check("D6.window", SHALL, "8.3.5.1.6", "a window on a presentation state: 400")
def state(world: World) -> None:
    rendered(world).ok()
    world.get(f"{world.instance('state').path}/rendered?window=1,2,linear", JPEG).status_in(400)


@check("D7.inverted", SHOULD, "8.3.5.1.4", "MONOCHROME1 shows low values bright")
def inverted(world: World) -> None:
    answer = rendered(world, name="inverted", accept=PNG).ok()
    same = picture(rendered(world, name="explicit", accept=PNG).ok(), PNG)
    answer.must(picture(answer, PNG) != same, "inverted values")


@check("MT5.multipart", MAY, "8.7.4-1", "a multi-frame image as a part for each frame")
def several(world: World) -> None:
    path = f"{world.instance('multi').path}/rendered"
    answer = world.get(path, f'multipart/related; type="{JPEG}"').offered().ok()
    answer.equal(len(answer.parts()), 3, "number of parts")
    for part in answer.parts():
        answer.equal(size_of(part.body), (8, 8), "width and height")


@check("MT5.animated", MAY, "8.7.4-1", "a multi-frame image as an animated GIF")
def animated(world: World) -> None:
    answer = world.get(f"{world.instance('multi').path}/rendered", GIF).offered().ok()
    found = picture(answer, GIF)
    answer.must(found.count(b"\x21\xf9\x04") == 3, "three frames")


@check("MT5.frames", SHALL, "10.4.1.1.3", "a list of frames is rendered frame by frame")
def listed(world: World) -> None:
    path = f"{world.instance('multi').path}/frames/1,3/rendered"
    answer = world.get(path, f'multipart/related; type="{PNG}"').ok()
    answer.equal(len(answer.parts()), 2, "number of parts")
    first, last = (part.body for part in answer.parts())
    answer.must(first != last, "two pictures")


@check("R7.far-frame", SHOULD, "10.4.3", "a rendered frame behind the last: 400 or 404")
def far(world: World) -> None:
    path = f"{world.instance('multi').path}/frames"
    world.get(f"{path}/1/rendered", JPEG).ok()
    world.get(f"{path}/99/rendered", JPEG).status_in(400, 404)


@check("R7.broken", SHALL, "10.4.3", "pixels that cannot be decoded: an error of the request alone")
def broken(world: World) -> None:
    answer = rendered(world, name="broken")
    answer.must(answer.status >= 400, "a refusal")
    rendered(world).ok()


def _codestream(name: str) -> Check:
    def run(world: World) -> None:
        answer = rendered(world, name=name).ok()
        answer.equal(size_of(picture(answer)), (8, 8), "width and height")

    return check(f"R7.{name}", SHALL, "10.4.3.3.3", f"the {name} codestream is rendered")(run)


CODESTREAMS = tuple(_codestream(name) for name in ("jls", "j2k", "htj2k"))


@check("R7.bits", SHALL, "10.4.3.3.3", "an image of single bits is rendered")
def single_bits(world: World) -> None:
    answer = world.get(f"{world.instance('bits').path}/frames/2/rendered", JPEG).ok()
    answer.equal(size_of(picture(answer)), (5, 3), "width and height")


@check("G7.rendered", SHALL, "8.7.5", "accept= of a rendered resource with a DICOM type: 400")
def mixed(world: World) -> None:
    rendered(world).ok()
    rendered(world, "accept=image/png,application/dicom", accept="*/*").status_in(400)


@check("G6.rendered", SHALL, "8.3.3.1", "accept= chooses among rendered types")
def parameter(world: World) -> None:
    picture(rendered(world, "accept=image/png", accept="*/*").ok(), PNG)


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

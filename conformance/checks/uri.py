"""The URI service, known as WADO-URI (PS3.18 9)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from conformance.answer import Answer
from conformance.checks.rendered import GIF, JPEG, PNG, picture, size_of
from conformance.checks.retrieve import read
from conformance.model import MAY, SHALL, SHOULD, Check, Level, NotOffered, check, checks_of
from conformance.synthetic.instance import EXPLICIT, JPEG_LS, Instance, new_uid
from conformance.world import World

DICOM = "application/dicom"
FILE = {"contentType": DICOM}
PICTURE = {"contentType": PNG}


def _query(instance: Instance, more: Mapping[str, str]) -> str:
    parameters = {
        "requestType": "WADO",
        "studyUID": instance.study,
        "seriesUID": instance.series,
        "objectUID": instance.uid,
        **more,
    }
    return "&".join(f"{name}={quote(value)}" for name, value in parameters.items() if value)


def _place(world: World) -> str:
    """Where the service lies: at the root, or beside it or below it under /wado.

    Raises:
        NotOffered: The server has none.
    """
    probe = _query(world.instance("alpha"), FILE)
    beside = world.client.root.rpartition("/")[0] + "/wado"
    for base in ("", "/wado", beside):
        found = world.get(f"{base}?{probe}")
        if found.status == 200 and found.media_type == DICOM:
            return base
    raise NotOffered("no URI service at the root, nor at /wado below or beside it")


def _wado(
    world: World, more: Mapping[str, str], name: str = "alpha", accept: str | None = "*/*"
) -> Answer:
    """A request of the URI service."""
    return world.get(f"{_place(world)}?{_query(world.instance(name), more)}", accept)


def _optional(answer: Answer, what: str) -> Answer:
    """Go on unless an optional parameter was ignored."""
    if answer.status == 200:
        raise NotOffered(f"{what} is ignored")
    return answer


@check("V1.order", SHALL, "9.1.2.1", "parameters may come in any order")
def order(world: World) -> None:
    members = _query(world.instance("alpha"), FILE).split("&")
    world.get(f"{_place(world)}?{'&'.join(reversed(members))}").ok().typed(DICOM)


def _missing(name: str) -> Check:
    def run(world: World) -> None:
        _wado(world, {**FILE, name: ""}).status_in(400)

    return check(f"V1.no-{name}", SHALL, "9.4.2.2", f"no {name}: 400")(run)


MISSING = tuple(_missing(name) for name in ("requestType", "studyUID", "seriesUID", "objectUID"))


def _unknown(name: str) -> Check:
    def run(world: World) -> None:
        _wado(world, {**FILE, name: new_uid()}).status_in(404, 410)

    return check(f"V12.unknown-{name}", SHALL, "9.4.3.1", f"an unknown {name}: 404 or 410")(run)


UNKNOWN = tuple(_unknown(name) for name in ("studyUID", "seriesUID", "objectUID"))


def _refused(
    identifier: str, clause: str, title: str, more: Mapping[str, str], *codes: int
) -> Check:
    expected = codes or (400,)

    def run(world: World) -> None:
        _wado(world, more).status_in(*expected)

    told = " or ".join(map(str, expected))
    return check(identifier, SHALL, clause, f"{title}: {told}")(run)


REFUSED = (
    _refused("V1.request-type", "9.4.2.1", "another requestType", {"requestType": "FETCH"}),
    _refused("V2.syntax", "9.1.2.2.1", "contentType with transfer-syntax",
             {"contentType": f"{DICOM};transfer-syntax={EXPLICIT}"}),
    _refused("V2.charset", "9.1.2.2.1", "contentType with charset",
             {"contentType": "text/html;charset=utf-8"}),
    _refused("V2.mixed", "9.1.2.2.1", "contentType of both kinds",
             {"contentType": f"{DICOM},{JPEG}"}, 400, 406),
    _refused("V10.dicom", "9.5.1.2.6", "a window with application/dicom",
             {**FILE, "windowCenter": "40", "windowWidth": "400"}),
)  # fmt: skip


@check("V1.bad-uid", SHOULD, "9.1.2.1.2", "a studyUID that is none: 400 or 404")
def bad_uid(world: World) -> None:
    _wado(world, {**FILE, "studyUID": "not-a-uid"}).status_in(400, 404)


@check("V2.dicom", SHALL, "9.4", "contentType=application/dicom gives the file")
def dicom(world: World) -> None:
    answer = _wado(world, FILE).ok().typed(DICOM)
    found = read(answer.body)
    answer.equal(str(found.SOPInstanceUID), world.corpus["alpha"].uid, "SOP Instance UID")


@check("V2.accept-dicom", SHALL, "9.3", "Accept: application/dicom without contentType: the file")
def accept_dicom(world: World) -> None:
    _wado(world, {}, accept=DICOM).ok().typed(DICOM)


@check("V2.no-accept", SHALL, "9.4.1.3", "the file needs no Accept header")
def no_accept(world: World) -> None:
    _wado(world, FILE, accept=None).ok().typed(DICOM)


def _type(
    identifier: str, content_type: str, accept: str, expected: str, title: str, level: Level = SHALL
) -> Check:
    more = {"contentType": content_type} if content_type else {}

    def run(world: World) -> None:
        picture(_wado(world, more, accept=accept).ok().typed(expected), expected)

    return check(identifier, level, "9.3", title)(run)


TYPES = (
    _type("V2.default", "", "*/*", JPEG, "no contentType and Accept */*: image/jpeg"),
    _type("V2.jpeg", JPEG, "*/*", JPEG, "contentType=image/jpeg"),
    _type("V2.png", PNG, "*/*", PNG, "contentType=image/png"),
    _type("V2.gif", GIF, "*/*", GIF, "contentType=image/gif"),
    _type("V2.list", f"image/x-nothing,{PNG}", "*/*", PNG, "the one of several that is supported"),
    _type("V2.accept", "", PNG, PNG, "no contentType: Accept decides"),
    _type("V2.wins", PNG, f"{JPEG}, */*; q=0.1", PNG, "contentType beats the Accept header"),
)


@check("V2.refused", SHALL, "8.7.8.1", "nothing acceptable: 406")
def refused(world: World) -> None:
    _wado(world, {}, accept="image/x-nothing").status_in(406)


@check("V2.text", SHALL, "9.5", "a report as text/html")
def text(world: World) -> None:
    _wado(world, {"contentType": "text/html"}, "report").ok().typed("text/html")


@check("V2.text-default", SHALL, "9.1.3", "a report by default: text/html")
def text_default(world: World) -> None:
    _wado(world, {}, "report").ok().typed("text/html")


@check("V2.plain", SHALL, "9.5", "a report as text/plain")
def plain(world: World) -> None:
    _wado(world, {"contentType": "text/plain"}, "report").ok().typed("text/plain")


@check("V3.charset", SHALL, "9.5.1.2", "charset=utf-8 is accepted, a list and weights too")
def charset(world: World) -> None:
    for value in ("utf-8", "iso-8859-1,utf-8", "utf-8;q=0.8"):
        more = {"contentType": "text/html", "charset": value}
        _wado(world, more, "report").ok().typed("text/html")


@check("V4.anonymize", MAY, "9.4.2.3", "anonymize=yes: refused, or another SOP Instance UID")
def anonymize(world: World) -> None:
    answer = _wado(world, {**FILE, "anonymize": "yes"})
    if not answer.succeeded:
        answer.must(answer.status in (400, 403, 406, 501), "a refusal, not a failure")
        raise NotOffered(f"anonymize is refused: {answer.describe()}")
    found = read(answer.body)
    if str(found.SOPInstanceUID) == world.corpus["alpha"].uid:
        raise NotOffered("anonymize is ignored")
    answer.must("Conform" not in str(found.get("PatientName", "")), "no patient name")


def _optional_bad(
    identifier: str, clause: str, title: str, more: Mapping[str, str], *codes: int
) -> Check:
    expected = codes or (400,)

    def run(world: World) -> None:
        name = list(more)[-1]
        _optional(_wado(world, more), name).status_in(*expected)

    told = " or ".join(map(str, expected))
    return check(identifier, MAY, clause, f"{title}: {told}")(run)


OPTIONAL_BAD = (
    _optional_bad("V4.other", "9.4.2.3", "anonymize that is not yes", {**FILE, "anonymize": "no"}),
    _optional_bad("V5.quality", "8.3.5.1.2", "imageQuality 0", {**PICTURE, "imageQuality": "0"}),
    _optional_bad("V5.quality-word", "8.3.5.1.2", "imageQuality that is no number",
                  {**PICTURE, "imageQuality": "best"}),
    _optional_bad("V5.annotation", "8.3.5.1.1", "imageAnnotation with an empty keyword",
                  {**PICTURE, "imageAnnotation": "patient,,technique"}),
    _optional_bad("V6.malformed", "9.4.2.4", "a malformed transferSyntax",
                  {**FILE, "transferSyntax": "abc"}),
    _optional_bad("V6.unsupported", "9.4.2.4", "an unknown transferSyntax",
                  {**FILE, "transferSyntax": "1.2.3.4.5"}, 406),
    _optional_bad("V7.zero", "9.5.2.1", "frameNumber 0", {**PICTURE, "frameNumber": "0"}),
    _optional_bad("V7.single", "9.5.2.1", "frameNumber of a single-frame image",
                  {**PICTURE, "frameNumber": "1"}),
    _optional_bad("V8.zero", "9.5.1.2.4", "rows=0", {**PICTURE, "rows": "0"}),
    _optional_bad("V8.word", "9.5.1.2.4", "columns that are no number",
                  {**PICTURE, "columns": "wide"}),
    _optional_bad("V9.two", "9.5.2.4", "a region of two numbers",
                  {**PICTURE, "region": "0.1,0.2"}),
    _optional_bad("V9.five", "9.5.2.4", "a region of five numbers",
                  {**PICTURE, "region": "0,0,0.5,0.5,1"}),
    _optional_bad("V9.order", "9.5.2.4", "a region whose right is left of its left",
                  {**PICTURE, "region": "0.6,0,0.5,1"}),
    _optional_bad("V9.beyond", "9.5.2.4", "a region beyond the image",
                  {**PICTURE, "region": "0,0,1.5,1"}),
    _optional_bad("V10.center", "9.5.2.2", "windowCenter without windowWidth",
                  {**PICTURE, "windowCenter": "40"}),
    _optional_bad("V10.width", "9.5.2.2", "windowWidth without windowCenter",
                  {**PICTURE, "windowWidth": "400"}),
    _optional_bad("V10.word", "9.5.2.2", "a window that is no number",
                  {**PICTURE, "windowCenter": "low", "windowWidth": "400"}),
    _optional_bad("V11.half", "9.5.1.2.7", "presentationUID without its series",
                  {**PICTURE, "presentationUID": "2.25.1"}),
    _optional_bad("V11.unknown", "9.5.2.3", "an unknown presentation state",
                  {**PICTURE, "presentationSeriesUID": "2.25.1", "presentationUID": "2.25.2"}),
)  # fmt: skip


def _far(world: World) -> None:
    answer = _wado(world, {**PICTURE, "frameNumber": "99"}, "multi")
    _optional(answer, "frameNumber").status_in(400)


FAR = check("V7.beyond", MAY, "9.5.2.1", "a frame behind the last: 400")(_far)


@check("V5.accepted", MAY, "9.5.1.2", "imageQuality and imageAnnotation are accepted")
def accepted(world: World) -> None:
    more = {**PICTURE, "imageQuality": "50", "imageAnnotation": "patient,technique"}
    picture(_wado(world, more).offered().ok(), PNG)


@check("V6.default", SHALL, "9.4.2.4", "the file comes as Explicit VR Little Endian by default")
def syntax(world: World) -> None:
    for name in ("alpha", "implicit", "big", "deflated"):
        answer = _wado(world, FILE, name).ok()
        answer.equal(str(read(answer.body).file_meta.TransferSyntaxUID), EXPLICIT, "syntax")


@check("V6.decoded", SHALL, "9.4.2.4", "a losslessly compressed file comes decoded by default")
def decoded(world: World) -> None:
    answer = _wado(world, FILE, "rle").ok()
    answer.equal(str(read(answer.body).file_meta.TransferSyntaxUID), EXPLICIT, "transfer syntax")


@check("V6.stored", MAY, "9.4.2.4", "the stored transfer syntax by name")
def stored(world: World) -> None:
    answer = _wado(world, {**FILE, "transferSyntax": JPEG_LS}, "jls").offered().ok()
    found = read(answer.body)
    if str(found.file_meta.TransferSyntaxUID) != JPEG_LS:
        raise NotOffered("transferSyntax is ignored")
    answer.equal(found.PixelData, world.corpus["jls"].dataset.PixelData, "the stored pixels")


@check("V7.frame", MAY, "9.5.2.1", "frameNumber chooses the frame")
def frame(world: World) -> None:
    found = [
        picture(_wado(world, {**PICTURE, "frameNumber": number}, "multi").offered().ok(), PNG)
        for number in ("1", "2")
    ]
    if found[0] == found[1]:
        raise NotOffered("frameNumber is ignored")
    path = f"{world.instance('multi').path}/frames/2/rendered"
    same = world.get(path, PNG)
    if same.status == 200:
        same.equal(picture(same, PNG), found[1], "the rendered frame")


def _sized(identifier: str, clause: str, size: tuple[int, int], title: str, **more: str) -> Check:
    def run(world: World) -> None:
        answer = _wado(world, {**PICTURE, **more}, "explicit").offered().ok()
        found = size_of(picture(answer, PNG))
        if found == (8, 8) != size:
            raise NotOffered(f"{', '.join(more)} is ignored")
        answer.equal(found, size, "width and height")

    return check(identifier, MAY, clause, title)(run)


SIZED = (
    _sized("V8.both", "9.5.2.5", (4, 4), "rows and columns scale", rows="4", columns="4"),
    _sized("V8.aspect", "9.5.2.5", (4, 4), "rows and columns are maxima", rows="4", columns="6"),
    _sized("V8.rows", "9.5.2.5", (4, 4), "rows alone: the aspect is kept", rows="4"),
    _sized("V8.columns", "9.5.2.5", (4, 4), "columns alone: the aspect is kept", columns="4"),
    _sized("V9.region", "9.5.2.4", (4, 2), "a region has its own size", region="0,0,0.5,0.25"),
    _sized("V9.scaled", "9.5.2.4", (8, 4), "a region is scaled to rows and columns",
           region="0,0,0.5,0.25", rows="8", columns="8"),
)  # fmt: skip


@check("V10.window", MAY, "9.5.2.2", "windowCenter and windowWidth have an effect")
def window(world: World) -> None:
    base = picture(_wado(world, PICTURE, "explicit").ok(), PNG)
    more = {**PICTURE, "windowCenter": "1000", "windowWidth": "100"}
    if picture(_wado(world, more, "explicit").offered().ok(), PNG) == base:
        raise NotOffered("windowCenter is ignored")
    path = f"{world.instance('explicit').path}/rendered?window=1000,100,linear"
    same = world.get(path, PNG)
    if same.status == 200:
        same.equal(picture(same, PNG), picture(_wado(world, more, "explicit"), PNG), "picture")


def _state(world: World, **more: str) -> Answer:
    state = world.instance("state")
    uids = {"presentationSeriesUID": state.series, "presentationUID": state.uid}
    return _wado(world, {**PICTURE, **uids, **more}, "explicit")


@check("V11.applied", MAY, "9.5.2.3", "a presentation state is applied")
def state(world: World) -> None:
    base = picture(_wado(world, PICTURE, "explicit").ok(), PNG)
    answer = _state(world).offered().ok()
    if picture(answer, PNG) == base:
        raise NotOffered("presentationUID is ignored")
    answer.equal(size_of(picture(answer, PNG)), (8, 8), "width and height")


def _state_bad(identifier: str, title: str, **more: str) -> Check:
    def run(world: World) -> None:
        if picture(_state(world).offered().ok(), PNG) == picture(
            _wado(world, PICTURE, "explicit").ok(), PNG
        ):
            raise NotOffered("presentationUID is ignored")
        _state(world, **more).status_in(400)

    return check(identifier, MAY, "9.5.2.3", f"a presentation state with {title}: 400")(run)


STATE_BAD = (
    _state_bad("V11.window", "a window", windowCenter="1", windowWidth="2"),
    _state_bad("V11.frame", "a frame number", frameNumber="1"),
)


@check("V12.location", SHOULD, "9.4.3", "the file has Content-Location")
def location(world: World) -> None:
    answer = _wado(world, FILE).ok()
    answer.must("content-location" in answer.headers, "Content-Location")


@check("V12.picture-location", SHOULD, "9.5.3.2", "the picture has Content-Location")
def picture_location(world: World) -> None:
    answer = _wado(world, PICTURE).ok()
    answer.must("content-location" in answer.headers, "Content-Location")


@check("V12.type", SHALL, "9.1.3", "Content-Type has no transfer-syntax parameter")
def no_parameter(world: World) -> None:
    answer = _wado(world, FILE).ok()
    answer.must("transfer-syntax" not in answer.content_type, f"{DICOM} alone")


@check("V12.length", SHALL, "9.4.3.2", "Content-Length or Content-Encoding, and the length right")
def length(world: World) -> None:
    answer = _wado(world, FILE).ok()
    told = answer.headers.get("content-length")
    if told is None:
        answer.must("content-encoding" in answer.headers, "Content-Length")
    else:
        answer.equal(int(told), len(answer.body), "Content-Length")


CHECKS = checks_of(globals().values())

"""Rendered forms of what is no image: reports, documents, video (PS3.18 8.7.4)."""

from __future__ import annotations

from conformance.answer import Answer
from conformance.checks.bulkdata import bulk_uri
from conformance.checks.rendered import rendered
from conformance.model import MAY, SHALL, Check, Level, check, checks_of
from conformance.synthetic.values import PDF
from conformance.world import World

HTML, PLAIN, XML, MP4 = "text/html", "text/plain", "text/xml", "video/mp4"
_FINDING = "Nothing was found"


def _report(identifier: str, level: Level, accept: str, media_type: str, title: str) -> Check:
    def run(world: World) -> None:
        answer = rendered(world, name="report", accept=accept)
        if level is MAY:
            answer.offered()
        answer.ok().typed(media_type)
        answer.must(_FINDING in answer.body.decode("utf-8", "replace"), "the text of the report")

    return check(identifier, level, "8.7.4-1", title)(run)


REPORTS = (
    _report("MT6.text", SHALL, HTML, HTML, "a structured report as text/html"),
    _report("MT6.default", SHALL, "*/*", HTML, "*/* of a structured report: text/html"),
    _report("MT6.plain", SHALL, PLAIN, PLAIN, "a structured report as text/plain"),
    _report("MT6.xml", SHALL, XML, XML, "a structured report as text/xml"),
    _report("MT6.any-text", SHALL, "text/*", HTML, "text/* of a structured report: text/html"),
)


@check("MT6.no-picture", SHALL, "8.7.8.1", "a structured report as image/jpeg: 406")
def no_picture(world: World) -> None:
    rendered(world, name="report", accept=HTML).ok()
    rendered(world, name="report", accept="image/jpeg").status_in(406)


@check("MT6.no-text", SHALL, "8.7.8.1", "an image as text/html: 406")
def no_text(world: World) -> None:
    rendered(world).ok()
    rendered(world, accept=HTML).status_in(406)


@check("MT6.charset", MAY, "8.8", "a report's character set is told and right")
def charset(world: World) -> None:
    answer = rendered(world, "charset=utf-8", name="report", accept=HTML).ok()
    answer.must("charset=utf-8" in answer.content_type.lower(), "charset=utf-8")
    answer.body.decode("utf-8")


@check("MT6.pdf", MAY, "8.7.4-1", "an encapsulated PDF as application/pdf")
def pdf(world: World) -> None:
    answer = rendered(world, name="document", accept="application/pdf").offered().ok()
    answer.typed("application/pdf")
    answer.equal(answer.body.rstrip(b"\0"), PDF, "the document")


def _video(world: World, **headers: str) -> Answer:
    path = f"{world.instance('video').path}/rendered"
    return world.get(path, MP4, headers)


@check("MT6.video", MAY, "8.7.4-1", "a video as video/mp4")
def video(world: World) -> None:
    answer = _video(world).offered().ok().typed(MP4)
    frames = world.instance("video").frames
    answer.equal(answer.body.rstrip(b"\0"), frames[0].rstrip(b"\0"), "the stream")


@check("MT6.video-range", MAY, "8.6.1", "Range on a rendered video: 206 with those bytes")
def video_range(world: World) -> None:
    _video(world).offered().ok()
    answer = _video(world, Range="bytes=4-7").offered(200).status_in(206)
    answer.equal(answer.body, b"ftyp", "bytes")
    answer.must("content-range" in answer.headers, "Content-Range")


@check("R12.video", MAY, "8.6.1", "Range on the bulk data of a video: 206 with those bytes")
def bulk_range(world: World) -> None:
    _, dataset = world.described("video")
    uri = bulk_uri(world, dataset, "7FE00010")
    accept = f"{MP4}; transfer-syntax=*"
    world.get(uri, accept).offered().ok()
    answer = world.get(uri, accept, {"Range": "bytes=4-7"}).offered(200).status_in(206)
    answer.equal(answer.body, b"ftyp", "bytes")


CHECKS = checks_of(globals().values())

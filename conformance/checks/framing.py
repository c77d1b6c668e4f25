"""Multipart and HTTP as they are on the wire (PS3.18 8.4, 8.6)."""

from __future__ import annotations

import re

from conformance import multipart
from conformance.answer import Answer
from conformance.checks.store import fresh
from conformance.model import SHALL, SHOULD, Check, Failed, Level, NotOffered, check, checks_of
from conformance.world import (
    JSON,
    MULTIPART_DICOM,
    MULTIPART_OCTETS,
    MULTIPART_XML,
    World,
)


def _files(world: World) -> Answer:
    return world.get(world.instance("alpha").series_path, MULTIPART_DICOM).ok()


@check("B1.type", SHALL, "8.7.1", "multipart/related names the type of its root")
def root_type(world: World) -> None:
    answer = _files(world)
    named = multipart.parameters(answer.content_type).get("type", "")
    answer.equal(named.lower(), "application/dicom", "type=")


@check("B1.quoted", SHALL, "8.6.1.2", "the type is quoted, as a slash is no token character")
def quoted(world: World) -> None:
    answer = _files(world)
    answer.must(
        'type="application/dicom"' in answer.content_type.lower(), 'type="application/dicom"'
    )


@check("B1.frames", SHALL, "8.7.1", "frames name application/octet-stream as type")
def frames_type(world: World) -> None:
    answer = world.get(f"{world.instance('multi').path}/frames/1", MULTIPART_OCTETS).ok()
    named = multipart.parameters(answer.content_type).get("type", "")
    answer.equal(named.lower(), "application/octet-stream", "type=")


@check("B1.xml", SHALL, "8.7.1", "XML metadata name application/dicom+xml as type")
def xml_type(world: World) -> None:
    answer = world.get(f"{world.instance('alpha').path}/metadata", MULTIPART_XML).ok()
    named = multipart.parameters(answer.content_type).get("type", "")
    answer.equal(named.lower(), "application/dicom+xml", "type=")


@check("B2.length", SHALL, "8.6.1.2.1", "the boundary has 1 to 70 characters that are allowed")
def boundary_length(world: World) -> None:
    answer = _files(world)
    boundary = multipart.parameters(answer.content_type).get("boundary", "")
    allowed = re.fullmatch(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]", boundary)
    answer.must(bool(allowed), "a boundary after RFC 2046")


@check("B2.not-in-data", SHALL, "8.6.1.2.1", "the boundary is in none of the parts")
def boundary_unique(world: World) -> None:
    answer = _files(world)
    boundary = multipart.parameters(answer.content_type).get("boundary", "").encode()
    answer.equal(answer.body.count(b"--" + boundary), 4, "delimiters")


@check("B2.end", SHALL, "8.6.1.2.1", "the last delimiter closes the body")
def closing(world: World) -> None:
    answer = _files(world)
    boundary = multipart.parameters(answer.content_type).get("boundary", "").encode()
    answer.must(answer.body.rstrip(b"\r\n").endswith(b"--" + boundary + b"--"), "--boundary--")


@check("B2.fresh", SHOULD, "8.6.1.2.1", "boundaries differ between answers of other data")
def fresh_boundary(world: World) -> None:
    one, two = _files(world), world.get(world.instance("multi").path, MULTIPART_DICOM).ok()
    boundaries = [multipart.parameters(a.content_type).get("boundary") for a in (one, two)]
    two.must(boundaries[0] != boundaries[1], "another boundary than for other data")


@check("B3.content-type", SHALL, "8.6.1-1", "each part has a Content-Type")
def part_type(world: World) -> None:
    answer = _files(world)
    answer.equal({p.media_type for p in answer.parts()}, {"application/dicom"}, "types of parts")


@check("B3.location-files", SHALL, "8.6.1-1", "each part of a retrieval has Content-Location")
def file_location(world: World) -> None:
    answer = _files(world)
    answer.must(all(part.location for part in answer.parts()), "Content-Location in each part")


@check("B3.location-right", SHALL, "8.6.1-1", "Content-Location of a file names its instance")
def location_right(world: World) -> None:
    instance = world.instance("alpha")
    answer = world.get(instance.path, MULTIPART_DICOM).ok()
    location = answer.part().location
    if not location:
        answer.must(False, "Content-Location")
    answer.must(instance.uid in location, f"Content-Location of the instance, not {location}")


@check("B3.location-frames", SHALL, "8.6.1-1", "each part of frames has Content-Location")
def frame_location(world: World) -> None:
    answer = world.get(f"{world.instance('multi').path}/frames/1,2", MULTIPART_OCTETS).ok()
    answer.must(all(part.location for part in answer.parts()), "Content-Location in each part")


@check("B3.length", SHALL, "8.6.1-1", "each part has Content-Length or Transfer-Encoding")
def part_length(world: World) -> None:
    answer = _files(world)
    for part in answer.parts():
        named = part.headers.get("content-length")
        told = named is not None or "transfer-encoding" in part.headers
        answer.must(told, "Content-Length in each part")
        if named is not None:
            answer.equal(len(part.body), int(named), "bytes")


def head_of(world: World, path: str, *lines: str, method: str = "GET") -> tuple[str, bytes]:
    head, body = world.client.raw_get(path, *lines, method=method)
    return head.decode("latin-1"), body


@check("B5.framing", SHALL, "8.4.2", "Content-Length or Transfer-Encoding, never both")
def framing(world: World) -> None:
    head, _ = head_of(world, world.instance("alpha").series_path, f"Accept: {MULTIPART_DICOM}")
    lower = head.lower()
    length, chunked = "\r\ncontent-length:" in lower, "\r\ntransfer-encoding:" in lower
    if length and chunked:
        raise Failed(f"asked GET series; answered both framings; expected one: {head[:80]!r}")


@check("B5.length", SHALL, "8.4.2", "Content-Length is the length of the body")
def length(world: World) -> None:
    head, body = head_of(world, f"{world.instance('alpha').path}/metadata", f"Accept: {JSON}")
    named = re.search(r"\r\ncontent-length: *([0-9]+)", head.lower())
    if named is None:
        raise NotOffered("metadata comes without Content-Length")
    if int(named[1]) != len(body):
        raise Failed(f"asked GET metadata; answered {len(body)} bytes; expected {named[1]}")


@check("B5.status-line", SHALL, "7.1", "the answer is HTTP/1.1")
def status_line(world: World) -> None:
    head, _ = head_of(world, "/studies?limit=1", f"Accept: {JSON}")
    if not head.startswith("HTTP/1.1 200"):
        raise Failed(f"asked GET /studies?limit=1; answered {head[:40]!r}; expected HTTP/1.1 200")


@check(
    "B5.content-location", SHALL, "8.4.3", "metadata has Content-Location, being a representation"
)
def message_location(world: World) -> None:
    answer = world.metadata(world.instance("alpha").path)
    answer.must(bool(answer.headers.get("content-location")), "Content-Location")


def _lenient(identifier: str, title: str, level: Level, body: str, extra: str = "") -> Check:
    """A request body whose framing is unusual; FILE stands for the file."""

    def run(world: World) -> None:
        instance = fresh(world)
        content = body.encode().replace(b"FILE", instance.file())
        answer = world.client.request(
            "POST",
            "/studies",
            accept=JSON,
            headers={
                "Content-Type": f'multipart/related; type="application/dicom"; boundary=b{extra}'
            },
            content=content,
        )
        answer.ok()

    return check(identifier, level, "8.6.1.2", title)(run)


_TYPE = "Content-Type: application/dicom\r\n"

LENIENT = (
    _lenient("B6.preamble", "a preamble before the first boundary is ignored", SHALL,
             f"preamble\r\n--b\r\n{_TYPE}\r\nFILE\r\n--b--\r\n"),
    _lenient("B6.epilogue", "an epilogue behind the last boundary is ignored", SHALL,
             f"--b\r\n{_TYPE}\r\nFILE\r\n--b--\r\nepilogue"),
    _lenient("B6.leading-crlf", "an empty line before the first boundary", SHALL,
             f"\r\n--b\r\n{_TYPE}\r\nFILE\r\n--b--\r\n"),
    _lenient("B6.white-space", "white space behind a boundary", SHALL,
             f"--b  \r\n{_TYPE}\r\nFILE\r\n--b--\r\n"),
    _lenient("B6.no-part-type", "a part without Content-Type is of the type of type=", SHOULD,
             "--b\r\n\r\nFILE\r\n--b--\r\n"),
    _lenient("B6.header-case", "names of part headers in other case", SHALL,
             "--b\r\ncontent-TYPE: application/dicom\r\n\r\nFILE\r\n--b--\r\n"),
    _lenient("B6.no-final-crlf", "no line end behind the last boundary", SHALL,
             f"--b\r\n{_TYPE}\r\nFILE\r\n--b--"),
    _lenient("B6.start", "start= names the root by its Content-ID", SHOULD,
             f"--b\r\n{_TYPE}Content-ID: <one@x>\r\n\r\nFILE\r\n--b--\r\n", '; start="<one@x>"'),
)  # fmt: skip


@check("B6.quoted-boundary", SHALL, "8.6.1.2.1", "a boundary in quotes")
def quoted_boundary(world: World) -> None:
    instance = fresh(world)
    part = ({"Content-Type": "application/dicom"}, instance.file())
    answer = world.client.request(
        "POST", "/studies", accept=JSON,
        headers={"Content-Type": 'multipart/related; boundary="a:b c"; type="application/dicom"'},
        content=multipart.build([part], "a:b c"),
    )  # fmt: skip
    answer.ok()


@check("B6.chunked", SHALL, "8.4.2", "a request in chunks, without Content-Length")
def chunked(world: World) -> None:
    instance = fresh(world)
    body = multipart.build([({"Content-Type": "application/dicom"}, instance.file())], "b")
    pieces = [body[i : i + 777] for i in range(0, len(body), 777)]
    framed = b"".join(f"{len(p):x}\r\n".encode() + p + b"\r\n" for p in pieces) + b"0\r\n\r\n"
    host = world.client.url("").partition("//")[2].partition("/")[0]
    extra = "".join(f"{name}: {value}\r\n" for name, value in world.client.extra.items())
    head = (
        f"POST {world.client.path}/studies HTTP/1.1\r\nHost: {host}\r\nAccept: {JSON}\r\n{extra}"
        'Content-Type: multipart/related; type="application/dicom"; boundary=b\r\n'
        "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    answer = world.client.raw(head.encode() + framed)
    if not answer.startswith(b"HTTP/1.1 200"):
        raise Failed(f"asked POST /studies in chunks; answered {answer[:60]!r}; expected 200")


CHECKS = checks_of(globals().values())

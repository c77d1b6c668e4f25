"""Header fields: Content-Type, Forwarded and Host, If-None-Match, Content-ID, Content-Location."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import urlsplit

from dicomweb_server.errors import InvalidMultipart, InvalidRequest, NotAcceptable
from dicomweb_server.model.limits import MultipartLimits
from dicomweb_server.wire import conditional, contenttype, encoding, fields, forwarded, references
from dicomweb_server.wire.characters import named
from dicomweb_server.wire.multipart import boundary_of
from tests.fuzz.dice import Dice
from tests.fuzz.harness import Harness

_LIMITS = MultipartLimits()
_TAG = '"abc"'


def _run(data: bytes) -> None:
    dice = Dice(data)
    which = dice.number(6)
    text = dice.rest().decode("latin-1")
    (_content_type, _lists, _origin, _tags, _locations, _codings)[which](text)


def _content_type(text: str) -> None:
    try:
        found = contenttype.parse(text)
    except InvalidRequest:
        return
    assert contenttype.parse(str(found)) == found, "written and read again"
    try:
        boundary = boundary_of(found, _LIMITS)
    except InvalidMultipart:
        return
    assert 0 < len(boundary) <= _LIMITS.boundary
    assert boundary.isascii()


def _lists(text: str) -> None:
    for mark in ",;":
        pieces = fields.split(text, mark)
        assert fields.split(mark.join(pieces), mark) == pieces or '"' in text
    plain = fields.unquote(text)
    if plain is not None:
        assert fields.unquote(fields.quote(plain)) == plain


def _origin(text: str) -> None:
    lines = (*text.split("\n"), "", "", "", "", "")
    headers = forwarded.ProxyHeaders(*(line or None for line in lines[1:6]))
    for trusted in (False, True):
        try:
            found = forwarded.origin("http", lines[0].encode("latin-1"), trusted, headers)
        except InvalidRequest:
            continue
        parts = urlsplit(found)
        assert parts.scheme in ("http", "https")
        assert parts.hostname
        assert parts.port is None or 0 < parts.port < 65536
        assert not parts.query
        assert not parts.fragment
        assert "@" not in parts.netloc
        assert not set(found) & set(" \t\r\n\"<>\\'")
        assert trusted or found == f"http://{lines[0].lower()}"


def _tags(text: str) -> None:
    match = conditional.any_match(text, _TAG)
    assert conditional.none_match(text, _TAG) in (True, False)
    assert not match or _TAG in text or "*" in text


def _locations(text: str) -> None:
    base, _, uri = text.partition("\n")
    assert isinstance(references.resolved(base, uri), str)
    assert isinstance(references.of_content_id(text), str)


def _codings(text: str) -> None:
    lines = text.split("\n")
    with suppress(InvalidRequest, NotAcceptable):
        assert encoding.choose(lines) in ("identity", "gzip", "zstd")
    with suppress(InvalidRequest, NotAcceptable):
        named(lines[:1], lines[1:2], lines[2:], strict="strict" in text)


def _seeds() -> Iterable[bytes]:
    yield b'\0multipart/related; type="application/dicom"; boundary=abc'
    yield b'\0multipart/related; type=application/dicom; boundary="a b\\"c"; start="<1>"'
    yield b"\0application/dicom+json; charset=utf-8"
    yield b'\1a, "b, c", d;e="\\""'
    yield b"\2host:8080"
    yield b"\2[::1]:8080\nfor=1.2.3.4;proto=https;host=example.org, for=5.6.7.8"
    yield b"\2host\n\nhttps\nouter:444, inner\n443\n/pacs/a"
    yield b'\3"abc", W/"d"'
    yield b"\4http://here/dicom-web/\n../bulk/1?x#y"
    yield b"\4<a%20b@c>"
    yield b"\5gzip;q=0.5, zstd, *;q=0\nidentity"


HARNESS = Harness(
    promise="header fields are read or refused as such; what was read can be written and read "
    "again; an origin is scheme, host and port",
    run=_run,
    seeds=_seeds,
    words=(b"boundary=", b"type=", b"q=0.", b'\\"', b"W/", b"for=", b"proto=", b"host=", b"cid:"),
    longest=1024,
)

"""Negotiation: Accept lines and the `accept` parameter against every resource."""

from __future__ import annotations

from collections.abc import Iterable

from dicomweb_server.errors import InvalidParameter, NotAcceptable
from dicomweb_server.wire import accept, mediarange
from dicomweb_server.wire.accept import Resource
from dicomweb_server.wire.mediarange import Form
from dicomweb_server.wire.rendered_types import FRAME_FORMS, INSTANCE_FORMS
from tests.fuzz.dice import Dice
from tests.fuzz.harness import Harness

_RESOURCES = tuple(Resource)
_RENDERED = tuple(form.text for form in (*FRAME_FORMS, *INSTANCE_FORMS))


def _run(data: bytes) -> None:
    dice = Dice(data)
    resource = dice.one(_RESOURCES)
    strict = dice.chance(2)
    header, _, parameter = dice.rest().decode("latin-1").partition("\n\n")
    lines = header.split("\n")
    values = parameter.split("\n") if parameter else []
    try:
        found = mediarange.parse(lines)
    except InvalidParameter:
        return
    if header.count('"') == header.count("\\") == 0:
        joined = ",".join(lines)
        assert len(joined) > mediarange.MAXIMUM_LENGTH or _plain(found) == _plain(
            mediarange.parse([joined])
        ), "lines mean what they mean joined by commas"
    _wishes(lines, values, resource, strict)
    _choice(lines, values, accept.offered(resource), strict)
    _choice(lines, values, _RENDERED, strict)


def _plain(ranges: tuple[mediarange.MediaRange, ...]) -> list[tuple[str, float]]:
    return [(found.media_type, found.q) for found in ranges]


def _wishes(lines: list[str], values: list[str], resource: Resource, strict: bool) -> None:
    try:
        found = accept.wishes(lines, values, resource, strict=strict)
    except (InvalidParameter, NotAcceptable) as refusal:
        _require_told(refusal)
        return
    assert found
    ranges = mediarange.parse(lines)
    for wish in found:
        form = Form(wish.media_type, wish.transfer_syntax, wish.multipart)
        assert wish.media_type
        assert wish.transfer_syntax
        rating = mediarange.quality(ranges, form) if ranges else None
        assert rating is None or rating[0] > 0, f"refused by the header, and yet wished: {wish}"


def _choice(lines: list[str], values: list[str], offered: tuple[str, ...], strict: bool) -> None:
    try:
        found = accept.ranked(tuple(lines), tuple(values), offered, strict)
    except (InvalidParameter, NotAcceptable) as refusal:
        _require_told(refusal)
        return
    assert found
    assert set(found) <= set(offered)
    assert len(set(found)) == len(found)
    assert accept.choose(lines, values, offered, strict) == found[0]


def _require_told(refusal: InvalidParameter | NotAcceptable) -> None:
    assert refusal.detail
    assert refusal.hint


def _seeds() -> Iterable[bytes]:
    for place in range(len(_RESOURCES)):
        head = bytes((place, 0))
        yield head + b'multipart/related; type="application/dicom"; transfer-syntax=*;q=0.5'
        yield head + b"application/dicom+json, */*;q=0.1"
        yield head + b"image/jpeg;q=1, image/*;q=0.3\nvideo/mp4"
    yield b'\3\0multipart/related; type="image/jp2"; transfer-syntax=1.2.840.10008.1.2.4.90'
    yield b"\1\1*/*\n\napplication/octet-stream"
    yield b"\1\0image/png\n\nimage/png, image/gif"


HARNESS = Harness(
    promise="an Accept header is understood or refused with what would have worked; only what the "
    "client accepts is chosen",
    run=_run,
    seeds=_seeds,
    words=(
        b"multipart/related",
        b'type="application/octet-stream"',
        b"transfer-syntax=",
        b"1.2.840.10008.1.2.1",
        b"application/dicom+xml",
        b"application/zip",
        b"*/*",
        b";q=0",
        b"image/dicom-rle",
        b"charset=",
    ),
    longest=1024,
)

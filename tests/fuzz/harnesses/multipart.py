"""Multipart bodies: what is read does not depend on the pieces in which they come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from dicomweb_server.errors import ArchiveError, InvalidMultipart, PayloadTooLarge
from dicomweb_server.model.limits import MultipartLimits
from dicomweb_server.wire import multipart
from dicomweb_server.wire.multipart import End, Event, MultipartReader, PartBegin, PartData, PartEnd
from tests.fuzz.dice import Dice
from tests.fuzz.harness import Harness

_BOUNDARY = "b-1"
_LIMITS = MultipartLimits(parts=8, headers=4, header_bytes=128, preamble=64)
_WIDER = replace(_LIMITS, header_bytes=512)  # lines may have ended with LF, and end with CRLF then
_SIZES = (1, 2, 3, 5, 7, 16, 64)

Part = tuple[tuple[tuple[str, str], ...], bytes]


def _run(data: bytes) -> None:
    dice = Dice(data)
    size = dice.one(_SIZES)
    body = dice.rest()
    told = _read([body])
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    assert _read(pieces) == told, f"in pieces of {size}"
    events, error = told
    _require_order(events)
    if not error:
        parts = _parts(events)
        if any(_BOUNDARY.encode() in data for _, data in parts):
            return  # behind a bare LF the boundary may begin the data, which nobody can write
        assert _parts(_read([_written(parts)], _WIDER)[0]) == parts, "written and read again"


def _read(pieces: list[bytes], limits: MultipartLimits = _LIMITS) -> tuple[list[Event], str]:
    """All events, neighbouring data joined, and the error at the end."""
    reader = MultipartReader(_BOUNDARY, limits)
    events: list[Event] = []
    error = ""
    try:
        for piece in pieces:
            events += reader.feed(piece)
        events += reader.finish()
    except (InvalidMultipart, PayloadTooLarge) as failure:
        error = str(failure)
    return _joined(events), error


def _joined(events: list[Event]) -> list[Event]:
    found: list[Event] = []
    for event in events:
        last = found[-1] if found else None
        if isinstance(event, PartData):
            assert event.data, "empty data"
            data = bytes(event.data)
            if isinstance(last, PartData):
                data = bytes(last.data) + data
                found.pop()
            found.append(PartData(data))
        else:
            found.append(event)
    return found


def _require_order(events: list[Event]) -> None:
    """Begin, data, end; the end of all at the end."""
    inside = False
    for place, event in enumerate(events):
        if isinstance(event, PartBegin):
            assert not inside
            inside = True
            assert len(event.headers) <= _LIMITS.headers
        elif isinstance(event, PartEnd):
            assert inside
            inside = False
        elif isinstance(event, End):
            assert not inside
            assert place == len(events) - 1
        else:
            assert inside


def _parts(events: list[Event]) -> list[Part]:
    found: list[Part] = []
    for event in events:
        if isinstance(event, PartBegin):
            found.append((event.headers, b""))
        elif isinstance(event, PartData):
            found[-1] = (found[-1][0], bytes(event.data))
    # Content-Type is written first, whatever its place.
    return [(tuple(sorted(h, key=lambda p: p[0] != "content-type")), d) for h, d in found]


def _written(parts: list[Part]) -> bytes:
    body = b""
    try:
        for place, (headers, data) in enumerate(parts):
            body += multipart.part_head(_BOUNDARY, headers, first=not place) + data
    except ArchiveError as error:
        raise AssertionError(f"what was read cannot be written: {error}") from error
    return body + multipart.closing(_BOUNDARY, first=not parts)


def _seeds() -> Iterable[bytes]:
    part = b"--b-1\r\nContent-Type: application/dicom\r\nContent-ID: <a>\r\n\r\nDICM\r\n"
    for size in (b"\0", b"\3"):
        yield size + part + b"--b-1--\r\n"
        yield size + b"preamble\r\n" + part * 3 + b"--b-1--epilogue"
        yield size + part.replace(b"\r\n", b"\n") + b"--b-1--"
        yield size + b"--b-1\r\n\r\n\r\n--b-1--"
        yield size + b"--b-1\r\n\r\nx\n--b-1x\r\n--b-\r--b-1  \r\n\r\n\r\n--b-1--"
        yield size + b"--b-1\r\nA: 1\r\n  folded\r\nB:\t2 \r\n\r\n\r\n\r\n--b-1--"


HARNESS = Harness(
    promise="a multipart body means the same in pieces of any size, and what was read can be "
    "written and read again",
    run=_run,
    seeds=_seeds,
    words=(b"--b-1", b"--b-1--", b"\r\n", b"\r\n\r\n", b"--b-1\r\n", b"\n--b-1", b"Content-Type: "),
    longest=1024,
)

"""The multipart reader: tolerant, bounded, and blind to how its input is cut."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import pytest
from dicomweb_client.web import DICOMwebClient
from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.errors import ArchiveError, InvalidMultipart, PayloadTooLarge
from dicomweb_server.model.limits import MultipartLimits
from dicomweb_server.wire import contenttype
from dicomweb_server.wire.multipart import (
    End,
    Event,
    MultipartReader,
    PartBegin,
    PartData,
    PartEnd,
    boundary_of,
)

LIMITS = MultipartLimits()
Headers = tuple[tuple[str, str], ...]
Part = tuple[Headers, bytes]
Outcome = tuple[list[Part | str], type[ArchiveError] | None]


def summary(events: Iterable[Event]) -> list[Part | str]:
    """Parts with their joined data; what is incomplete or out of order is told by a word."""
    found: list[Part | str] = []
    headers: Headers | None = None
    data = b""
    for event in events:
        match event:
            case PartBegin(begun):
                assert headers is None
                headers, data = begun, b""
            case PartData(piece):
                assert headers is not None
                assert len(piece) > 0
                data += bytes(piece)
            case PartEnd():
                assert headers is not None
                found.append((headers, data))
                headers = None
            case End():
                assert headers is None
                found.append("end")
    if headers is not None:
        found += [(headers, data), "open"]
    return found


def read(boundary: str, pieces: Iterable[bytes], limits: MultipartLimits = LIMITS) -> Outcome:
    reader = MultipartReader(boundary, limits)
    events: list[Event] = []
    try:
        for piece in pieces:
            events += reader.feed(piece)
        events += reader.finish()
    except ArchiveError as error:
        return summary(events), type(error)
    return summary(events), None


def parts(boundary: str, body: bytes) -> list[Part | str]:
    found, error = read(boundary, [body])
    assert error is None
    assert found[-1] == "end"
    one_by_one = read(boundary, [body[i : i + 1] for i in range(len(body))])
    assert one_by_one == (found, None)
    return found[:-1]


TYPE: Headers = (("content-type", "application/dicom"),)


def test_a_plain_body() -> None:
    body = b"--b\r\nContent-Type: application/dicom\r\n\r\nDATA\r\n--b--\r\n"
    assert parts("b", body) == [(TYPE, b"DATA")]


def test_a_body_of_the_clients_begins_and_ends_otherwise() -> None:
    content_type = 'multipart/related; type="application/dicom"; boundary="x-1"'
    body = DICOMwebClient._encode_multipart_message([b"one", b"", b"\r\n--x-"], content_type)
    assert body.startswith(b"\r\n--x-1")
    assert body.endswith(b"--x-1--")
    boundary = boundary_of(contenttype.parse(content_type), LIMITS)
    assert parts(boundary, body) == [(TYPE, b"one"), (TYPE, b""), (TYPE, b"\r\n--x-")]


def test_preamble_and_epilogue_are_dropped() -> None:
    body = (
        b"not --b a delimiter\r\n--bx\r\n\r\n--b\r\n\r\nDATA\r\n--b--\r\n--b\r\n\r\nmore\r\n--b--"
    )
    assert parts("b", body) == [((), b"DATA")]


def test_bare_line_feeds_frame_as_well() -> None:
    body = b"\n--b\nContent-Type: application/dicom\n\nDATA\r\n--b\n\n\n\n--b--\n"
    assert parts("b", body) == [(TYPE, b"DATA\r"), ((), b"\n")]


def test_a_bare_line_feed_in_front_of_a_boundary_is_data_where_lines_end_with_crlf() -> None:
    body = b"--b\r\n\r\nDATA\n--b\r\n\r\n\r\n--b--"
    assert parts("b", body) == [((), b"DATA\n--b\r\n\r\n")]


def test_blanks_behind_a_boundary_do_not_count() -> None:
    body = b"--b \t\r\n\r\none\r\n--b  \r\n\r\ntwo\r\n--b-- \r\n"
    assert parts("b", body) == [((), b"one"), ((), b"two")]


def test_a_longer_boundary_is_data() -> None:
    body = b"--b\r\n\r\n1\r\n--bb\r\n2\r\n--b-\r\n3\r\n--b" + b" " * 65 + b"\r\n\r\n--b--"
    assert parts("b", body) == [((), body[7:-7])]


def test_a_boundary_only_counts_at_the_beginning_of_a_line() -> None:
    body = b"--b\r\n\r\nx--b--\r--b--\r\r\n--b--"
    assert parts("b", body) == [((), b"x--b--\r--b--\r")]


def test_header_names_are_lower_case_and_folded_lines_are_joined() -> None:
    body = b"--b\r\nCONTENT-type :\tapplication/dicom;\r\n\ttransfer-syntax=1.2 \r\n"
    body += b"X:\r\nY:\r\n folded\r\n \r\n\r\n\r\n--b--"
    syntax = ("content-type", "application/dicom; transfer-syntax=1.2")
    expected = (syntax, ("x", ""), ("y", "folded"))
    assert parts("b", body) == [(expected, b"")]


def test_a_part_without_a_body_may_share_its_line_end_with_the_boundary() -> None:
    body = b"--b\r\nContent-Type: application/dicom\r\n\r\n--b\r\n\r\n--b--"
    assert parts("b", body) == [(TYPE, b""), ((), b"")]


def test_a_body_without_parts_has_an_end_only() -> None:
    assert parts("b", b"--b--") == []


def test_the_headers_of_a_part_can_be_asked_by_name() -> None:
    begin = PartBegin(TYPE)
    assert begin.header("content-type") == "application/dicom"
    assert begin.header("content-location") is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no boundary at all",
        b"--b",
        b"--b\r\n",
        b"--b\r\n\r\nDATA",
        b"--b\r\n\r\nDATA\r\n--b",
        b"--b\r\n\r\nDATA\r\n--b-",
        b"--b\r\n\r\nDATA\r\n--b\r\n",
        b"--b\r\n\r\nDATA--b--",
    ],
)
def test_a_missing_closing_boundary_is_an_error(body: bytes) -> None:
    assert read("b", [body])[1] is InvalidMultipart


@pytest.mark.parametrize(
    "line", [b"no colon", b": no name", b" folded", b"a b: c", b"X: a\x00b", b"X: a\rb", b"\x80: a"]
)
def test_a_malformed_header_is_an_error(line: bytes) -> None:
    assert read("b", [b"--b\r\n" + line + b"\r\n\r\n\r\n--b--"])[1] is InvalidMultipart


def test_parts_in_front_of_an_error_are_told_first() -> None:
    body = b"--b\r\n\r\nDATA\r\n--b\r\nbad\r\n\r\n"
    assert read("b", [body]) == ([((), b"DATA")], InvalidMultipart)


def test_an_error_stays() -> None:
    reader = MultipartReader("b", LIMITS)
    with pytest.raises(InvalidMultipart):
        reader.feed(b"--b\r\nbad\r\n")
    with pytest.raises(InvalidMultipart):
        reader.feed(b"--b--")
    with pytest.raises(InvalidMultipart):
        reader.finish()


def test_the_number_of_parts_is_limited() -> None:
    limits = MultipartLimits(parts=2)
    body = b"--b\r\n\r\n1\r\n--b\r\n\r\n2\r\n--b"
    assert read("b", [body + b"--"], limits)[1] is None
    found, error = read("b", [body + b"\r\n\r\n3\r\n--b--"], limits)
    assert error is PayloadTooLarge
    assert len(found) == 2


def test_a_million_empty_parts_end_at_the_limit() -> None:
    reader = MultipartReader("b", LIMITS)
    events = reader.feed(b"--b\r\n\r\n" * 1_000_000)
    assert sum(isinstance(event, PartEnd) for event in events) == LIMITS.parts
    with pytest.raises(PayloadTooLarge):
        reader.finish()


def test_the_number_of_headers_is_limited() -> None:
    limits = MultipartLimits(headers=2)
    assert read("b", [b"--b\r\nA: 1\r\nB: 2\r\n\r\n\r\n--b--"], limits)[1] is None
    assert read("b", [b"--b\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n"], limits)[1] is InvalidMultipart


@pytest.mark.parametrize("filler", [b"a", b"\r", b"X: y\r\n", b" \r\n"])
def test_the_bytes_of_headers_are_limited(filler: bytes) -> None:
    limits = MultipartLimits(headers=10_000, header_bytes=100)
    pieces = itertools.chain([b"--b\r\nA: 1\r\n"], itertools.repeat(filler, 101))
    assert read("b", pieces, limits) == ([], InvalidMultipart)
    assert next(pieces)


@pytest.mark.parametrize("filler", [b"x", b"\n", b"\r\n--", b"b--"])
def test_the_preamble_is_limited(filler: bytes) -> None:
    limits = MultipartLimits(preamble=100)
    assert read("b", [b"x" * 99 + b"\n--b--"], limits)[1] is None
    pieces = itertools.repeat(filler, 110)
    assert read("b", pieces, limits) == ([], InvalidMultipart)
    assert next(pieces)


def test_no_more_than_a_delimiter_is_kept_between_pieces() -> None:
    reader = MultipartReader("frontier", LIMITS)
    reader.feed(b"--frontier\r\n\r\n")
    for piece in (b"x" * 100_000, b"\r\n--front" * 1000, b"\r\n--frontier" + b" " * 64, b"\r"):
        seen = b"".join(bytes(e.data) for e in reader.feed(piece) if isinstance(e, PartData))
        assert len(piece) - len(seen) <= len("\r\n--frontier") + 66
        assert len(reader._buffer) <= len("\r\n--frontier") + 66


def test_a_piece_without_a_delimiter_comes_back_without_a_copy() -> None:
    reader = MultipartReader("frontier", LIMITS)
    reader.feed(b"--frontier\r\n\r\nx")
    piece = b"x" * 1000
    (event,) = reader.feed(piece)
    assert isinstance(event, PartData)
    assert event.data is piece


def test_memory_views_are_taken() -> None:
    reader = MultipartReader("b", LIMITS)
    events = reader.feed(memoryview(b"--b\r\n\r\nDA")) + reader.feed(memoryview(b"TA\r\n--b--"))
    assert summary(events) == [((), b"DATA"), "end"]


@pytest.mark.parametrize(
    "text", ["a", "=_Part(1)'+,./:?-", "---DICOM-INSTASNCE---", "a b", "x" * 70]
)
def test_boundaries_of_rfc_2046_are_taken(text: str) -> None:
    content_type = contenttype.ContentType("multipart/related", (("boundary", text + "  "),))
    assert boundary_of(content_type, LIMITS) == text


@pytest.mark.parametrize("text", [None, "", "  ", "x" * 71, "ä", "a;b", "a\tb", 'a"b', "a\\b"])
def test_other_boundaries_are_refused(text: str | None) -> None:
    parameters = () if text is None else (("boundary", text),)
    with pytest.raises(InvalidMultipart):
        boundary_of(contenttype.ContentType("multipart/related", parameters), LIMITS)


header_names = st.sampled_from(["Content-Type", "content-location", "X-A"])
header_values = st.text("abc/;=\" '", max_size=10).map(str.strip)
headers = st.lists(st.tuples(header_names, header_values), max_size=3)
bodies = st.binary(max_size=30) | st.lists(
    st.sampled_from([b"\r\n", b"\n", b"\r", b"--", b"b", b"bb", b" ", b"x", b"-"]), max_size=12
).map(b"".join)
cuts = st.lists(st.integers(0, 400), max_size=12)


def cut(body: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(min(place, len(body)) for place in places), len(body)]
    return [body[low:high] for low, high in itertools.pairwise(edges)]


@given(
    st.lists(st.tuples(headers, bodies), max_size=4),
    st.sampled_from([b"\r\n", b"\n"]),
    st.sampled_from([b"", b"\r\n", b"preamble\r\n"]),
    st.sampled_from([b"", b"\r\n", b"epilogue", b"\r\n--bb\r\n\r\n"]),
    cuts,
)
def test_what_is_written_is_read_however_it_is_cut(
    written: list[tuple[list[tuple[str, str]], bytes]],
    line: bytes,
    preamble: bytes,
    epilogue: bytes,
    places: list[int],
) -> None:
    boundary = "bb0b"
    body = preamble
    for number, (lines, data) in enumerate(written):
        body += (line if number else b"") + b"--" + boundary.encode() + line
        body += b"".join(f"{name}: {value}".encode() + line for name, value in lines)
        body += line + data
    body += (line if written else b"") + b"--" + boundary.encode() + b"--" + epilogue
    expected: list[Part | str] = [
        (tuple((name.lower(), value) for name, value in lines), data) for lines, data in written
    ]
    assert read(boundary, cut(body, places)) == ([*expected, "end"], None)


fragments = st.sampled_from(
    [b"--b", b"\r\n", b"\n", b"\r", b"--", b"-", b" ", b"\t", b":", b"A: b", b"b", b"\r\n\r\n--b"]
)
soups = st.lists(fragments, max_size=40).map(b"".join) | st.binary(max_size=60)
small = MultipartLimits(parts=3, headers=2, header_bytes=20, preamble=10)


@given(soups, cuts, st.sampled_from([LIMITS, small]))
def test_every_cutting_gives_the_same(
    body: bytes, places: list[int], limits: MultipartLimits
) -> None:
    def tidy(outcome: Outcome) -> Outcome:
        # Data of a part that never ends may come in part or not at all.
        found, error = outcome
        return (found[:-2] if found[-1:] == ["open"] else found), error

    whole = tidy(read("b", [body], limits))
    assert tidy(read("b", cut(body, places), limits)) == whole
    assert tidy(read("b", [body[i : i + 1] for i in range(len(body))], limits)) == whole


@given(st.integers(0, 30), st.integers(1, 40))
def test_cost_does_not_grow_with_earlier_bytes(count: int, size: int) -> None:
    reader = MultipartReader("frontier", LIMITS)
    reader.feed(b"--frontier\r\n\r\n")
    for _ in range(count):
        reader.feed(b"\r\n--frontie" * size)
        assert len(reader._buffer) < 20

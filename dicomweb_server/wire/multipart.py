"""Multipart bodies, read piece by piece and written part by part (RFC 2046 5.1, PS3.18 8.6.1.2).

The reader keeps no more than a delimiter's length of data between two pieces, and all work is
linear in the number of bytes, however small the pieces are.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from dicomweb_server.errors import (
    ArchiveError,
    InvalidMultipart,
    InvalidRequest,
    PayloadTooLarge,
)
from dicomweb_server.model.limits import MultipartLimits
from dicomweb_server.wire import fields
from dicomweb_server.wire.contenttype import ContentType

# What follows the boundary on its line: the closing dashes, or blanks and the line's end.
_AFTER = re.compile(rb"--|[ \t]{0,64}\r?\n")
_UNDECIDED = re.compile(rb"-?|[ \t]{0,64}\r?")
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]*[0-9A-Za-z'()+_,./:=?-]")
_VALUE = re.compile(r"[\t -~\x80-\xff]*")


@dataclass(frozen=True, slots=True)
class PartBegin:
    """A part begins.

    Args:
        headers: Names in lower case and values, in their order.
    """

    headers: tuple[tuple[str, str], ...]

    def header(self, name: str) -> str | None:
        """Value of the first header of a (lower-case) name, None without one."""
        return fields.first_parameter(self.headers, name)


@dataclass(frozen=True, slots=True)
class PartData:
    """Some bytes of the part's body, never empty."""

    data: bytes | memoryview


@dataclass(frozen=True, slots=True)
class PartEnd:
    """The part is complete."""


@dataclass(frozen=True, slots=True)
class End:
    """The closing boundary was read; what follows is dropped."""


Event = PartBegin | PartData | PartEnd | End


class _State(Enum):
    PREAMBLE = "in front of the first boundary"
    HEADERS = "in the headers of a part"
    DATA = "in the body of a part"
    DONE = "behind the closing boundary"


class MultipartReader:
    """Reads one multipart body that comes in pieces of any size.

    Tolerated: text in front of the first boundary and behind the last, bare LF line ends, blanks
    behind a boundary, no line end after the closing boundary, folded headers, parts without
    headers. The line end in front of a boundary belongs to it and not to the data; which line end
    that is, CRLF or bare LF, is decided by the first boundary's own line.

    Args:
        boundary: From `boundary_of`.
        limits: Bounds on parts, headers and preamble.
    """

    def __init__(self, boundary: str, limits: MultipartLimits) -> None:
        self._limits = limits
        self._dashes = b"--" + boundary.encode("ascii")
        self._needle = b"\n" + self._dashes
        self._state = _State.PREAMBLE
        self._parts = 0
        self._preamble = 0
        self._headers: list[tuple[str, list[str]]] = []
        self._header_bytes = 0
        self._error: ArchiveError | None = None
        # The body begins as if a line end stood in front of it. Bytes of the buffer in front of
        # _place are consumed; searches begin at _search.
        self._buffer = b"\n"
        self._place = 1
        self._search = 0

    def feed(self, data: bytes | memoryview) -> list[Event]:
        """Take the next piece of the body and tell what is in it.

        Events in front of an error are returned first; the error is raised by the next call.

        Args:
            data: The piece; slices of it come back in `PartData` without a copy where possible.

        Raises:
            InvalidMultipart: The framing is malformed, or headers or preamble exceed a limit.
            PayloadTooLarge: There are more parts than allowed.
        """
        if self._error is not None:
            raise self._error
        self._buffer = self._buffer + data if self._buffer else bytes(data)
        events: list[Event] = []
        try:
            while self._advance(events):
                pass
        except ArchiveError as error:
            self._error = error
            if not events:
                raise
        return events

    def finish(self) -> list[Event]:
        """Say that the body has ended.

        Raises:
            InvalidMultipart: The closing boundary is missing.
        """
        if self._error is not None:
            raise self._error
        if self._state is not _State.DONE:
            raise InvalidMultipart(
                f"the body ends {self._state.value}, before the closing boundary",
                "end the body with --boundary--, the boundary as the Content-Type names it",
            )
        return []

    def _advance(self, events: list[Event]) -> bool:
        """One step; False where more bytes are needed."""
        if self._state is _State.DONE:
            self._buffer = b""
            return False
        if self._state is _State.HEADERS:
            return self._read_header(events)
        return self._scan(events)

    def _scan(self, events: list[Event]) -> bool:
        """Look for the next delimiter in the preamble or in a part's body."""
        begin, length = self._search, len(self._needle)
        while (hit := self._buffer.find(self._needle, begin)) >= 0:
            after = _AFTER.match(self._buffer, hit + length)
            if after is not None:
                self._consume(hit, events)
                self._delimiter(after, events)
                return True
            if _UNDECIDED.fullmatch(self._buffer, hit + length):
                break
            begin = hit + length
        keep = hit if hit >= 0 else self._possible_start(begin)
        self._consume(keep, events)
        self._forget(keep)
        return False

    def _possible_start(self, begin: int) -> int:
        """Where a delimiter may begin whose end is not here yet."""
        low = max(begin, len(self._buffer) - len(self._needle) + 1)
        place = self._buffer.rfind(self._needle[:1], low)
        if place >= 0 and self._needle.startswith(self._buffer[place:]):
            return place
        return len(self._buffer)

    def _consume(self, end: int, events: list[Event]) -> None:
        """Take the bytes up to `end` as data, or as preamble."""
        begin, self._place = self._place, max(self._place, end)
        if end <= begin:
            return
        if self._state is _State.DATA:
            whole = begin == 0 and end == len(self._buffer)
            events.append(PartData(self._buffer if whole else memoryview(self._buffer)[begin:end]))
            return
        self._preamble += end - begin
        if self._preamble > self._limits.preamble:
            raise InvalidMultipart(
                f"no boundary within the first {self._limits.preamble} bytes of the body",
                "the boundary of the Content-Type must be the one that the body uses",
            )

    def _forget(self, end: int) -> None:
        """Drop bytes of the buffer that nothing needs any more."""
        self._buffer = self._buffer[end:]
        self._place = max(self._place - end, 0)
        self._search = 0

    def _delimiter(self, after: re.Match[bytes], events: list[Event]) -> None:
        if self._state is _State.DATA:
            events.append(PartEnd())
        elif not after.group().endswith(b"--"):
            line_end = b"\r\n" if after.group().endswith(b"\r\n") else b"\n"
            self._needle = line_end + self._dashes
        if after.group() == b"--":
            self._state = _State.DONE
            events.append(End())
            return
        self._parts += 1
        if self._parts > self._limits.parts:
            raise PayloadTooLarge(
                f"the body has more than {self._limits.parts} parts", "send several requests"
            )
        self._state = _State.HEADERS
        self._headers = []
        self._header_bytes = 0
        self._place = self._search = after.end()

    def _read_header(self, events: list[Event]) -> bool:
        """Read one line of a part's headers."""
        end = self._buffer.find(b"\n", self._search) + 1
        size = (end or len(self._buffer)) - self._place
        if self._header_bytes + size > self._limits.header_bytes:
            raise InvalidMultipart(
                f"the headers of part {self._parts} have more than "
                f"{self._limits.header_bytes} bytes",
                "an empty line ends the headers of a part",
            )
        if not end:
            self._forget(self._place)
            self._search = len(self._buffer)
            return False
        self._header_bytes += size
        line = self._buffer[self._place : end]
        content = line[:-1].removesuffix(b"\r")
        if content:
            self._header_line(content.decode("latin-1"))
            self._place = self._search = end
        else:
            events.append(
                PartBegin(
                    tuple((name, " ".join(filter(None, lines))) for name, lines in self._headers)
                )
            )
            self._state = _State.DATA
            # The empty line's end may be the line end of a delimiter: a part without a body.
            self._search, self._place = self._place, end
        return True

    def _header_line(self, line: str) -> None:
        if line[0] in " \t" and self._headers:
            value = line.strip(" \t")
            self._headers[-1][1].append(value)
        else:
            name, colon, value = line.partition(":")
            name, value = name.rstrip(" \t").lower(), value.strip(" \t")
            if not colon or not fields.TOKEN.fullmatch(name):
                raise InvalidMultipart(
                    f"part {self._parts} has a header line without a name",
                    "write Name: value, and an empty line behind the headers",
                )
            self._headers.append((name, [value]))
        if not _VALUE.fullmatch(value):
            raise InvalidMultipart(f"part {self._parts} has a header with control characters")
        if len(self._headers) > self._limits.headers:
            raise InvalidMultipart(
                f"part {self._parts} has more than {self._limits.headers} headers"
            )


def boundary_of(content_type: ContentType, limits: MultipartLimits) -> str:
    """The boundary that a Content-Type names.

    Args:
        content_type: Of the request.
        limits: Bound on its length.

    Raises:
        InvalidMultipart: There is none, it is too long, or it has characters that RFC 2046 5.1.1
            does not allow; blanks at its end do not count.
    """
    boundary = (content_type.parameter("boundary") or "").rstrip(" ")
    if not boundary:
        raise InvalidMultipart("the Content-Type has no boundary", "add boundary=... to it")
    if len(boundary) > limits.boundary:
        raise InvalidMultipart(
            f"the boundary has {len(boundary)} characters", f"at most {limits.boundary}"
        )
    if not _BOUNDARY.fullmatch(boundary):
        raise InvalidMultipart(
            "the boundary has characters that are not allowed",
            "letters, digits and '()+_,-./:=? are (RFC 2046 5.1.1)",
        )
    return boundary


def new_boundary() -> str:
    """A random boundary of 128 bits: a token, so that it needs no quotes, and never in the data."""
    return "dicomweb-" + secrets.token_hex(16)


def part_head(boundary: str, headers: Sequence[tuple[str, str]], first: bool) -> bytes:
    """Everything of a part in front of its body.

    Args:
        boundary: From `new_boundary`.
        headers: Names and values; Content-Type comes first and in just this spelling, whatever
            its place here, because clients look for it so.
        first: Whether it is the first part: nothing stands in front of its boundary.

    Raises:
        InvalidRequest: A value holds what no header can hold, such as a line break.
    """
    lines = [f"--{boundary}" if first else f"\r\n--{boundary}"]
    lines += [f"Content-Type: {value}" for name, value in headers if _is_type(name)]
    lines += [f"{name}: {value}" for name, value in headers if not _is_type(name)]
    if not all(_VALUE.fullmatch(value) for _, value in headers):
        raise InvalidRequest("a header value holds control characters")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def closing(boundary: str, first: bool = False) -> bytes:
    """The end of the body.

    Args:
        boundary: From `new_boundary`.
        first: Whether no part stands in front of it.
    """
    return b"%s--%s--\r\n" % (b"" if first else b"\r\n", boundary.encode("ascii"))


def multipart_type(boundary: str, root_type: str) -> str:
    """The Content-Type of a multipart answer (PS3.18 8.7.1).

    Args:
        boundary: From `new_boundary`.
        root_type: Media type of the parts, without parameters: some clients split the header at
            every semicolon, quoted or not.
    """
    root = root_type.partition(";")[0].strip(" ")
    return f'multipart/related; type="{root}"; boundary={fields.quote(boundary)}'


def body_length(parts: Iterable[tuple[int, int]], boundary: str) -> int:
    """Bytes of a whole multipart body, known before any of it is sent.

    Args:
        parts: For each part the bytes of its head (from `part_head`) and of its body.
        boundary: From `new_boundary`.
    """
    sizes = [head + body for head, body in parts]
    return sum(sizes) + len(closing(boundary, first=not sizes))


def _is_type(name: str) -> bool:
    return name.lower() == "content-type"

"""multipart/related bodies, written and read to the letter (RFC 2046, PS3.18 8.6.1.2)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import Message

from conformance.model import Failed


@dataclass(frozen=True, slots=True)
class Part:
    """One part.

    Args:
        headers: By names in lower case.
        body: Its bytes.
    """

    headers: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """Content-Type without parameters, in lower case."""
        return media_type(self.headers.get("content-type", ""))

    @property
    def transfer_syntax(self) -> str:
        """Parameter transfer-syntax of Content-Type; empty where there is none."""
        return parameters(self.headers.get("content-type", "")).get("transfer-syntax", "")

    @property
    def location(self) -> str:
        """Content-Location; empty where there is none."""
        return self.headers.get("content-location", "")


def media_type(content_type: str) -> str:
    """A Content-Type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def parameters(content_type: str) -> dict[str, str]:
    """The parameters of a Content-Type by names in lower case, unquoted."""
    message = Message()
    message["Content-Type"] = content_type
    found = message.get_params([], "content-type", unquote=True)
    return {name.lower(): value for name, value in found[1:]}


def new_boundary() -> str:
    """A boundary that is in no data."""
    return "conformance-" + secrets.token_hex(16)


def build(parts: Sequence[tuple[Mapping[str, str], bytes]], boundary: str) -> bytes:
    """A body of the given parts."""
    chunks: list[bytes] = []
    for headers, body in parts:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        chunks += [f"--{boundary}\r\n{lines}\r\n".encode(), body, b"\r\n"]
    return b"".join([*chunks, f"--{boundary}--\r\n".encode()])


def parse(content_type: str, body: bytes) -> list[Part]:
    """The parts of a body.

    Raises:
        Failed: It is not multipart/related, has no boundary, or is cut short.
    """
    if media_type(content_type) != "multipart/related":
        raise Failed(f"the body is {content_type or 'without Content-Type'}, not multipart/related")
    boundary = parameters(content_type).get("boundary", "")
    if not boundary:
        raise Failed(f"Content-Type has no boundary: {content_type}")
    delimiter = b"\r\n--" + boundary.encode()
    pieces = (b"\r\n" + body).split(delimiter)
    if not pieces[-1].startswith(b"--"):
        raise Failed("the multipart body has no closing delimiter")
    return [_part(piece) for piece in pieces[1:-1]]


def _part(piece: bytes) -> Part:
    text = piece.lstrip(b" \t")
    if not text.startswith(b"\r\n"):
        raise Failed("a boundary is followed by other bytes than CRLF")
    head, separator, body = text[2:].partition(b"\r\n\r\n")
    if not separator and not text.startswith(b"\r\n\r\n"):
        raise Failed("a part has no blank line after its headers")
    if text.startswith(b"\r\n\r\n"):
        head, body = b"", text[4:]
    headers: dict[str, str] = {}
    for line in head.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        if name:
            headers[name.strip().lower()] = value.strip()
    return Part(headers, body)

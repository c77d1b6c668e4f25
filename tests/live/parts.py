"""A strict reader of multipart answers: it takes nothing that simple clients would trip over."""

from __future__ import annotations

import re
from dataclasses import dataclass

import httpx


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an answer.

    Args:
        head: Its header lines as sent.
        body: Its bytes.
    """

    head: tuple[str, ...]
    body: bytes

    def header(self, name: str) -> str:
        """Value of a header."""
        for line in self.head:
            key, _, value = line.partition(": ")
            if key.lower() == name.lower():
                return value
        raise AssertionError(f"no {name} in {self.head}")

    @property
    def transfer_syntax(self) -> str:
        """Transfer syntax that its Content-Type names."""
        found = re.search(r"; transfer-syntax=([0-9.]+)$", self.header("Content-Type"))
        assert found, self.head
        return found[1]


def boundary_of(content_type: str) -> str:
    """Boundary that a Content-Type names, read as dicomweb-client does: split at semicolons."""
    kind, *parameters = (piece.strip() for piece in content_type.split(";"))
    assert kind == "multipart/related", content_type
    values = dict(parameter.split("=", 1) for parameter in parameters)
    assert values["type"].startswith('"'), content_type
    return values["boundary"].strip('"')


def parts_of(response: httpx.Response) -> list[Part]:
    """The parts of a multipart answer; each must tell its true length (PS3.18 8.6.1)."""
    return split(response.content, boundary_of(response.headers["content-type"]))


def split(body: bytes, boundary: str) -> list[Part]:
    """The parts of a multipart body without preamble and epilogue."""
    delimiter = f"--{boundary}".encode()
    assert body.startswith(delimiter + b"\r\n"), body[:80]
    assert body.rstrip(b"\r\n").endswith(b"\r\n" + delimiter + b"--"), body[-80:]
    inner = body[len(delimiter) : body.rindex(b"\r\n" + delimiter + b"--")]
    parts = []
    for piece in inner.split(b"\r\n" + delimiter):
        assert piece.startswith(b"\r\n"), piece[:80]
        head, _, data = piece[2:].partition(b"\r\n\r\n")
        part = Part(tuple(head.decode("ascii").split("\r\n")), data)
        assert int(part.header("Content-Length")) == len(data)
        parts.append(part)
    return parts

"""Query strings read from their raw bytes: `+` is a plus, escapes are decoded once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from dicomweb_server.errors import InvalidParameter
from dicomweb_server.model.limits import QueryLimits

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_WHOLE = "query string"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a query string, decoded.

    Args:
        name: Its name, never empty.
        value: Its value; empty where there is none.
        has_value: Whether an `=` follows the name: `key=` has an empty value, `key` has none.
    """

    name: str
    value: str
    has_value: bool


def parse(raw: bytes, limits: QueryLimits) -> tuple[Parameter, ...]:
    """Read a query string in the order in which it is written.

    Args:
        raw: The bytes behind the `?`, as they came over the wire.
        limits: Bounds on the length and on the number of parameters.

    Raises:
        InvalidParameter: Too long, too many parameters, a bad escape, text that is not UTF-8, a
            NUL, or a value without a name.

    Empty segments (`a&&b`) do not count. PS3.18 8.3.1, RFC 3986 2.1.
    """
    if len(raw) > limits.query_bytes:
        raise InvalidParameter(
            _WHOLE, f"has {len(raw)} bytes", f"at most {limits.query_bytes} bytes are read"
        )
    segments = [segment for segment in raw.split(b"&") if segment]
    if len(segments) > limits.parameters:
        raise InvalidParameter(
            _WHOLE,
            f"has {len(segments)} parameters",
            f"at most {limits.parameters} parameters are read",
        )
    return tuple(_parameter(segment) for segment in segments)


def split_list(value: str) -> list[str]:
    """Split a decoded value at its commas; blanks around members and empty members do not count.

    Decoding comes first, so that `%2C` separates as well: real clients encode their commas.
    """
    return [member for part in value.split(",") if (member := part.strip(" \t"))]


def build(parameters: Iterable[Parameter]) -> str:
    """Write a query string that `parse` reads back; all but unreserved characters are escaped."""
    return "&".join(
        quote(p.name, safe="") + ("=" + quote(p.value, safe="") if p.has_value else "")
        for p in parameters
    )


def _parameter(segment: bytes) -> Parameter:
    name, equals, value = segment.partition(b"=")
    if not name:
        raise InvalidParameter(_WHOLE, "holds a value without a name", "write name=value")
    text = _decoded(name, _WHOLE)
    return Parameter(text, _decoded(value, text), bool(equals))


def _decoded(raw: bytes, name: str) -> str:
    if _BAD_ESCAPE.search(raw):
        raise InvalidParameter(
            name, "a % is not followed by two hex digits", "write a percent sign itself as %25"
        )
    try:
        text = unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidParameter(
            name, "is not UTF-8", "percent-encode the UTF-8 bytes of the text"
        ) from None
    if "\0" in text:
        raise InvalidParameter(name, "holds a NUL character", "leave it out")
    return text

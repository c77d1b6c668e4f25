"""Entity tags and conditional requests (RFC 9110 8.8.3, 13.1)."""

from __future__ import annotations

import re
from hashlib import sha256

_TAGS = re.compile(r'(?:W/)?("[^"]*")')


def etag(*parts: str) -> str:
    """A strong entity tag with its quotes.

    Args:
        parts: Everything that decides the bytes of the representation, for example the digest of
            the instance, the transfer syntax sent and the frame numbers.
    """
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return f'"{sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]}"'


def none_match(header: str | None, current: str) -> bool:
    """Whether the condition If-None-Match holds: True means send, False means 304.

    Args:
        header: Value of the header, several lines joined by commas; None without one.
        current: The current entity tag with its quotes.

    Returns:
        True without the header. False where the header is `*` or lists the tag; tags are compared
        weakly (RFC 9110 13.1.2).
    """
    return header is None or not _lists(header, current)


def any_match(header: str | None, current: str) -> bool:
    """Whether the condition If-Match holds: True means go on, False means 412.

    Args:
        header: Value of the header; None without one.
        current: The current strong entity tag with its quotes.

    Returns:
        True without the header, for `*`, and where it lists the tag; weak tags never match
        (RFC 9110 13.1.1).
    """
    if header is None or header.strip(" \t") == "*":
        return True
    return any(found.group() == current for found in _TAGS.finditer(header))


def _lists(header: str, current: str) -> bool:
    if header.strip(" \t") == "*":
        return True
    opaque = current.removeprefix("W/")
    return any(found[1] == opaque for found in _TAGS.finditer(header))

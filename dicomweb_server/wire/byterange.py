"""The Range and If-Range header fields (RFC 9110 13.1.5, 14.2)."""

from __future__ import annotations

import re

from dicomweb_server.errors import RangeNotSatisfiable
from dicomweb_server.model.instance import ByteRange

_ONE = re.compile(r"bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*", re.IGNORECASE)
_LONGEST = 18


def parse(header: str, size: int) -> ByteRange | None:
    """The one range that a request asks for.

    Args:
        header: Value of the Range header.
        size: Length of the whole representation in bytes.

    Returns:
        The range, never empty, cut to the representation; None where the whole of it is to be
        sent: several ranges, another unit, or a malformed value (RFC 9110 14.2 allows that, and
        it leaves no room for answers larger than the representation).

    Raises:
        RangeNotSatisfiable: The range begins behind the end, or asks for the last 0 bytes.
    """
    found = _ONE.fullmatch(header.strip(" \t"))
    if found is None or found[1] == found[2] == "":
        return None
    if not found[1]:
        return _suffix(_number(found[2]), size)
    first = _number(found[1])
    last = _number(found[2]) if found[2] else size - 1
    if found[2] and _order(found[2]) < _order(found[1]):
        return None
    if first >= size:
        raise RangeNotSatisfiable(size)
    return ByteRange(first, min(last, size - 1) - first + 1)


def content_range(part: ByteRange, size: int) -> str:
    """Value of the Content-Range header of a partial answer (RFC 9110 14.4)."""
    return f"bytes {part.start}-{part.start + part.length - 1}/{size}"


def if_range_holds(header: str | None, etag: str) -> bool:
    """Whether a Range may be honoured under If-Range.

    Args:
        header: Value of the If-Range header, None without one.
        etag: The current strong entity tag with its quotes.

    Returns:
        True without the header or when it is exactly this tag; dates and weak tags never hold.
    """
    return header is None or header.strip(" \t") == etag


def _suffix(count: int, size: int) -> ByteRange | None:
    if count == 0:
        raise RangeNotSatisfiable(size)
    if size == 0:
        return None
    count = min(count, size)
    return ByteRange(size - count, count)


def _order(digits: str) -> tuple[int, str]:
    """Sorts numbers of any length."""
    digits = digits.lstrip("0")
    return len(digits), digits


def _number(digits: str) -> int:
    # Longer numbers lie beyond every file and would cost time to convert.
    digits = digits.lstrip("0")
    return int(digits or "0") if len(digits) <= _LONGEST else 10**_LONGEST

"""The Accept header field: media ranges and what they cover (RFC 9110 12.5.1, PS3.18 8.7.7)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dicomweb_server.errors import InvalidParameter
from dicomweb_server.model.media import MEDIA_TYPE_ALIASES, MULTIPART_RELATED, TRANSFER_SYNTAXES
from dicomweb_server.wire import fields
from dicomweb_server.wire.contenttype import is_media_type

ANY = "*/*"
MAXIMUM_LENGTH = 8 * 1024
MAXIMUM_RANGES = 64

_QUALITY = re.compile(r"[01]?(?:\.[0-9]{0,6})?")
_MULTIPART = (MULTIPART_RELATED, "multipart/*")
_SPELLING = {syntax.media_type.lower(): syntax.media_type for syntax in TRANSFER_SYNTAXES.values()}


@dataclass(frozen=True, slots=True)
class MediaRange:
    """One member of an Accept header.

    Args:
        media_type: `type/subtype` in lower case, either may be `*`.
        parameters: Names in lower case and values without quotes; without `q`.
        q: Quality from 0 (not acceptable) to 1.
        place: Its place in the header, from 0.
    """

    media_type: str
    parameters: tuple[tuple[str, str], ...]
    q: float
    place: int

    def parameter(self, name: str) -> str | None:
        """Value of the first parameter of a (lower-case) name, None without one."""
        return fields.first_parameter(self.parameters, name)

    @property
    def is_multipart(self) -> bool:
        """Whether it asks for multipart/related."""
        return self.media_type in _MULTIPART

    @property
    def content(self) -> str:
        """Media type of the content, aliases resolved: of a part where it is multipart."""
        return canonical(self.parameter("type") or ANY if self.is_multipart else self.media_type)

    @property
    def transfer_syntax(self) -> str:
        """The `transfer-syntax` parameter; empty without one."""
        return self.parameter("transfer-syntax") or ""


@dataclass(frozen=True, slots=True)
class Form:
    """A form in which something can be sent, to hold against media ranges.

    Args:
        media_type: Of the content, without wildcards unless everything is meant.
        transfer_syntax: Its UID or `*`; None where it does not matter.
        multipart: Whether it travels as multipart/related.
    """

    media_type: str
    transfer_syntax: str | None
    multipart: bool


def parse(values: Sequence[str]) -> tuple[MediaRange, ...]:
    """Read all Accept header lines of a request.

    Args:
        values: The lines in their order.

    Returns:
        The ranges in their order; members that are malformed are left out (PS3.18 8.7.7).

    Raises:
        InvalidParameter: The header is too long, or has too many members.
    """
    read = [_read(text, place) for place, text in enumerate(members(values, "Accept"))]
    return tuple(found for found in read if found is not None)


def parse_parameter(values: Sequence[str]) -> tuple[MediaRange, ...]:
    """Read the values of the `accept` query parameter (PS3.18 8.3.3.1).

    Args:
        values: The values, percent-decoded.

    Raises:
        InvalidParameter: A member is malformed or a wildcard.
    """
    found = []
    for place, text in enumerate(members(values, "accept")):
        member = _read(text, place)
        if member is None or "*" in member.media_type:
            raise InvalidParameter(
                "accept",
                f"member {place + 1} is not a media type",
                "media types without wildcards, for example accept=application/dicom",
            )
        found.append(member)
    return tuple(found)


def members(values: Sequence[str], name: str) -> list[str]:
    """The members of a list that may be spread over several header lines.

    Args:
        values: The lines.
        name: Of the header, for the message.

    Raises:
        InvalidParameter: The lines are too long, or have too many members.
    """
    if sum(len(value) for value in values) > MAXIMUM_LENGTH:
        raise InvalidParameter(name, "is too long", f"at most {MAXIMUM_LENGTH} characters")
    found = [member for value in values for member in fields.split(value, ",")]
    if len(found) > MAXIMUM_RANGES:
        raise InvalidParameter(name, "has too many members", f"at most {MAXIMUM_RANGES}")
    return found


def canonical(media_type: str) -> str:
    """A media type as the table of transfer syntaxes spells it, aliases resolved."""
    lower = media_type.strip().lower()
    lower = MEDIA_TYPE_ALIASES.get(lower, lower)
    return _SPELLING.get(lower, lower)


def covers(wide: str, narrow: str) -> bool:
    """Whether a media type with or without wildcards covers another (both in lower case)."""
    major, _, minor = wide.lower().partition("/")
    if minor == "*":
        return major in ("*", narrow.lower().partition("/")[0])
    return wide.lower() == narrow.lower()


def specificity(media_range: MediaRange, form: Form) -> tuple[int, int, int] | None:
    """How exactly a range names a form; None where it does not cover it.

    Greater is more specific: the type itself, then the type of the parts, then the transfer
    syntax (RFC 9110 12.5.1).
    """
    wanted = "" if form.transfer_syntax is None else media_range.transfer_syntax
    if wanted not in ("", "*", form.transfer_syntax):
        return None
    exact = int(bool(wanted) and wanted == form.transfer_syntax)
    if media_range.media_type == ANY:
        return (0, 0, exact)
    if media_range.is_multipart != form.multipart:
        return None
    if not covers(media_range.content, form.media_type):
        return None
    return (_level(media_range.media_type), _level(media_range.content), exact)


def quality(ranges: Sequence[MediaRange], form: Form) -> tuple[float, int] | None:
    """The q of a form and the place of the range that decides it: the most specific one.

    Returns:
        None where no range covers the form; a q of 0 says that it is not acceptable.
    """
    best: tuple[tuple[int, int, int], float, int] | None = None
    for media_range in ranges:
        rank = specificity(media_range, form)
        if rank is not None and (best is None or (rank, media_range.q) > best[:2]):
            best = (rank, media_range.q, media_range.place)
    return None if best is None else best[1:]


def quality_of(text: str) -> float | None:
    """The value of a `q` parameter, None where it is malformed (RFC 9110 12.4.2)."""
    if not text.strip(".") or not _QUALITY.fullmatch(text) or float(text) > 1:
        return None
    return float(text)


def _level(media_type: str) -> int:
    return 2 - media_type.count("*")


def _read(text: str, place: int) -> MediaRange | None:
    media_type, *rest = fields.split(text, ";") or [""]
    media_type = ANY if media_type == "*" else media_type.lower()
    read = [fields.parameter(piece) for piece in rest]
    pairs = [pair for pair in read if pair is not None]
    if not _is_range(media_type) or len(pairs) < len(read):
        return None
    pairs = [inner for pair in pairs for inner in _unpacked(pair)]
    q = next((value for name, value in pairs if name == "q"), "1")
    weight = quality_of(q)
    if weight is None:
        return None
    kept = tuple(pair for pair in pairs if pair[0] != "q")
    return MediaRange(media_type, kept, weight, place)


def _is_range(media_type: str) -> bool:
    major, _, minor = media_type.partition("/")
    return is_media_type(media_type) and (major != "*" or minor == "*")


def _unpacked(pair: tuple[str, str]) -> list[tuple[str, str]]:
    """Take apart `type="image/jpeg; transfer-syntax=1.2"`: viewers mean two parameters."""
    name, value = pair
    if name != "type" or ";" not in value:
        return [pair]
    first, *rest = [piece.strip() for piece in value.split(";")]
    inner = [fields.parameter(piece) for piece in rest if piece]
    return [(name, first), *(found for found in inner if found is not None)]

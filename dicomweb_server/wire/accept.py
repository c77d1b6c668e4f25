"""Choosing the form of an answer from Accept and `accept` (PS3.18 8.7.5 to 8.7.8).

Binary resources get an ordered list of wishes, because what can be made depends on the instance;
resources of fixed types get one of the types that they offer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import lru_cache

from dicomweb_server.errors import InvalidParameter, NotAcceptable
from dicomweb_server.model.ids import is_uid
from dicomweb_server.model.media import (
    APPLICATION_DICOM,
    APPLICATION_ZIP,
    DEFLATED_LITTLE,
    DICOM_JSON,
    DICOM_XML,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    MULTIPART_RELATED,
    OCTET_STREAM,
    TRANSFER_SYNTAXES,
)
from dicomweb_server.wire import contenttype
from dicomweb_server.wire.mediarange import (
    ANY,
    Form,
    MediaRange,
    canonical,
    covers,
    members,
    parse,
    parse_parameter,
    quality,
)

__all__ = ["MediaRange", "Resource", "Wish", "choose", "offered", "parse", "ranked", "wishes"]

MULTIPART_XML = f'{MULTIPART_RELATED}; type="{DICOM_XML}"'


class Resource(Enum):
    """What is asked for, as far as negotiation tells resources apart (PS3.18 Table 10.4.4-1)."""

    INSTANCES = "the instances of a study or series"
    INSTANCE = "one instance"
    FRAMES = "several frames"
    FRAME = "one frame"
    BULKDATA = "bulk data of one attribute"
    BULKDATA_SET = "bulk data of many attributes"
    METADATA = "metadata"
    SEARCH = "search results"
    STORE_RESPONSE = "the answer to a store request"


FIXED: dict[Resource, tuple[str, ...]] = {
    Resource.METADATA: (DICOM_JSON, MULTIPART_XML),
    Resource.SEARCH: (DICOM_JSON, MULTIPART_XML),
    Resource.STORE_RESPONSE: (DICOM_JSON, DICOM_XML, MULTIPART_XML),
}
"""What resources of fixed types offer; the first is the default."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One form that the client accepts.

    Args:
        media_type: Of a part, or of the body where it is not multipart: `application/dicom`,
            `application/octet-stream`, a type of PS3.18 Table 8.7.3-5 as `model.media` spells it,
            for bulk data also the type of an encapsulated document; `*/*` leaves it to the server.
        transfer_syntax: A UID, or `*` for any, best the stored one. With a media type of its own
            and `*`, only transfer syntaxes of that media type will do; `application/octet-stream`
            goes with every one.
        multipart: Whether it travels as multipart/related.
        as_stored: Whether only the form in which the pixels lie will do.
        unasked: Whether the transfer syntax is the default of the media type, or any for want of
            another, not the client's.
        rank: The same for those that the client accepts equally well, lower for better ones; -1
            where the order alone tells.
    """

    media_type: str
    transfer_syntax: str
    multipart: bool
    as_stored: bool = False
    unasked: bool = field(default=False, compare=False)
    rank: int = field(default=-1, compare=False)


_STEPS, _BEHIND = 1000, 2000
"""How many values of q there are (RFC 9110 12.4.2); ranks behind all those of the parameter."""
_NEVER = (IMPLICIT_LITTLE, EXPLICIT_BIG)
"""Transfer syntaxes that no answer may have (PS3.18 8.7.3)."""
_DEFAULTS = {s.media_type: s.uid for s in TRANSFER_SYNTAXES.values() if s.default} | {
    APPLICATION_DICOM: EXPLICIT_LITTLE,
    APPLICATION_ZIP: "*",
}
_COMPRESSED = tuple(
    t for t in _DEFAULTS if t not in (APPLICATION_DICOM, APPLICATION_ZIP, OCTET_STREAM)
)
_PIXELS = (OCTET_STREAM, *_COMPRESSED)
_DOCUMENTS = ("application/pdf", "text/xml", "model/stl", "model/obj", "model/mtl")
_MULTIPART = {
    Resource.INSTANCES: (APPLICATION_DICOM, *_PIXELS),
    Resource.INSTANCE: (APPLICATION_DICOM, *_PIXELS),
    Resource.FRAMES: _PIXELS,
    Resource.FRAME: _PIXELS,
    Resource.BULKDATA: _PIXELS + _DOCUMENTS,
    Resource.BULKDATA_SET: _PIXELS + _DOCUMENTS,
}
"""What travels as multipart; the first is the default of the resource.

Bulk data types on instances mean the bulk data of these (PS3.18 Table 10.4.4-1, historical).
"""
_SINGLE = {
    Resource.INSTANCES: (APPLICATION_ZIP,),
    Resource.INSTANCE: (APPLICATION_DICOM, APPLICATION_ZIP),
    Resource.FRAMES: (),
    Resource.FRAME: _PIXELS,
    Resource.BULKDATA: _PIXELS + _DOCUMENTS,
    Resource.BULKDATA_SET: (),
}
"""What travels alone: only resources that are one item (PS3.18 10.4.4 note 3), and zip."""
_DICOM = (APPLICATION_DICOM, DICOM_JSON, DICOM_XML)
_RENDERED = (
    "image/png",
    "image/gif",
    "image/jph",
    "text/html",
    "text/plain",
    "text/xml",
    "text/rtf",
    "application/rtf",
    "application/pdf",
)
_HINTS = {
    Resource.INSTANCES: 'multipart/related; type="application/dicom"; transfer-syntax=*',
    Resource.INSTANCE: (
        'multipart/related; type="application/dicom"; transfer-syntax=* or '
        "application/dicom; transfer-syntax=*"
    ),
    Resource.FRAMES: 'multipart/related; type="application/octet-stream"; transfer-syntax=*',
    Resource.FRAME: (
        'multipart/related; type="application/octet-stream"; transfer-syntax=* or '
        "application/octet-stream; transfer-syntax=*"
    ),
    Resource.BULKDATA: (
        'multipart/related; type="application/octet-stream" or application/octet-stream or */*'
    ),
    Resource.BULKDATA_SET: 'multipart/related; type="application/octet-stream"; transfer-syntax=*',
}


def offered(resource: Resource) -> tuple[str, ...]:
    """The media types that a resource can have, as in Accept headers; the first is the default."""
    if resource in FIXED:
        return FIXED[resource]
    several = (f'{MULTIPART_RELATED}; type="{kind}"' for kind in _MULTIPART[resource])
    return (*several, *_SINGLE[resource])


def wishes(
    header: Sequence[str], parameter: Sequence[str], resource: Resource, *, strict: bool = False
) -> tuple[Wish, ...]:
    """The forms of a resource that the client accepts, best first.

    Args:
        header: All lines of the Accept header.
        parameter: All values of the `accept` query parameter, decoded.
        resource: What is asked for.
        strict: Refuse requests without an Accept header, as PS3.18 8.7.5 says; else they get the
            resource's default.

    Returns:
        At least one wish: first those of the parameter that the header covers, then those of the
        header by their q and place.

    Raises:
        NotAcceptable: The client accepts nothing that the resource can be.
        InvalidParameter: The parameter is malformed, or mixes DICOM and rendered types.
    """
    return _wishes(tuple(header), tuple(parameter), resource, strict)


# Clients send the same few headers with every request; memory is bounded by the limits of both.
@lru_cache(maxsize=256)
def _wishes(
    header: tuple[str, ...], parameter: tuple[str, ...], resource: Resource, strict: bool
) -> tuple[Wish, ...]:
    if resource in FIXED:
        return (_fixed_wish(choose(header, parameter, FIXED[resource], strict=strict)),)
    ranges, named = _both(header, parameter, _HINTS[resource], strict)
    found = [
        wish
        for wish in _ordered(named, resource)
        if (rating := quality(ranges, _form(wish))) is not None and rating[0] > 0
    ]
    found += (replace(wish, rank=wish.rank + _BEHIND) for wish in _ordered(ranges, resource))
    if not found:
        raise NotAcceptable(
            f"{resource.value} cannot be sent in any form of the Accept header",
            f"Accept: {_HINTS[resource]}",
            asked=_told(header, parameter),
            offered=offered(resource),
        )
    return tuple(dict.fromkeys(found))


def choose(
    header: Sequence[str],
    parameter: Sequence[str],
    offered: Sequence[str],
    strict: bool = False,
) -> str:
    """The best of the types that a resource offers.

    Args:
        header: All lines of the Accept header.
        parameter: All values of the `accept` query parameter, decoded.
        offered: Media types, multipart ones with their `type`; the first is the default.
        strict: Refuse requests without an Accept header.

    Returns:
        One of `offered`: of those that any member accepts the one of the highest q; where two have
        the same, the one named first in the header. Other parameters, such as `charset` or
        `transfer-syntax`, do not matter.

    Raises:
        NotAcceptable: The client accepts none of them.
        InvalidParameter: The parameter is malformed, or mixes DICOM and rendered types.
    """
    return ranked(tuple(header), tuple(parameter), tuple(offered), strict)[0]


@lru_cache(maxsize=256)
def ranked(
    header: tuple[str, ...], parameter: tuple[str, ...], offered: tuple[str, ...], strict: bool
) -> tuple[str, ...]:
    """All of the types that a resource offers and the client accepts, best first.

    Args:
        header, parameter, offered, strict: As for `choose`.

    Returns:
        At least one.

    Raises:
        NotAcceptable, InvalidParameter: As for `choose`.
    """
    ranges, named = _both(header, parameter, ", ".join(offered), strict)
    forms = [_offered_form(text) for text in offered]
    rated: list[tuple[int, float, int, int]] = []
    for index, form in enumerate(forms):
        general = quality(ranges, form)
        if general is None or general[0] == 0:
            continue
        rated.append((1, -general[0], general[1], index))
        special = quality(named, form)
        if special is not None and special[0] > 0:
            rated.append((0, -special[0], special[1], index))
    if not rated:
        raise NotAcceptable(
            "the resource cannot be sent in any form of the Accept header",
            f"Accept: {', '.join(offered)}",
            asked=_told(header, parameter),
            offered=offered,
        )
    return tuple(dict.fromkeys(offered[rating[-1]] for rating in sorted(rated)))


def _both(
    header: Sequence[str], parameter: Sequence[str], hint: str, strict: bool
) -> tuple[tuple[MediaRange, ...], tuple[MediaRange, ...]]:
    """The ranges of the header, and the media types of the parameter."""
    if not any(line.strip() for line in header):
        if strict:
            raise NotAcceptable("the request has no Accept header", f"Accept: {hint}")
        header = [ANY]
    ranges, named = parse(header), parse_parameter(parameter)
    _require_one_kind(named, "accept")
    if strict:
        # Viewers name rendered types as a way out; the standard wants that refused (N5).
        _require_one_kind(ranges, "Accept")
    return ranges, named


def _require_one_kind(ranges: Sequence[MediaRange], name: str) -> None:
    """Refuse DICOM and rendered media types in one request (PS3.18 8.7.5)."""
    contents = [(media_range.content, media_range.is_multipart) for media_range in ranges]
    if any(content in _DICOM for content, _ in contents) and any(
        content in _RENDERED and not multipart for content, multipart in contents
    ):
        raise InvalidParameter(
            name, "mixes DICOM and rendered media types", "ask for one of the two kinds"
        )


def _told(header: Sequence[str], parameter: Sequence[str]) -> list[str]:
    """What the client accepts, in its own words."""
    return [*members(parameter, "accept"), *members(header, "Accept")]


def _ordered(ranges: Sequence[MediaRange], resource: Resource) -> list[Wish]:
    """The wishes that ranges stand for, by q and then by place."""
    places: dict[Wish, int] = {}
    for media_range in ranges:
        if media_range.q > 0:
            for wish in _wishes_of(media_range, resource):
                places.setdefault(wish, media_range.place)
    rated = [(quality(ranges, _form(wish)) or (0.0, 0), wish) for wish in places]
    accepted = [(-q, places[wish], wish) for (q, _), wish in rated if q > 0]
    accepted.sort(key=lambda entry: entry[:2])
    return [replace(wish, rank=round(_STEPS * (1 + worse))) for worse, _, wish in accepted]


def _wishes_of(media_range: MediaRange, resource: Resource) -> Iterator[Wish]:
    asked = media_range.transfer_syntax
    if media_range.media_type == ANY and resource in (Resource.BULKDATA, Resource.BULKDATA_SET):
        yield from _whatever(asked, multipart=resource is Resource.BULKDATA_SET)
        return
    multipart = media_range.is_multipart or media_range.media_type == ANY
    offered = (_MULTIPART if multipart else _SINGLE)[resource]
    if multipart and media_range.content == ANY:
        named = media_range.is_multipart and media_range.parameter("type")
        if named and offered[0] == OCTET_STREAM:
            yield from _whatever(asked, multipart=True)
            return
        offered = offered[:1]
    wild = "*" in media_range.content
    covered = [kind for kind in offered if covers(media_range.content, kind)]
    for media_type in covered:
        if wild and media_type == APPLICATION_ZIP:
            continue
        syntax = _syntax(media_type, asked, wild)
        if syntax:
            as_stored = wild and syntax == "*" and media_type in _COMPRESSED
            yield Wish(media_type, syntax, multipart, as_stored, unasked=not asked)
        if media_type.startswith("video/") and not asked:
            # Video is lossy only: as it is stored rather than not at all (PS3.18 8.7.3.4).
            yield Wish(media_type, "*", multipart, unasked=True)
    if wild and asked in ("", "*"):
        # Where none of the types is the stored one, whichever can be made.
        kinds = (kind for kind in covered if kind in _COMPRESSED)
        yield from (Wish(kind, "*", multipart, unasked=not asked) for kind in kinds)
    if media_range.content == ANY and not asked:
        # Who takes anything is better served with the stored form than with a refusal.
        yield from (Wish(kind, "*", multipart, unasked=True) for kind in offered[:1])


def _whatever(asked: str, multipart: bool) -> Iterator[Wish]:
    """The wish of a client that leaves the media type to the server."""
    syntax = _syntax(OCTET_STREAM, asked or "*", wild=True)
    if syntax:
        yield Wish(ANY, syntax, multipart, unasked=not asked)


def _syntax(media_type: str, asked: str, wild: bool) -> str:
    """The transfer syntax of a wish (PS3.18 8.7.3); empty where the two do not go together.

    Without one asked for, it is the default of the media type; but a wildcard such as `image/*`
    cannot mean the defaults of all types that it covers, so that it takes them as stored.
    """
    if media_type in _DOCUMENTS:
        return "*"
    if not asked:
        return "*" if wild and media_type in _COMPRESSED else _DEFAULTS[media_type]
    if asked == "*":
        return asked
    if not is_uid(asked) or asked in _NEVER:
        return ""
    if media_type == OCTET_STREAM:
        return "" if asked == DEFLATED_LITTLE else asked
    known = TRANSFER_SYNTAXES.get(asked)
    if media_type in _COMPRESSED and (known is None or known.media_type != media_type):
        return ""
    return asked


def _form(wish: Wish) -> Form:
    return Form(wish.media_type, wish.transfer_syntax, wish.multipart)


def _offered_form(text: str) -> Form:
    offered = contenttype.parse(text)
    multipart = offered.media_type == MULTIPART_RELATED
    content = offered.parameter("type") if multipart else offered.media_type
    return Form(canonical(content or ANY), None, multipart)


def _fixed_wish(text: str) -> Wish:
    form = _offered_form(text)
    return Wish(form.media_type, "*", form.multipart)

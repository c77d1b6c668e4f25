"""Renditions to responses: entity tags, what browsers may do with them, single and multipart."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

from dicomweb_server.dicom.page import style_source
from dicomweb_server.service.rendition import Begun, Finished, Rendition, Stored, begin, only
from dicomweb_server.web.attendance import attended
from dicomweb_server.web.deliver import REVALIDATE, not_modified, tell_missing
from dicomweb_server.web.errors import PROBLEM_JSON
from dicomweb_server.web.errors import answer as problem
from dicomweb_server.web.exchange import Exchange
from dicomweb_server.web.responses import BytesResponse, Response, StreamResponse
from dicomweb_server.wire import byterange, conditional, multipart
from dicomweb_server.wire.rendered_types import HTML, PLAIN, SVG, TEXTS
from dicomweb_server.wire.warnings import warning

_AHEAD = 4
_CHARSET = "; charset=utf-8"
_PAGE = (
    "default-src 'none'; style-src {style}; base-uri 'none'; form-action 'none'; "
    "sandbox allow-top-navigation-by-user-activation allow-popups"
)
_LOCKED = "default-src 'none'; base-uri 'none'; form-action 'none'; sandbox"
_SHOWN = ("image/", "video/", HTML, PLAIN)
"""Types that browsers show in place; others are saved (T2)."""


async def answer(exchange: Exchange, found: Rendition, warnings: Sequence[str] = ()) -> Response:
    """The response to a request for something rendered.

    Its first part is made before this returns; what a client has already is not made at all.

    Args:
        exchange: The request.
        found: What was found for it.
        warnings: Further sentences to tell.

    Raises:
        ArchiveError: Nothing of it can be made.
    """
    base = exchange.base
    tag = conditional.etag(found.tag, base)
    cache = f"private, max-age={found.seconds}" if found.seconds else REVALIDATE
    response: Response
    if not conditional.none_match(exchange.none_match, tag):
        response = not_modified(tag, cache)
    else:
        made = _multipart if found.multipart else _single
        response = await attended(exchange.request.receive, made(exchange, found, tag))
        response.add("ETag", tag)
        response.add("Cache-Control", cache)
        response.add("Vary", "Accept")
    # Viewers on pages with Cross-Origin-Embedder-Policy show pictures in plain img elements.
    response.add("Cross-Origin-Resource-Policy", "cross-origin")
    for text in (*warnings, *found.warnings):
        response.add("Warning", warning(base, text))
    return response


async def _single(exchange: Exchange, found: Rendition, tag: str) -> Response:
    finished = await only(found)
    part = finished.part
    if part.media_type in TEXTS:
        exchange.labelled(part.media_type)  # who takes no UTF-8 is told so
    if isinstance(part, Stored):
        response = _stored(exchange, part, tag)
    else:
        response = BytesResponse(finished.content or b"", _labelled(part.media_type))
    response.add("Content-Location", exchange.base + part.location)
    shown = part.media_type.startswith(_SHOWN)
    response.add("Content-Disposition", "inline" if shown else "attachment")
    policy = _policy(part.media_type)
    if policy:
        response.add("Content-Security-Policy", policy)
    return response


def _policy(media_type: str) -> str:
    """What a browser may do with text that comes from files (T2); empty for plain pictures."""
    if media_type == HTML:
        return _PAGE.format(style=style_source())
    plain = media_type.startswith(("image/", "video/")) and media_type != SVG
    return "" if plain else _LOCKED


def _stored(exchange: Exchange, part: Stored, tag: str) -> Response:
    """A part as it lies in the store, or a range of it, so that players can seek."""
    request = exchange.request
    # Range is defined for GET alone (RFC 9110 14.2).
    asked = request.headers.get("range") if request.method == "GET" else None
    chosen = None
    if asked and byterange.if_range_holds(request.headers.get("if-range"), tag):
        chosen = byterange.parse(asked, part.length)
    length = part.length if chosen is None else chosen.length
    status = 200 if chosen is None else 206
    response = StreamResponse(part.body(chosen), part.media_type, status, length)
    if chosen is not None:
        response.add("Content-Range", byterange.content_range(chosen, part.length))
    response.add("Accept-Ranges", "bytes")
    return response


async def _multipart(exchange: Exchange, found: Rendition, tag: str) -> Response:
    base = exchange.base
    begun = await begin(found, _AHEAD)
    # As with stored parts: the same entity tag means the same bytes.
    boundary = hashlib.sha256(f"{tag} {base}".encode()).hexdigest()[:40]
    kind = multipart.multipart_type(boundary, begun.first.part.media_type)
    status = 206 if found.missing or begun.failed else 200
    response = StreamResponse(_stream(exchange, begun, boundary), kind, status)
    tell_missing(response, base, found.missing)
    for failed in begun.failed:
        detail = failed.failure.detail if failed.failure else ""
        response.add("Warning", warning(base, f"{base}{failed.part.location}: {detail}"))
    return response


async def _stream(exchange: Exchange, begun: Begun, boundary: str) -> AsyncIterator[bytes]:
    async with aclosing(begun.rest) as rest:
        async for chunk in _written(exchange, begun.first, boundary, first=True):
            yield chunk
        async for finished in rest:
            async for chunk in _written(exchange, finished, boundary, first=False):
                yield chunk
    yield multipart.closing(boundary)


async def _written(
    exchange: Exchange, finished: Finished, boundary: str, *, first: bool
) -> AsyncIterator[bytes]:
    """One part; of one that cannot be made a problem document, so that others keep their place."""
    part, kind, content = finished.part, finished.part.media_type, finished.content or b""
    if finished.failure is not None:
        kind = PROBLEM_JSON
        content = problem(finished.failure, exchange.context.request_id).body
    length = part.length if isinstance(part, Stored) else len(content)
    headers = [
        ("Content-Type", kind if isinstance(part, Stored) else _labelled(kind)),
        ("Content-Length", str(length)),
        ("Content-Location", exchange.base + part.location),
    ]
    yield multipart.part_head(boundary, headers, first=first)
    if isinstance(part, Stored):
        async for chunk in part.body(None):
            yield chunk
    else:
        yield content


def _labelled(media_type: str) -> str:
    return media_type + _CHARSET if media_type in TEXTS else media_type

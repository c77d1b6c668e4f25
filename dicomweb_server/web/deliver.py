"""Deliveries to responses: entity tags, ranges, single and multipart."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace

from dicomweb_server.errors import CodecFailed, FrameUndecodable
from dicomweb_server.model.ids import Scope
from dicomweb_server.model.limits import MIB
from dicomweb_server.service.delivery import (
    DeliveredPart,
    Delivery,
    Flow,
    Undelivered,
    ended,
    settled_parts,
)
from dicomweb_server.web.exchange import Exchange
from dicomweb_server.web.responses import BytesResponse, Response, StreamResponse
from dicomweb_server.wire import byterange, conditional, multipart
from dicomweb_server.wire.warnings import warning

REVALIDATE = "private, no-cache"
IMMUTABLE = "private, max-age=31536000, immutable"
_NAMED = 20
AHEAD = 3
"""Parts that are made while an earlier one is sent."""
_BEGUN_BYTES = 8 * MIB
_MOST_BEGUN = 32
"""Bytes and number of parts that are made before the status is told, about."""


def not_modified(tag: str, cache: str, vary: str = "Accept") -> BytesResponse:
    """304 for a client that has these bytes already (RFC 9110 15.4.5)."""
    return BytesResponse(status=304, headers={"ETag": tag, "Cache-Control": cache, "Vary": vary})


async def answer(exchange: Exchange, delivery: Delivery, *, labelled: bool = True) -> Response:
    """The response to a retrieve request, begun already.

    Args:
        exchange: The request.
        delivery: What was found for it.
        labelled: Whether media types tell transfer syntaxes; the URI service has no place for that.

    Raises:
        RangeNotSatisfiable: The Range header lies outside the single part.
        FrameUndecodable, CodecFailed, TooBusy: What comes first cannot be made.
    """
    tag = conditional.etag(delivery.tag, exchange.base)
    if conditional.none_match(exchange.none_match, tag):
        delivery = await begun(delivery)
    if not labelled:
        parts = tuple(replace(part, transfer_syntax="") for part in delivery.parts)
        delivery = replace(delivery, parts=parts)
    return deliver(exchange, delivery)


async def begun(delivery: Delivery) -> Delivery:
    """The same with its first parts settled, so that short answers fail before they begin.

    Raises:
        FrameUndecodable, CodecFailed, TooBusy: Some of them cannot be made; all of them were tried.
    """
    parts, refused = await _tried(delivery.parts[: AHEAD + 1])
    if not refused:
        size = parts[0].length or _BEGUN_BYTES
        more = min(_MOST_BEGUN, _BEGUN_BYTES // max(size, 1))
        others, refused = await _tried(delivery.parts[AHEAD + 1 : more])
        parts += others
    if refused:
        raise refused[0]
    return replace(delivery, parts=(*parts, *delivery.parts[len(parts) :]))


async def _tried(
    parts: Sequence[DeliveredPart],
) -> tuple[list[DeliveredPart], list[FrameUndecodable | CodecFailed]]:
    """Those parts that can be made, and why others cannot."""
    refused: list[FrameUndecodable | CodecFailed] = []

    def careful(part: DeliveredPart) -> DeliveredPart:
        async def settle() -> DeliveredPart:
            try:
                return await part.settled()
            except (FrameUndecodable, CodecFailed) as error:
                refused.append(error)
                return part

        return part if part.settle is None else replace(part, settle=settle)

    carefully = each(map(careful, parts))
    return [part async for part in settled_parts(carefully, AHEAD)], refused


def deliver(exchange: Exchange, delivery: Delivery) -> Response:
    """The response to a retrieve request.

    Args:
        exchange: The request.
        delivery: What was found for it, begun.

    Raises:
        RangeNotSatisfiable: The Range header lies outside the single part.
    """
    base = exchange.base
    tag = conditional.etag(delivery.tag, base)
    cache = IMMUTABLE if delivery.immutable else REVALIDATE
    if not conditional.none_match(exchange.none_match, tag):
        return not_modified(tag, cache)
    if delivery.multipart:
        response = _multipart(base, delivery)
        response.add("Content-Disposition", "attachment")
    else:
        response = _single(exchange, base, delivery.parts[0], tag)
    response.add("ETag", tag)
    response.add("Cache-Control", cache)
    response.add("Vary", "Accept")
    tell_missing(response, base, delivery.missing)
    return response


def deliver_flow(exchange: Exchange, flow: Flow, settled: Delivery | None = None) -> Response:
    """The response of so many parts that they are not kept.

    Args:
        exchange: The request.
        flow: What was found for it.
        settled: The same parts where they are known; then the length is told, and nothing is kept.
    """
    base = exchange.base
    tag = conditional.etag(flow.tag, base)
    if not conditional.none_match(exchange.none_match, tag):
        return not_modified(tag, REVALIDATE)
    boundary = _boundary(flow.tag, base)
    kind = multipart.multipart_type(boundary, flow.media_type)
    status = 206 if flow.missing else 200
    length = None if settled is None else _length(settled, boundary, base)
    response = StreamResponse(_stream(flow.parts(), boundary, base), kind, status, length)
    response.add("Content-Disposition", "attachment")
    response.add("ETag", tag)
    response.add("Cache-Control", REVALIDATE)
    response.add("Vary", "Accept")
    tell_missing(response, base, flow.missing)
    return response


def part_type(part: DeliveredPart) -> str:
    """Content-Type of one part, with its real transfer syntax where it has one (PS3.18 8.7.9)."""
    if not part.transfer_syntax:
        return part.media_type
    return f"{part.media_type}; transfer-syntax={part.transfer_syntax}"


def _multipart(base: str, delivery: Delivery) -> StreamResponse:
    boundary = _boundary(delivery.tag, base)
    status = 206 if delivery.missing else 200
    return StreamResponse(
        _stream(each(delivery.parts), boundary, base),
        multipart.multipart_type(boundary, delivery.parts[0].media_type),
        status,
        _length(delivery, boundary, base),
    )


def _length(delivery: Delivery, boundary: str, base: str) -> int | None:
    """Bytes of a multipart body, None where a part has to be made before its length is known.

    Heads are made again when they are sent: thousands would wait in memory for a slow reader.
    """
    total = len(multipart.closing(boundary))
    for place, part in enumerate(delivery.parts):
        if part.length is None:
            return None
        total += part.length + len(_head(boundary, base, part, first=place == 0))
    return total


def _boundary(tag: str, base: str) -> str:
    # Derived from what is delivered, so that the same entity tag means the same bytes; nobody can
    # make a file that holds the hash of itself.
    return hashlib.sha256(f"{tag} {base}".encode()).hexdigest()[:40]


def _head(boundary: str, base: str, part: DeliveredPart, *, first: bool) -> bytes:
    headers = [("Content-Type", part_type(part))]
    if part.length is not None:
        headers.append(("Content-Length", str(part.length)))
    headers.append(("Content-Location", base + part.location))
    return multipart.part_head(boundary, headers, first=first)


async def each(parts: Iterable[DeliveredPart]) -> AsyncIterator[DeliveredPart]:
    """Parts that are in hand, as they come to be sent."""
    for part in parts:
        yield part


async def _stream(
    parts: AsyncIterator[DeliveredPart], boundary: str, base: str
) -> AsyncIterator[bytes]:
    at_first = True
    async with ended(settled_parts(parts, AHEAD)) as settled:
        async for part in settled:
            async with ended(part.body(None)) as body:
                # The head waits for the first bytes: what cannot be read is never announced.
                first = await anext(body, b"")
                yield _head(boundary, base, part, first=at_first)
                at_first = False
                yield first
                async for chunk in body:
                    yield chunk
    yield multipart.closing(boundary)


def _single(exchange: Exchange, base: str, part: DeliveredPart, tag: str) -> StreamResponse:
    headers = exchange.request.headers
    # Range is defined for GET alone (RFC 9110 14.2), and of a known length only.
    asked = headers.get("range") if exchange.request.method == "GET" else None
    total, chosen = part.length, None
    if total is not None and asked and byterange.if_range_holds(headers.get("if-range"), tag):
        chosen = byterange.parse(asked, total)
    length = total if chosen is None else chosen.length
    status = 200 if chosen is None else 206
    response = StreamResponse(part.body(chosen), part_type(part), status, length)
    if total is not None:
        response.add("Accept-Ranges", "bytes")
        if chosen is not None:
            response.add("Content-Range", byterange.content_range(chosen, total))
    response.add("Content-Location", base + part.location)
    response.add("Content-Disposition", "attachment")
    return response


def tell_missing(response: Response, base: str, missing: Sequence[Undelivered]) -> None:
    """Say in warnings which instances are not in an answer (PS3.18 10.4.3, status 206).

    Args:
        response: The answer.
        base: URL of the DICOMweb root.
        missing: What is not in it.
    """
    if not missing:
        return
    count = len(missing)
    response.add(
        "Warning",
        warning(base, f"{count} instances cannot be delivered as asked, in whole or in part"),
    )
    for undelivered in missing[:_NAMED]:
        where = base + Scope.of(undelivered.key).path
        response.add("Warning", warning(base, f"{where}: {undelivered.reason}"))

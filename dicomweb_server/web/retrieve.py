"""Handlers of WADO-RS (PS3.18 10.4)."""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import suppress
from dataclasses import replace

from starlette.requests import Request

from dicomweb_server.dicom.xml_out import native_xml
from dicomweb_server.errors import BlobDamaged, CodecFailed, FrameUndecodable, NotAcceptable
from dicomweb_server.model import media
from dicomweb_server.model.ids import Scope
from dicomweb_server.service.delivery import Flow
from dicomweb_server.service.metadata import Metadata
from dicomweb_server.web.archive import zipped
from dicomweb_server.web.compress import VARY, stream
from dicomweb_server.web.deliver import REVALIDATE, answer, begun, deliver_flow, not_modified
from dicomweb_server.web.exchange import Exchange
from dicomweb_server.web.responses import Response, StreamResponse
from dicomweb_server.web.xml_parts import multipart_xml
from dicomweb_server.wire import accept, characters, conditional, frames
from dicomweb_server.wire.accept import Resource, Wish
from dicomweb_server.wire.encoding import GZIP, IDENTITY, ZSTD

_CHUNK = 256 * 1024
_MOST_KEPT = 1024
"""Instances of an answer that wait in memory for a slow reader; of more no list is kept."""
_MOST_DAMAGED = 64
"""Times that an answer is chosen anew because something of it is damaged."""
_UNBROKEN = 256
"""Documents that are joined before others have their turn."""


async def instances(request: Request) -> Response:
    """The Part 10 files of a study, a series or an instance.

    Bulk data types mean the bulk data of these instead (PS3.18 Table 10.4.4-1, historical).
    """
    exchange = await Exchange.begin(request)
    resource = Resource.INSTANCE if exchange.scope.instance else Resource.INSTANCES
    refused = None
    for kind, group in _kinds(_wishes(exchange, resource)):
        try:
            return await kind(exchange, group)
        except NotAcceptable as error:
            refused = refused or error
    raise refused or NotAcceptable("nothing was asked for")


def _kinds(wishes: Sequence[Wish]) -> Iterator[tuple[_Kind, list[Wish]]]:
    """The wishes for each kind of answer, in the order of the best of each."""
    kinds: dict[_Kind, list[Wish]] = {}
    for wish in wishes:
        kinds.setdefault(_KINDS.get(wish.media_type, _bulk), []).append(wish)
    yield from kinds.items()


async def _files(exchange: Exchange, wishes: Sequence[Wish]) -> Response:
    retrieve, scope = exchange.services.retrieve, exchange.scope

    async def attempt() -> Response:
        found = await retrieve.instances(exchange.context, scope, wishes)
        if len(found.parts) > _MOST_KEPT:
            await begun(found)  # what is damaged among the first is left out of the flow
            return deliver_flow(exchange, retrieve.flow(scope, wishes, found), found)
        return await answer(exchange, found)

    return await _without_damaged(attempt, several=not scope.instance)


async def _zip(exchange: Exchange, wishes: Sequence[Wish]) -> Response:
    retrieve, scope = exchange.services.retrieve, exchange.scope
    files = [replace(wish, media_type=media.APPLICATION_DICOM, multipart=True) for wish in wishes]

    async def attempt() -> Response:
        found = await retrieve.instances(exchange.context, scope, files)
        return await zipped(exchange, found)

    return await _without_damaged(attempt, several=not scope.instance)


async def _without_damaged(
    attempt: Callable[[], Awaitable[Response]], *, several: bool = False
) -> Response:
    """An answer that leaves out what turns out to be damaged before it begins.

    Args:
        attempt: Chooses and begins an answer; what cannot be read or decoded is remembered, so
            that the next choice is without it.
        several: Whether it is of several instances: without one whose bytes are damaged the
            others are delivered.
    """
    for _ in range(_MOST_DAMAGED):
        with suppress(FrameUndecodable, CodecFailed):
            try:
                response = await attempt()
                if several and isinstance(response, StreamResponse):
                    await response.begin()
            except BlobDamaged as error:
                if error.final or not several:
                    raise
            else:
                return response
    return await attempt()


async def _bulk(exchange: Exchange, wishes: Sequence[Wish]) -> Response:
    return await _bulk_set(exchange, wishes, pixels=False)


_Kind = Callable[[Exchange, Sequence[Wish]], Awaitable[Response]]
_KINDS: Mapping[str, _Kind] = {media.APPLICATION_DICOM: _files, media.APPLICATION_ZIP: _zip}


async def bulk_set(request: Request) -> Response:
    """All bulk data of a study, a series or an instance."""
    exchange = await Exchange.begin(request)
    wishes = _wishes(exchange, Resource.BULKDATA_SET)
    return await _bulk_set(exchange, wishes, pixels=False)


async def pixel_set(request: Request) -> Response:
    """The pixel data of the instances of a study or a series."""
    exchange = await Exchange.begin(request)
    wishes = _wishes(exchange, Resource.BULKDATA_SET)
    return await _bulk_set(exchange, wishes, pixels=True)


async def pixels(request: Request) -> Response:
    """The pixel data of one instance."""
    exchange = await Exchange.begin(request)
    wishes = _wishes(exchange, Resource.BULKDATA)
    retrieve = exchange.services.retrieve

    async def attempt() -> Response:
        found = await retrieve.pixels(exchange.context, exchange.key, wishes)
        return await answer(exchange, found)

    return await _without_damaged(attempt)


async def _bulk_set(exchange: Exchange, wishes: Sequence[Wish], *, pixels: bool) -> Response:
    async def attempt() -> Response:
        found = await exchange.services.retrieve.bulk_set(
            exchange.context, exchange.scope, wishes, pixels=pixels
        )
        if isinstance(found, Flow):
            return deliver_flow(exchange, found)
        return await answer(exchange, found)

    return await _without_damaged(attempt, several=not exchange.scope.instance)


async def frame_list(request: Request) -> Response:
    """Pixel data of a list of frames."""
    exchange = await Exchange.begin(request)
    numbers = frames.parse(request.path_params["frames"])
    resource = Resource.FRAME if len(numbers) == 1 else Resource.FRAMES
    wishes = _wishes(exchange, resource)
    return await answer(
        exchange,
        await exchange.services.retrieve.frames(exchange.context, exchange.key, numbers, wishes),
    )


async def bulk_data(request: Request) -> Response:
    """The value of one bulk element."""
    exchange = await Exchange.begin(request)
    wishes = _wishes(exchange, Resource.BULKDATA)
    path = request.path_params["path"].upper()
    retrieve = exchange.services.retrieve

    async def attempt() -> Response:
        found = await retrieve.bulk(exchange.context, exchange.key, path, wishes)
        return await answer(exchange, found)

    return await _without_damaged(attempt)


async def metadata(request: Request) -> Response:
    """DICOM JSON or XML of every instance of a study, a series or an instance."""
    exchange = await Exchange.begin(request)
    kind = accept.choose(
        exchange.accept,
        exchange.values("accept"),
        accept.FIXED[Resource.METADATA],
        strict=exchange.settings.strict_accept,
    )
    retrieve, scope = exchange.services.retrieve, exchange.scope
    base, encoding, label = exchange.base, exchange.encoding, exchange.labelled(kind)
    revision = await retrieve.revision(exchange.context, scope)
    tag = _metadata_tag(scope, revision, label, base, encoding)
    if not conditional.none_match(exchange.none_match, tag):
        return not_modified(tag, REVALIDATE, VARY)
    found = await retrieve.metadata(exchange.context, scope)
    if kind == media.DICOM_JSON:
        response = await _json(found, base, label, encoding)
    else:
        objects = (document.text(base.encode()) for document in found.documents.documents)
        response = multipart_xml((native_xml(item) for item in objects), 200, encoding)
    if found.revision == revision:
        response.add("ETag", tag)
    response.add("Content-Location", f"{base}{scope.path}/metadata")
    response.add("Cache-Control", REVALIDATE)
    response.add("Vary", VARY)
    return response


def _metadata_tag(scope: Scope, revision: str, label: str, base: str, encoding: str) -> str:
    return conditional.etag("metadata", scope.path, revision, label, base, encoding)


def metadata_tags(exchange: Exchange, revision: str) -> Iterator[str]:
    """The entity tags that the metadata of a scope have in their several forms.

    Args:
        exchange: A request of the scope.
        revision: Of the scope.
    """
    for kind in accept.FIXED[Resource.METADATA]:
        for label in (kind, kind + characters.LABEL):
            for coding in (IDENTITY, GZIP, ZSTD):
                yield _metadata_tag(exchange.scope, revision, label, exchange.base, coding)


async def files_tag(exchange: Exchange) -> str:
    """The entity tag that the Part 10 files of a scope have for a client.

    Args:
        exchange: A request of the scope.
    """
    scope = exchange.scope
    wishes = _wishes(exchange, Resource.INSTANCE if scope.instance else Resource.INSTANCES)
    files = [wish for wish in wishes if _KINDS.get(wish.media_type) is _files]
    found = await exchange.services.retrieve.instances(exchange.context, scope, files)
    return conditional.etag(found.tag, exchange.base)


async def _json(found: Metadata, base: str, label: str, encoding: str) -> StreamResponse:
    """The JSON array; the gzipped form is put together of pieces as they lie in the index."""
    if encoding == IDENTITY:
        chunks = _grouped(found.chunks(base))
        return StreamResponse(chunks, label, length=found.length(base))
    if encoding != GZIP:
        return stream(_grouped(found.chunks(base)), label, 200, encoding)
    pieces = []
    for place, piece in enumerate(found.gzipped(base)):
        pieces.append(piece)
        if place % _UNBROKEN == _UNBROKEN - 1:
            await asyncio.sleep(0)
    length = sum(map(len, pieces))
    response = StreamResponse(_grouped(pieces), label, length=length)
    response.add("Content-Encoding", encoding)
    return response


async def _grouped(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Small pieces in chunks of some hundred KiB."""
    waiting: list[bytes] = []
    held = 0
    for piece in pieces:
        waiting.append(piece)
        held += len(piece)
        if held >= _CHUNK:
            yield b"".join(waiting)
            waiting, held = [], 0
    yield b"".join(waiting)


def _wishes(exchange: Exchange, resource: Resource) -> tuple[Wish, ...]:
    return accept.wishes(
        exchange.accept,
        exchange.values("accept"),
        resource,
        strict=exchange.settings.strict_accept,
    )

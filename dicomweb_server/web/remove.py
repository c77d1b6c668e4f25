"""Handler of deletion (an extension: PS3.18 defines none)."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.requests import Request

from dicomweb_server.errors import PreconditionFailed
from dicomweb_server.web import retrieve
from dicomweb_server.web.exchange import Exchange
from dicomweb_server.web.responses import BytesResponse, Response
from dicomweb_server.wire import conditional


async def remove(request: Request) -> Response:
    """Delete a study, a series or an instance, as long as it is what If-Match names."""
    exchange = await Exchange.begin(request)
    await _require_match(exchange)
    await exchange.services.remove.remove(exchange.context, exchange.scope)
    return BytesResponse(status=204)


async def _require_match(exchange: Exchange) -> None:
    """Refuse what the client does not know as it is now (RFC 9110 13.1.1)."""
    header = ", ".join(exchange.request.headers.getlist("if-match")) or None
    if header is None:
        return
    async for tag in _tags(exchange):
        if conditional.any_match(header, tag):
            return
    raise PreconditionFailed(
        "what is stored is not what If-Match names", "ask for it again and use its new ETag"
    )


async def _tags(exchange: Exchange) -> AsyncIterator[str]:
    """Entity tags of a resource: of its metadata in every form, and of its files as accepted."""
    revision = await exchange.services.retrieve.revision(exchange.context, exchange.scope)
    for tag in retrieve.metadata_tags(exchange, revision):
        yield tag
    yield await retrieve.files_tag(exchange)

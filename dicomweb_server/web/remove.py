"""Handler of deletion (an extension: PS3.18 defines none)."""

from __future__ import annotations

from starlette.requests import Request

from dicomweb_server.web.exchange import Exchange
from dicomweb_server.web.responses import BytesResponse, Response


async def remove(request: Request) -> Response:
    """Delete a study, a series or an instance."""
    exchange = await Exchange.begin(request)
    await exchange.services.remove.remove(exchange.context, exchange.scope)
    return BytesResponse(status=204)

"""Handlers for those who watch the server."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from starlette.requests import Request

from dicomweb_server import __version__
from dicomweb_server.web.exchange import Exchange, Services
from dicomweb_server.web.page import welcome
from dicomweb_server.web.responses import BytesResponse, Response

_JSON = "application/json"


async def root(request: Request) -> Response:
    """Say what this is and where the DICOMweb root is."""
    exchange = await Exchange.begin(request)
    return welcome(exchange.base, __version__)


async def livez(request: Request) -> Response:
    """The process answers."""
    return _status({"status": "alive"})


async def readyz(request: Request) -> Response:
    """Store and index answer and may be written; 503 with the reason where not.

    An archive without space for more is ready, because it answers; the text says so, and how many
    instances have bytes that are known to be damaged.
    """
    services: Services = request.app.state.services
    full = await services.health.check()
    damaged = await services.health.damaged()
    told = {"full": full} if full else {}
    return _status({"status": "ready", "damaged": damaged, **told})


def _status(document: Mapping[str, str | int]) -> BytesResponse:
    return BytesResponse(orjson.dumps(dict(document)), _JSON, headers={"Cache-Control": "no-store"})

"""Handlers of QIDO-RS (PS3.18 10.6)."""

from __future__ import annotations

from starlette.requests import Request

from dicomweb_server.dicom.xml_out import native_xml
from dicomweb_server.model import media
from dicomweb_server.model.ids import Level
from dicomweb_server.service.search import SearchPage
from dicomweb_server.web.compress import VARY, whole
from dicomweb_server.web.exchange import Exchange
from dicomweb_server.web.responses import Response
from dicomweb_server.web.xml_parts import multipart_xml
from dicomweb_server.wire import accept, qido, querystring
from dicomweb_server.wire.accept import Resource
from dicomweb_server.wire.querystring import Parameter
from dicomweb_server.wire.warnings import warning


async def studies(request: Request) -> Response:
    """Search for studies."""
    return await _search(request, Level.STUDY)


async def series(request: Request) -> Response:
    """Search for series, of one study or of all."""
    return await _search(request, Level.SERIES)


async def instances(request: Request) -> Response:
    """Search for instances, of one series, of one study or of all."""
    return await _search(request, Level.INSTANCE)


async def _search(request: Request, level: Level) -> Response:
    exchange = await Exchange.begin(request)
    settings = exchange.settings
    kind = accept.choose(
        exchange.accept,
        exchange.values("accept"),
        accept.FIXED[Resource.SEARCH],
        strict=settings.strict_accept,
    )
    encoding, label = exchange.encoding, exchange.labelled(kind)
    parsed = qido.parse(level, exchange.scope, exchange.parameters, settings.plan, settings.query)
    base = exchange.base
    page = await exchange.services.search.search(exchange.context, parsed.query, base)
    response: Response
    if kind == media.DICOM_JSON:
        response = await whole(b"[%b]" % b",".join(page.rows), label, encoding)
    else:
        response = multipart_xml((native_xml(row) for row in page.rows), 200, encoding)
    for text in parsed.warnings:
        response.add("Warning", warning(base, text))
    _tell_rest(response, exchange, page, base)
    response.add("Cache-Control", "private, no-cache")
    response.add("Vary", VARY)
    return response


def _tell_rest(response: Response, exchange: Exchange, page: SearchPage, base: str) -> None:
    if page.total is not None:
        response.add("X-Total-Count", str(page.total))
    if page.remaining:
        text = f"There are {page.remaining} additional results that can be requested"
        response.add("Warning", warning(base, text))
    if page.cursor is not None:
        response.add("Link", f'<{_next_url(exchange, base, page.cursor)}>; rel="next"')


def _next_url(exchange: Exchange, base: str, cursor: str) -> str:
    """URL of the next page: the same search from behind the last row."""
    kept = [p for p in exchange.parameters if p.name not in ("offset", "cursor")]
    path = exchange.request.scope["path"].removeprefix(exchange.settings.root)
    following = querystring.build([*kept, Parameter("cursor", cursor, has_value=True)])
    return f"{base}{path}?{following}"

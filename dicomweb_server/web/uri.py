"""Handlers of the URI service, known as WADO-URI (PS3.18 9)."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.requests import Request

from dicomweb_server.model.ids import Scope
from dicomweb_server.model.media import APPLICATION_DICOM, EXPLICIT_LITTLE
from dicomweb_server.service.render import Ask
from dicomweb_server.web import deliver_rendered, health
from dicomweb_server.web.deliver import answer
from dicomweb_server.web.exchange import Exchange
from dicomweb_server.web.responses import Response
from dicomweb_server.wire import uri
from dicomweb_server.wire.accept import Wish
from dicomweb_server.wire.rendered import unsupported_annotations
from dicomweb_server.wire.rendered_types import Wanted
from dicomweb_server.wire.uri import DicomRequest, RenderedRequest
from dicomweb_server.wire.warnings import warning


async def root(request: Request) -> Response:
    """A request of the URI service where its parameters are there; else the welcome page."""
    exchange = await Exchange.begin(request)
    if uri.is_uri_request(exchange.parameters):
        return await _answer(exchange)
    return await health.root(request)


async def wado(request: Request) -> Response:
    """One instance, as a DICOM file or rendered."""
    return await _answer(await Exchange.begin(request))


async def _answer(exchange: Exchange) -> Response:
    asked = uri.parse(exchange.parameters, exchange.accept, strict=exchange.settings.strict_accept)
    if isinstance(asked, DicomRequest):
        response = await _instance(exchange, asked)
    else:
        response = await _rendered(exchange, asked)
    _tell_ignored(response, exchange.base, asked.ignored)
    return response


async def _instance(exchange: Exchange, asked: DicomRequest) -> Response:
    """Retrieve DICOM Instance (9.4)."""
    syntaxes = (asked.transfer_syntax,) if asked.transfer_syntax else (EXPLICIT_LITTLE, "*")
    wishes = [Wish(APPLICATION_DICOM, syntax, multipart=False) for syntax in syntaxes]
    retrieve, scope = exchange.services.retrieve, Scope.of(asked.key)
    found = await retrieve.instances(exchange.context, scope, wishes)
    # A transfer-syntax parameter has no place here (9.1.3).
    return await answer(exchange, found, labelled=False)


async def _rendered(exchange: Exchange, asked: RenderedRequest) -> Response:
    """Retrieve Rendered Instance (9.5)."""
    strict = exchange.settings.strict_accept
    wanted = Wanted(tuple(exchange.accept), asked.content_types, strict, single=True)
    ask = Ask(exchange.context, wanted, asked.options, exchange.base)
    service = exchange.services.uri
    if asked.presentation is not None:
        found = await service.presented(ask, asked.key, asked.presentation)
    elif asked.frame is not None:
        found = await service.frame(ask, asked.key, asked.frame)
    else:
        found = await service.instance(ask, asked.key)
    unsupported = [unsupported_annotations(asked.unsupported)] if asked.unsupported else []
    return await deliver_rendered.answer(exchange, found, unsupported)


def _tell_ignored(response: Response, base: str, names: Iterable[str]) -> None:
    for name in names:
        text = f"The {name} parameter has no meaning for the selected media type and is ignored"
        response.add("Warning", warning(base, text))

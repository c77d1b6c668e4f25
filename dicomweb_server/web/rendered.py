"""Handlers of rendered resources and thumbnails (PS3.18 10.4.1.1.3, 10.4.1.1.4)."""

from __future__ import annotations

from starlette.requests import Request

from dicomweb_server.service.render import Ask
from dicomweb_server.web.deliver_rendered import answer
from dicomweb_server.web.exchange import Exchange
from dicomweb_server.web.responses import Response
from dicomweb_server.wire import frames, rendered
from dicomweb_server.wire.rendered_types import Wanted


async def resource(request: Request) -> Response:
    """A study, a series or an instance, rendered."""
    exchange = await Exchange.begin(request)
    query = rendered.parse(exchange.parameters)
    ask = Ask(exchange.context, _wanted(exchange), query.options, exchange.base)
    found = await exchange.services.render.resource(ask, exchange.scope)
    return await answer(exchange, found, query.warnings)


async def frame_list(request: Request) -> Response:
    """Frames of an instance, rendered."""
    exchange = await Exchange.begin(request)
    query = rendered.parse(exchange.parameters)
    numbers = frames.parse(request.path_params["frames"])
    ask = Ask(exchange.context, _wanted(exchange), query.options, exchange.base)
    found = await exchange.services.render.frames(ask, exchange.key, numbers)
    return await answer(exchange, found, query.warnings)


async def thumbnail(request: Request) -> Response:
    """One small picture that stands for a study, a series, an instance or frames of it."""
    exchange = await Exchange.begin(request)
    query = rendered.parse_thumbnail(exchange.parameters)
    listed = request.path_params.get("frames")
    numbers = frames.parse(listed) if listed is not None else ()
    found = await exchange.services.thumbnails.find(
        exchange.context, exchange.scope, numbers, _wanted(exchange), query.options.viewport
    )
    return await answer(exchange, found, query.warnings)


def _wanted(exchange: Exchange) -> Wanted:
    """What the request says about the form of the answer."""
    strict = exchange.settings.strict_accept
    return Wanted(tuple(exchange.accept), tuple(exchange.values("accept")), strict)

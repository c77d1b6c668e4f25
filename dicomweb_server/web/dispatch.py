"""Finding the route of a request among those whose paths have as many segments as its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

_CHOSEN = "dicomweb_server.route"


class RoutesBySegments(BaseRoute):
    """All routes as one, which tries a few of them for each request instead of all.

    Args:
        routes: The routes; a parameter of their paths is one segment.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes: dict[int, list[Route]] = defaultdict(list)
        for route in routes:
            self._routes[route.path.count("/")].append(route)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """The first route that takes the request, else the first that lacks its method only."""
        found: tuple[Match, Scope] = (Match.NONE, {})
        if scope["type"] != "http":
            return found
        for route in self._routes.get(scope["path"].count("/"), ()):
            match, child = route.matches(scope)
            if match is Match.FULL:
                return match, {**child, _CHOSEN: route}
            if match is Match.PARTIAL and found[0] is Match.NONE:
                found = match, {**child, _CHOSEN: route}
        return found

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the route that was found serve the request."""
        await scope[_CHOSEN].handle(scope, receive, send)

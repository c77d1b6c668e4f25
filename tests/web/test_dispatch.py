"""A request finds its route among those of its length; the answer to others is as before."""

from __future__ import annotations

import pytest
from starlette.routing import Match, Route, Router
from starlette.types import Scope

from dicomweb_server.web import dispatch, routes
from dicomweb_server.web.dispatch import RoutesBySegments

ROUTES = routes.build("/dicom-web")
PATHS = [
    *(route.path.replace("{", "").replace("}", "") for route in ROUTES),
    "/nothing",
    "/dicom-web/studies/1/2",
    "/dicom-web/studies//series",
    "",
    "/",
]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT"])
@pytest.mark.parametrize("path", PATHS)
def test_the_route_is_that_of_a_search_through_all(path: str, method: str) -> None:
    scope = {"type": "http", "path": path, "method": method, "root_path": ""}
    expected: tuple[Match, Route | None] = (Match.NONE, None)
    for route in Router(ROUTES).routes:
        match, _ = route.matches(scope)
        if match is Match.FULL or (match is Match.PARTIAL and expected[0] is Match.NONE):
            assert isinstance(route, Route)
            expected = (match, route)
        if match is Match.FULL:
            break
    match, child = RoutesBySegments(ROUTES).matches(scope)
    assert (match, child.get(dispatch._CHOSEN)) == expected


def test_few_routes_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    matches = Route.matches

    def counted(self: Route, scope: Scope) -> tuple[Match, Scope]:
        tried.append(self.path)
        return matches(self, scope)

    monkeypatch.setattr(Route, "matches", counted)
    path = "/dicom-web/studies/1/series/2/instances/3/rendered"
    RoutesBySegments(ROUTES).matches(
        {"type": "http", "path": path, "method": "GET", "root_path": ""}
    )
    assert len(tried) < len(ROUTES) / 3

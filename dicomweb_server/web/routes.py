"""The one route table: what exists, which handler answers, what it is for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import groupby

from starlette.requests import Request
from starlette.routing import Route

from dicomweb_server.web import health, remove, retrieve, search, store
from dicomweb_server.web.responses import BytesResponse, Response

Handler = Callable[[Request], Awaitable[Response]]

ROOT = "{root}"
"""Stands at the begin of a template for the path of the DICOMweb root."""

_STUDY = f"{ROOT}/studies/{{study}}"
_SERIES = f"{_STUDY}/series/{{series}}"
_INSTANCE = f"{_SERIES}/instances/{{instance}}"


@dataclass(frozen=True, slots=True)
class RouteRow:
    """One method of one resource.

    Args:
        template: Path; `{root}` stands for the DICOMweb root.
        method: HTTP method; GET answers HEAD too.
        handler: Who answers.
        summary: What it does, for people.
        clause: Where PS3.18 defines it; empty for our own.
    """

    template: str
    method: str
    handler: Handler
    summary: str
    clause: str = ""


ROUTES: tuple[RouteRow, ...] = (
    RouteRow("/", "GET", health.root, "What this is and where things are"),
    RouteRow("/livez", "GET", health.livez, "The process answers"),
    RouteRow("/readyz", "GET", health.readyz, "Store and index answer; else 503 and why"),
    RouteRow(ROOT, "GET", health.root, "The same page as `/`"),
    RouteRow(f"{ROOT}/studies", "GET", search.studies, "Search for studies", "10.6"),
    RouteRow(f"{ROOT}/studies", "POST", store.store, "Store instances", "10.5"),
    RouteRow(f"{ROOT}/series", "GET", search.series, "Search for series of all studies", "10.6"),
    RouteRow(
        f"{ROOT}/instances", "GET", search.instances, "Search for instances of all studies", "10.6"
    ),
    RouteRow(_STUDY, "GET", retrieve.instances, "Retrieve the instances of a study", "10.4"),
    RouteRow(_STUDY, "POST", store.store, "Store instances of one study", "10.5"),
    RouteRow(_STUDY, "DELETE", remove.remove, "Delete a study"),
    RouteRow(
        f"{_STUDY}/metadata", "GET", retrieve.metadata, "Metadata of a study's instances", "10.4"
    ),
    RouteRow(f"{_STUDY}/bulkdata", "GET", retrieve.bulk_set, "All bulk data of a study", "10.4"),
    RouteRow(f"{_STUDY}/pixeldata", "GET", retrieve.pixel_set, "All pixel data of a study", "10.4"),
    RouteRow(f"{_STUDY}/series", "GET", search.series, "Search for series of a study", "10.6"),
    RouteRow(
        f"{_STUDY}/instances", "GET", search.instances, "Search for instances of a study", "10.6"
    ),
    RouteRow(_SERIES, "GET", retrieve.instances, "Retrieve the instances of a series", "10.4"),
    RouteRow(_SERIES, "DELETE", remove.remove, "Delete a series"),
    RouteRow(
        f"{_SERIES}/metadata", "GET", retrieve.metadata, "Metadata of a series' instances", "10.4"
    ),
    RouteRow(f"{_SERIES}/bulkdata", "GET", retrieve.bulk_set, "All bulk data of a series", "10.4"),
    RouteRow(
        f"{_SERIES}/pixeldata", "GET", retrieve.pixel_set, "All pixel data of a series", "10.4"
    ),
    RouteRow(
        f"{_SERIES}/instances", "GET", search.instances, "Search for instances of a series", "10.6"
    ),
    RouteRow(_INSTANCE, "GET", retrieve.instances, "Retrieve an instance", "10.4"),
    RouteRow(_INSTANCE, "DELETE", remove.remove, "Delete an instance"),
    RouteRow(f"{_INSTANCE}/metadata", "GET", retrieve.metadata, "Metadata of an instance", "10.4"),
    RouteRow(
        f"{_INSTANCE}/frames/{{frames}}",
        "GET",
        retrieve.frame_list,
        "Pixel data of frames, as a comma list of numbers from 1",
        "10.4",
    ),
    RouteRow(
        f"{_INSTANCE}/bulkdata", "GET", retrieve.bulk_set, "All bulk data of an instance", "10.4"
    ),
    RouteRow(
        f"{_INSTANCE}/pixeldata", "GET", retrieve.pixels, "The pixel data of an instance", "10.4"
    ),
    RouteRow(
        f"{_INSTANCE}/bulkdata/{{path}}",
        "GET",
        retrieve.bulk_data,
        "The value that a BulkDataURI of the metadata names",
        "10.4",
    ),
    RouteRow(
        f"{_INSTANCE}/bulk/{{path}}",
        "GET",
        retrieve.bulk_data,
        "The same under the name that MONAI Deploy builds by itself",
    ),
)


def build(root: str) -> list[Route]:
    """The routes for a server whose DICOMweb root is `root`."""
    routes = []
    for template, rows in groupby(ROUTES, lambda row: row.template):
        handlers = {row.method: row.handler for row in rows}
        path = template.replace(ROOT, root, 1) or "/"
        routes.append(_route(path, template, handlers))
    return routes


def _route(path: str, template: str, handlers: dict[str, Handler]) -> Route:
    methods = sorted({*handlers, *(["HEAD"] if "GET" in handlers else []), "OPTIONS"})

    async def dispatch(request: Request) -> Response:
        request.scope["route_template"] = template
        if request.method == "OPTIONS":
            return BytesResponse(status=204, headers={"Allow": ", ".join(methods)})
        return await handlers["GET" if request.method == "HEAD" else request.method](request)

    # The wrapper of starlette calls whatever dispatch returns as an ASGI application.
    return Route(path, dispatch, methods=methods)

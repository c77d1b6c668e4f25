"""The one route table: what exists, which handler answers, what it is for."""

from __future__ import annotations

from itertools import groupby

from starlette.requests import Request
from starlette.routing import Route

from dicomweb_server.model.ids import Level
from dicomweb_server.web import (
    capabilities,
    health,
    offers,
    remove,
    rendered,
    retrieve,
    search,
    store,
    uri,
)
from dicomweb_server.web.offers import Handler, RouteRow
from dicomweb_server.web.responses import BytesResponse, Response
from dicomweb_server.wire.accept import Resource
from dicomweb_server.wire.rendered_types import (
    FRAME_FORMS,
    INSTANCE_FORMS,
    RenderedForm,
    parts_only,
)

__all__ = ["ROOT", "ROUTES", "RouteRow", "build"]

ROOT = "{root}"
"""Stands at the begin of a template for the path of the DICOMweb root."""

_STUDY = f"{ROOT}/studies/{{study}}"
_SERIES = f"{_STUDY}/series/{{series}}"
_INSTANCE = f"{_SERIES}/instances/{{instance}}"


def _rendered(place: str, what: str, name: str, forms: tuple[RenderedForm, ...]) -> list[RouteRow]:
    """The rows of what is rendered of a resource."""
    frames = place.endswith("{frames}")
    return [
        RouteRow(
            f"{place}/rendered",
            "GET",
            rendered.frame_list if frames else rendered.resource,
            f"Pictures or text of {what}",
            "10.4",
            offers.rendered(f"RetrieveRendered{name}", forms),
        ),
        RouteRow(
            f"{place}/thumbnail",
            "GET",
            rendered.thumbnail,
            f"One small picture of {what}",
            "10.4",
            offers.thumbnail(f"Retrieve{name}Thumbnail"),
        ),
    ]


ROUTES: tuple[RouteRow, ...] = (
    RouteRow(
        "/",
        "GET",
        health.root,
        "What this is and where things are",
    ),
    RouteRow(
        "/livez",
        "GET",
        health.livez,
        "The process answers",
    ),
    RouteRow(
        "/readyz",
        "GET",
        health.readyz,
        "Store and index answer; else 503 and why",
    ),
    RouteRow(
        ROOT,
        "GET",
        uri.root,
        "Retrieve an instance by the URI service; without its parameters the page of `/`",
        "9",
        offers.uri("RetrieveInstanceByUriAtRoot"),
    ),
    RouteRow(
        f"{ROOT}/wado",
        "GET",
        uri.wado,
        "Retrieve an instance by the URI service",
        "9",
        offers.uri("RetrieveInstanceByUri"),
    ),
    RouteRow(
        f"{ROOT}/studies",
        "GET",
        search.studies,
        "Search for studies",
        "10.6",
        offers.search("SearchForStudies", Level.STUDY),
    ),
    RouteRow(
        f"{ROOT}/studies",
        "POST",
        store.store,
        "Store instances",
        "10.5",
        offers.store("StoreInstances"),
    ),
    RouteRow(
        f"{ROOT}/series",
        "GET",
        search.series,
        "Search for series of all studies",
        "10.6",
        offers.search("SearchForSeries", Level.STUDY, Level.SERIES),
    ),
    RouteRow(
        f"{ROOT}/instances",
        "GET",
        search.instances,
        "Search for instances of all studies",
        "10.6",
        offers.search("SearchForInstances", *Level),
    ),
    RouteRow(
        _STUDY,
        "GET",
        retrieve.instances,
        "Retrieve the instances of a study",
        "10.4",
        offers.retrieve("RetrieveStudy", Resource.INSTANCES),
    ),
    RouteRow(
        _STUDY,
        "POST",
        store.store,
        "Store instances of one study",
        "10.5",
        offers.store("StoreStudyInstances"),
    ),
    RouteRow(
        _STUDY,
        "DELETE",
        remove.remove,
        "Delete a study",
        "",
        offers.delete("DeleteStudy"),
    ),
    RouteRow(
        f"{_STUDY}/metadata",
        "GET",
        retrieve.metadata,
        "Metadata of a study's instances",
        "10.4",
        offers.retrieve("RetrieveStudyMetadata", Resource.METADATA),
    ),
    RouteRow(
        f"{_STUDY}/bulkdata",
        "GET",
        retrieve.bulk_set,
        "All bulk data of a study",
        "10.4",
        offers.retrieve("RetrieveStudyBulkdata", Resource.BULKDATA_SET),
    ),
    RouteRow(
        f"{_STUDY}/pixeldata",
        "GET",
        retrieve.pixel_set,
        "All pixel data of a study",
        "10.4",
        offers.retrieve("RetrieveStudyPixelData", Resource.BULKDATA_SET),
    ),
    RouteRow(
        f"{_STUDY}/series",
        "GET",
        search.series,
        "Search for series of a study",
        "10.6",
        offers.search("SearchForStudySeries", Level.SERIES),
    ),
    RouteRow(
        f"{_STUDY}/instances",
        "GET",
        search.instances,
        "Search for instances of a study",
        "10.6",
        offers.search("SearchForStudyInstances", Level.SERIES, Level.INSTANCE),
    ),
    RouteRow(
        _SERIES,
        "GET",
        retrieve.instances,
        "Retrieve the instances of a series",
        "10.4",
        offers.retrieve("RetrieveSeries", Resource.INSTANCES),
    ),
    RouteRow(
        _SERIES,
        "DELETE",
        remove.remove,
        "Delete a series",
        "",
        offers.delete("DeleteSeries"),
    ),
    RouteRow(
        f"{_SERIES}/metadata",
        "GET",
        retrieve.metadata,
        "Metadata of a series' instances",
        "10.4",
        offers.retrieve("RetrieveSeriesMetadata", Resource.METADATA),
    ),
    RouteRow(
        f"{_SERIES}/bulkdata",
        "GET",
        retrieve.bulk_set,
        "All bulk data of a series",
        "10.4",
        offers.retrieve("RetrieveSeriesBulkdata", Resource.BULKDATA_SET),
    ),
    RouteRow(
        f"{_SERIES}/pixeldata",
        "GET",
        retrieve.pixel_set,
        "All pixel data of a series",
        "10.4",
        offers.retrieve("RetrieveSeriesPixelData", Resource.BULKDATA_SET),
    ),
    RouteRow(
        f"{_SERIES}/instances",
        "GET",
        search.instances,
        "Search for instances of a series",
        "10.6",
        offers.search("SearchForStudySeriesInstances", Level.INSTANCE),
    ),
    RouteRow(
        _INSTANCE,
        "GET",
        retrieve.instances,
        "Retrieve an instance",
        "10.4",
        offers.retrieve("RetrieveInstance", Resource.INSTANCE),
    ),
    RouteRow(
        _INSTANCE,
        "DELETE",
        remove.remove,
        "Delete an instance",
        "",
        offers.delete("DeleteInstance"),
    ),
    RouteRow(
        f"{_INSTANCE}/metadata",
        "GET",
        retrieve.metadata,
        "Metadata of an instance",
        "10.4",
        offers.retrieve("RetrieveInstanceMetadata", Resource.METADATA),
    ),
    RouteRow(
        f"{_INSTANCE}/frames/{{frames}}",
        "GET",
        retrieve.frame_list,
        "Pixel data of frames, as a comma list of numbers from 1",
        "10.4",
        offers.retrieve("RetrieveFrames", Resource.FRAME),
    ),
    RouteRow(
        f"{_INSTANCE}/bulkdata",
        "GET",
        retrieve.bulk_set,
        "All bulk data of an instance",
        "10.4",
        offers.retrieve("RetrieveInstanceBulkdata", Resource.BULKDATA_SET),
    ),
    RouteRow(
        f"{_INSTANCE}/pixeldata",
        "GET",
        retrieve.pixels,
        "The pixel data of an instance",
        "10.4",
        offers.retrieve("RetrieveInstancePixelData", Resource.BULKDATA),
    ),
    RouteRow(
        f"{_INSTANCE}/bulkdata/{{path}}",
        "GET",
        retrieve.bulk_data,
        "The value that a BulkDataURI of the metadata names",
        "10.4",
        offers.retrieve("RetrieveBulkdata", Resource.BULKDATA),
    ),
    RouteRow(
        f"{_INSTANCE}/bulk/{{path}}",
        "GET",
        retrieve.bulk_data,
        "The same under the name that MONAI Deploy builds by itself",
        "",
        offers.retrieve("RetrieveBulkdataByOldName", Resource.BULKDATA),
    ),
    *_rendered(_STUDY, "a study", "Study", parts_only(INSTANCE_FORMS)),
    *_rendered(_SERIES, "a series", "Series", parts_only(INSTANCE_FORMS)),
    *_rendered(_INSTANCE, "an instance", "Instance", INSTANCE_FORMS),
    *_rendered(f"{_INSTANCE}/frames/{{frames}}", "frames", "Frames", FRAME_FORMS),
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
            return await _options(request, template, methods)
        return await handlers["GET" if request.method == "HEAD" else request.method](request)

    # The wrapper of starlette calls whatever dispatch returns as an ASGI application.
    return Route(path, dispatch, methods=methods)


async def _options(request: Request, template: str, methods: list[str]) -> Response:
    """What the resource and those below it can do; to a preflight only that it is not allowed.

    Preflights of allowed origins never come here (`middleware.CorsMiddleware`).
    """
    allow = {"Allow": ", ".join(methods)}
    preflight = "access-control-request-method" in request.headers
    if preflight or not template.startswith(ROOT):
        return BytesResponse(status=204, headers=allow)
    path = template.removeprefix(ROOT)
    rows = [row for row in ROUTES if row.template.startswith(ROOT)]
    response = await capabilities.describe(request, rows, path)
    response.add("Allow", allow["Allow"])
    return response

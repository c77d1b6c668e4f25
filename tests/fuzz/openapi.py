"""The described HTTP interface as an OpenAPI 3.1 document, made of the route table."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dicomweb_server import __version__
from dicomweb_server.model.levels import REQUIRED_MATCH
from dicomweb_server.model.tags import keyword_of
from dicomweb_server.web.errors import PROBLEM_JSON
from dicomweb_server.web.offers import Offer, QueryParameter, RouteRow
from dicomweb_server.web.routes import ROOT, ROUTES

Json = dict[str, object]

_VARIABLE = re.compile(r"{(\w+)}")
_EVERYWHERE = ("400", "404", "406")
"""Statuses that any resource may have: a Host that is none, no such resource, no coding taken."""
_TYPES = {
    "boolean": "boolean",
    "nonNegativeInteger": "integer",
    "positiveInteger": "integer",
    "decimal": "number",
}
_UID: Json = {"type": "string", "pattern": r"^2\.[0-9]{1,9}(\.[0-9]{1,9}){0,5}$"}
"""None that is there."""


def document(uids: dict[str, str]) -> Json:
    """The description of all routes below the DICOMweb root.

    Args:
        uids: Of an instance that is there, by the variables study, series and instance.
    """
    paths: dict[str, Json] = {}
    for row in ROUTES:
        if row.template.startswith(ROOT) and row.offer.name:
            path = row.template.removeprefix(ROOT) or "/"
            paths.setdefault(path, {})[row.method.lower()] = _operation(row, uids)
    return {
        "openapi": "3.1.0",
        "info": {"title": "dicomweb-server", "version": __version__},
        "paths": paths,
    }


def _operation(row: RouteRow, uids: dict[str, str]) -> Json:
    known = uids if row.method != "DELETE" else {}  # what is there is to stay there
    parameters = [_variable(name, known) for name in _VARIABLE.findall(row.template[len(ROOT) :])]
    parameters += _query(row.offer)
    told: Json = {
        "operationId": row.offer.name,
        "summary": row.summary,
        "parameters": parameters,
        "responses": _responses(row.offer),
    }
    if row.offer.requests:
        kinds = {kind.partition(";")[0]: _binary() for kind in row.offer.requests}
        told["requestBody"] = {"content": kinds}
    return told


def _variable(name: str, uids: dict[str, str]) -> Json:
    schemas: dict[str, Json] = {
        "frames": {"type": "string", "pattern": "^[1-9](,[1-9]){0,3}$"},
        "path": {"type": "string", "pattern": r"^[0-9A-F]{8}(\.[1-9]\.[0-9A-F]{8})?$"},
    }
    schema = schemas.get(name, _UID)
    if name in uids:
        schema = {"anyOf": [{"const": uids[name]}, _UID]}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query(offer: Offer) -> Iterator[Json]:
    for parameter in offer.parameters:
        yield {"name": parameter.name, "in": "query", "schema": _schema(parameter)}
    if offer.responses:
        kinds: list[object] = [*offer.responses, "*/*"]
        accept: Json = {"anyOf": [{"enum": kinds}, {"type": "string", "pattern": "^[ -~]{0,80}$"}]}
        yield {"name": "Accept", "in": "header", "schema": accept}
        range_: Json = {"type": "string", "pattern": "^bytes=[0-9]{0,20}-[0-9]{0,20}$"}
        yield {"name": "Range", "in": "header", "schema": range_}
    for level in offer.matches:
        for path in REQUIRED_MATCH[level]:
            name = ".".join(keyword_of(tag) for tag in path)
            yield {"name": name, "in": "query", "schema": {"type": "string"}}


def _schema(parameter: QueryParameter) -> Json:
    if parameter.options:
        return {"enum": list(parameter.options)}
    return {"type": _TYPES.get(parameter.kind, "string")}


def _responses(offer: Offer) -> Json:
    kinds = {kind.partition(";")[0].strip(): _binary() for kind in offer.responses}
    found: Json = {}
    for status in dict.fromkeys((*offer.failure.split(), *_EVERYWHERE)):
        found[status] = {
            "description": "a problem document",
            "content": {PROBLEM_JSON: {"schema": _problem(int(status))}},
        }
    for status in offer.success.split():
        content = {} if status in ("204", "304") else {"content": dict(kinds)}
        found[status] = {"description": "the resource", **content}
    return found


def _binary() -> Json:
    return {"schema": {}}


def _problem(status: int) -> Json:
    text: Json = {"type": "string", "minLength": 1}
    return {
        "type": "object",
        "required": ["type", "title", "status", "detail", "instance"],
        "properties": {
            "type": {"type": "string", "pattern": "^urn:dicomweb-server:problem:[a-z-]+$"},
            "title": text,
            "status": {"const": status},
            "detail": text,
            "hint": text,
            "instance": {"type": "string", "pattern": "^urn:uuid:[0-9a-f-]{36}$"},
        },
    }

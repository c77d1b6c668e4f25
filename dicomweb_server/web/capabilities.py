"""Retrieve Capabilities: the route table as WADL, in XML or in JSON (PS3.18 8.9, Annexes G, H)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

import orjson
from starlette.requests import Request

from dicomweb_server.model.ids import Level
from dicomweb_server.model.levels import REQUIRED_MATCH, IndexPlan, level_of
from dicomweb_server.model.query import Path
from dicomweb_server.model.tags import hex_of, keyword_of
from dicomweb_server.web.compress import VARY, whole
from dicomweb_server.web.errors import PROBLEM_JSON
from dicomweb_server.web.exchange import Exchange
from dicomweb_server.web.offers import CHARACTER_SETS, Offer, QueryParameter, RouteRow
from dicomweb_server.web.responses import BytesResponse
from dicomweb_server.wire import accept

WADL = "application/vnd.sun.wadl+xml"
JSON = "application/json"

_ROOT = "{root}"
_NAMESPACE = "http://wadl.dev.java.net/2009/02"
_XSD = "http://www.w3.org/2001/XMLSchema"
_VARIABLE = re.compile(r"{(\w+)}")
_UNIQUE = frozenset({"application", "resources", "request"})


@dataclass(slots=True)
class Element:
    """One WADL element.

    Args:
        name: Its name.
        attributes: Its attributes; empty ones do not count.
        children: Elements in it.
        text: Text in it.
    """

    name: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def xml(self) -> str:
        """The element as XML."""
        pairs = (f" {name}={quoteattr(value)}" for name, value in self.attributes.items() if value)
        head = self.name + "".join(pairs)
        inner = escape(self.text) + "".join(child.xml() for child in self.children)
        return f"<{head}>{inner}</{self.name}>" if inner else f"<{head}/>"

    def json(self) -> dict[str, object]:
        """The element as JSON: attributes behind an @, repeatable children as arrays (G.2)."""
        told: dict[str, object] = {f"@{name}": v for name, v in self.attributes.items() if v}
        if self.text:
            told["value"] = self.text
        several: dict[str, list[object]] = {}
        for child in self.children:
            if child.name in _UNIQUE:
                told[child.name] = child.json()
            else:
                several.setdefault(child.name, []).append(child.json())
        return {**told, **several}


async def describe(request: Request, rows: Iterable[RouteRow], path: str) -> BytesResponse:
    """The capabilities of a resource and of those below it.

    Args:
        request: The OPTIONS request.
        rows: The route table below the DICOMweb root.
        path: Template of the resource below the DICOMweb root.

    Raises:
        NotAcceptable: The client takes neither WADL nor its JSON form.
    """
    exchange = await Exchange.begin(request)
    strict = exchange.settings.strict_accept
    kind = accept.choose(exchange.accept, exchange.values("accept"), (WADL, JSON), strict)
    tree = document(rows, path, exchange.base, exchange.settings.plan)
    if kind == WADL:
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n{tree.xml()}\n'.encode()
    else:
        body = orjson.dumps({tree.name: tree.json()})
    response = await whole(body, exchange.labelled(kind), exchange.encoding)
    response.add("Cache-Control", "private, no-cache")
    response.add("Vary", VARY)
    return response


def document(rows: Iterable[RouteRow], path: str, base: str, plan: IndexPlan) -> Element:
    """The capabilities description (PS3.18 Annex H).

    Args:
        rows: The route table below the DICOMweb root.
        path: Template of the wanted resource below the DICOMweb root; empty for all.
        base: Absolute URL of the DICOMweb root.
        plan: Which attributes searches can match.
    """
    root = Element("resources", {"base": base})
    places: dict[str, Element] = {"": root}
    for row in rows:
        template = row.template.removeprefix(_ROOT)
        if template and (template == path or template.startswith(f"{path}/")):
            _place(places, template, path).children.append(_method(row, plan))
    namespaces = {"xmlns": _NAMESPACE, "xmlns:xs": _XSD}
    return Element("application", namespaces, [root])


def _place(places: dict[str, Element], template: str, top: str) -> Element:
    """The element of a resource, made with those above it up to the wanted one."""
    if template in places:
        return places[template]
    if template == top:
        above, name = "", template.removeprefix("/")
    else:
        above, _, name = template.rpartition("/")
    resource = Element("resource", {"path": name})
    for variable in _VARIABLE.findall(name):
        attributes = {"name": variable, "style": "template", "type": "xs:string"}
        resource.children.append(Element("param", attributes))
    places[template] = resource
    _place(places, above, top).children.append(resource)
    return resource


def _method(row: RouteRow, plan: IndexPlan) -> Element:
    offer = row.offer
    params = list(_parameters(offer, plan))
    told = Element("request", {}, [*params, *_representations(offer.requests)])
    children = [Element("doc", {"title": row.summary})]
    if told.children:
        children.append(told)
    answers = _representations(offer.responses)
    children.append(Element("response", {"status": offer.success}, answers))
    problems = _representations((PROBLEM_JSON,))
    children.append(Element("response", {"status": offer.failure}, problems))
    return Element("method", {"name": row.method, "id": offer.name}, children)


def _parameters(offer: Offer, plan: IndexPlan) -> Iterator[Element]:
    if offer.responses:
        yield _header("Accept", offer.responses)
        yield _header("Accept-Charset", CHARACTER_SETS)
    if offer.requests:
        yield _header("Content-Type", offer.requests)
    for parameter in offer.parameters:
        yield _query(parameter)
    for path in _matched(offer.matches, plan):
        name = ".".join(keyword_of(tag) or hex_of(tag) for tag in path)
        yield Element("param", {"name": name, "style": "query", "type": "xs:string"})


def _matched(levels: Sequence[Level], plan: IndexPlan) -> list[Path]:
    """Attributes that a search can match, required ones first."""
    required = [path for level in levels for path in REQUIRED_MATCH[level]]
    further = sorted(
        path for path in plan.paths if level_of(path[0]) in levels and plan.matches(path)
    )
    return list(dict.fromkeys([*required, *further]))


def _header(name: str, values: Sequence[str]) -> Element:
    attributes = {"name": name, "style": "header", "type": "xs:string", "default": values[0]}
    return Element("param", attributes, [Element("option", {"value": value}) for value in values])


def _query(parameter: QueryParameter) -> Element:
    attributes = {
        "name": parameter.name,
        "style": "query",
        "type": f"xs:{parameter.kind}",
        "repeating": "true" if parameter.repeating else "",
    }
    options = [Element("option", {"value": value}) for value in parameter.options]
    return Element("param", attributes, [Element("doc", {"title": parameter.meaning}), *options])


def _representations(types: Iterable[str]) -> list[Element]:
    return [Element("representation", {"mediaType": kind}) for kind in types]

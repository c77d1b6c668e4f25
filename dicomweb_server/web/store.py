"""Handler of STOW-RS (PS3.18 10.5)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing

from starlette.requests import Request

from dicomweb_server.dicom.store_response import response as store_module
from dicomweb_server.dicom.xml_out import native_xml
from dicomweb_server.errors import InvalidRequest, PayloadTooLarge, UnsupportedContent
from dicomweb_server.model import media
from dicomweb_server.model.outcome import StoreReport
from dicomweb_server.service.compose import Incoming
from dicomweb_server.service.ingest import Part
from dicomweb_server.web.body import read_body
from dicomweb_server.web.exchange import Exchange
from dicomweb_server.web.metadata_parts import (
    METADATA_TYPES,
    lone_metadata,
    metadata_parts,
    plain_type,
)
from dicomweb_server.web.parts import instance_parts
from dicomweb_server.web.responses import BytesResponse, Response
from dicomweb_server.web.xml_parts import multipart_xml
from dicomweb_server.wire import accept, contenttype, multipart
from dicomweb_server.wire.accept import Resource
from dicomweb_server.wire.contenttype import ContentType
from dicomweb_server.wire.warnings import warning

_TOLD = 20
_HINT = (
    'send multipart/related; type="application/dicom" (or application/dicom+json, '
    "application/dicom+xml), or one instance as application/dicom"
)


async def store(request: Request) -> Response:
    """Store instances and say what became of each."""
    exchange = await Exchange.begin(request)
    study = exchange.scope.study
    kind = accept.choose(
        exchange.accept,
        exchange.values("accept"),
        accept.FIXED[Resource.STORE_RESPONSE],
        strict=exchange.settings.strict_accept,
    )
    exchange.labelled(kind)  # may refuse; the label is left out, because clients compare the type
    async with aclosing(_parts(exchange, _content_type(request))) as parts:
        report = await exchange.services.ingest.store(exchange.context, study, parts)
    response = _module(store_module(report, exchange.base), kind, _status(report))
    for text in _remarks(report):
        response.add("Warning", warning(exchange.base, text))
    studies = {stored.key.study for stored in report.stored}
    if len(studies) == 1:
        location = f"{exchange.base}/studies/{studies.pop()}"
        response.add("Content-Location", location)
        response.add("Location", location)
    return response


def _remarks(report: StoreReport) -> Iterator[str]:
    """Why instances failed or were kept out: the response module has room for codes only."""
    remarks = [(failed.instance, failed.detail) for failed in report.failed]
    remarks += [(s.key.instance, s.detail) for s in report.stored if s.detail]
    for instance, detail in remarks[:_TOLD]:
        yield f"{instance or 'an instance without UID'}: {detail}"
    if len(remarks) > _TOLD:
        yield f"{len(remarks) - _TOLD} more instances are named by code only"


def _module(body: bytes, kind: str, status: int) -> Response:
    """The Store Instances Response in the form that the client takes (PS3.18 Annex I)."""
    if kind == media.DICOM_JSON:
        return BytesResponse(body, kind, status=status)
    if kind == media.DICOM_XML:
        return BytesResponse(native_xml(body), kind, status=status)
    return multipart_xml([native_xml(body)], status)


def _status(report: StoreReport) -> int:
    """PS3.18 Table 10.5.3-1."""
    if not report.stored:
        return 409
    warned = any(stored.warning is not None for stored in report.stored)
    return 202 if report.failed or warned else 200


def _content_type(request: Request) -> ContentType:
    encoding = ", ".join(request.headers.getlist("content-encoding")).strip().lower()
    if encoding not in ("", "identity"):
        raise UnsupportedContent(f"the body is encoded as {encoding[:20]}", "send it unencoded")
    header = request.headers.get("content-type")
    if not header:
        raise UnsupportedContent("the request has no Content-Type", _HINT)
    return contenttype.parse(header)


def _parts(exchange: Exchange, content: ContentType) -> AsyncGenerator[Part]:
    limits = exchange.settings.store
    request = exchange.request
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared[:20]) > limits.request:
        raise PayloadTooLarge(f"a request may have {limits.request} bytes at most")
    body = read_body(request.receive, limits.request, limits.idle_seconds)
    kind = plain_type(content)
    if kind == media.APPLICATION_DICOM:
        return _one(body)
    if kind in METADATA_TYPES:
        return _composed(exchange, lone_metadata(body, kind))
    if kind != media.MULTIPART_RELATED:
        raise UnsupportedContent(f"the Content-Type is {kind}", _HINT)
    root = plain_type(contenttype.parse(content.parameter("type") or media.APPLICATION_DICOM))
    if root not in (media.APPLICATION_DICOM, *METADATA_TYPES):
        raise UnsupportedContent(f"the root of the multipart body is {root}", _HINT)
    boundary = multipart.boundary_of(content, exchange.settings.multipart)
    reader = multipart.MultipartReader(boundary, exchange.settings.multipart)
    if root in METADATA_TYPES:
        return _composed(exchange, metadata_parts(body, reader, root))
    return instance_parts(body, reader)


def _composed(exchange: Exchange, incoming: AsyncIterator[Incoming]) -> AsyncGenerator[Part]:
    """Instances put together of metadata and bulk data (PS3.18 10.5.1.4)."""
    path = f"/studies/{exchange.scope.study}" if exchange.scope.study else "/studies"
    return exchange.services.compose.parts(exchange.base + path, incoming)


async def _one(body: AsyncIterator[bytes]) -> AsyncGenerator[Part]:
    """A body that is one instance."""
    first = await anext(body, None)
    if first is None:
        raise InvalidRequest("the body is empty", _HINT)
    yield Part(_chain(first, body))


async def _chain(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk

"""What methods of resources take and give; rows of the route table refer to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request

from dicomweb_server.model import media
from dicomweb_server.model.ids import Level
from dicomweb_server.web.responses import Response
from dicomweb_server.wire import accept, rendered_types
from dicomweb_server.wire.accept import Resource
from dicomweb_server.wire.rendered_types import RenderedForm
from dicomweb_server.wire.uri import RENDERED_TYPES, REQUEST_TYPE

Handler = Callable[[Request], Awaitable[Response]]

CHARACTER_SETS = ("UTF-8",)
"""Character sets of answers (PS3.18 8.8)."""


@dataclass(frozen=True, slots=True)
class QueryParameter:
    """One query parameter.

    Args:
        name: Its name.
        meaning: One sentence.
        kind: XML Schema type of its value, without prefix.
        repeating: Whether it may be given more than once.
        options: The values it can have where they are a closed set.
    """

    name: str
    meaning: str
    kind: str = "string"
    repeating: bool = False
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Offer:
    """What one method of a resource takes and gives.

    Args:
        name: Name of the transaction in capabilities descriptions (PS3.18 Table H-1).
        parameters: Query parameters, without those that match attributes.
        matches: Levels whose attributes are query parameters too.
        requests: Media types of the request; the first is the usual one.
        responses: Media types of the response; the first is the default.
        success: Statuses of the response, joined by spaces.
        failure: Statuses of problem documents, joined by spaces.
    """

    name: str = ""
    parameters: tuple[QueryParameter, ...] = ()
    matches: tuple[Level, ...] = ()
    requests: tuple[str, ...] = ()
    responses: tuple[str, ...] = ()
    success: str = "200"
    failure: str = "400 404 503"


@dataclass(frozen=True, slots=True)
class RouteRow:
    """One method of one resource.

    Args:
        template: Path; `{root}` stands for the DICOMweb root.
        method: HTTP method; GET answers HEAD too.
        handler: Who answers.
        summary: What it does, for people.
        clause: Where PS3.18 defines it; empty for our own.
        offer: What it takes and gives.
    """

    template: str
    method: str
    handler: Handler
    summary: str
    clause: str = ""
    offer: Offer = Offer()


_SWITCH = ("true", "false")
_ACCEPT = QueryParameter("accept", "Media types that win over the Accept header", repeating=True)
_CHARSET = QueryParameter(
    "charset", "Character sets that the client takes", repeating=True, options=CHARACTER_SETS
)
_SEARCH = (
    QueryParameter("limit", "Matches of a page at the most", "nonNegativeInteger"),
    QueryParameter("offset", "Matches to skip", "nonNegativeInteger"),
    QueryParameter("includefield", "Attributes to return, or all", repeating=True),
    QueryParameter("fuzzymatching", "Match names by their words", "boolean", options=_SWITCH),
    QueryParameter("emptyvaluematching", 'Let "" match empty values', "boolean", options=_SWITCH),
    QueryParameter(
        "multiplevaluematching", "Match all of several values", "boolean", options=_SWITCH
    ),
    QueryParameter("orderby", "Attribute to sort by, behind a minus descending", repeating=True),
    QueryParameter("cursor", "Where the next page begins, from its link"),
    QueryParameter("total", "Tell the number of all matches", "boolean", options=_SWITCH),
    _ACCEPT,
    _CHARSET,
)
_URI = (
    QueryParameter(REQUEST_TYPE, "WADO", options=("WADO",)),
    QueryParameter("studyUID", "Study Instance UID"),
    QueryParameter("seriesUID", "Series Instance UID"),
    QueryParameter("objectUID", "SOP Instance UID"),
    QueryParameter(
        "contentType", "application/dicom, or rendered media types; beats the Accept header"
    ),
    _CHARSET,
    QueryParameter("transferSyntax", "Of application/dicom: a UID, or * for the stored one"),
    QueryParameter("anonymize", "yes is refused with 501", options=("yes",)),
    QueryParameter("frameNumber", "Frame of a multi-frame image, from 1", "positiveInteger"),
    QueryParameter("imageAnnotation", "What is laid over the picture: patient, technique, overlay"),
    QueryParameter("annotation", "Older name of imageAnnotation"),
    QueryParameter("imageQuality", "1 to 100, for lossy media types", "positiveInteger"),
    QueryParameter("rows", "Height into which the picture is fitted", "positiveInteger"),
    QueryParameter("columns", "Width into which the picture is fitted", "positiveInteger"),
    QueryParameter("region", "Part of the image as xmin,ymin,xmax,ymax from 0 to 1"),
    QueryParameter("windowCenter", "Window Center; goes with windowWidth", "decimal"),
    QueryParameter("windowWidth", "Window Width; goes with windowCenter", "decimal"),
    QueryParameter("presentationSeriesUID", "Series of a presentation state of the study"),
    QueryParameter("presentationUID", "SOP Instance UID of the presentation state"),
)
_RENDERED = (
    _ACCEPT,
    _CHARSET,
    QueryParameter("quality", "1 to 100, for lossy media types", "positiveInteger"),
    QueryParameter("viewport", "width,height[,left,top,width,height]: size, and part shown"),
    QueryParameter("window", "center,width,function: linear, linear-exact or sigmoid"),
    QueryParameter("annotation", "What is laid over the picture: patient, technique, overlay"),
    QueryParameter("iccprofile", "ICC profile of the picture", options=rendered_types.PROFILES),
)
_THUMBNAIL = (
    _ACCEPT,
    _CHARSET,
    QueryParameter("viewport", "width,height into which the picture is fitted"),
)
_STORED = tuple(
    form
    for media_type in (media.APPLICATION_DICOM, media.DICOM_JSON, media.DICOM_XML)
    for form in (f'{media.MULTIPART_RELATED}; type="{media_type}"', media_type)
)


def search(name: str, *levels: Level) -> Offer:
    """A search whose attributes are those of some levels.

    Args:
        name: Of the transaction.
        levels: Whose attributes can be matched.
    """
    responses = accept.offered(Resource.SEARCH)
    return Offer(name, _SEARCH, levels, (), responses, failure="400 406 503")


def retrieve(name: str, resource: Resource) -> Offer:
    """The retrieval of a resource.

    Args:
        name: Of the transaction.
        resource: What is retrieved.
    """
    parameters = (_ACCEPT, _CHARSET) if resource is Resource.METADATA else (_ACCEPT,)
    responses = accept.offered(resource)
    return Offer(name, parameters, (), (), responses, "200 206 304", "400 404 406 416 503")


def rendered(name: str, forms: tuple[RenderedForm, ...]) -> Offer:
    """The retrieval of something rendered.

    Args:
        name: Of the transaction.
        forms: What it can be.
    """
    responses = tuple(dict.fromkeys(form.text for form in forms))
    failure = "400 404 406 416 500 503"
    return Offer(name, _RENDERED, (), (), responses, "200 206 304", failure)


def thumbnail(name: str) -> Offer:
    """The retrieval of a thumbnail.

    Args:
        name: Of the transaction.
    """
    responses = tuple(form.text for form in rendered_types.THUMBNAIL_FORMS)
    return Offer(name, _THUMBNAIL, (), (), responses, "200 304", "400 404 406 500 503")


def uri(name: str) -> Offer:
    """The retrieval of an instance by the URI service.

    Args:
        name: Of the transaction.
    """
    responses = (*RENDERED_TYPES, media.APPLICATION_DICOM)
    failure = "400 404 406 416 501 503"
    return Offer(name, _URI, (), (), responses, "200 206 304", failure)


def store(name: str) -> Offer:
    """The storing of instances.

    Args:
        name: Of the transaction.
    """
    responses = accept.offered(Resource.STORE_RESPONSE)
    failure = "400 406 408 413 415 503 507"
    return Offer(name, (_ACCEPT, _CHARSET), (), _STORED, responses, "200 202 409", failure)


def delete(name: str) -> Offer:
    """The deletion of a resource.

    Args:
        name: Of the transaction.
    """
    return Offer(name, success="204")

"""Errors to HTTP: one table of statuses, one shape of answer (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from dicomweb_server import errors
from dicomweb_server.errors import ArchiveError, NotAcceptable, RangeNotSatisfiable, Unavailable
from dicomweb_server.web.responses import BytesResponse

PROBLEM_JSON = "application/problem+json"

STATUS: dict[type[ArchiveError], int] = {
    errors.ArchiveError: 500,
    errors.InvalidRequest: 400,
    errors.InvalidParameter: 400,
    errors.InvalidIdentifier: 400,
    errors.InvalidMultipart: 400,
    errors.BodyStalled: 408,
    errors.PayloadTooLarge: 413,
    errors.UnsupportedContent: 415,
    errors.NotAcceptable: 406,
    errors.FrameUndecodable: 406,
    errors.CodecFailed: 500,
    errors.NotSupported: 501,
    errors.NotAuthenticated: 401,
    errors.NotPermitted: 403,
    errors.NotFound: 404,
    errors.FrameOutOfRange: 404,
    errors.RangeNotSatisfiable: 416,
    errors.PreconditionFailed: 412,
    errors.StudyConflict: 409,
    errors.InstanceRejected: 409,
    errors.Unavailable: 503,
    errors.QueryDeadlineExceeded: 503,
    errors.TooBusy: 503,
    errors.StoreReadOnly: 503,
    errors.StoreFull: 507,
    errors.BlobDamaged: 500,
    errors.ConfigurationError: 500,
}

TITLES = {
    400: "Bad request",
    401: "Who are you?",
    403: "Not permitted",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    408: "Request timed out",
    409: "Conflict",
    412: "Precondition failed",
    413: "Too large",
    415: "Unsupported media type",
    416: "Range not satisfiable",
    500: "Internal error",
    501: "Not supported",
    503: "Temporarily unavailable",
    507: "Insufficient storage",
}


def name_of(error: type[ArchiveError]) -> str:
    """The stable name of an error class in problem documents: words joined by dashes."""
    text = "".join(f"-{c.lower()}" if c.isupper() else c for c in error.__name__)
    return text.lstrip("-")


def problem(status: int, kind: str, detail: str, hint: str, request_id: str) -> BytesResponse:
    """A problem document.

    Args:
        status: HTTP status.
        kind: Stable name, for programs.
        detail: What was wrong, without patient data.
        hint: What would have worked; left out when empty.
        request_id: Name of the request in the logs.
    """
    return _problem(status, kind, detail, hint, request_id, {})


def _problem(
    status: int, kind: str, detail: str, hint: str, request_id: str, further: Mapping[str, object]
) -> BytesResponse:
    document = {
        "type": f"urn:dicomweb-server:problem:{kind}",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        **({"hint": hint} if hint else {}),
        "instance": f"urn:uuid:{request_id}",
        **further,
    }
    return BytesResponse(orjson.dumps(document), PROBLEM_JSON, status=status)


def answer(error: ArchiveError, request_id: str) -> BytesResponse:
    """The response to an error of ours."""
    further = _forms(error) if isinstance(error, NotAcceptable) else {}
    status, kind = STATUS[type(error)], name_of(type(error))
    response = _problem(status, kind, error.detail, error.hint, request_id, further)
    if isinstance(error, Unavailable):
        response.add("Retry-After", str(error.retry_after))
    if isinstance(error, RangeNotSatisfiable):
        response.add("Content-Range", f"bytes */{error.size}")
    return response


def _forms(error: NotAcceptable) -> dict[str, object]:
    """What was asked, what is stored, what would work: so that a refusal explains itself."""
    told = {"asked": error.asked, "stored": error.stored, "offered": error.offered}
    return {name: value for name, value in told.items() if value}

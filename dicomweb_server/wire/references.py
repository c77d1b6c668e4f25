"""How a BulkDataURI names a part of the same request (PS3.18 8.6.1.2, RFC 2392, RFC 3986 5)."""

from __future__ import annotations

from urllib.parse import unquote, urljoin

_CONTENT_ID = "cid:"


def resolved(base: str, uri: str) -> str:
    """A URI in the form in which two of them are compared.

    Args:
        base: Absolute URL of the request, against which relative ones count.
        uri: BulkDataURI or Content-Location.
    """
    uri = uri.strip()
    if uri[: len(_CONTENT_ID)].lower() == _CONTENT_ID:
        return _CONTENT_ID + unquote(uri[len(_CONTENT_ID) :])
    try:
        return urljoin(base, uri)
    except ValueError:
        return uri


def of_content_id(header: str) -> str:
    """The URI that a Content-ID header stands for (RFC 2392 2)."""
    return _CONTENT_ID + header.strip().removeprefix("<").removesuffix(">")

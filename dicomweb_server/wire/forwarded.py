"""The origin under which clients see the server: Host, Forwarded, X-Forwarded-* (RFC 7239)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address

from dicomweb_server.errors import InvalidRequest
from dicomweb_server.wire import fields

_HOST = re.compile(
    r"(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?"
)
_PREFIX = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?")
_SCHEMES = ("http", "https")
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_MAXIMUM_LENGTH = 4 * 1024


@dataclass(frozen=True, slots=True)
class ProxyHeaders:
    """What a proxy said of the request as it came to it; None where a header is absent.

    Args:
        forwarded: `Forwarded`; where it is there, proto and host of the others do not count.
        proto: `X-Forwarded-Proto`.
        host: `X-Forwarded-Host`.
        port: `X-Forwarded-Port`.
        prefix: `X-Forwarded-Prefix`, the path in front of the server's own.
    """

    forwarded: str | None = None
    proto: str | None = None
    host: str | None = None
    port: str | None = None
    prefix: str | None = None


NO_PROXY = ProxyHeaders()


def origin(scheme: str, host: bytes, trusted: bool, headers: ProxyHeaders = NO_PROXY) -> str:
    """The external origin of a request, with the proxy's prefix, without a slash at the end.

    Args:
        scheme: Scheme of the connection, `http` or `https`.
        host: The Host header as received.
        trusted: Whether the peer is a proxy that the settings name; only then its headers count.
            Such a proxy has to set these headers itself: the first element is believed.
        headers: What the proxy sent along.

    Raises:
        InvalidRequest: The host, scheme, port or prefix is not one.
    """
    name = host.decode("latin-1")
    prefix = ""
    if trusted:
        proto, outer = _outer(headers, scheme)
        scheme = proto.lower() if proto else scheme
        name = outer or name
        prefix = _prefix(headers.prefix)
    if scheme not in _SCHEMES:
        raise InvalidRequest("the forwarded protocol is neither http nor https")
    return f"{scheme}://{_host(name)}{prefix}"


def _outer(headers: ProxyHeaders, scheme: str) -> tuple[str | None, str | None]:
    if headers.forwarded:
        pairs = _first_element(headers.forwarded)
        return pairs.get("proto"), pairs.get("host")
    proto, host, port = _first(headers.proto), _first(headers.host), _first(headers.port)
    if host and port and port != _DEFAULT_PORTS.get((proto or scheme).lower()):
        host = host if _has_port(host) else f"{host}:{port}"
    return proto, host


def _first_element(header: str) -> dict[str, str]:
    if len(header) > _MAXIMUM_LENGTH:
        raise InvalidRequest("the Forwarded header is too long")
    first = next(iter(fields.split(header, ",")), "")
    pairs = [fields.parameter(pair) for pair in fields.split(first, ";")]
    found = [pair for pair in pairs if pair is not None]
    if len(found) < len(pairs):
        raise InvalidRequest("the Forwarded header is malformed", "see RFC 7239 section 4")
    return dict(found)


def _first(header: str | None) -> str | None:
    return header.partition(",")[0].strip(" \t") if header else None


def _has_port(host: str) -> bool:
    return ":" in host.rpartition("]")[2]


def _host(name: str) -> str:
    found = _HOST.fullmatch(name)
    if found is None or int(found[1] or 1) not in range(1, 65536):
        raise InvalidRequest("the host of the request is not a host name", "send host or host:port")
    if name.startswith("["):
        _require_address(name[1 : name.rindex("]")])
    return name.lower()


def _require_address(text: str) -> None:
    try:
        IPv6Address(text)
    except ValueError:
        raise InvalidRequest(
            "the host of the request is no IPv6 address", "for example [::1]:8080"
        ) from None


def _prefix(header: str | None) -> str:
    prefix = (_first(header) or "").rstrip("/")
    if _PREFIX.fullmatch(prefix) is None:
        raise InvalidRequest("the forwarded prefix is not a plain path", "for example /pacs")
    return prefix

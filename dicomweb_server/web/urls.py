"""The only builder of public URLs."""

from __future__ import annotations

from ipaddress import ip_address

from starlette.types import Scope

from dicomweb_server.web.settings import WebSettings
from dicomweb_server.wire import forwarded
from dicomweb_server.wire.forwarded import ProxyHeaders

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def base_url(scope: Scope, settings: WebSettings) -> str:
    """Absolute URL of the DICOMweb root as the client reaches it, without a trailing slash.

    Args:
        scope: Of the request.
        settings: A public base URL set there wins; else a trusted proxy tells the outer origin;
            else the URL is that of the connection.

    Raises:
        InvalidRequest: The Host header is no host, or a trusted proxy tells nonsense.
    """
    if settings.public_base_url is not None:
        return f"{settings.public_base_url.rstrip('/')}{settings.root}"
    headers = _first_values(scope)
    scheme: str = scope["scheme"]
    if _behind_trusted_proxy(scope, settings):
        proxy = ProxyHeaders(
            forwarded=headers.get(b"forwarded"),
            proto=headers.get(b"x-forwarded-proto"),
            host=headers.get(b"x-forwarded-host"),
            port=headers.get(b"x-forwarded-port"),
            prefix=headers.get(b"x-forwarded-prefix"),
        )
        host = headers.get(b"host", "").encode("latin-1")
        return f"{forwarded.origin(scheme, host, True, proxy)}{settings.root}"
    host = _own_host(scope, headers.get(b"host", ""))
    return f"{forwarded.origin(scheme, host, False)}{settings.root}"


def _first_values(scope: Scope) -> dict[bytes, str]:
    return {name: value.decode("latin-1") for name, value in reversed(scope["headers"])}


def _own_host(scope: Scope, told_host: str) -> bytes:
    """The Host header where it names this machine itself: any other could be made up (T18).

    Clients that leave out the port (dicomweb-client does) mean the one they are connected to.
    """
    address, port = scope.get("server") or ("127.0.0.1", None)
    name, told = _host_and_port(told_host)
    if name not in _LOOPBACK and name != address:
        name, told = address, ""
    port = told or port
    host = f"[{name}]" if ":" in name else name
    return (f"{host}:{port}" if port else host).encode("latin-1")


def _behind_trusted_proxy(scope: Scope, settings: WebSettings) -> bool:
    client = scope.get("client")
    if client is None or not settings.trusted_proxies:
        return False
    try:
        address = ip_address(client[0])
    except ValueError:
        return False
    return any(address in network for network in settings.trusted_proxies)


def _host_and_port(header: str) -> tuple[str, str]:
    """Name and port of a Host header; an IPv6 address without its brackets."""
    bracketed, bracket, behind = header.lower().rpartition("]")
    if bracket:
        return bracketed.removeprefix("["), behind.removeprefix(":")
    name, _, port = header.lower().partition(":")
    return name, port

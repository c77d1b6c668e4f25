"""The address that the server listens on."""

from __future__ import annotations

import socket
from ipaddress import ip_address

from dicomweb_server.errors import ConfigurationError
from dicomweb_server.settings import ServerSettings

_UNSENT_BYTES = 512 * 1024
"""Bytes of an answer that the system keeps for one client beyond those under way to it."""


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only."""
    return all(ip_address(address).is_loopback for address in _addresses(host))


def require_safe(server: ServerSettings) -> None:
    """Refuse to listen where others than this machine can reach it, unless told so.

    Raises:
        ConfigurationError: The address is not a loopback address.
    """
    if not (server.insecure_open or is_loopback(server.host)):
        raise ConfigurationError(
            f"server.host: on {server.host} anyone who reaches this machine could read, change "
            "and delete everything, because there is no access control yet",
            "keep server.host = 127.0.0.1 and put a proxy with access control in front, or say "
            "--insecure-open (server.insecure_open = true) where the network itself is safe",
        )


def listen(server: ServerSettings) -> socket.socket:
    """Open the listening socket; port 0 takes a free one.

    Raises:
        ConfigurationError: The address is taken or is not ours.
    """
    address = _addresses(server.host)[0]
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        listening = socket.create_server(
            (address, server.port), family=family, backlog=server.backlog
        )
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {server.host} port {server.port}: {error.strerror}",
            "choose another port by --port (0 takes a free one) or another address by --host",
        ) from None
    # Connections inherit it. asyncio sets it only on sockets that name their protocol, and without
    # it an answer of several writes waits 40 ms for the client's delayed acknowledgement.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
    return listening


def url_of(server: ServerSettings, listening: socket.socket) -> str:
    """URL under which this machine reaches a socket, without a slash at its end."""
    host, port = server.host, int(listening.getsockname()[1])
    scheme = "http" if server.tls_certificate is None else "https"
    if host in {"0.0.0.0", "::", ""}:  # noqa: S104 - compared with, not bound to
        host = "127.0.0.1" if listening.family == socket.AF_INET else "::1"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _addresses(host: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        raise ConfigurationError(
            f"server.host: {host!r} is not an address of this machine", "use 127.0.0.1 or ::1"
        ) from None
    return [str(entry[4][0]).partition("%")[0] for entry in found]

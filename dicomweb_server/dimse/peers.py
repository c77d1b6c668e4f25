"""Who may call, from where, and for what (T25)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from dicomweb_server.dimse.verb import Permission


@dataclass(frozen=True, slots=True)
class Peer:
    """A listed AE.

    Args:
        title: Its AE title, 1 to 16 characters.
        host: Its name or address, or a network for one that is never called, or empty for one
            that calls from anywhere.
        port: Where it listens; 0 for one that only calls.
        tls: Whether it speaks DICOM over TLS.
        allow: What it may do here.
    """

    title: str
    host: str
    port: int
    tls: bool
    allow: frozenset[Permission]

    def calls_from(self, address: str) -> bool:
        """Whether an address is this AE's: its own, one of its name, or one within its network.

        Args:
            address: An IP address.
        """
        if not self.host:
            return True
        calling = _plain(address)
        try:
            return calling in ip_network(self.host)
        except ValueError:
            return calling in map(_plain, _addresses(self.host))


class Peers:
    """The listed AEs.

    Args:
        listed: All of them.
    """

    __slots__ = ("_listed",)

    def __init__(self, listed: tuple[Peer, ...]) -> None:
        self._listed = listed

    def allowed(self, title: str, address: str, *, secured: bool) -> frozenset[Permission]:
        """What somebody may do who calls by a title from an address; nothing if not listed.

        Args:
            title: Calling AE title, without padding.
            address: IP address of the peer.
            secured: Whether it calls over TLS.
        """
        found = [each for each in self._listed if each.title == title]
        found = [each for each in found if secured or not each.tls]
        allowed = [each.allow for each in found if each.calls_from(address)]
        return frozenset().union(*allowed)

    def __iter__(self) -> Iterator[Peer]:
        return iter(self._listed)

    def __len__(self) -> int:
        return len(self._listed)

    def destination(self, title: str) -> Peer | None:
        """The first one of that title that can be called, None if there is none."""
        for peer in self._listed:
            if peer.title == title.strip() and peer.host and peer.port:
                return peer
        return None


def _plain(address: str) -> IPv4Address | IPv6Address:
    """An address; one of IPv4 that came in over IPv6 is one of IPv4."""
    found = ip_address(address.partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def _addresses(host: str) -> Iterator[str]:
    """Addresses of a name; none where it has none now."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return
    for entry in found:
        yield str(entry[4][0])

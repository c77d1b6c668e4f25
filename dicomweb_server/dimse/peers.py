"""Who may call, from where, and for what (T25)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dicomweb_server.dimse.verb import Permission


@dataclass(frozen=True, slots=True)
class Peer:
    """A listed AE.

    Args:
        title: Its AE title, 1 to 16 characters.
        host: Its name or address; empty for one that calls from anywhere and is never called.
        port: Where it listens; 0 for one that only calls.
        tls: Whether it speaks DICOM over TLS.
        allow: What it may do here.
    """

    title: str
    host: str
    port: int
    tls: bool
    allow: frozenset[Permission]


class Peers:
    """The listed AEs.

    Args:
        listed: All of them.
    """

    __slots__ = ("_listed",)

    def __init__(self, listed: tuple[Peer, ...]) -> None:
        self._listed = listed

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

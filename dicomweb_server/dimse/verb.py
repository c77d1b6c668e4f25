"""A verb: what peers may be allowed, with the presentation contexts and handlers behind it.

A verb is made by a class of its module from ``Archive`` and ``Bridge`` and entered in
``server.verbs_of``::

    class Find:
        def __init__(self, archive: Archive, bridge: Bridge) -> None: ...
        def verb(self) -> Verb: ...
        def _handle(self, event: Event) -> Iterator[tuple[int | Dataset, Dataset | None]]: ...

Handlers run on the thread of their association. What they know of the peer, whose right to the
verb is checked before they run, is ``caller.caller_of(event.assoc)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pynetdicom.events import Event, InterventionEvent


class Permission(StrEnum):
    """What a listed AE may do; the words of ``[[dimse.ae]] allow``."""

    ECHO = "echo"
    STORE = "store"
    FIND = "find"
    MOVE = "move"
    GET = "get"
    COMMIT = "commit"


Handler = Callable[[Event], object]
"""What pynetdicom calls for a request: a status for C-ECHO and C-STORE, else an iterator of
(status, data set or None) as `evt.EVT_C_FIND`, `EVT_C_MOVE`, `EVT_C_GET` want it."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One abstract syntax that is accepted.

    Args:
        transfer_syntaxes: UIDs, best first.
        scu: Whether the peer may take the role of the provider for it (C-GET, PS3.7 D.3.3.4).
    """

    transfer_syntaxes: tuple[str, ...]
    scu: bool = False


@dataclass(frozen=True, slots=True)
class Verb:
    """One kind of service offered to peers.

    Args:
        permission: What a listed AE must be allowed.
        offers: Abstract syntax UID to its offer; not negotiated with peers that lack the
            permission.
        handlers: Events of pynetdicom to what is called for them.
    """

    permission: Permission
    offers: Mapping[str, Offer]
    handlers: Mapping[InterventionEvent, Handler] = field(default_factory=dict)


def offers(abstract: Iterable[str], syntaxes: Iterable[str]) -> dict[str, Offer]:
    """The same transfer syntaxes for many abstract syntaxes."""
    offer = Offer(tuple(syntaxes))
    return dict.fromkeys(abstract, offer)

"""A verb: what peers may be allowed, with the presentation contexts and handlers behind it.

A verb is made by a class of its module from ``Archive`` and ``Bridge`` and entered in
``server.verbs_of``::

    class Find:
        def __init__(self, archive: Archive, bridge: Bridge) -> None: ...
        def verb(self) -> Verb: ...
        def serve(self, call: Call) -> None: ...

Handlers run on the thread of their association. What they know of the peer, whose right to the
verb is checked before they run, is ``caller.caller_of(event.assoc)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from pynetdicom.dimse_primitives import DIMSEPrimitive
from pynetdicom.events import Event, InterventionEvent

from dicomweb_server.dimse.call import Call


class Permission(StrEnum):
    """What a listed AE may do; the words of ``[[dimse.ae]] allow``."""

    ECHO = "echo"
    STORE = "store"
    FIND = "find"
    MOVE = "move"
    GET = "get"
    COMMIT = "commit"


Service = Callable[[Call], None]
"""Serves one request whole: sends its responses through the call (C-FIND, C-GET, C-MOVE)."""

Handler = Callable[[Event], object]
"""What pynetdicom calls for a request: a status for C-ECHO and C-STORE, else an iterator of
(status, data set or None) as `evt.EVT_C_FIND`, `EVT_C_MOVE`, `EVT_C_GET` want it."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One abstract syntax that is accepted.

    Args:
        transfer_syntaxes: UIDs, best first.
        scu: Whether the peer may take the role of the provider for it (C-GET, PS3.7 D.3.3.4).
        theirs: Whether the first one that the peer lists is taken, instead of the first of ours.
    """

    transfer_syntaxes: tuple[str, ...]
    scu: bool = False
    theirs: bool = False


class Offers(Protocol):
    """Abstract syntaxes to what is offered for them; a mapping is one."""

    def get(self, abstract_syntax: str, /) -> Offer | None:
        """The offer for an abstract syntax UID, None without one."""
        ...


@dataclass(frozen=True, slots=True)
class Verb:
    """One kind of service offered to peers.

    Args:
        permission: What a listed AE must be allowed.
        offers: By abstract syntax UID; not negotiated with peers that lack the permission.
        handlers: Events of pynetdicom to what is called for them.
        services: Classes of requests to what serves them whole, in place of the service classes of
            pynetdicom: `Association._serve_request` makes a `call.Call` and hands it over.
        extended: Answers SOP Class Extended Negotiation: SOP class UID and application information
            that was sent to that which is answered, None for none (PS3.7 D.3.3.5).
    """

    permission: Permission
    offers: Offers
    handlers: Mapping[InterventionEvent, Handler] = field(default_factory=dict)
    services: Mapping[type[DIMSEPrimitive], Service] = field(default_factory=dict)
    extended: Callable[[str, bytes], bytes | None] | None = None


def offers(abstract: Iterable[str], syntaxes: Iterable[str]) -> dict[str, Offer]:
    """The same transfer syntaxes for many abstract syntaxes."""
    offer = Offer(tuple(syntaxes))
    return dict.fromkeys(abstract, offer)

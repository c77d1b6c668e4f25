"""The peer at the other end of an association, as handlers know it."""

from __future__ import annotations

from dataclasses import dataclass

from pynetdicom.association import Association

from dicomweb_server.service.context import Context


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls.

    Args:
        title: Calling AE title, as sent, without padding.
        called: AE title that it called.
        address: Network address of the peer.
        context: Who asks, for the services; its request id names the association in logs.
    """

    title: str
    called: str
    address: str
    context: Context


def caller_of(association: Association) -> Caller:
    """Who calls; set once an association is accepted, by ``server``.

    Raises:
        LookupError: The association is none of this server's.
    """
    caller: Caller | None = getattr(association, "caller", None)
    if caller is None:
        raise LookupError("an association without caller")
    return caller

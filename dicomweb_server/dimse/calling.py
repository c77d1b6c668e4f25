"""An association that this server asks for: to where instances are moved."""

from __future__ import annotations

import queue
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress

from pydicom.uid import UID
from pynetdicom._globals import MODE_REQUESTOR
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.transport import T_CONNECT, AddressInformation

from dicomweb_server.dicom.writer import IMPLEMENTATION_CLASS, IMPLEMENTATION_VERSION
from dicomweb_server.dimse.connection import Connection
from dicomweb_server.dimse.guard import Bounds
from dicomweb_server.dimse.messages import Messages
from dicomweb_server.dimse.peers import Peer
from dicomweb_server.dimse.upper import UpperLayer
from dicomweb_server.errors import Unavailable

_MOST_CONTEXTS = 128
_JOIN_SECONDS = 5.0


class Dialled(Connection):
    """A connection that is made before its association is asked for.

    Args:
        assoc: The association.
        connected: The socket.
        seconds: Time for one PDU in either direction.
    """

    def __init__(self, assoc: Association, connected: socket.socket, seconds: float) -> None:
        super().__init__(assoc, connected, seconds)
        with suppress(queue.Empty):  # the library takes every socket that it is given for accepted
            self.event_queue.get(block=False)

    def connect(self, primitive: T_CONNECT) -> None:
        """Say that it is connected (PS3.8 9.2.2, Evt2)."""
        primitive.result = "Evt2"
        self.provider_queue.put(primitive)


class Calling(Association):
    """An association used on the thread that makes it; only its upper layer has another one.

    Args:
        title: Our AE title.
        peer: Whom to call.
        contexts: What is proposed, 128 at the most.
        bounds: What the peer may take.
    """

    def __init__(
        self, title: str, peer: Peer, contexts: Sequence[PresentationContext], bounds: Bounds
    ) -> None:
        entity = ApplicationEntity(title)
        super().__init__(entity, MODE_REQUESTOR)
        heard = threading.Event()
        messages = Messages(self, bounds, lambda *_: None, heard.set)
        self.dimse = messages
        self.upper = UpperLayer(self, bounds, messages, heard.set)
        self.dul = self.upper
        self.acse_timeout = bounds.artim_seconds
        self.network_timeout = self.dimse_timeout = bounds.idle_seconds
        self.requestor.ae_title = title
        self.requestor.maximum_length = bounds.pdu
        self.requestor.implementation_class_uid = UID(IMPLEMENTATION_CLASS)
        self.requestor.implementation_version_name = IMPLEMENTATION_VERSION
        self.acceptor.ae_title = peer.title
        for place, context in enumerate(contexts[:_MOST_CONTEXTS]):
            context.context_id = 2 * place + 1
        self.requestor.requested_contexts = list(contexts[:_MOST_CONTEXTS])

    def open(self, connected: socket.socket, seconds: float) -> None:
        """Ask for it over a connected socket.

        Raises:
            Unavailable: The peer does not accept it.
        """
        self.set_socket(Dialled(self, connected, seconds))
        here, there = connected.getsockname(), connected.getpeername()
        self.requestor.address_info = AddressInformation.from_tuple(here)
        self.acceptor.address_info = AddressInformation.from_tuple(there)
        self.request()
        if not self.is_established:
            self.close()
            raise Unavailable("the association was not accepted")

    def close(self) -> None:
        """Release it where it lives, and give back what it holds."""
        if self.is_established:
            self.acse.negotiate_release()
        self.dul.kill_dul()
        self.dul.join(_JOIN_SECONDS)
        if not self.dul.is_alive():
            self.upper.close()


def proposed(
    needs: Mapping[tuple[str, str], int], others: Sequence[str]
) -> list[PresentationContext]:
    """Presentation contexts for what is to be sent, 128 at the most (PS3.8 7.1.1.13).

    Args:
        needs: How many instances there are of each SOP class in each transfer syntax: those of
            which there are most get a context each, so that a receiver takes them as they are.
        others: Transfer syntaxes that instances of each class can be rewritten in, best first.
    """
    classes = dict.fromkeys(sop_class for sop_class, _ in needs)
    found = [build_context(sop_class, list(others)) for sop_class in classes]
    often = sorted(needs, key=lambda need: (-needs[need], need))
    found += [build_context(sop_class, [syntax]) for sop_class, syntax in often]
    return found[:_MOST_CONTEXTS]


def dial(
    title: str, peer: Peer, contexts: Sequence[PresentationContext], bounds: Bounds
) -> Calling:
    """Call a peer.

    Args:
        title: Our AE title.
        peer: Whom.
        contexts: What is proposed.
        bounds: What the peer may take, also how long.

    Raises:
        Unavailable: It cannot be reached, or does not accept.
    """
    try:
        connected = socket.create_connection((peer.host, peer.port), bounds.artim_seconds)
    except OSError as error:
        raise Unavailable("the receiver cannot be reached") from error
    try:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if peer.tls:
            context = ssl.create_default_context()
            connected = context.wrap_socket(connected, server_hostname=peer.host)
        calling = Calling(title, peer, contexts, bounds)
    except OSError as error:
        connected.close()
        raise Unavailable("the receiver cannot be reached over TLS") from error
    calling.open(connected, bounds.idle_seconds)
    return calling

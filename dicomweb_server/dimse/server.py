"""The server of DICOM associations: its verbs, its peers, its listening sockets."""

from __future__ import annotations

import itertools
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.events import Event
from pynetdicom.pdu_primitives import A_ASSOCIATE

from dicomweb_server.auth.port import Principal
from dicomweb_server.dicom.writer import IMPLEMENTATION_CLASS, IMPLEMENTATION_VERSION
from dicomweb_server.dimse.acceptance import Rejection
from dicomweb_server.dimse.archive import Archive
from dicomweb_server.dimse.association import Admission, Served, Terms
from dicomweb_server.dimse.bridge import Bridge
from dicomweb_server.dimse.caller import Caller
from dicomweb_server.dimse.echo import echo
from dicomweb_server.dimse.find import Find
from dicomweb_server.dimse.get import Get
from dicomweb_server.dimse.guard import Bounds, Guard
from dicomweb_server.dimse.listener import Listener
from dicomweb_server.dimse.move import Move
from dicomweb_server.dimse.store import Store
from dicomweb_server.dimse.verb import Offer, Permission, Verb
from dicomweb_server.service.context import Context

CALLED_NOT_RECOGNISED = Rejection(1, 1, 7, "the called AE title is another one")
CALLING_NOT_RECOGNISED = Rejection(1, 1, 3, "the calling AE is not listed, or not so")
_ENDING_SECONDS = 2.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rules:
    """How strangers are treated.

    Args:
        strict: Whether the called AE title must be ours and, where AEs are listed, the calling
            AE, its address and the verb must be.
        any_class: Whether SOP classes that PS3.6 does not list are stored.
    """

    strict: bool
    any_class: bool


class MergedOffers:
    """The offers of all verbs that a peer is allowed.

    Args:
        verbs: Those.
    """

    def __init__(self, verbs: Iterable[Verb]) -> None:
        self._verbs = tuple(verbs)

    def get(self, abstract_syntax: str, /) -> Offer | None:
        """The first verb's offer; the peer may be the provider where any verb allows it."""
        found = [verb.offers.get(abstract_syntax) for verb in self._verbs]
        offers = [offer for offer in found if offer is not None]
        if not offers:
            return None
        first = offers[0]
        scu = any(offer.scu for offer in offers)
        return Offer(first.transfer_syntaxes, scu=scu, theirs=first.theirs)


class DimseServer:
    """Serves associations until it is told to stop.

    Args:
        archive: What is served.
        bridge: To the loop of the services.
        bounds: What peers may take.
        rules: Who is one.
    """

    def __init__(self, archive: Archive, bridge: Bridge, bounds: Bounds, rules: Rules) -> None:
        self._archive = archive
        self._bridge = bridge
        self._bounds = bounds
        self._rules = rules
        self._guard = Guard(bounds)
        self._store = Store(archive, bridge, any_class=rules.any_class, unstored=bounds.unstored)
        self._verbs = (
            echo(),
            self._store.verb(),
            Find(archive, bridge).verb(),
            Get(archive, bridge, any_class=rules.any_class).verb(),
            Move(archive, bridge, bounds).verb(),
        )
        self._terms = self._make_terms()
        self._served: set[Served] = set()
        self._changed = threading.Condition()
        self._listeners: list[Listener] = []
        self._numbers = itertools.count(1)

    def listen(self, listening: socket.socket, secure: ssl.SSLContext | None = None) -> None:
        """Begin to accept associations.

        Args:
            listening: The socket.
            secure: For TLS; None for plain connections.
        """
        listener = Listener(listening, secure, self._guard, self._begin)
        self._listeners.append(listener)
        listener.start()

    @property
    def associations(self) -> int:
        """Connections that are open."""
        with self._changed:
            return len(self._served)

    def close(self, grace: float) -> None:
        """Stop: messages under way are finished, then associations are aborted.

        Args:
            grace: Seconds that messages under way have.
        """
        self._bridge.stopping.set()
        while self._listeners:
            self._listeners.pop().close()
        for served in self._open():
            served.drain()
        self._await_end(grace)
        for served in self._open():
            served.end_now()
        self._await_end(_ENDING_SECONDS)

    def cut(self) -> None:
        """Abort every association now; `close` waits no longer."""
        for served in self._open():
            served.end_now()

    def _open(self) -> tuple[Served, ...]:
        with self._changed:
            return tuple(self._served)

    def _await_end(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        with self._changed:
            while self._served and time.monotonic() < deadline:
                self._changed.wait(deadline - time.monotonic())

    def _make_terms(self) -> Terms:
        entity = ApplicationEntity(self._archive.title)
        entity.implementation_class_uid = IMPLEMENTATION_CLASS
        entity.implementation_version_name = IMPLEMENTATION_VERSION
        return Terms(
            entity=entity,
            title=self._archive.title,
            bounds=self._bounds,
            handlers={
                evt.EVT_SOP_EXTENDED: self._extended,
                **{event: each for verb in self._verbs for event, each in verb.handlers.items()},
            },
            services={kind: s for verb in self._verbs for kind, s in verb.services.items()},
            admit=self._admit,
            open_sink=self._store.open,
            outcome=self._store.outcome,
        )

    def _extended(self, event: Event) -> dict[str, bytes]:
        """Answer SOP Class Extended Negotiation (PS3.7 D.3.3.5)."""
        answers = {}
        wanted: dict[str, bytes] = vars(event).get("app_info", {})
        for uid, information in wanted.items():
            for verb in self._verbs:
                answer = verb.extended(str(uid), information) if verb.extended else None
                if answer is not None:
                    answers[uid] = answer
        return answers

    def _begin(
        self, accepted: socket.socket, address: tuple[str, int], secure: ssl.SSLContext | None
    ) -> None:
        served = Served(self._terms, accepted, address, secure, self._forget)
        with self._changed:
            self._served.add(served)
        try:
            served.start()
        except RuntimeError:  # no thread can be made
            with self._changed:
                self._served.discard(served)
            raise

    def _forget(self, served: Served) -> None:
        self._guard.release(served.address)
        with self._changed:
            self._served.discard(served)
            self._changed.notify_all()

    def _admit(self, request: A_ASSOCIATE, address: str, secured: bool) -> Admission | Rejection:
        called, calling = (
            str(request.called_ae_title).strip(),
            str(request.calling_ae_title).strip(),
        )
        permissions = frozenset(Permission)
        if self._rules.strict:
            if called != self._archive.title:
                return CALLED_NOT_RECOGNISED
            if len(self._archive.peers):
                permissions = self._archive.peers.allowed(calling, address, secured=secured)
        if not permissions:
            return CALLING_NOT_RECOGNISED
        caller = Caller(
            title=calling,
            called=called,
            address=address,
            context=Context(Principal(calling), f"dimse-{next(self._numbers)}"),
        )
        verbs = [verb for verb in self._verbs if verb.permission in permissions]
        return Admission(caller, permissions, MergedOffers(verbs))

"""One association that a peer has asked for, from its connection to its end."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from pynetdicom import evt
from pynetdicom._globals import MODE_ACCEPTOR
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import (
    C_ECHO,
    C_FIND,
    C_GET,
    C_MOVE,
    C_STORE,
    N_ACTION,
    N_CREATE,
    N_DELETE,
    N_EVENT_REPORT,
    N_GET,
    N_SET,
    DIMSEPrimitive,
    DimseServiceType,
)
from pynetdicom.events import InterventionEvent
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import AddressInformation

from dicomweb_server.dimse import outgoing
from dicomweb_server.dimse.acceptance import Acceptance, Rejection
from dicomweb_server.dimse.call import Call, Request
from dicomweb_server.dimse.caller import Caller
from dicomweb_server.dimse.connection import Connection
from dicomweb_server.dimse.guard import Bounds
from dicomweb_server.dimse.messages import Messages, Sink
from dicomweb_server.dimse.outgoing import Field
from dicomweb_server.dimse.status import NOT_AUTHORISED, SOP_CLASS_NOT_SUPPORTED, Status
from dicomweb_server.dimse.upper import UpperLayer
from dicomweb_server.dimse.verb import Handler, Offers, Permission, Service

_LOOK_SECONDS = 0.5
_JOIN_SECONDS = 5.0

_VERBS: Mapping[type[object], Permission] = {
    C_ECHO: Permission.ECHO,
    C_STORE: Permission.STORE,
    C_FIND: Permission.FIND,
    C_MOVE: Permission.MOVE,
    C_GET: Permission.GET,
    N_ACTION: Permission.COMMIT,
}

_FIELDS: Mapping[type[object], int] = {
    C_STORE: 0x0001,
    C_GET: 0x0010,
    C_FIND: 0x0020,
    C_MOVE: 0x0021,
    C_ECHO: 0x0030,
    N_EVENT_REPORT: 0x0100,
    N_GET: 0x0110,
    N_SET: 0x0120,
    N_ACTION: 0x0130,
    N_CREATE: 0x0140,
    N_DELETE: 0x0150,
}
"""Command Field (0000,0100) of requests (PS3.7 E.1)."""

_ECHOED: Mapping[int, str] = {
    outgoing.SOP_CLASS: "AffectedSOPClassUID",
    outgoing.SOP_INSTANCE: "AffectedSOPInstanceUID",
}
"""Elements of a request that stand in its response."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Admission:
    """What one peer may do.

    Args:
        caller: Who it is.
        permissions: Its verbs.
        offers: Its presentation contexts.
    """

    caller: Caller
    permissions: frozenset[Permission]
    offers: Offers


@dataclass(frozen=True, slots=True)
class Terms:
    """How the associations of one server are served.

    Args:
        entity: The AE, which names the implementation.
        title: Its AE title.
        bounds: What peers may take.
        handlers: What is called for which event.
        services: What answers which kind of request by itself.
        admit: Decides on a request from an address, over TLS or not.
        open_sink: Opens the place where the data set of a C-STORE request goes.
        outcome: Waits for what became of it.
    """

    entity: ApplicationEntity
    title: str
    bounds: Bounds
    handlers: Mapping[InterventionEvent, Handler]
    services: Mapping[type[DIMSEPrimitive], Service]
    admit: Callable[[A_ASSOCIATE, str, bool], Admission | Rejection]
    open_sink: Callable[[Caller, PresentationContext, C_STORE], Sink | None]
    outcome: Callable[[C_STORE], Status]


class Served(Association):
    """An association on two threads: this one works on requests, its upper layer reads and sends.

    Args:
        terms: How it is served.
        accepted: The connection.
        address: Of the peer, as the socket tells it.
        secure: For TLS; None for plain connections.
        on_end: Called at the end.
    """

    def __init__(
        self,
        terms: Terms,
        accepted: socket.socket,
        address: tuple[str, int],
        secure: ssl.SSLContext | None,
        on_end: Callable[[Served], None],
    ) -> None:
        super().__init__(terms.entity, MODE_ACCEPTOR)
        self.name = "dicom association"
        self.address = address[0]
        self._terms = terms
        self._secure = secure
        self._on_end = on_end
        self._admission: Admission | None = None
        self._stirred = threading.Event()
        self._draining = False
        bounds = terms.bounds
        self.messages = Messages(self, bounds, self._open_sink, self._stirred.set)
        self.upper = UpperLayer(self, bounds, self.messages, self._stirred.set)
        self.dimse = self.messages
        self.dul = self.upper
        self.acse = Acceptance(self, self._judge)
        self.acse_timeout = bounds.artim_seconds
        self.network_timeout = self.dimse_timeout = bounds.idle_seconds
        self.connection = Connection(self, accepted, bounds.idle_seconds)
        self.set_socket(self.connection)
        self._describe(address, accepted)
        for event, handler in terms.handlers.items():
            self.bind(event, handler)

    @property
    def caller(self) -> Caller | None:
        """Who calls; None until the association is accepted."""
        return None if self._admission is None else self._admission.caller

    def drain(self) -> None:
        """End it when the message that is on its way or worked on is done."""
        self._draining = True
        self._stirred.set()

    def end_now(self) -> None:
        """End it, whatever is under way."""
        with suppress(RuntimeError):  # its thread has not begun, or is at its end
            self._abort_nonblocking()
        self._kill = True
        self._stirred.set()

    def run_reactor(self) -> None:
        """Serve it."""
        try:
            self._serve()
        except Exception as error:  # noqa: BLE001 - one association must not end in a traceback
            _log.warning("an association failed", exc_info=error)
        finally:
            self._finish()

    def _bind_defaults(self) -> None:
        """Bind no handlers that write to the log."""
        for event in evt._INTERVENTION_EVENTS:
            self.bind(event, evt.get_default_handler(event))

    def _describe(self, address: tuple[str, int], accepted: socket.socket) -> None:
        self.acceptor.maximum_length = self._terms.bounds.pdu
        self.acceptor.ae_title = self._terms.title
        self.acceptor.address_info = AddressInformation.from_tuple(accepted.getsockname())
        self.acceptor.implementation_class_uid = self.ae.implementation_class_uid
        self.acceptor.implementation_version_name = self.ae.implementation_version_name
        self.requestor.address_info = AddressInformation.from_tuple(address)

    def _judge(self, request: A_ASSOCIATE) -> Offers | Rejection:
        verdict = self._terms.admit(request, self.address, self._secure is not None)
        if isinstance(verdict, Rejection):
            return verdict
        self._admission = verdict
        return verdict.offers

    def _serve(self) -> None:
        seconds = self._terms.bounds.artim_seconds
        if self._secure is not None:
            try:
                self.connection.begin_tls(self._secure, seconds)
            except OSError as error:
                _log.warning("a TLS handshake failed", extra={"error": type(error).__name__})
                return
        self.dul.start()
        self._started_dul = True
        # The library tells no type of it that mypy could follow.
        primitive: object = self.dul.receive_pdu(wait=True, timeout=seconds + _LOOK_SECONDS)
        if not isinstance(primitive, A_ASSOCIATE):
            return
        self.requestor.primitive = primitive
        self.acse.negotiate_association()
        if self.is_established:
            self._run_reactor()

    def _finish(self) -> None:
        self.connection.cut()
        self.messages.broken()
        if self._started_dul:
            self.dul.kill_dul()
            self.dul.join(_JOIN_SECONDS)
        else:
            self.connection._shutdown_socket()
        if not self.dul.is_alive():
            self.upper.close()
        self._on_end(self)

    def _run_reactor(self) -> None:
        """Work on requests until one side ends the association.

        pynetdicom's own looks a thousand times a second.
        """
        while not self._kill:
            self._is_paused = True
            self._stirred.wait(_LOOK_SECONDS)
            self._stirred.clear()
            self._reactor_checkpoint.wait()
            self._is_paused = False
            while self._work():
                pass
            if self._is_over():
                self.kill()

    def _work(self) -> bool:
        """Work on one message; False where there is none."""
        context_id, message = self.dimse.get_msg(block=False)
        if message is None or context_id is None or self._kill:
            return False
        self.upper.wake()  # it may have stopped to read because of this message
        self._serve_request(message, context_id)
        return True

    def _is_over(self) -> bool:
        if self.is_established and self.acse.is_release_requested():
            self.acse.send_release(is_response=True)
            self.is_released, self.is_established = True, False
            return True
        if self.acse.is_aborted():
            self.is_aborted, self.is_established = True, False
            return True
        if not self.dul.is_alive():
            return True
        if self.dul.idle_timer_expired() or (self._draining and not self.messages.in_progress):
            self.abort()
            return True
        return False

    def _open_sink(self, context_id: int, request: C_STORE) -> Sink | None:
        context = self._accepted_cx.get(context_id)
        if self._admission is None or context is None or self._refusal(request, context):
            return None
        return self._terms.open_sink(self._admission.caller, context, request)

    def _serve_request(self, msg: DimseServiceType, context_id: int) -> None:
        context = self._accepted_cx.get(context_id)
        is_request = msg.MessageIDBeingRespondedTo is None and msg.MessageID is not None
        if context is None or not is_request:
            if context is None:
                self.abort()
            return
        status = self._refusal(msg, context)
        if status is None and isinstance(msg, C_STORE):
            status = self._terms.outcome(msg)
        if status is not None:
            self._respond(msg, context_id, status)
        elif isinstance(msg, Request) and type(msg) in self._terms.services:
            self._answer(msg, context)
        else:
            super()._serve_request(msg, context_id)

    def _answer(self, msg: Request, context: PresentationContext) -> None:
        self._is_paused = True  # whoever answers may send requests of his own
        try:
            self._terms.services[type(msg)](Call(self, msg, context))
        finally:
            self._is_paused = False
            self.dimse.cancel_req = {}

    def _refusal(self, msg: DimseServiceType, context: PresentationContext) -> Status | None:
        """Why a request is not worked on."""
        verb = next((verb for kind, verb in _VERBS.items() if isinstance(msg, kind)), None)
        permissions = self._admission.permissions if self._admission else frozenset()
        if verb is not None and verb not in permissions:
            return Status(NOT_AUTHORISED, f"this AE may not {verb}")
        named = getattr(msg, "AffectedSOPClassUID", None)
        if named is not None and named != context.abstract_syntax:
            return Status(SOP_CLASS_NOT_SUPPORTED, "not the SOP class of the presentation context")
        return None

    def _respond(self, msg: DimseServiceType, context_id: int, status: Status) -> None:
        told: dict[int, Field] = {
            outgoing.FIELD: outgoing.RESPONSE | _FIELDS[kind_of(msg)],
            outgoing.RESPONDED_TO: msg.MessageID or 0,
            outgoing.STATUS: status.code,
        }
        for number, name in _ECHOED.items():
            given: object = getattr(msg, name, None)
            if given is not None:
                told[number] = str(given)
        if status.comment:
            told[outgoing.ERROR_COMMENT] = status.comment
        outgoing.send(self, context_id, told)


def kind_of(msg: DimseServiceType) -> type[object]:
    """The library's class of a request."""
    return next(kind for kind in _FIELDS if isinstance(msg, kind))

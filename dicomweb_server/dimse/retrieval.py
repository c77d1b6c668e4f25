"""Retrieval by DIMSE: resolve what is wanted, send it, tell how it goes (PS3.4 C.4.2, C.4.3)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Final

from dicomweb_server.dimse import models, wanted
from dicomweb_server.dimse.archive import Archive
from dicomweb_server.dimse.bridge import Bridge
from dicomweb_server.dimse.call import Call
from dicomweb_server.dimse.carrier import Carrier, Lost
from dicomweb_server.dimse.find import Matches
from dicomweb_server.dimse.status import SOP_CLASS_NOT_SUPPORTED, Status
from dicomweb_server.dimse.streaming import steps
from dicomweb_server.dimse.suboperations import CANCELLED, PENDING, Outcome, SubOperations
from dicomweb_server.errors import Unavailable
from dicomweb_server.model import media
from dicomweb_server.model.ids import Scope
from dicomweb_server.model.instance import InstanceRecord

_SECONDS: Final = 60.0
_ATTEMPTS: Final = 3
"""Times that a receiver may lose its association before it is given up."""

_log = logging.getLogger(__name__)

Needs = dict[tuple[str, str], int]
"""How many instances there are of each SOP class in each transfer syntax."""
Connect = Callable[[Needs], Carrier]
"""Makes the way to the receiver; raises `Unavailable` where there is none."""


class Retrieval:
    """One C-GET or C-MOVE.

    Args:
        archive: What is read.
        bridge: To its loop.
        call: The request.
        connect: Makes the way to the receiver.
        again: Whether it can be made anew when it is lost.
    """

    def __init__(
        self, archive: Archive, bridge: Bridge, call: Call, connect: Connect, *, again: bool
    ) -> None:
        self._outbound = archive.retrieve.outbound
        self._archive = archive
        self._bridge = bridge
        self._call = call
        self._connect = connect
        self._attempts = _ATTEMPTS if again else 1
        self._counts = SubOperations(0)
        self._carrier: Carrier | None = None

    def run(self) -> None:
        """Do it, and send all responses.

        Raises:
            ArchiveError: It cannot begin; nothing was sent.
        """
        model = models.retrieved_by(self._call.sop_class)
        if model is None:
            self._call.respond(Status(SOP_CLASS_NOT_SUPPORTED))
            return
        scopes = self._scopes(model)
        until = self._bridge.call(self._outbound.moment(), _SECONDS)
        needs: Needs = {}
        for record, _ in self._records(scopes, until):
            need = (record.sop_class, record.transfer_syntax)
            needs[need] = needs.get(need, 0) + 1
        self._counts = SubOperations(sum(needs.values()))
        cancelled = False
        if needs:
            cancelled = not self._send(scopes, until, needs)
        if not cancelled:
            self._counts.lose()
        self._finish(cancelled=cancelled)

    def _scopes(self, model: models.Model) -> list[Scope]:
        relational = self._call.negotiated[:1] == b"\1"
        context = self._call.caller.context
        matches = Matches(self._archive.search, self._bridge, context)
        queries = wanted.queries(self._call.identifier(), model, relational=relational)
        return [
            scope for query in queries for scope in wanted.scopes(matches.rows(query), query.level)
        ]

    def _records(self, scopes: list[Scope], until: int) -> Iterator[tuple[InstanceRecord, str]]:
        context = self._call.caller.context
        for scope in scopes:
            pages = self._outbound.pages(context, scope, until)
            for page in steps(self._bridge, pages):
                yield from page

    def _send(self, scopes: list[Scope], until: int, needs: Needs) -> bool:
        """Send all; False where the peer cancelled."""
        for record, harm in self._records(scopes, until):
            if self._call.is_cancelled or self._bridge.stopping.is_set():
                return False
            if not self._call.is_open:
                return True
            outcome = Outcome.FAILED if harm else self._one(record, needs)
            self._counts.note(outcome, record.key.instance)
            if self._counts.remaining and self._call.is_open:
                self._call.respond(Status(PENDING), fields=self._counts.fields(final=False))
        return True

    def _one(self, record: InstanceRecord, needs: Needs) -> Outcome:
        if self._carrier is None:
            if not self._attempts:
                return Outcome.FAILED
            self._attempts -= 1
            try:
                self._carrier = self._connect(needs)
            except Unavailable as error:
                _log.warning("a receiver cannot be reached", extra={"error": error.detail})
                self._attempts = 0
                return Outcome.FAILED
        try:
            return self._carrier.send(record)
        except Lost:
            self._carrier = None
            return Outcome.FAILED

    def _finish(self, *, cancelled: bool) -> None:
        if self._carrier is not None:
            self._carrier.close()
        if not self._call.is_open:
            return
        status = Status(CANCELLED) if cancelled else self._counts.status()
        implicit = self._call.transfer_syntax == media.IMPLICIT_LITTLE
        self._call.respond(
            status,
            self._counts.failures(implicit=implicit),
            self._counts.fields(final=not cancelled),
        )


def extended(sop_class: str, asked: bytes) -> bytes | None:
    """The answer to extended negotiation of retrieval: relational-retrieval (PS3.4 Table C.5-3)."""
    if models.retrieved_by(sop_class) is None:
        return None
    return bytes(1 if place == 0 and byte == 1 else 0 for place, byte in enumerate(asked[:2]))

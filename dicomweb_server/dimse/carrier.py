"""C-STORE sub-operations over one association, an instance after the other (PS3.4 C.4.2.1.5)."""

from __future__ import annotations

import itertools
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE

from dicomweb_server.dicom.implicit import data_set, even, implicit
from dicomweb_server.dimse import outgoing
from dicomweb_server.dimse.bridge import Bridge
from dicomweb_server.dimse.outgoing import Field
from dicomweb_server.dimse.streaming import steps
from dicomweb_server.dimse.suboperations import Outcome
from dicomweb_server.dimse.upper import UpperLayer
from dicomweb_server.errors import ArchiveError
from dicomweb_server.model import media
from dicomweb_server.model.instance import InstanceRecord
from dicomweb_server.service.outbound import Outbound

_SETTLE_SECONDS: Final = 300.0
_GREATEST_ID: Final = 0xFFFF
_WARNINGS: Final = range(0xB000, 0xC000)

_log = logging.getLogger(__name__)


class Lost(Exception):
    """The association cannot be used any more."""


@dataclass(frozen=True, slots=True)
class Originator:
    """Who asked for a move.

    Args:
        title: Its AE title.
        message_id: Of its request.
    """

    title: str
    message_id: int


class Carrier:
    """Sends instances to one receiver.

    Args:
        association: To the receiver, who takes the role of the provider.
        outbound: Chooses forms and reads.
        bridge: To the loop.
        originator: Who asked for a move; None for C-GET.
        release: Ends the association; None where others use it.
    """

    def __init__(
        self,
        association: Association,
        outbound: Outbound,
        bridge: Bridge,
        originator: Originator | None = None,
        release: Callable[[], None] | None = None,
    ) -> None:
        self._association = association
        self._outbound = outbound
        self._bridge = bridge
        self._originator = originator
        self._release = release
        self._numbers = itertools.count(1)
        self._contexts: dict[str, dict[str, int]] = defaultdict(dict)
        for context in association.accepted_contexts:
            if context.as_scu:
                syntax = str(context.transfer_syntax[0])
                accepted = self._contexts[str(context.abstract_syntax)]
                accepted.setdefault(syntax, context.context_id or 0)

    def send(self, record: InstanceRecord) -> Outcome:
        """Send one instance and wait for what the receiver says.

        Raises:
            Lost: The association ended, or had to be ended; the instance counts as failed.
        """
        accepted = self._contexts.get(record.sop_class, {})
        for syntax in self._outbound.syntaxes(record, accepted):
            try:
                pieces = self._begun(record, syntax)
            except ArchiveError as error:
                _log.warning("an instance cannot be sent", extra={"error": type(error).__name__})
                continue
            return self._transfer(record, accepted[syntax], pieces)
        return Outcome.FAILED

    def close(self) -> None:
        """Nothing more is sent."""
        if self._release is not None:
            self._release()

    def _begun(self, record: InstanceRecord, syntax: str) -> Iterator[bytes | memoryview]:
        """The data set, its first piece in hand."""
        part = self._outbound.file(record, syntax)
        settled = self._bridge.call(part.settled(), _SETTLE_SECONDS)
        pieces = data_set(steps(self._bridge, settled.body(None)))
        if syntax == media.IMPLICIT_LITTLE and record.transfer_syntax != syntax:
            pieces = implicit(pieces)
        first = next(pieces, b"")
        return even(itertools.chain([first], pieces))

    def _transfer(
        self, record: InstanceRecord, context_id: int, pieces: Iterator[bytes | memoryview]
    ) -> Outcome:
        number = (next(self._numbers) - 1) % _GREATEST_ID + 1
        try:
            outgoing.send(self._association, context_id, self._command(record, number), pieces)
        except ArchiveError as error:
            _log.warning("sending broke off", extra={"error": type(error).__name__})
            self._association.abort()
            raise Lost from error
        return self._answer(number)

    def _command(self, record: InstanceRecord, number: int) -> dict[int, Field]:
        fields: dict[int, Field] = {
            outgoing.SOP_CLASS: record.sop_class,
            outgoing.FIELD: outgoing.C_STORE_RQ,
            outgoing.MESSAGE_ID: number,
            outgoing.PRIORITY: 0,
            outgoing.SOP_INSTANCE: record.key.instance,
        }
        if self._originator is not None:
            fields[outgoing.ORIGINATOR] = self._originator.title
            fields[outgoing.ORIGINATOR_MESSAGE] = self._originator.message_id
        return fields

    def _answer(self, number: int) -> Outcome:
        if not self._association.is_established:
            raise Lost
        _, message = self._association.dimse.get_msg(block=True)
        if isinstance(self._association.dul, UpperLayer):
            self._association.dul.wake()  # it may have stopped to read because of this message
        if message is None or not self._association.is_established:
            self._end()
            raise Lost
        if not isinstance(message, C_STORE) or message.MessageIDBeingRespondedTo != number:
            self._end()
            raise Lost
        status = message.Status or 0
        if status == 0:
            return Outcome.COMPLETED
        _log.warning("a receiver did not take an instance", extra={"status": f"{status:04X}"})
        return Outcome.WARNING if status in _WARNINGS else Outcome.FAILED

    def _end(self) -> None:
        if self._association.is_established:
            self._association.abort()

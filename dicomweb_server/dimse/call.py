"""One request of a peer, and the way back to it."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Final

from pydicom.uid import UID
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_FIND, C_GET, C_MOVE
from pynetdicom.presentation import PresentationContext

from dicomweb_server.dimse import identifier, outgoing
from dicomweb_server.dimse.caller import Caller, caller_of
from dicomweb_server.dimse.identifier import Identifier
from dicomweb_server.dimse.outgoing import Field
from dicomweb_server.dimse.status import Status

Request = C_FIND | C_GET | C_MOVE
_COMMANDS: Final[tuple[tuple[type, int], ...]] = (
    (C_FIND, 0x0020),
    (C_GET, 0x0010),
    (C_MOVE, 0x0021),
)


class Call:
    """A C-FIND, C-GET or C-MOVE request.

    Args:
        association: Where it came in.
        request: The request.
        context: Its presentation context.
    """

    def __init__(
        self, association: Association, request: Request, context: PresentationContext
    ) -> None:
        self.association = association
        self.request = request
        self.context_id = int(context.context_id or 0)
        self.transfer_syntax = str(context.transfer_syntax[0])
        self.sop_class = str(request.AffectedSOPClassUID or "")
        self.message_id = int(request.MessageID or 0)

    @property
    def caller(self) -> Caller:
        """Who calls."""
        return caller_of(self.association)

    @property
    def is_open(self) -> bool:
        """Whether the peer is still there."""
        return bool(self.association.is_established)

    @property
    def is_cancelled(self) -> bool:
        """Whether the peer wants no more (C-CANCEL)."""
        return self.message_id in self.association.dimse.cancel_req

    @property
    def negotiated(self) -> bytes:
        """Application information that the peer sent for the SOP class; empty for none."""
        wanted: bytes = self.association.requestor.sop_class_extended.get(UID(self.sop_class), b"")
        return wanted

    @property
    def destination(self) -> str:
        """AE title of the move destination; empty for other requests."""
        named = self.request.MoveDestination if isinstance(self.request, C_MOVE) else None
        return str(named or "").strip()

    def identifier(self) -> Identifier:
        """The identifier of the request.

        Raises:
            InvalidRequest: It is no data set.
            PayloadTooLarge: It is too long.
        """
        encoded: BytesIO | None = self.request.Identifier
        return identifier.read(encoded.getvalue() if encoded else b"", self.transfer_syntax)

    def respond(
        self,
        status: Status,
        data: bytes | None = None,
        fields: Mapping[int, Field] | None = None,
    ) -> None:
        """Send a response; waits while the peer is slow.

        Args:
            status: What it says.
            data: Its identifier, encoded; None for none.
            fields: Further elements of its command set.
        """
        kind = next(number for cls, number in _COMMANDS if isinstance(self.request, cls))
        told: dict[int, Field] = {
            outgoing.SOP_CLASS: self.sop_class,
            outgoing.FIELD: kind | outgoing.RESPONSE,
            outgoing.RESPONDED_TO: self.message_id,
            outgoing.STATUS: status.code,
            **(fields or {}),
        }
        if status.comment:
            told[outgoing.ERROR_COMMENT] = status.comment
        pieces = None if data is None else [data]
        outgoing.send(self.association, self.context_id, told, pieces)

"""C-MOVE: instances sent to another AE that is listed (PS3.4 C.4.2)."""

from __future__ import annotations

from typing import Final

from pynetdicom.dimse_primitives import C_MOVE

from dicomweb_server.dimse import models
from dicomweb_server.dimse.archive import Archive
from dicomweb_server.dimse.bridge import Bridge
from dicomweb_server.dimse.call import Call
from dicomweb_server.dimse.calling import dial, proposed
from dicomweb_server.dimse.carrier import Carrier, Originator
from dicomweb_server.dimse.find import SYNTAXES
from dicomweb_server.dimse.guard import Bounds
from dicomweb_server.dimse.peers import Peer
from dicomweb_server.dimse.retrieval import Needs, Retrieval, extended
from dicomweb_server.dimse.status import Status, status_of
from dicomweb_server.dimse.verb import Permission, Verb, offers
from dicomweb_server.errors import ArchiveError
from dicomweb_server.model import media

UNKNOWN_DESTINATION: Final = 0xA801
_OTHERS: Final = (media.EXPLICIT_LITTLE, media.IMPLICIT_LITTLE)


class Move:
    """Answers C-MOVE.

    Args:
        archive: What is read, with the AEs that it may be moved to.
        bridge: To its loop.
        bounds: What receivers may take.
    """

    def __init__(self, archive: Archive, bridge: Bridge, bounds: Bounds) -> None:
        self._archive = archive
        self._bridge = bridge
        self._bounds = bounds

    def verb(self) -> Verb:
        """What is offered."""
        return Verb(
            Permission.MOVE,
            offers((model.move for model in models.MODELS), SYNTAXES),
            services={C_MOVE: self.serve},
            extended=extended,
        )

    def serve(self, call: Call) -> None:
        """Answer one request."""
        peer = self._archive.peers.destination(call.destination)
        if peer is None:
            call.respond(Status(UNKNOWN_DESTINATION, "the move destination is not listed"))
            return

        def connect(needs: Needs) -> Carrier:
            return self._carrier(call, peer, needs)

        try:
            Retrieval(self._archive, self._bridge, call, connect, again=True).run()
        except ArchiveError as error:
            if call.is_open:
                call.respond(status_of(error))

    def _carrier(self, call: Call, peer: Peer, needs: Needs) -> Carrier:
        contexts = proposed(needs, _OTHERS)
        association = dial(self._archive.title, peer, contexts, self._bounds)
        return Carrier(
            association,
            self._archive.retrieve.outbound,
            self._bridge,
            Originator(call.caller.title, call.message_id),
            association.close,
        )

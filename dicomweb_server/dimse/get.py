"""C-GET: instances sent back on the association that asked for them (PS3.4 C.4.3)."""

from __future__ import annotations

from pynetdicom.dimse_primitives import C_GET

from dicomweb_server.dimse import models
from dicomweb_server.dimse.archive import Archive
from dicomweb_server.dimse.bridge import Bridge
from dicomweb_server.dimse.call import Call
from dicomweb_server.dimse.carrier import Carrier
from dicomweb_server.dimse.find import SYNTAXES
from dicomweb_server.dimse.retrieval import Needs, Retrieval, extended
from dicomweb_server.dimse.status import status_of
from dicomweb_server.dimse.store import StorageOffers
from dicomweb_server.dimse.verb import Offer, Permission, Verb
from dicomweb_server.errors import ArchiveError


class GetOffers:
    """The models, and every storage SOP class with the peer as the provider (PS3.7 D.3.3.4).

    Args:
        any_class: Whether SOP classes that PS3.6 does not list may be sent.
    """

    def __init__(self, *, any_class: bool) -> None:
        self._storage = StorageOffers(any_class=any_class, scu=True)
        self._models = {model.get: Offer(SYNTAXES) for model in models.MODELS}

    def get(self, abstract_syntax: str, /) -> Offer | None:
        """The offer for a model or a storage SOP class."""
        return self._models.get(abstract_syntax) or self._storage.get(abstract_syntax)


class Get:
    """Answers C-GET.

    Args:
        archive: What is read.
        bridge: To its loop.
        any_class: Whether SOP classes that PS3.6 does not list may be sent.
    """

    def __init__(self, archive: Archive, bridge: Bridge, *, any_class: bool) -> None:
        self._archive = archive
        self._bridge = bridge
        self._any_class = any_class

    def verb(self) -> Verb:
        """What is offered."""
        return Verb(
            Permission.GET,
            GetOffers(any_class=self._any_class),
            services={C_GET: self.serve},
            extended=extended,
        )

    def serve(self, call: Call) -> None:
        """Answer one request."""

        def connect(_: Needs) -> Carrier:
            outbound = self._archive.retrieve.outbound
            return Carrier(call.association, outbound, self._bridge)

        try:
            Retrieval(self._archive, self._bridge, call, connect, again=False).run()
        except ArchiveError as error:
            if call.is_open:
                call.respond(status_of(error))

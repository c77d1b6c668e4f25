"""What the DICOM network door needs of the archive behind it."""

from __future__ import annotations

from dataclasses import dataclass

from dicomweb_server.auth.port import Authenticator
from dicomweb_server.dimse.peers import Peers
from dicomweb_server.model.levels import IndexPlan
from dicomweb_server.service.ingest import Ingest
from dicomweb_server.service.retrieve import Retrieve
from dicomweb_server.service.search import Search


@dataclass(frozen=True, slots=True)
class Archive:
    """The services, and what verbs must know to ask them.

    Args:
        authenticator: Says who a peer is.
        ingest: Stores instances.
        search: Finds studies, series and instances.
        retrieve: Delivers instances.
        plan: Which attributes searches can match.
        title: The AE title of this server.
        peers: The listed AEs, whom instances may be moved to.
    """

    authenticator: Authenticator
    ingest: Ingest
    search: Search
    retrieve: Retrieve
    plan: IndexPlan
    title: str
    peers: Peers

"""C-ECHO (PS3.4 Annex A)."""

from __future__ import annotations

from pynetdicom import evt
from pynetdicom.events import Event

from dicomweb_server.dimse.status import SUCCESS
from dicomweb_server.dimse.verb import Permission, Verb, offers
from dicomweb_server.model import media

VERIFICATION = "1.2.840.10008.1.1"
PLAIN_SYNTAXES = (media.EXPLICIT_LITTLE, media.IMPLICIT_LITTLE, media.EXPLICIT_BIG)
"""Transfer syntaxes of messages without pixels, best first."""


def echo() -> Verb:
    """The verb."""
    return Verb(Permission.ECHO, offers((VERIFICATION,), PLAIN_SYNTAXES), {evt.EVT_C_ECHO: _handle})


def _handle(event: Event) -> int:
    return SUCCESS

"""C-STORE (PS3.4 Annex B): the encoded data set goes into the archive as it came."""

from __future__ import annotations

import logging
import re

from pydicom.uid import UID
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.presentation import PresentationContext

from dicomweb_server.dicom.received import beginning
from dicomweb_server.dimse.archive import Archive
from dicomweb_server.dimse.bridge import Bridge
from dicomweb_server.dimse.caller import Caller
from dicomweb_server.dimse.intake import Intake
from dicomweb_server.dimse.messages import Arriving, Sink
from dicomweb_server.dimse.status import (
    CANNOT_UNDERSTAND,
    REASONS,
    SUCCESS,
    Status,
    comment,
    status_of,
)
from dicomweb_server.dimse.verb import Offer, Permission, Verb
from dicomweb_server.errors import ArchiveError
from dicomweb_server.model import media
from dicomweb_server.model.outcome import StoreReport
from dicomweb_server.service.expected import Expected

_STORAGE = re.compile(r"Storage( - .*)?( SOP Class)?( \(Retired\))?")
_DIRECTORY = "1.2.840.10008.1.3.10"

_log = logging.getLogger(__name__)


class StorageOffers:
    """Storage SOP classes, of which there are more than any list has.

    Args:
        any_class: Whether SOP classes that PS3.6 does not list are taken as well.
        scu: Whether the peer may take the role of the provider.
    """

    def __init__(self, *, any_class: bool, scu: bool = False) -> None:
        self._any_class = any_class
        self._offer = Offer(tuple(media.TRANSFER_SYNTAXES), scu=scu, theirs=True)

    def get(self, abstract_syntax: str, /) -> Offer | None:
        """The offer for a storage SOP class."""
        return self._offer if is_storage(abstract_syntax, any_class=self._any_class) else None


def is_storage(uid: str, *, any_class: bool) -> bool:
    """Whether instances of a SOP class can be stored, as far as its UID tells.

    Args:
        uid: The SOP Class UID.
        any_class: What is said of UIDs that PS3.6 does not list.
    """
    named = UID(uid)
    name = named.name
    if name == uid:
        return any_class and named.is_valid
    return named.type == "SOP Class" and uid != _DIRECTORY and bool(_STORAGE.search(name))


class Store:
    """Receives instances.

    Args:
        archive: The archive.
        bridge: To its loop.
        any_class: Whether SOP classes that PS3.6 does not list are taken.
        unstored: Bytes of one data set that may wait.
    """

    def __init__(self, archive: Archive, bridge: Bridge, *, any_class: bool, unstored: int) -> None:
        self._archive = archive
        self._bridge = bridge
        self._any_class = any_class
        self._unstored = unstored

    def verb(self) -> Verb:
        """What peers are offered; the requests come by `open` and `outcome`."""
        return Verb(Permission.STORE, StorageOffers(any_class=self._any_class))

    def open(self, caller: Caller, context: PresentationContext, request: C_STORE) -> Sink | None:
        """Begin to store an instance; None where the request does not say which."""
        sop_class, instance = request.AffectedSOPClassUID, request.AffectedSOPInstanceUID
        if not (sop_class and instance):
            return None
        syntax = str(context.transfer_syntax[0])
        head = beginning(str(sop_class), str(instance), syntax, caller.title)
        expected = Expected(str(sop_class), str(instance))
        return Intake(
            self._bridge,
            self._archive.ingest,
            caller.context,
            head,
            expected,
            self._unstored,
        )

    def outcome(self, request: C_STORE) -> Status:
        """Wait for what became of an instance."""
        intake = request.sink if isinstance(request, Arriving) else None
        if not isinstance(intake, Intake):
            return Status(CANNOT_UNDERSTAND, "the request names no instance, or has no data set")
        try:
            return _status(intake.outcome())
        except ArchiveError as error:
            return status_of(error)
        except Exception as error:  # noqa: BLE001 - the association goes on, and the peer is told
            _log.exception("storing failed")
            return status_of(error)


def _status(report: StoreReport) -> Status:
    """What is told of the one instance of a report."""
    if report.failed:
        failed = report.failed[0]
        return Status(REASONS[failed.reason], comment(failed.detail))
    stored = report.stored[0]
    if stored.warning is not None:
        return Status(int(stored.warning), comment(stored.detail))
    return Status(SUCCESS)

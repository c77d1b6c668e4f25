"""Part 10 files as parts of an answer: as they lie, rewritten, or with transcoded pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from dicomweb_server.model import media
from dicomweb_server.model.ids import Scope
from dicomweb_server.model.instance import InstanceRecord
from dicomweb_server.service.choice import Choice, own_syntax
from dicomweb_server.service.content import Content
from dicomweb_server.service.delivery import DeliveredPart
from dicomweb_server.service.transcoded_files import TranscodedFiles
from dicomweb_server.service.transcoding import Transcoder
from dicomweb_server.wire.accept import Wish


class FileReader:
    """Makes parts of Part 10 files.

    Args:
        content: How bytes are read.
        choice: Chooses forms.
        transcoder: Makes those whose pixels go through codecs; None where none do.
    """

    def __init__(self, content: Content, choice: Choice, transcoder: Transcoder | None) -> None:
        self._content = content
        self._choice = choice
        self._transcoded = TranscodedFiles(content, transcoder) if transcoder else None

    def part(self, record: InstanceRecord, syntax: str, others: Sequence[Wish]) -> DeliveredPart:
        """The file of an instance.

        Args:
            record: The instance.
            syntax: Transfer syntax that was chosen for it.
            others: Wishes that come behind the one that is met: what cannot be decoded is delivered
                as it is stored where one of them takes that.
        """
        stored = record.transfer_syntax
        if self._transcoded is None or syntax in (stored, own_syntax(record)):
            return self._stored(record, syntax)
        fallback = None
        if any(self._choice.instance_syntax(record, wish) == stored for wish in others):
            fallback = self._stored(record, stored)
        # A study of thousands waits for its reader: tables of bulk data need not.
        return self._transcoded.part(replace(record, bulk=()), syntax, fallback)

    def _stored(self, record: InstanceRecord, syntax: str) -> DeliveredPart:
        content = self._content
        as_stored = syntax == record.transfer_syntax
        length = record.blob.size if as_stored else content.explicit_length(record)
        slim = replace(record, pixel=None, frames=None, bulk=())
        body = partial(content.as_stored if as_stored else content.as_explicit, slim)
        location = Scope.of(record.key).path
        return DeliveredPart(media.APPLICATION_DICOM, syntax, location, length, body)

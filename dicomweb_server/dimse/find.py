"""C-FIND: the Query/Retrieve models answered by the same search as QIDO-RS (PS3.4 C.4.1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from pynetdicom.dimse_primitives import C_FIND

from dicomweb_server.dimse import models
from dicomweb_server.dimse.answers import Answers
from dicomweb_server.dimse.archive import Archive
from dicomweb_server.dimse.asked import Asked, negotiate, options_of, understand
from dicomweb_server.dimse.bridge import Bridge
from dicomweb_server.dimse.call import Call
from dicomweb_server.dimse.models import PATIENT_ID, Depth
from dicomweb_server.dimse.patients import Patient, patients
from dicomweb_server.dimse.status import (
    SOP_CLASS_NOT_SUPPORTED,
    SUCCESS,
    Status,
    status_of,
)
from dicomweb_server.dimse.verb import Permission, Verb, offers
from dicomweb_server.errors import ArchiveError, PayloadTooLarge
from dicomweb_server.model import media
from dicomweb_server.model.canonical import canonical
from dicomweb_server.model.query import Clause, Exact, Moment, Page, Query
from dicomweb_server.service.context import Context
from dicomweb_server.service.search import Search

PENDING: Final = 0xFF00
PENDING_PARTLY: Final = 0xFF01
CANCELLED: Final = 0xFE00
SYNTAXES: Final = (media.EXPLICIT_LITTLE, media.IMPLICIT_LITTLE)
_FIRST_PAGE: Final = 100
_PAGE: Final = 1_000
_SMALLER: Final = 10
_SECONDS: Final = 60.0
"""Longest wait for one page; a search itself has a deadline of its own."""
_IDENTITY: Final = frozenset({(PATIENT_ID,), (0x00100021,)})


class Matches:
    """The matches of one query, page after page: memory holds one page of them.

    Args:
        search: Who answers.
        bridge: To the loop where it does.
        context: Who asks.
    """

    def __init__(self, search: Search, bridge: Bridge, context: Context) -> None:
        self._search = search
        self._bridge = bridge
        self._context = context

    def rows(self, query: Query) -> Iterator[bytes]:
        """The DICOM JSON objects that QIDO-RS answers.

        Raises:
            ArchiveError: The search fails.
        """
        limit, most, cursor = _FIRST_PAGE, _PAGE, None
        while True:
            asked = replace(query, page=Page(limit, cursor=cursor))
            try:
                found = self._search.search(self._context, asked, "")
                page = self._bridge.call(found, _SECONDS)
            except PayloadTooLarge:
                if limit == 1:
                    raise
                limit = most = max(1, limit // _SMALLER)
                continue
            yield from page.rows
            if page.cursor is None:
                return
            limit, cursor = most, page.cursor

    def answers(self, asked: Asked, answers: Answers) -> Iterator[bytes]:
        """The encoded identifiers of the responses."""
        if asked.depth > Depth.PATIENT:
            yield from map(answers.encode, self.rows(asked.query))
            return
        for patient in patients(self.rows(asked.query)):
            counts = self._whole(patient, asked.query).counts if asked.counts else {}
            yield answers.encode(patient.row, {tag: counts[tag] for tag in asked.counts})

    def _whole(self, patient: Patient, query: Query) -> Patient:
        """The patient with all studies, where not all of them had to match."""
        identity = patient.key[0]
        if not identity or all(_path(clause) in _IDENTITY for clause in query.clauses):
            return patient
        clause = Exact((PATIENT_ID,), canonical("LO", identity))
        everything = patients(self.rows(replace(query, clauses=(clause,))))
        return next((each for each in everything if each.key == patient.key), patient)


def _path(clause: Clause) -> tuple[int, ...]:
    return clause.date if isinstance(clause, Moment) else clause.path


class Find:
    """Answers C-FIND.

    Args:
        archive: What is asked.
        bridge: To its loop.
    """

    def __init__(self, archive: Archive, bridge: Bridge) -> None:
        self._archive = archive
        self._bridge = bridge

    def verb(self) -> Verb:
        """What is offered: three models in two transfer syntaxes."""
        return Verb(
            Permission.FIND,
            offers((model.find for model in models.MODELS), SYNTAXES),
            services={C_FIND: self.serve},
            extended=self._extended,
        )

    def serve(self, call: Call) -> None:
        """Answer one request: a response for each match, and a last one."""
        try:
            status = self._matches(call)
        except ArchiveError as error:
            status = status_of(error)
        if call.is_open:
            call.respond(status)

    @staticmethod
    def _extended(sop_class: str, wanted: bytes) -> bytes | None:
        return negotiate(wanted) if models.found_by(sop_class) else None

    def _matches(self, call: Call) -> Status:
        model = models.found_by(call.sop_class)
        if model is None:
            return Status(SOP_CLASS_NOT_SUPPORTED)
        options = options_of(negotiate(call.negotiated))
        read = call.identifier()
        asked = understand(read, model, self._archive.plan, options)
        answers = Answers(asked, self._archive.title, read.terms, call.transfer_syntax)
        pending = Status(PENDING_PARTLY if asked.partial else PENDING)
        matches = Matches(self._archive.search, self._bridge, call.caller.context)
        for data in matches.answers(asked, answers):
            if call.is_cancelled:
                return Status(CANCELLED)
            if not call.is_open:
                break
            call.respond(pending, data)
        return Status(SUCCESS)

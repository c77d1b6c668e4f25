"""Reading instances: records, documents, revisions, totals."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from sys import intern
from typing import Any, Final

from dicomweb_server.index.port import Counts, Documents, Holding
from dicomweb_server.index.sqlite.packing import unpack_bulk, unpack_frames, unpack_pixel
from dicomweb_server.index.sqlite.scopes import FROM_INSTANCES, where
from dicomweb_server.model.document import Document
from dicomweb_server.model.ids import InstanceKey, Level, Scope
from dicomweb_server.model.instance import Blob, InstanceRecord

_Row = tuple[Any, ...]  # what sqlite3 gives: columns of the types that the STRICT tables hold

_RECORD: Final = """
SELECT s.uid, e.uid, i.uid, i.sop_class, i.transfer_syntax, i.digest, i.size, i.received_at,
    i.sequence, i.pixel, i.frames, i.bulk, i.explicit_size
"""
_GET: Final = _RECORD + FROM_INSTANCES + "WHERE s.uid = ? AND e.uid = ? AND i.uid = ?"
_DOCUMENTS: Final = "SELECT s.uid, e.uid, i.uid, d.pieces" + FROM_INSTANCES
_JOIN_DOCUMENTS: Final = "JOIN document d ON d.instance_id = i.id"
_DESCRIBED: Final = (
    f"{_RECORD}, d.pieces {FROM_INSTANCES}{_JOIN_DOCUMENTS}"
    " WHERE s.uid = ? AND e.uid = ? AND i.uid = ?"
)
_DOCUMENT_ORDER: Final = " ORDER BY e.series_place, e.uid, i.instance_place, i.uid, s.uid"
_REVISION: Final = {
    None: "SELECT sequence FROM totals WHERE instances > 0",
    Level.STUDY: "SELECT max(s.revision) FROM study s",
    Level.SERIES: "SELECT max(e.revision) FROM study s JOIN series e ON e.study_id = s.id",
    Level.INSTANCE: "SELECT max(i.sequence)" + FROM_INSTANCES,
}
_HOLDINGS: Final = (
    "SELECT i.digest, i.size, s.uid, e.uid, i.uid"
    + FROM_INSTANCES
    + "WHERE i.digest > ? ORDER BY i.digest LIMIT ?"
)
_SOME: Final = 500

ANY_SEQUENCE: Final = 2**63 - 1
"""No sequence is greater."""


def read_record(connection: sqlite3.Connection, key: InstanceKey) -> InstanceRecord | None:
    """One instance: one statement, three index look-ups."""
    row = connection.execute(_GET, (key.study, key.series, key.instance)).fetchone()
    return None if row is None else _record(row)


def read_described(
    connection: sqlite3.Connection, key: InstanceKey
) -> tuple[InstanceRecord, Document] | None:
    """One instance with its DICOM JSON: one statement."""
    row = connection.execute(_DESCRIBED, (key.study, key.series, key.instance)).fetchone()
    return None if row is None else (_record(row[:-1]), Document.unpack(row[-1]))


def read_records(
    connection: sqlite3.Connection, scope: Scope, between: tuple[int, int], limit: int
) -> tuple[InstanceRecord, ...]:
    """Instances of a scope in the order of `sequence`, from behind the first up to the last."""
    clause, parameters = where(scope)
    some = " AND i.sequence > ? AND i.sequence <= ? ORDER BY i.sequence LIMIT ?"
    text = f"{_RECORD}{FROM_INSTANCES}{clause}{some}"
    return tuple(map(_record, connection.execute(text, (*parameters, *between, limit))))


def read_documents(connection: sqlite3.Connection, scope: Scope) -> Documents:
    """The DICOM JSON of every instance of a scope."""
    clause, parameters = where(scope)
    text = _DOCUMENTS + _JOIN_DOCUMENTS + clause + _DOCUMENT_ORDER
    rows = connection.execute(text, parameters).fetchall()
    return Documents(
        tuple(InstanceKey(*row[:3]) for row in rows),
        tuple(Document.unpack(row[3]) for row in rows),
    )


def read_revision(connection: sqlite3.Connection, scope: Scope) -> int | None:
    """Greatest change number inside a scope, None where nothing is there."""
    clause, parameters = where(scope)
    if scope.level is None:
        clause = ""
    row = connection.execute(_REVISION[scope.level] + clause, parameters).fetchone()
    return None if row is None else row[0]


def read_generation(connection: sqlite3.Connection) -> str:
    """What tells this index from any other that was ever built."""
    generation: str = connection.execute("SELECT generation FROM totals").fetchone()[0]
    return generation


def read_counts(connection: sqlite3.Connection) -> Counts:
    """Totals."""
    row = connection.execute("SELECT studies, series, instances, bytes FROM totals").fetchone()
    return Counts(*row)


def read_holdings(connection: sqlite3.Connection, after: str, limit: int) -> tuple[Holding, ...]:
    """Blobs that rows refer to, in order of their digests."""
    found = connection.execute(_HOLDINGS, (bytes.fromhex(after), limit))
    return tuple(
        Holding(Blob(row[0].hex(), row[1]), InstanceKey(intern(row[2]), intern(row[3]), row[4]))
        for row in found
    )


def find_digests(connection: sqlite3.Connection, digests: Sequence[str]) -> frozenset[str]:
    """Which of these blobs a row refers to."""
    return known_digests(connection, "SELECT digest FROM instance WHERE digest IN", digests)


def known_digests(
    connection: sqlite3.Connection, select: str, digests: Sequence[str], *parameters: int
) -> frozenset[str]:
    """Which digests a statement finds.

    Args:
        connection: A reader's.
        select: SELECT of a digest, up to IN.
        digests: In lower-case hex.
        parameters: Of the statement, in front of the digests.
    """
    found: set[str] = set()
    for start in range(0, len(digests), _SOME):
        some = [bytes.fromhex(digest) for digest in digests[start : start + _SOME]]
        marks = ", ".join("?" * len(some))
        rows = connection.execute(f"{select} ({marks})", (*parameters, *some))
        found.update(row[0].hex() for row in rows)
    return frozenset(found)


def _record(row: _Row) -> InstanceRecord:
    frames = unpack_frames(row[10])
    return InstanceRecord(
        key=InstanceKey(intern(row[0]), intern(row[1]), row[2]),
        sop_class=intern(row[3]),
        transfer_syntax=intern(row[4]),
        blob=Blob(row[5].hex(), row[6]),
        received_at=row[7],
        sequence=row[8],
        pixel=unpack_pixel(row[9]),
        frames=frames,
        bulk=unpack_bulk(row[11], frames),
        explicit_size=row[12],
    )

"""Adding instances."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from dicomweb_server.index.sqlite import parents, removal
from dicomweb_server.index.sqlite.changes import add_change
from dicomweb_server.index.sqlite.columns import storable
from dicomweb_server.index.sqlite.derive import AttributeSet, derive
from dicomweb_server.index.sqlite.packing import pack_bulk, pack_frames, pack_pixel
from dicomweb_server.index.sqlite.parents import Newest, Parent
from dicomweb_server.index.sqlite.removal import Standing
from dicomweb_server.model.change import ChangeAction
from dicomweb_server.model.ids import Level
from dicomweb_server.model.instance import NewInstance
from dicomweb_server.model.outcome import DuplicatePolicy, PutOutcome, PutResult

_USE_SET = "UPDATE attribute_set SET uses = uses + 1 WHERE hash = ? RETURNING id"
_ADD_SET = "INSERT INTO attribute_set (hash, uses, attributes, content) VALUES (?, 1, ?, ?)"
_ADD_INSTANCE = """
INSERT INTO instance (
    series_id, uid, sop_class, transfer_syntax, digest, size, received_at, sequence, study_set,
    series_set, explicit_size, timezone, instance_number, instance_place, content_date,
    content_time, attributes, pixel, frames, bulk
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_COUNT_SERIES = """
UPDATE series SET instance_count = instance_count + 1, revision = ? WHERE id = ?
"""
_COUNT_STUDY = """
UPDATE study SET instance_count = instance_count + 1, revision = ? WHERE id = ?
"""
_LEAD_SERIES = """
UPDATE series SET instance_count = instance_count + 1, revision = ?,
    source_received_at = ?, source_digest = ?, source_study_set = ? WHERE id = ?
"""
_LEAD_STUDY = """
UPDATE study SET instance_count = instance_count + 1, revision = ?,
    source_received_at = ?, source_digest = ? WHERE id = ?
"""


def put(
    connection: sqlite3.Connection, instances: Sequence[NewInstance], policy: DuplicatePolicy
) -> tuple[PutResult, ...]:
    """Add instances one after the other inside the transaction that is open."""
    return tuple(_put(connection, new, policy) for new in instances)


def _put(connection: sqlite3.Connection, new: NewInstance, policy: DuplicatePolicy) -> PutResult:
    key = new.scanned.key
    digest = bytes.fromhex(new.blob.digest)
    study = parents.find_study(connection, key.study)
    series = None if study is None else parents.find_series(connection, study.id, key.series)
    old = None if series is None else removal.find(connection, series.id, key.instance)
    if old is not None and old.digest == digest:
        return PutResult(PutOutcome.UNCHANGED, 0)
    if old is not None and policy is not DuplicatePolicy.REPLACE:
        kept = policy is DuplicatePolicy.KEEP
        outcome = PutOutcome.KEPT if kept else PutOutcome.REJECTED
        return PutResult(outcome, 0, _orphan(connection, digest))
    if old is not None:
        removal.take_out(connection, old)
    sequence = _insert(connection, new, study, series, old)
    if old is None:
        return PutResult(PutOutcome.ADDED, sequence)
    parents.settle_series(connection, old.series_id)
    parents.settle_study(connection, old.study_id)
    removal.release_sets(connection, [old])
    return PutResult(PutOutcome.REPLACED, sequence, _orphan(connection, old.digest))


def _orphan(connection: sqlite3.Connection, digest: bytes) -> str | None:
    found = connection.execute("SELECT 1 FROM instance WHERE digest = ? LIMIT 1", (digest,))
    return None if found.fetchone() else digest.hex()


def _insert(
    connection: sqlite3.Connection,
    new: NewInstance,
    study: Parent | None,
    series: Parent | None,
    old: Standing | None,
) -> int:
    newest = _newest(new)
    study_set = _keep_set(connection, Level.STUDY, new)
    series_set = _keep_set(connection, Level.SERIES, new)
    key = new.scanned.key
    if study is None:
        study = parents.add_study(connection, key.study, newest)
    if series is None:
        series = parents.add_series(connection, study.id, key.series, newest, study_set)
    if old is None:
        growth = (1, new.blob.size)
        sequence = add_change(connection, ChangeAction.STORED, key, newest[1], growth)
    else:
        growth = (0, new.blob.size - old.size)
        sequence = add_change(connection, ChangeAction.REPLACED, key, newest[1], growth)
    _add_instance(connection, new, series.id, sequence, (study_set, series_set))
    _count_in_series(connection, new, series, (study_set, series_set), sequence)
    _count_in_study(connection, new, study, study_set, sequence)
    return sequence


def _keep_set(connection: sqlite3.Connection, level: Level, new: NewInstance) -> int:
    scanned = new.scanned
    attributes = scanned.attributes.study if level is Level.STUDY else scanned.attributes.series
    kept = AttributeSet.of(level, attributes, scanned.values)
    row = connection.execute(_USE_SET, (kept.digest,)).fetchone()
    if row is not None:
        return int(row[0])
    made = connection.execute(_ADD_SET, (kept.digest, kept.attributes, kept.pack()))
    return made.lastrowid or 0


def _count_in_series(
    connection: sqlite3.Connection,
    new: NewInstance,
    series: Parent,
    sets: tuple[int, int],
    sequence: int,
) -> None:
    newest = _newest(new)
    if newest < series.newest:
        connection.execute(_COUNT_SERIES, (sequence, series.id))
        return
    connection.execute(_LEAD_SERIES, (sequence, *newest, sets[0], series.id))
    if series.set_id != sets[1]:
        parents.tell(connection, Level.SERIES, series.id, sets[1], new.scanned.values)


def _count_in_study(
    connection: sqlite3.Connection,
    new: NewInstance,
    study: Parent,
    study_set: int,
    sequence: int,
) -> None:
    newest = _newest(new)
    if newest < study.newest:
        connection.execute(_COUNT_STUDY, (sequence, study.id))
        return
    connection.execute(_LEAD_STUDY, (sequence, *newest, study.id))
    if study.set_id != study_set:
        parents.tell(connection, Level.STUDY, study.id, study_set, new.scanned.values)


def _newest(new: NewInstance) -> Newest:
    return new.received_at, bytes.fromhex(new.blob.digest)


def _add_instance(
    connection: sqlite3.Connection,
    new: NewInstance,
    series_id: int,
    sequence: int,
    sets: tuple[int, int],
) -> None:
    scanned = new.scanned
    derived = derive(Level.INSTANCE, scanned.values)
    columns = derived.columns
    made = connection.execute(
        _ADD_INSTANCE,
        (
            series_id,
            scanned.key.instance,
            storable(scanned.sop_class),
            storable(scanned.transfer_syntax),
            bytes.fromhex(new.blob.digest),
            new.blob.size,
            new.received_at,
            sequence,
            *sets,
            scanned.explicit_size,
            derived.timezone,
            columns["instance_number"],
            columns["instance_place"],
            columns["content_date"],
            columns["content_time"],
            scanned.attributes.instance,
            pack_pixel(scanned.pixel),
            pack_frames(scanned.frames),
            pack_bulk(scanned.bulk, scanned.frames),
        ),
    )
    instance = made.lastrowid or 0
    connection.execute("INSERT INTO document VALUES (?, ?)", (instance, scanned.document.pack()))
    parents.add_rows(connection, Level.INSTANCE, instance, derived)

"""Taking instances out."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dicomweb_server.index.port import Removed
from dicomweb_server.index.sqlite import parents
from dicomweb_server.index.sqlite.changes import add_change
from dicomweb_server.index.sqlite.scopes import FROM_INSTANCES, where
from dicomweb_server.model.change import ChangeAction
from dicomweb_server.model.ids import InstanceKey, Scope

_Row = tuple[Any, ...]  # what sqlite3 gives: columns of the types that the STRICT tables hold

_COLUMNS = """
SELECT i.id, i.series_id, e.study_id, i.digest, i.size, i.study_set, i.series_set,
    s.uid, e.uid, i.uid
"""
_DROP: tuple[str, ...] = (
    "DELETE FROM instance_value WHERE id = ?",
    "DELETE FROM document WHERE instance_id = ?",
    "DELETE FROM instance WHERE id = ?",
)


@dataclass(frozen=True, slots=True)
class Standing:
    """A stored instance, as far as removing it needs it."""

    id: int
    series_id: int
    study_id: int
    digest: bytes
    size: int
    study_set: int
    series_set: int
    key: InstanceKey


def find(connection: sqlite3.Connection, series_id: int, uid: str) -> Standing | None:
    """An instance of a series by its UID."""
    row = connection.execute(
        _COLUMNS + FROM_INSTANCES + " WHERE i.uid = ? AND i.series_id = ?", (uid, series_id)
    ).fetchone()
    return None if row is None else _standing(row)


def _standing(row: _Row) -> Standing:
    number, series, study, digest, size, study_set, series_set, *uids = row
    return Standing(number, series, study, digest, size, study_set, series_set, InstanceKey(*uids))


def take_out(connection: sqlite3.Connection, instance: Standing) -> None:
    """Remove an instance whose place is taken at once; its parents and its sets stay."""
    _drop(connection, [instance])
    connection.execute(
        "UPDATE series SET instance_count = instance_count - 1 WHERE id = ?", (instance.series_id,)
    )
    connection.execute(
        "UPDATE study SET instance_count = instance_count - 1 WHERE id = ?", (instance.study_id,)
    )


def remove(connection: sqlite3.Connection, scope: Scope) -> tuple[Removed, ...]:
    """Remove every instance of a scope and the parents that are left empty."""
    clause, parameters = where(scope)
    rows = connection.execute(
        _COLUMNS + FROM_INSTANCES + clause + " ORDER BY i.sequence", parameters
    ).fetchall()
    instances = [_standing(row) for row in rows]
    _drop(connection, instances)
    series: dict[int, list[int]] = {}
    studies: dict[int, list[int]] = {}
    for gone in instances:
        sequence = add_change(
            connection, ChangeAction.DELETED, gone.key, gone.digest, (-1, -gone.size)
        )
        series.setdefault(gone.series_id, []).append(sequence)
        studies.setdefault(gone.study_id, []).append(sequence)
    for parent, sequences in series.items():
        _shrink_series(connection, parent, sequences)
    for parent, sequences in studies.items():
        _shrink_study(connection, parent, sequences)
    release_sets(connection, instances)
    return tuple(Removed(gone.key, gone.digest.hex()) for gone in instances)


def release_sets(connection: sqlite3.Connection, instances: Iterable[Standing]) -> None:
    """Forget attribute sets that were used by instances that are gone only."""
    uses = Counter(number for gone in instances for number in (gone.study_set, gone.series_set))
    connection.executemany(
        "UPDATE attribute_set SET uses = uses - ? WHERE id = ?",
        [(count, number) for number, count in uses.items()],
    )
    connection.executemany(
        "DELETE FROM attribute_set WHERE id = ? AND uses <= 0", [(number,) for number in uses]
    )


def _drop(connection: sqlite3.Connection, instances: Iterable[Standing]) -> None:
    numbers = [(instance.id,) for instance in instances]
    for statement in _DROP:
        connection.executemany(statement, numbers)


def _shrink_series(connection: sqlite3.Connection, series: int, sequences: list[int]) -> None:
    count = connection.execute(
        "UPDATE series SET instance_count = instance_count - ?, revision = ? WHERE id = ?"
        " RETURNING instance_count",
        (len(sequences), sequences[-1], series),
    ).fetchone()[0]
    if count > 0:
        parents.settle_series(connection, series)
    else:
        parents.drop_series(connection, series)


def _shrink_study(connection: sqlite3.Connection, study: int, sequences: list[int]) -> None:
    count = connection.execute(
        "UPDATE study SET instance_count = instance_count - ?, revision = ? WHERE id = ?"
        " RETURNING instance_count",
        (len(sequences), sequences[-1], study),
    ).fetchone()[0]
    if count > 0:
        parents.settle_study(connection, study)
    else:
        parents.drop_study(connection, study)

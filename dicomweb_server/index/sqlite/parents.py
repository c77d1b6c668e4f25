"""Rows of studies and series: made with their first instance, told by their newest one."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dicomweb_server.index.sqlite.columns import COLUMNS
from dicomweb_server.index.sqlite.derive import Derived, derive, unpack_values
from dicomweb_server.model.ids import Level
from dicomweb_server.model.instance import IndexedValue

Newest = tuple[int, bytes]
"""`(received_at, digest)` of an instance: the greatest one tells the attributes."""


@dataclass(frozen=True, slots=True)
class Parent:
    """A study's or series' row as far as writing needs it."""

    id: int
    set_id: int
    newest: Newest


def _assignments(level: Level, *more: str) -> str:
    names = [column.name for column in COLUMNS[level].values() if not column.key]
    names += [column.place for column in COLUMNS[level].values() if column.place]
    return ", ".join(f"{name} = :{name}" for name in (*names, "timezone", *more))


_TELL: Mapping[Level, str] = {
    Level.STUDY: f"UPDATE study SET {_assignments(Level.STUDY, 'set_id')} WHERE id = :id",  # noqa: S608 - names of columns from a fixed table
    Level.SERIES: f"UPDATE series SET {_assignments(Level.SERIES, 'set_id')} WHERE id = :id",  # noqa: S608 - names of columns from a fixed table
}
_ADD_ROWS: Mapping[Level, str] = {
    Level.STUDY: "INSERT INTO study_value VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    Level.SERIES: "INSERT INTO series_value VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    Level.INSTANCE: "INSERT INTO instance_value VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
}
_DROP_ROWS: Mapping[Level, str] = {
    Level.STUDY: "DELETE FROM study_value WHERE id = ?",
    Level.SERIES: "DELETE FROM series_value WHERE id = ?",
    Level.INSTANCE: "DELETE FROM instance_value WHERE id = ?",
}
_MODALITIES = """
SELECT study_id, modality FROM series WHERE id = :id AND modality <> ''
UNION
SELECT e.study_id, v.value FROM series e JOIN series_value v ON v.id = e.id
WHERE e.id = :id AND v.path = X'00080060' AND v.value <> ''
"""
_ADD_MODALITY = f"""
INSERT INTO study_modality SELECT study_id, modality, 1 FROM ({_MODALITIES}) WHERE 1
ON CONFLICT DO UPDATE SET series_count = series_count + 1
"""  # noqa: S608 - made of constants
_DROP_MODALITY = f"""
UPDATE study_modality SET series_count = series_count - 1
WHERE (study_id, modality) IN ({_MODALITIES})
"""  # noqa: S608 - made of constants
_SWEEP_MODALITY = """
DELETE FROM study_modality
WHERE study_id = (SELECT study_id FROM series WHERE id = :id) AND series_count <= 0
"""
_NEWEST_OF_SERIES = """
SELECT received_at, digest, series_set, study_set FROM instance WHERE series_id = ?
ORDER BY received_at DESC, digest DESC LIMIT 1
"""
_NEWEST_OF_STUDY = """
SELECT source_received_at, source_digest, source_study_set FROM series WHERE study_id = ?
ORDER BY source_received_at DESC, source_digest DESC LIMIT 1
"""


def find_study(connection: sqlite3.Connection, uid: str) -> Parent | None:
    """A study's row by its UID."""
    row = connection.execute(
        "SELECT id, set_id, source_received_at, source_digest FROM study WHERE uid = ?", (uid,)
    ).fetchone()
    return None if row is None else Parent(row[0], row[1], (row[2], row[3]))


def find_series(connection: sqlite3.Connection, study_id: int, uid: str) -> Parent | None:
    """A series' row by its study and its UID."""
    row = connection.execute(
        "SELECT id, set_id, source_received_at, source_digest FROM series"
        " WHERE uid = ? AND study_id = ?",
        (uid, study_id),
    ).fetchone()
    return None if row is None else Parent(row[0], row[1], (row[2], row[3]))


def add_study(connection: sqlite3.Connection, uid: str, newest: Newest) -> Parent:
    """Make the row of a new study; `tell` fills it."""
    made = connection.execute(
        "INSERT INTO study (uid, set_id, source_received_at, source_digest, revision,"
        " series_count, instance_count) VALUES (?, 0, ?, ?, 0, 0, 0)",
        (uid, *newest),
    )
    connection.execute("UPDATE totals SET studies = studies + 1")
    return Parent(made.lastrowid or 0, 0, newest)


def add_series(
    connection: sqlite3.Connection, study_id: int, uid: str, newest: Newest, study_set: int
) -> Parent:
    """Make the row of a new series; `tell` fills it."""
    made = connection.execute(
        "INSERT INTO series (study_id, uid, set_id, source_received_at, source_digest,"
        " source_study_set, revision, instance_count) VALUES (?, ?, 0, ?, ?, ?, 0, 0)",
        (study_id, uid, *newest, study_set),
    )
    connection.execute("UPDATE study SET series_count = series_count + 1 WHERE id = ?", (study_id,))
    connection.execute("UPDATE totals SET series = series + 1")
    return Parent(made.lastrowid or 0, 0, newest)


def tell(
    connection: sqlite3.Connection,
    level: Level,
    parent: int,
    set_id: int,
    values: Sequence[IndexedValue] | None = None,
) -> None:
    """Let an attribute set tell what a study or series is.

    Args:
        connection: The writer's.
        level: STUDY or SERIES.
        parent: Id of the row.
        set_id: The set.
        values: What the set holds, where it is at hand.
    """
    if values is None:
        content = connection.execute(
            "SELECT content FROM attribute_set WHERE id = ?", (set_id,)
        ).fetchone()[0]
        values = unpack_values(level, content)
    derived = derive(level, values)
    if level is Level.SERIES:
        _drop_modality(connection, parent)
    connection.execute(_DROP_ROWS[level], (parent,))
    connection.execute(
        _TELL[level],
        {**derived.columns, "timezone": derived.timezone, "set_id": set_id, "id": parent},
    )
    add_rows(connection, level, parent, derived)
    if level is Level.SERIES:
        connection.execute(_ADD_MODALITY, {"id": parent})


def add_rows(connection: sqlite3.Connection, level: Level, owner: int, derived: Derived) -> None:
    """Write the value rows of one study, series or instance."""
    connection.executemany(
        _ADD_ROWS[level],
        [(owner, r.path, r.item, r.value, r.regular, r.words) for r in derived.rows],
    )
    for path in derived.spilled:
        connection.execute("INSERT INTO spill VALUES (?) ON CONFLICT DO NOTHING", (path,))


def settle_series(connection: sqlite3.Connection, series: int) -> None:
    """Give the word to the newest instance that a series has."""
    *newest, set_id, study_set = connection.execute(_NEWEST_OF_SERIES, (series,)).fetchone()
    connection.execute(
        "UPDATE series SET source_received_at = ?, source_digest = ?, source_study_set = ?"
        " WHERE id = ?",
        (*newest, study_set, series),
    )
    known = connection.execute("SELECT set_id FROM series WHERE id = ?", (series,)).fetchone()[0]
    if known != set_id:
        tell(connection, Level.SERIES, series, set_id)


def settle_study(connection: sqlite3.Connection, study: int) -> None:
    """Give the word to the newest instance that a study has; its series are settled."""
    *newest, set_id = connection.execute(_NEWEST_OF_STUDY, (study,)).fetchone()
    connection.execute(
        "UPDATE study SET source_received_at = ?, source_digest = ? WHERE id = ?",
        (*newest, study),
    )
    known = connection.execute("SELECT set_id FROM study WHERE id = ?", (study,)).fetchone()[0]
    if known != set_id:
        tell(connection, Level.STUDY, study, set_id)


def drop_series(connection: sqlite3.Connection, series: int) -> None:
    """Remove the row of a series without instances."""
    _drop_modality(connection, series)
    connection.execute(_DROP_ROWS[Level.SERIES], (series,))
    connection.execute(
        "UPDATE study SET series_count = series_count - 1"
        " WHERE id = (SELECT study_id FROM series WHERE id = ?)",
        (series,),
    )
    connection.execute("DELETE FROM series WHERE id = ?", (series,))
    connection.execute("UPDATE totals SET series = series - 1")


def drop_study(connection: sqlite3.Connection, study: int) -> None:
    """Remove the row of a study without series."""
    connection.execute(_DROP_ROWS[Level.STUDY], (study,))
    connection.execute("DELETE FROM study_modality WHERE study_id = ?", (study,))
    connection.execute("DELETE FROM study WHERE id = ?", (study,))
    connection.execute("UPDATE totals SET studies = studies - 1")


def _drop_modality(connection: sqlite3.Connection, series: int) -> None:
    connection.execute(_DROP_MODALITY, {"id": series})
    connection.execute(_SWEEP_MODALITY, {"id": series})

"""The tables, as ordered migrations; `PRAGMA user_version` counts those that were applied.

Columns that hold text are NOT NULL: an absent value is the empty text, so that sorting, paging and
comparing need no third truth value. Values of attributes that have no column of their own, further
values of attributes that have one, and names lie in the `*_value` tables; `spill` tells which paths
of the attributes with columns have rows there.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from dicomweb_server.errors import ConfigurationError

_INDEX_1 = """
CREATE TABLE totals (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    studies INTEGER NOT NULL,
    series INTEGER NOT NULL,
    instances INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    generation TEXT NOT NULL
) STRICT;
INSERT INTO totals VALUES (1, 0, 0, 0, 0, 0, lower(hex(randomblob(8))));

CREATE TABLE attribute_set (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    uses INTEGER NOT NULL,
    attributes BLOB NOT NULL,
    content BLOB NOT NULL
) STRICT;

CREATE TABLE study (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    set_id INTEGER NOT NULL,
    source_received_at INTEGER NOT NULL,
    source_digest BLOB NOT NULL,
    revision INTEGER NOT NULL,
    series_count INTEGER NOT NULL,
    instance_count INTEGER NOT NULL,
    timezone INTEGER,
    study_date TEXT NOT NULL DEFAULT '',
    study_time TEXT NOT NULL DEFAULT '',
    accession_number TEXT NOT NULL DEFAULT '',
    patient_id TEXT NOT NULL DEFAULT '',
    patient_name TEXT NOT NULL DEFAULT '',
    patient_birth_date TEXT NOT NULL DEFAULT '',
    referring_physician_name TEXT NOT NULL DEFAULT '',
    study_description TEXT NOT NULL DEFAULT '',
    study_id TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX study_by_date ON study (study_date DESC, study_time DESC, uid);
CREATE INDEX study_by_accession_number ON study (accession_number);
CREATE INDEX study_by_patient_id ON study (patient_id);
CREATE INDEX study_by_patient_name ON study (patient_name, uid);
CREATE INDEX study_by_study_id ON study (study_id);

CREATE TABLE study_modality (
    study_id INTEGER NOT NULL REFERENCES study (id),
    modality TEXT NOT NULL,
    series_count INTEGER NOT NULL,
    PRIMARY KEY (study_id, modality)
) STRICT, WITHOUT ROWID;
CREATE INDEX study_modality_by_modality ON study_modality (modality);

CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    study_id INTEGER NOT NULL REFERENCES study (id),
    uid TEXT NOT NULL,
    set_id INTEGER NOT NULL,
    source_received_at INTEGER NOT NULL,
    source_digest BLOB NOT NULL,
    source_study_set INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    instance_count INTEGER NOT NULL,
    timezone INTEGER,
    modality TEXT NOT NULL DEFAULT '',
    series_number TEXT NOT NULL DEFAULT '',
    series_place REAL NOT NULL DEFAULT 0,
    series_date TEXT NOT NULL DEFAULT '',
    series_time TEXT NOT NULL DEFAULT '',
    series_description TEXT NOT NULL DEFAULT '',
    pps_start_date TEXT NOT NULL DEFAULT '',
    pps_start_time TEXT NOT NULL DEFAULT '',
    UNIQUE (uid, study_id)
) STRICT;
CREATE INDEX series_by_study ON series (study_id, series_place, uid);
CREATE INDEX series_by_pps_start_date ON series (pps_start_date);

CREATE TABLE instance (
    id INTEGER PRIMARY KEY,
    series_id INTEGER NOT NULL REFERENCES series (id),
    uid TEXT NOT NULL,
    sop_class TEXT NOT NULL,
    transfer_syntax TEXT NOT NULL,
    digest BLOB NOT NULL,
    size INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    sequence INTEGER NOT NULL UNIQUE,
    study_set INTEGER NOT NULL,
    series_set INTEGER NOT NULL,
    explicit_size INTEGER,
    timezone INTEGER,
    instance_number TEXT NOT NULL DEFAULT '',
    instance_place REAL NOT NULL DEFAULT 0,
    content_date TEXT NOT NULL DEFAULT '',
    content_time TEXT NOT NULL DEFAULT '',
    attributes BLOB NOT NULL,
    pixel BLOB,
    frames BLOB,
    bulk BLOB,
    UNIQUE (uid, series_id)
) STRICT;
CREATE INDEX instance_by_series ON instance (series_id, instance_place, uid);
CREATE INDEX instance_by_digest ON instance (digest);

CREATE TABLE document (
    instance_id INTEGER PRIMARY KEY REFERENCES instance (id),
    pieces BLOB NOT NULL
) STRICT;

CREATE TABLE study_value (
    id INTEGER NOT NULL REFERENCES study (id),
    path BLOB NOT NULL,
    item TEXT NOT NULL,
    value TEXT NOT NULL,
    regular INTEGER NOT NULL,
    words TEXT NOT NULL,
    PRIMARY KEY (id, path, item, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX study_value_by_value ON study_value (path, value, id, item, regular);

CREATE TABLE series_value (
    id INTEGER NOT NULL REFERENCES series (id),
    path BLOB NOT NULL,
    item TEXT NOT NULL,
    value TEXT NOT NULL,
    regular INTEGER NOT NULL,
    words TEXT NOT NULL,
    PRIMARY KEY (id, path, item, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX series_value_by_value ON series_value (path, value, id, item, regular);

CREATE TABLE instance_value (
    id INTEGER NOT NULL REFERENCES instance (id),
    path BLOB NOT NULL,
    item TEXT NOT NULL,
    value TEXT NOT NULL,
    regular INTEGER NOT NULL,
    words TEXT NOT NULL,
    PRIMARY KEY (id, path, item, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX instance_value_by_value ON instance_value (path, value, id, item, regular);

CREATE TABLE spill (
    path BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE change (
    sequence INTEGER PRIMARY KEY,
    action TEXT NOT NULL,
    study TEXT NOT NULL,
    series TEXT NOT NULL,
    instance TEXT NOT NULL,
    digest BLOB NOT NULL,
    at INTEGER NOT NULL
) STRICT;
"""

_STATE_1 = """
CREATE TABLE tombstone (
    digest BLOB PRIMARY KEY,
    study TEXT NOT NULL,
    series TEXT NOT NULL,
    instance TEXT NOT NULL,
    buried_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""

_STATE_2 = """
CREATE TABLE damage (
    digest BLOB PRIMARY KEY,
    harm TEXT NOT NULL,
    version TEXT NOT NULL,
    found_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE scrub (
    id INTEGER PRIMARY KEY,
    after TEXT NOT NULL,
    began_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL
) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Schema:
    """What one database file holds.

    Args:
        application_id: Number at offset 68 of the file that tells whose it is.
        migrations: Scripts, applied in order, each once.
        remedy: What helps when the file cannot be used.
    """

    application_id: int
    migrations: tuple[str, ...]
    remedy: str


_LOST_STATE = (
    "put it back from a backup, or move it away and run `dicomweb-server reindex`, which makes it"
    " anew from the index"
)

INDEX = Schema(
    0x44574958,
    (_INDEX_1,),
    "move the file away and run `dicomweb-server reindex`: the index is made from the blobs",
)
STATE = Schema(0x44575354, (_STATE_1, _STATE_2), _LOST_STATE)


def migrate(connection: sqlite3.Connection, schema: Schema, name: str) -> None:
    """Bring a database to the newest version, in one transaction.

    Args:
        connection: In autocommit mode, with the right to write.
        schema: What the file shall hold.
        name: The file, for messages.

    Raises:
        ConfigurationError: The file belongs to something else or to a newer version.
    """
    version = _version(connection, schema, name)
    if version == len(schema.migrations):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection, schema, name)
        for script in schema.migrations[version:]:
            for statement in script.split(";\n"):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(schema.migrations)}")
        connection.execute(f"PRAGMA application_id = {schema.application_id}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection, schema: Schema, name: str) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    owner = int(connection.execute("PRAGMA application_id").fetchone()[0])
    if version > 0 and owner != schema.application_id:
        raise ConfigurationError(f"{name} is a database of another program", schema.remedy)
    if version > len(schema.migrations):
        raise ConfigurationError(
            f"{name} has schema version {version}; this program knows {len(schema.migrations)}",
            "use the newer program that wrote it, or " + schema.remedy,
        )
    if version == 0 and connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
        raise ConfigurationError(f"{name} is a database of another program", schema.remedy)
    return version

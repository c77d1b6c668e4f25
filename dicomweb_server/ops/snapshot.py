"""Databases at one moment, taken while others write to them."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from dicomweb_server.errors import ArchiveError, StoreFull, Unavailable
from dicomweb_server.model.instance import Blob
from dicomweb_server.ops.backupfolder import Entry
from dicomweb_server.store.durable import sync

_PAGES = 4096
_BUSY_SECONDS = 30.0
_READ_ONLY_VOLUME = getattr(os, "ST_RDONLY", 1)

_TOTAL = "SELECT instances FROM totals"
_BLOBS = """
SELECT lower(hex(digest)), max(size), max(received_at), count(*)
FROM instance NOT INDEXED GROUP BY digest ORDER BY digest
"""
_FORGET = "DELETE FROM tombstone WHERE digest IN (SELECT digest FROM snapshot.instance)"
_NEW_GENERATION = "UPDATE totals SET generation = lower(hex(randomblob(8)))"


def copy_database(source: Path, target: Path) -> None:
    """Copy a database as it is at one moment; who writes to it is not kept waiting.

    The copy is one file without a log. On a volume that is read-only the files are copied as they
    lie, because nothing can change them and SQLite cannot open them there.

    Args:
        source: The database.
        target: A file that does not exist.

    Raises:
        Unavailable: It is damaged.
        StoreFull: There is no room for the copy.
    """
    with _told(source):
        if os.statvfs(source).f_flag & _READ_ONLY_VOLUME:
            _copy_files(source, target)
        else:
            _copy_pages(source, target)
        with closing(_opened(target)) as copy:
            copy.execute("PRAGMA journal_mode = DELETE").fetchall()
            found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise Unavailable(f"{source.name} is damaged")
        sync_file(target)


def entries_of(index: Path) -> Iterator[Entry]:
    """The blobs that the rows of a copied index refer to, in order of their digests.

    They are read from the rows themselves, not from one of the index's own indexes.

    Raises:
        Unavailable: The index is damaged.
    """
    with _told(index), closing(_opened(index)) as copy:
        count = 0
        for digest, size, received_at, rows in copy.execute(_BLOBS):
            count += rows
            yield Entry(Blob(digest, size), received_at)
        if count != instances_of(index):
            raise Unavailable("index.db is damaged: its rows are not as many as it says")


def instances_of(index: Path) -> int:
    """How many instances a copied index says it has."""
    with _told(index), closing(_opened(index)) as copy:
        return int(copy.execute(_TOTAL).fetchone()[0])


def reconcile(index: Path, state: Path) -> None:
    """Let two copies that were taken one after the other agree: what has a row is not deleted.

    Args:
        index: Copy of the index.
        state: Copy of what cannot be derived; its tombstones of live instances go.
    """
    with _told(state), closing(_opened(state)) as copy:
        copy.execute("ATTACH ? AS snapshot", (str(index),))
        copy.execute(_FORGET)
    sync_file(state)


def renew_generation(index: Path) -> None:
    """Make a copied index one of its own.

    Its numbers of changes go back to those of its moment and are given out again: whoever has
    seen later ones must not take the new ones for those.
    """
    with _told(index), closing(_opened(index)) as copy:
        copy.execute(_NEW_GENERATION)
    sync_file(index)


def version_of(database: Path) -> int:
    """Number of migrations that a copied database has seen."""
    with _told(database), closing(_opened(database)) as copy:
        return int(copy.execute("PRAGMA user_version").fetchone()[0])


def _copy_pages(source: Path, target: Path) -> None:
    uri = f"{source.absolute().as_uri()}?mode=ro"
    with (
        closing(sqlite3.connect(uri, _BUSY_SECONDS, uri=True, isolation_level=None)) as reading,
        closing(_opened(target)) as copy,
    ):
        reading.execute("BEGIN")  # one moment for all pages, however long they take
        reading.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()
        reading.backup(copy, pages=_PAGES, sleep=0.0)


def _copy_files(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    log = source.with_name(source.name + "-wal")
    if log.exists():
        shutil.copyfile(log, target.with_name(target.name + "-wal"))


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, _BUSY_SECONDS, isolation_level=None)


def sync_file(path: Path) -> None:
    """Put a file on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _told(database: Path) -> Iterator[None]:
    try:
        yield
    except ArchiveError:
        raise
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
            raise StoreFull("the volume of the backup is full", "make room there") from error
        raise Unavailable(
            f"{database.name} is damaged or cannot be read",
            "for index.db: run `dicomweb-server reindex` first",
        ) from error

"""Connections that only read, also where nothing can be written."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

from dicomweb_server.index.sqlite.walindex import WalIndex

BUSY_MILLISECONDS = 10_000
"""For how long a connection waits for a lock of another one."""
_PATTERN_LENGTH = 8_000  # bytes; folding may make several characters of one
_STATEMENTS = 512


class ReaderConnection:
    """A read-only connection.

    SQLite keeps two files next to a database with a write-ahead log and makes them where they are
    missing. Where that is not possible and the log is empty, the database alone is all there is,
    and is read as one that nobody changes; only for as long as its folder cannot be written.

    Args:
        path: The database.

    Raises:
        sqlite3.Error: It cannot be read.
    """

    __slots__ = ("_path", "_unwritable", "connection", "immutable", "in_use", "is_closed")

    def __init__(self, path: Path) -> None:
        self._path = path
        self.in_use = threading.Lock()
        self.immutable = False
        self.is_closed = False
        self._unwritable = not os.access(path.parent, os.W_OK)
        try:
            self.connection = self._open("")
        except sqlite3.OperationalError:
            if not path.exists() or _has_content(path.with_name(path.name + "-wal")):
                raise
            self.connection = self._open("&immutable=1")
            self.immutable = True

    @property
    def outlived(self) -> bool:
        """Whether the database may be written from now on, and this would be in the way.

        It would not see a change, or keeps what all connections of the process share read-only.
        """
        return (self.immutable or self._unwritable) and os.access(self._path.parent, os.W_OK)

    @property
    def passing(self) -> bool:
        """Whether to let go of it after each use: it may keep what all share read-only."""
        return self._unwritable and not self.immutable

    def close(self) -> None:
        """Close it, once nobody uses it; a second time does nothing."""
        with self.in_use:
            if not self.is_closed:
                self.is_closed = True
                self.connection.close()

    def _open(self, option: str) -> sqlite3.Connection:
        if not option:
            WalIndex(self._path).require_room()
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode=ro{option}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=_STATEMENTS,
        )
        try:
            connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()
        except BaseException:
            connection.close()
            raise
        return connection


def _has_content(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


def configure(connection: sqlite3.Connection) -> None:
    """Set what holds for every connection, whether it writes or reads."""
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA mmap_size = 0").fetchall()
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, _PATTERN_LENGTH)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)

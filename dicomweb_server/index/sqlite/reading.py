"""Connections that only read, also where nothing can be written."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

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

    __slots__ = ("_path", "connection", "immutable")

    def __init__(self, path: Path) -> None:
        self._path = path
        self.immutable = False
        try:
            self.connection = self._open("")
        except sqlite3.OperationalError:
            if not path.exists() or _has_content(path.with_name(path.name + "-wal")):
                raise
            self.connection = self._open("&immutable=1")
            self.immutable = True

    @property
    def outlived(self) -> bool:
        """Whether the database may be changed from now on, and this would not see it."""
        return self.immutable and os.access(self._path.parent, os.W_OK)

    def _open(self, option: str) -> sqlite3.Connection:
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

"""Connections: one writer under a lock that all processes share, and a pool of readers.

SQLite before 3.51.3 can damage a WAL database when two connections write or checkpoint at the same
time. So every write transaction and every checkpoint happens under an exclusive `flock` on a file
next to the database; readers are opened read-only and never checkpoint.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from dicomweb_server.errors import (
    ArchiveError,
    ConfigurationError,
    QueryDeadlineExceeded,
    StoreFull,
    StoreReadOnly,
    Unavailable,
)
from dicomweb_server.index.sqlite.schema import Schema, migrate
from dicomweb_server.model.stages import Stage
from dicomweb_server.model.threads import Pool, PoolClosed

_R = TypeVar("_R")
_BUSY_MILLISECONDS = 10_000
_PATTERN_LENGTH = 8_000  # bytes; folding may make several characters of one
_STATEMENTS = 512
_CHECKPOINT_BYTES = 4 * 1024 * 1024
_LONG_WAL_BYTES = 64 * 1024 * 1024
_PATIENCE_MILLISECONDS = 1_000

_NOT_WRITABLE = frozenset(
    {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}
)
_NOT_A_DATABASE = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})


def translate(error: sqlite3.Error | OSError) -> ArchiveError:
    """The archive's error for one of the database or its disk."""
    if isinstance(error, OSError):
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return StoreFull("no space is left for the index")
        return StoreReadOnly("the disk refused a write of the index")
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return StoreFull("no space is left for the index")
    if code == sqlite3.SQLITE_INTERRUPT:
        return QueryDeadlineExceeded("the search took too long", "narrow it down")
    if code in _NOT_WRITABLE:
        return StoreReadOnly("the disk refused an access of the index")
    if code in _NOT_A_DATABASE:
        return Unavailable("the index is damaged", "run `dicomweb-server reindex`")
    return Unavailable("the index does not answer")


class WriterConnection:
    """The only connection of this process that writes and checkpoints."""

    def __init__(self, path: Path, schema: Schema) -> None:
        self._path = path
        self._wal = path.with_name(path.name + "-wal")
        self._tried = 0
        self._closed = False
        self._lock = self._open_lock()
        try:
            with self.exclusive():
                self.connection = self._connect(schema)
        except BaseException:
            os.close(self._lock)
            raise

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the right to write among all processes."""
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def checkpoint(self) -> None:
        """Empty the WAL into the database when it has grown; needs `exclusive`.

        Readers that still look at the WAL put it off; only a very long WAL waits for them.
        """
        try:
            size = self._wal.stat().st_size
        except FileNotFoundError:
            return
        if size < self._tried + _CHECKPOINT_BYTES:
            self._tried = min(self._tried, size)
            return
        patience = _PATIENCE_MILLISECONDS if size >= _LONG_WAL_BYTES else 0
        self.connection.execute(f"PRAGMA busy_timeout = {patience}").fetchall()
        try:
            busy = self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        finally:
            self.connection.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}").fetchall()
        self._tried = size if busy else 0

    def close(self) -> None:
        """Close; the last connection to close empties the WAL, therefore under the lock."""
        if self._closed:
            return
        self._closed = True
        try:
            with self.exclusive():
                self.connection.close()
        finally:
            os.close(self._lock)

    def _open_lock(self) -> int:
        lock = self._path.with_name(self._path.name + ".lock")
        try:
            return os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigurationError(
                f"{lock} cannot be opened: {os.strerror(error.errno or 0)}",
                "the data folder must exist and be writable",
            ) from error

    def _connect(self, schema: Schema) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                self._path,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=_STATEMENTS,
            )
            try:
                _configure(connection)
                connection.execute("PRAGMA journal_mode = WAL").fetchall()
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA wal_autocheckpoint = 0").fetchall()
                migrate(connection, schema, str(self._path))
            except BaseException:
                connection.close()
                raise
        except sqlite3.Error as error:
            raise _unusable(self._path, schema, error) from error
        return connection


def _configure(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA mmap_size = 0").fetchall()
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, _PATTERN_LENGTH)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)


def _unusable(path: Path, schema: Schema, error: sqlite3.Error) -> ArchiveError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in _NOT_A_DATABASE or code == sqlite3.SQLITE_ERROR:
        return ConfigurationError(f"{path} is damaged or not a database", schema.remedy)
    if code in _NOT_WRITABLE:
        return ConfigurationError(
            f"{path} cannot be opened for writing", "check its owner, its rights and the disk"
        )
    return translate(error)


class ReaderPool:
    """Threads that each have a read-only connection of their own."""

    def __init__(
        self, path: Path, size: int, prepare: Callable[[sqlite3.Connection], None] | None = None
    ) -> None:
        self._path = path
        self._prepare = prepare
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._pool = Pool(size, "index-reader", Stage.INDEX)

    async def run(self, work: Callable[[sqlite3.Connection], _R]) -> _R:
        """Run a function with a connection in one of the threads.

        Raises:
            Unavailable: The database does not answer.
        """
        try:
            return await self._pool.ask(self._run, work)
        except PoolClosed:
            raise Unavailable("the index is closed") from None

    def close(self) -> None:
        """Wait for what runs, then close every connection."""
        self._pool.close()
        for connection in self._opened:
            connection.close()
        self._opened.clear()

    def _run(self, work: Callable[[sqlite3.Connection], _R]) -> _R:
        try:
            return work(self._connection())
        except sqlite3.Error as error:
            raise translate(error) from error

    def _connection(self) -> sqlite3.Connection:
        known: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if known is not None:
            return known
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode=ro",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=_STATEMENTS,
        )
        self._opened.append(connection)
        _configure(connection)
        connection.execute("PRAGMA query_only = ON")
        if self._prepare is not None:
            self._prepare(connection)
        self._local.connection = connection
        return connection


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Several statements that see the same state."""
    connection.execute("BEGIN")
    try:
        yield connection
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")

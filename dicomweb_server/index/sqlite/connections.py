"""The connection that writes, under a lock that all processes share.

SQLite before 3.51.3 can damage a WAL database when two connections write or checkpoint at the same
time. So every write transaction and every checkpoint happens under an exclusive `flock` on a file
next to the database; readers are opened read-only and never checkpoint.
"""

from __future__ import annotations

import copy
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from dicomweb_server.errors import (
    ArchiveError,
    ConfigurationError,
    StoreFull,
    StoreReadOnly,
    TooBusy,
    Unavailable,
)
from dicomweb_server.index.sqlite.failure import (
    Suspension,
    code_of,
    free_bytes,
    is_damaged,
    is_refused,
    translate,
)
from dicomweb_server.index.sqlite.integrity import Integrity
from dicomweb_server.index.sqlite.reading import BUSY_MILLISECONDS, ReaderConnection, configure
from dicomweb_server.index.sqlite.schema import Schema, migrate
from dicomweb_server.index.sqlite.walindex import WalIndex
from dicomweb_server.model.disk import FULL_HINT

_R = TypeVar("_R")
_STATEMENTS = 512
_CHECKPOINT_BYTES = 4 * 1024 * 1024
_LONG_WAL_BYTES = 64 * 1024 * 1024
_PATIENCE_MILLISECONDS = 1_000

PROBE_INTERVAL = 1.0
"""Seconds between two attempts to end a suspension of writing."""


class WriterConnection:
    """The only connection of this process that writes and checkpoints.

    Where the disk refuses, at the start or later, writing is suspended: nothing is known about
    what was written last, so the connection and its descriptors are thrown away, and another one
    has to write and flush something before anybody else may (RELIABILITY F3).

    Args:
        path: The database; its folder exists.
        schema: What it holds.
        interval: Seconds between two attempts to end a suspension.
        reserve: Bytes of the volume that additions leave free.

    Raises:
        ConfigurationError: It can neither be written nor read.
    """

    def __init__(
        self, path: Path, schema: Schema, interval: float = PROBE_INTERVAL, reserve: int = 0
    ) -> None:
        self._path = path
        self._reserve = reserve
        self._schema = schema
        self._wal = path.with_name(path.name + "-wal")
        self._tried = 0
        self._closed = False
        self._suspension = Suspension(path, interval)
        self.before_revival: list[Callable[[], None]] = []
        self._connection: sqlite3.Connection | None = None
        self._lock = -1
        self._wal_index = WalIndex(path)
        self.integrity = Integrity(path, schema.remedy)
        self.integrity.examine()
        try:
            self._open()
        except (sqlite3.Error, OSError) as error:
            try:
                self._begin_suspended(error)
            except BaseException:
                self._release()
                raise
        except BaseException:
            self._release()
            raise

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection.

        Raises:
            StoreReadOnly, StoreFull: Writing is suspended.
        """
        if self._connection is None:
            raise copy.copy(self._suspension.reason or Unavailable("the index is closed"))
        return self._connection

    @property
    def suspended(self) -> bool:
        """Whether writing is suspended."""
        return self._suspension.reason is not None

    def look(self, work: Callable[[sqlite3.Connection], _R]) -> _R:
        """Read something, whether or not writing is suspended."""
        if self._connection is not None:
            return work(self._connection)
        with closing(ReaderConnection(self._path).connection) as connection:
            return work(connection)

    def require(self) -> None:
        """Make sure that a transaction may begin; tries to end a suspension when that is due.

        Raises:
            StoreReadOnly: Writing is suspended.
            Unavailable: The database is damaged.
            sqlite3.Error, OSError: The attempt failed, or the disk is full.
        """
        self.integrity.require()
        if self._suspension.reason is None:
            self._wal_index.reserve()
            return
        self._suspension.require_due()
        self._renew()
        self._probe()
        self._suspension.end()

    def require_room(self) -> None:
        """Make sure that there is room for additions; asked from any thread.

        Raises:
            StoreFull: The reserve has been reached.
        """
        if self._reserve and free_bytes(self._path.parent) < self._reserve:
            raise StoreFull("no space is left for the index", FULL_HINT)

    def met(self, error: BaseException) -> BaseException:
        """What to tell of an error; suspends writing where the disk refused."""
        if not isinstance(error, sqlite3.Error | OSError):
            return error
        self.integrity.met(error)
        told = self._suspension.meaning(error)
        if is_refused(error) and not isinstance(told, TooBusy):
            self._suspension.begin(told)
            told = copy.copy(self._suspension.reason or told)
        return told

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
            self.connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}").fetchall()
        self._tried = size if busy else 0

    def close(self) -> None:
        """Close; the last connection to close empties the WAL, therefore under the lock."""
        if self._closed:
            return
        self._closed = True
        self._drop()
        self._release()

    def _open(self) -> None:
        if self._lock < 0:
            lock = self._path.with_name(self._path.name + ".lock")
            self._lock = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with self.exclusive():
            self._connection = self._connect()

    def _renew(self) -> None:
        """Put another connection, with descriptors of its own, in the place of the old one.

        On a full disk the old one is closed last, and those of readers stay: where none is open
        what all share goes, and there may be no room to make it anew, so that nobody could read.
        """
        old = self._connection
        if not isinstance(self._suspension.reason, StoreFull):
            for prepare in self.before_revival:
                prepare()
            self._drop()
            old = None
        self._open()
        if old is not None:
            with self.exclusive(), suppress(sqlite3.Error):
                old.close()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        self._wal_index.closed()
        if connection is not None:
            with self.exclusive(), suppress(sqlite3.Error):
                connection.close()

    def _release(self) -> None:
        lock, self._lock = self._lock, -1
        if lock >= 0:
            os.close(lock)

    def _probe(self) -> None:
        """Write and flush something: the number of the schema, which stays as it is."""
        number = len(self._schema.migrations)
        with self.exclusive():
            self.connection.execute("BEGIN IMMEDIATE")
            self.connection.execute(f"PRAGMA user_version = {number}")
            self.connection.execute("COMMIT")

    def _connect(self) -> sqlite3.Connection:
        self._wal_index.require_room()
        connection = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, cached_statements=_STATEMENTS
        )
        try:
            configure(connection)
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA wal_autocheckpoint = 0").fetchall()
            self._wal_index.opened()
            self._wal_index.reserve()
            migrate(connection, self._schema, str(self._path))
        except BaseException:
            self._wal_index.closed()
            connection.close()
            raise
        return connection

    def _begin_suspended(self, error: sqlite3.Error | OSError) -> None:
        """Go on with reading, where that is possible.

        Raises:
            ConfigurationError: It is not.
        """
        told = self._suspension.meaning(error)
        readable = isinstance(told, StoreReadOnly | StoreFull) and self._path.exists()
        if not readable:
            raise _unusable(self._path, self._schema, error)
        try:
            version = self.look(_version)
        except sqlite3.Error as worse:
            raise _unusable(self._path, self._schema, worse) from error
        if version != len(self._schema.migrations):
            raise ConfigurationError(
                f"{self._path} has schema version {version}, and cannot be written",
                "start once where it can be written, so that it is brought to the newest version",
            )
        self._suspension.begin(told)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _unusable(path: Path, schema: Schema, error: sqlite3.Error | OSError) -> ArchiveError:
    if isinstance(error, OSError):
        return ConfigurationError(
            f"{path} cannot be opened: {os.strerror(error.errno or 0)}",
            "the data folder must exist and be writable",
        )
    if is_damaged(error) or code_of(error) == sqlite3.SQLITE_ERROR:
        return ConfigurationError(f"{path} is damaged or not a database", schema.remedy)
    if is_refused(error):
        return ConfigurationError(
            f"{path} cannot be opened", "check its owner, its rights, the disk and its free space"
        )
    return translate(error)

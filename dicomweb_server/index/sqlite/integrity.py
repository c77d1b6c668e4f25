"""Whether a database is damaged: looked for at the start, noticed later, told to all processes."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

from dicomweb_server.errors import ConfigurationError, Unavailable
from dicomweb_server.index.sqlite.failure import is_damaged
from dicomweb_server.index.sqlite.reading import ReaderConnection
from dicomweb_server.model.limits import MIB

ENDING = ".damaged"
SMALL_BYTES = 64 * MIB
"""Databases up to here are looked through before they are used: a second at most, from a disk."""
_LOOK_SECONDS = 1.0
_INTERVAL_SECONDS = 0.05

_log = logging.getLogger(__name__)


class Integrity:
    """What is known of a database's health.

    Damage that one process finds is told to the others, and to the next start, by an empty file
    next to the database. Who uses a damaged database could be told of less than is stored: nobody
    does, until it was rebuilt or put back.

    Args:
        database: The file.
        remedy: What helps.
    """

    def __init__(self, database: Path, remedy: str) -> None:
        self._database = database
        self._remedy = remedy
        self._note = database.with_name(database.name + ENDING)
        self._is_damaged = False
        self._looked_at = 0.0

    def require(self) -> None:
        """Make sure that no damage is known.

        Raises:
            Unavailable: Some is.
        """
        now = time.monotonic()
        if not self._is_damaged and now - self._looked_at >= _LOOK_SECONDS:
            self._looked_at = now
            self._is_damaged = self._note.exists()
        if self._is_damaged:
            raise Unavailable(f"{self._database.name} is damaged", self._remedy)

    def met(self, error: BaseException) -> bool:
        """Whether an error means damage; it is remembered then."""
        if not isinstance(error, sqlite3.Error) or not is_damaged(error):
            return False
        self.found(str(error))
        return True

    def found(self, what: str) -> None:
        """Remember that the database is damaged."""
        if not self._is_damaged:
            _log.error("%s is damaged (%s): %s", self._database.name, what, self._remedy)
        self._is_damaged = True
        with suppress(OSError):
            self._note.touch(mode=0o600)

    def examine(self, *, large: bool = False) -> None:
        """Look through the database; of the large ones only where damage was seen before.

        Args:
            large: Look whatever its size.

        Raises:
            ConfigurationError: It is damaged.
        """
        suspected = self._note.exists()
        if not self._database.exists():
            return
        if not (large or suspected or self._database.stat().st_size <= SMALL_BYTES):
            return
        what = examined(self._database, thorough=suspected)
        if what is not None:
            self.found(what)
            raise ConfigurationError(f"{self._database} is damaged: {what}", self._remedy)
        if suspected:
            self._note.unlink(missing_ok=True)
            self._is_damaged = False
            _log.warning("%s was damaged and is whole again", self._database.name)


def examined(database: Path, *, thorough: bool = False, watch: Watch | None = None) -> str | None:
    """Look through a database.

    Args:
        database: The file.
        thorough: Also compare its indexes with its tables, which takes three times as long.
        watch: Can break it off.

    Returns:
        What is wrong, None where nothing is, or where it could not be looked at.
    """
    check = "integrity_check" if thorough else "quick_check"
    try:
        with closing(ReaderConnection(database).connection) as connection:
            if watch is not None:
                watch.begin(connection)
            said = str(connection.execute(f"PRAGMA {check}(1)").fetchone()[0])
    except sqlite3.Error as error:
        return str(error) if is_damaged(error) else None
    finally:
        if watch is not None:
            watch.end()
    return None if said == "ok" else said.splitlines()[0]


class Watch:
    """Looks through a large database beside its use, in one process of those that share it.

    Args:
        database: The file.
        integrity: Told of damage.
    """

    def __init__(self, database: Path, integrity: Integrity) -> None:
        self._database = database
        self._integrity = integrity
        self._gate = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._stopped = False
        self._lock = -1
        self._thread = threading.Thread(target=self._look, name="database-check", daemon=True)

    def start(self) -> None:
        """Begin, unless the database was looked through already or another process does."""
        if self._database.stat().st_size <= SMALL_BYTES:
            return
        lock = self._database.with_name(self._database.name + ".check")
        try:
            self._lock = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return
        self._thread.start()

    def begin(self, connection: sqlite3.Connection) -> None:
        """Take a connection that `close` interrupts."""
        with self._gate:
            self._connection = connection

    def end(self) -> None:
        """Give it back."""
        with self._gate:
            self._connection = None

    def close(self) -> None:
        """Break off what runs."""
        self._stopped = True
        while self._thread.is_alive():
            with self._gate:
                if self._connection is not None:
                    self._connection.interrupt()
            self._thread.join(_INTERVAL_SECONDS)
        lock, self._lock = self._lock, -1
        if lock >= 0:
            os.close(lock)

    def _look(self) -> None:
        with suppress(OSError, AttributeError):  # behind all that answers somebody
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 15)
        if self._stopped:
            return
        began = time.monotonic()
        what = examined(self._database, watch=self)
        if what is not None:
            self._integrity.found(what)
        elif not self._stopped:
            seconds = time.monotonic() - began
            _log.info("%s was looked through: it is whole (%.1f s)", self._database.name, seconds)

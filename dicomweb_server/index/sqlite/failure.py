"""What a failure of the database means, and how long writing pauses because of one."""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import sys
import time
from pathlib import Path

from dicomweb_server.errors import (
    ArchiveError,
    QueryDeadlineExceeded,
    StoreFull,
    StoreReadOnly,
    TooBusy,
    Unavailable,
)
from dicomweb_server.model.disk import FULL_HINT

_NOT_WRITABLE = frozenset(
    {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}
)
_NOT_A_DATABASE = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE})
_LITTLE_BYTES = 256 * 1024
"""Free space in which an error that does not tell its cause is one of space."""

_log = logging.getLogger(__name__)


def translate(error: sqlite3.Error | OSError) -> ArchiveError:
    """The archive's error for one of the database or its disk."""
    if isinstance(error, OSError):
        return _of_system(error)
    code = code_of(error)
    if code == sqlite3.SQLITE_FULL:
        return StoreFull("no space is left for the index", FULL_HINT)
    if code == sqlite3.SQLITE_INTERRUPT:
        return QueryDeadlineExceeded("the search took too long", "narrow it down")
    if code in _NOT_WRITABLE:
        if code == sqlite3.SQLITE_CANTOPEN and _out_of_descriptors():
            return TooBusy("the system is out of resources: too many open files")
        return StoreReadOnly("the disk refused an access of the index")
    if code in _NOT_A_DATABASE:
        return Unavailable("the index is damaged", "run `dicomweb-server reindex`")
    return Unavailable("the index does not answer")


def code_of(error: sqlite3.Error) -> int:
    """The primary result code."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF


def is_damaged(error: sqlite3.Error) -> bool:
    """Whether the file is no database, or not any more."""
    return code_of(error) in _NOT_A_DATABASE


def is_refused(error: BaseException) -> bool:
    """Whether the disk refused: nothing is known about what was written last."""
    if isinstance(error, OSError):
        return True
    return isinstance(error, sqlite3.Error) and (
        code_of(error) in _NOT_WRITABLE or code_of(error) == sqlite3.SQLITE_FULL
    )


def free_bytes(folder: Path) -> int:
    """Free space of a volume; endless where that cannot be told."""
    try:
        volume = os.statvfs(folder)
    except OSError:
        return sys.maxsize
    return volume.f_bavail * volume.f_frsize


def ends_all(error: BaseException) -> bool:
    """Whether no other work of the same transaction may go on."""
    return is_refused(error) or (isinstance(error, sqlite3.Error) and is_damaged(error))


def _of_system(error: OSError) -> ArchiveError:
    if error.errno in _FULL:
        return StoreFull("no space is left for the index", FULL_HINT)
    if error.errno in _EXHAUSTED:
        return TooBusy("the system is out of resources: too many open files")
    return StoreReadOnly("the disk refused a write of the index")


def _out_of_descriptors() -> bool:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno in _EXHAUSTED
    return False


class Suspension:
    """A pause of writing that a refusal of the disk began; for one thread.

    Args:
        path: The database.
        interval: Seconds between two attempts to end the pause.
    """

    def __init__(self, path: Path, interval: float) -> None:
        self._path = path
        self._interval = interval
        self._tried_at = 0.0
        self._reason: ArchiveError | None = None

    @property
    def reason(self) -> ArchiveError | None:
        """Why writing pauses; None while it does not."""
        return self._reason

    def meaning(self, error: sqlite3.Error | OSError) -> ArchiveError:
        """The archive's error for a refusal; SQLite tells only of some that the disk is full."""
        told = translate(error)
        if isinstance(told, StoreReadOnly) and self._is_full():
            return translate(OSError(errno.ENOSPC, ""))
        return told

    def begin(self, error: ArchiveError) -> None:
        """Pause, or go on pausing; a full disk needs no patience, because it tells of itself."""
        if isinstance(error, StoreReadOnly):
            if not isinstance(self._reason, StoreReadOnly):
                _log.error("the disk refused a write of %s: writing is suspended", self._path.name)
            error = StoreReadOnly(f"writing is suspended: {error.detail}", error.hint)
            self._tried_at = time.monotonic()
        self._reason = error

    def require_due(self) -> None:
        """Return when an attempt to end the pause may be made.

        Raises:
            StoreReadOnly: Not yet.
        """
        waiting = time.monotonic() - self._tried_at < self._interval
        if isinstance(self._reason, StoreReadOnly) and waiting:
            raise StoreReadOnly(self._reason.detail, self._reason.hint)

    def end(self) -> None:
        """Go on writing."""
        if isinstance(self._reason, StoreReadOnly):
            _log.warning("the disk takes writes of %s again: writing goes on", self._path.name)
        self._reason = None

    def _is_full(self) -> bool:
        return free_bytes(self._path.parent) < _LITTLE_BYTES

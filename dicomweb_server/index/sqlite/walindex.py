"""The memory that the connections of a database share, and the room on the disk that it needs.

SQLite maps a file (`-shm`) in which it keeps where in the write-ahead log each page is. It makes
the file longer by a byte in every 4096; where the blocks of a file system are smaller, the rest of
them gets its place on the disk only when it is first written, and a process that writes there
while the disk is full is ended by the system (SIGBUS). So on such a volume no database is opened
without room for the file, and the file gets all of its room before SQLite fills it.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

_STEP = 4096
_REGION_BYTES = 32 * 1024
_REGION_LOG_BYTES = 4062 * 4096
"""Pages of the log that the first region has room for; the others have room for more."""
_AHEAD = 4
"""Regions beyond those of the log as it is: more than the longest transaction needs."""
_DESCRIPTORS = Path("/proc/self/fd")


class WalIndex:
    """The file beside one database.

    Args:
        database: The database.
    """

    def __init__(self, database: Path) -> None:
        self._folder = database.parent
        self._file = database.with_name(database.name + "-shm")
        self._log = database.with_name(database.name + "-wal")
        self._descriptor = -1
        self._reserved = 0

    def require_room(self) -> None:
        """Make sure that a connection can be opened; nothing is written.

        What the file has already counts as room: whoever opens it first lets go of that and takes
        it again.

        Raises:
            sqlite3.OperationalError: The disk is full.
        """
        with suppress(OSError):
            volume = os.statvfs(self._folder)
            if volume.f_frsize >= _STEP or volume.f_flag & os.ST_RDONLY:
                return
            free = volume.f_bavail * volume.f_frsize
            with suppress(FileNotFoundError):
                free += self._file.stat().st_blocks * 512
            if free < self._needed(0):
                error = sqlite3.OperationalError("database or disk is full")
                error.sqlite_errorcode = sqlite3.SQLITE_FULL
                raise error

    def opened(self) -> None:
        """A connection was opened; it stays so until `closed`."""
        with suppress(OSError):
            if os.statvfs(self._folder).f_frsize < _STEP:
                self._descriptor, self._reserved = self._find(), 0

    def closed(self) -> None:
        """The connection is about to be closed, and with it perhaps the file."""
        self._descriptor = -1

    def reserve(self) -> None:
        """Give the file the room that the next transaction may need.

        Raises:
            OSError: The disk is full.
        """
        if self._descriptor < 0:
            return
        needed = self._needed(_AHEAD)
        if needed > self._reserved:
            os.posix_fallocate(self._descriptor, 0, needed)
            self._reserved = needed

    def _needed(self, ahead: int) -> int:
        try:
            log = self._log.stat().st_size
        except FileNotFoundError:
            log = 0
        return (log // _REGION_LOG_BYTES + 1 + ahead) * _REGION_BYTES

    def _find(self) -> int:
        """SQLite's own descriptor of the file; negative where it has none.

        A second one would do harm: the locks of a process on a file end when it closes any of its
        descriptors.
        """
        wanted = self._file.stat()
        for path in _DESCRIPTORS.iterdir():
            with suppress(OSError):
                found = os.fstat(int(path.name))
                if (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino):
                    return int(path.name)
        return -1

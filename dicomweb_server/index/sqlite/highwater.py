"""The newest change that was acknowledged, in a file of its own: what tells an older index.

A database that is put back from an older copy, or loses its write-ahead log, is whole in itself;
nothing inside it tells that rows are missing.
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
from contextlib import suppress
from pathlib import Path

from dicomweb_server.errors import ConfigurationError

ENDING = ".mark"
_LINE = re.compile(rb"([0-9a-f]{16}) ([0-9]{20})\n")
_READ = "SELECT generation, sequence FROM totals"

_log = logging.getLogger(__name__)


class HighWater:
    """A mark that follows each commit.

    It is written after the commit is on the disk and before anybody is told, and is not flushed
    itself. So it may lag behind the database after a power loss, but is never ahead of what was
    durable: a database that is behind it has lost something.

    Args:
        database: The index.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self._path = database.with_name(database.name + ENDING)
        self._descriptor = -1
        self._broken = False

    def read(self) -> tuple[str, int] | None:
        """Generation of the index and its newest change; None where that is not known."""
        try:
            line = _LINE.fullmatch(self._path.read_bytes())
        except OSError:
            return None
        return None if line is None else (line[1].decode(), int(line[2]))

    def require(self, known: tuple[str, int] | None, connection: sqlite3.Connection) -> None:
        """Make sure that the index has all that was acknowledged.

        Args:
            known: The mark, read before the connection looks at the index.
            connection: To the index.

        Raises:
            ConfigurationError: It has not.
        """
        generation, sequence = connection.execute(_READ).fetchone()
        if known is None or (known[0] == generation and known[1] <= sequence):
            return
        raise ConfigurationError(
            f"{self._database} lacks changes that were acknowledged: it is an older copy, or its"
            " write-ahead log is lost",
            "put the newest file back, or run `dicomweb-server reindex`",
        )

    def follow(self, connection: sqlite3.Connection) -> None:
        """Note a commit; called under the lock of all writers."""
        if self._broken:
            return
        try:
            if self._descriptor < 0:
                self._descriptor = os.open(
                    self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600
                )
            generation, sequence = connection.execute(_READ).fetchone()
            os.pwrite(self._descriptor, b"%s %020d\n" % (generation.encode(), sequence), 0)
        except OSError as error:
            # What was committed stays committed: an old mark only tells less.
            self._broken = True
            _log.warning("%s cannot be written: %s", self._path.name, error.strerror)

    def close(self) -> None:
        """Put the mark on the disk."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor < 0:
            return
        with suppress(OSError):
            os.fsync(descriptor)
        os.close(descriptor)

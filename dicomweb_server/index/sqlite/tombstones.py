"""Tombstones in a database of their own: they cannot be derived from the blobs."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from dicomweb_server.index.port import Removed
from dicomweb_server.index.sqlite.connections import WriterConnection
from dicomweb_server.index.sqlite.integrity import Watch
from dicomweb_server.index.sqlite.readers import ReaderPool
from dicomweb_server.index.sqlite.rows import known_digests
from dicomweb_server.index.sqlite.schema import STATE
from dicomweb_server.index.sqlite.writer import Steps, Writer
from dicomweb_server.model.crash import Step, crash_point
from dicomweb_server.model.ids import InstanceKey

_BURY = "INSERT INTO tombstone VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
_REVIVE = "DELETE FROM tombstone WHERE digest = ? AND buried_at < ?"
_BURIED = "SELECT digest FROM tombstone WHERE buried_at < ? AND digest IN"
_REMOVED = "SELECT study, series, instance FROM tombstone WHERE digest = ?"
_EVER = 2**63 - 1


class SqliteTombstones:
    """Tombstones in a SQLite file; several processes may use the same file.

    Args:
        writer: Does all writing of this process.
        readers: Answer everything else.
        watch: Looks for damage.
    """

    def __init__(self, writer: Writer, readers: ReaderPool, watch: Watch) -> None:
        self._writer = writer
        self._readers = readers
        self._watch = watch

    @classmethod
    def open(cls, path: Path) -> SqliteTombstones:
        """Open or make the database.

        Args:
            path: The database file; its folder exists.

        Raises:
            ConfigurationError: The file is damaged, not ours, or of a newer version.
        """
        steps = Steps(
            crash_point(),
            Step.STATE_BEFORE_BEGIN,
            Step.STATE_BEFORE_COMMIT,
            Step.STATE_AFTER_COMMIT,
        )
        connection = WriterConnection(path, STATE)
        readers = ReaderPool(path, 1, None, connection.integrity)
        connection.before_revival.append(readers.renew)
        return cls(Writer(connection, steps), readers, Watch(path, connection.integrity))

    def watch(self) -> None:
        """Look through a database that was too large for that at its opening, beside its use."""
        self._watch.start()

    async def bury(self, removed: Sequence[Removed]) -> None:
        """Remember, durably, that these blobs are no longer part of the archive."""
        now = time.time_ns()
        lines = [
            (bytes.fromhex(one.digest), one.key.study, one.key.series, one.key.instance, now)
            for one in removed
        ]
        await self._writer.run(lambda connection: _many(connection, _BURY, lines))

    async def revive(self, digests: Sequence[str], before: int | None = None) -> None:
        """Forget it again: the same bytes were stored anew, or are gone."""
        limit = _EVER if before is None else before
        lines = [(bytes.fromhex(digest), limit) for digest in digests]
        await self._writer.run(lambda connection: _many(connection, _REVIVE, lines))

    async def buried(self, digests: Sequence[str], before: int | None = None) -> frozenset[str]:
        """Which of these blobs are buried."""
        kept, limit = tuple(digests), _EVER if before is None else before
        return await self._readers.run(
            lambda connection: known_digests(connection, _BURIED, kept, limit)
        )

    async def removed(self, digests: Sequence[str]) -> tuple[Removed, ...]:
        """What these blobs were when they were buried."""
        kept = tuple(digests)

        def read(connection: sqlite3.Connection) -> tuple[Removed, ...]:
            found = []
            for digest in kept:
                row = connection.execute(_REMOVED, (bytes.fromhex(digest),)).fetchone()
                if row is not None:
                    found.append(Removed(InstanceKey(*row), digest))
            return tuple(found)

        return await self._readers.run(read)

    async def check(self) -> None:
        """Prove that the database may be written, for readiness."""
        await self._writer.check()

    async def close(self) -> None:
        """Release threads and connections."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._watch.close()
        self._readers.close()
        self._writer.close()


def _many(
    connection: sqlite3.Connection, statement: str, lines: Sequence[tuple[object, ...]]
) -> None:
    connection.executemany(statement, lines)

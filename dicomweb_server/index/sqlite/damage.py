"""Which stored bytes are damaged, and how far the scrub has come, in the database of states."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from dicomweb_server.index.port import ScrubPlace
from dicomweb_server.index.sqlite.connections import WriterConnection
from dicomweb_server.index.sqlite.readers import ReaderPool
from dicomweb_server.index.sqlite.schema import STATE
from dicomweb_server.index.sqlite.writer import Writer
from dicomweb_server.model.damage import Damage, Harm

_MARK = """
INSERT INTO damage VALUES (?, ?, ?, ?)
ON CONFLICT (digest) DO UPDATE SET harm = excluded.harm, version = excluded.version
"""
_CLEAR = "DELETE FROM damage WHERE digest = ?"
_ALL = "SELECT digest, harm, version FROM damage ORDER BY found_at DESC, digest LIMIT ?"
_PLACE = "SELECT after, began_at, ended_at FROM scrub WHERE id = 1"
_KEEP_PLACE = "INSERT OR REPLACE INTO scrub VALUES (1, ?, ?, ?)"


class SqliteDamageMarks:
    """Marks in a SQLite file; several processes may use the same file.

    Args:
        writer: Does all writing of this process.
        readers: Answer everything else.
    """

    def __init__(self, writer: Writer, readers: ReaderPool) -> None:
        self._writer = writer
        self._readers = readers

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open or make the database.

        Args:
            path: The database file; its folder exists.

        Raises:
            ConfigurationError: The file is damaged, not ours, or of a newer version.
        """
        connection = WriterConnection(path, STATE)
        readers = ReaderPool(path, 1, None, connection.integrity)
        connection.before_revival.append(readers.renew)
        return cls(Writer(connection), readers)

    async def mark(self, found: Sequence[Damage]) -> None:
        """Remember, durably, that these blobs are damaged."""
        now = time.time_ns()
        lines = [(bytes.fromhex(one.digest), one.harm, one.version, now) for one in found]
        await self._writer.run(lambda connection: _many(connection, _MARK, lines))

    async def clear(self, digests: Sequence[str]) -> None:
        """Forget it again."""
        lines = [(bytes.fromhex(digest),) for digest in digests]
        await self._writer.run(lambda connection: _many(connection, _CLEAR, lines))

    async def marked(self, limit: int) -> tuple[Damage, ...]:
        """The marks, the newest first."""

        def read(connection: sqlite3.Connection) -> tuple[Damage, ...]:
            rows = connection.execute(_ALL, (limit,))
            return tuple(Damage(row[0].hex(), Harm(row[1]), row[2]) for row in rows)

        return await self._readers.run(read)

    async def place(self) -> ScrubPlace:
        """How far the scrub has come."""

        def read(connection: sqlite3.Connection) -> ScrubPlace:
            row = connection.execute(_PLACE).fetchone()
            return ScrubPlace() if row is None else ScrubPlace(*row)

        return await self._readers.run(read)

    async def keep_place(self, place: ScrubPlace) -> None:
        """Remember how far the scrub has come."""
        line = (place.after, place.began_at, place.ended_at)
        await self._writer.run(lambda connection: _many(connection, _KEEP_PLACE, [line]))

    async def close(self) -> None:
        """Release threads and connections."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._readers.close()
        self._writer.close()


def _many(
    connection: sqlite3.Connection, statement: str, lines: Sequence[tuple[object, ...]]
) -> None:
    connection.executemany(statement, lines)

"""A pool of threads that read."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from dicomweb_server.errors import StoreFull, StoreReadOnly, Unavailable
from dicomweb_server.index.sqlite.failure import is_refused, translate
from dicomweb_server.index.sqlite.integrity import Integrity
from dicomweb_server.index.sqlite.reading import ReaderConnection, configure
from dicomweb_server.model.stages import Stage
from dicomweb_server.model.threads import Pool, PoolClosed

_R = TypeVar("_R")


class ReaderPool:
    """Threads that each have a read-only connection of their own."""

    def __init__(
        self,
        path: Path,
        size: int,
        prepare: Callable[[sqlite3.Connection], None] | None = None,
        integrity: Integrity | None = None,
    ) -> None:
        self._path = path
        self._prepare = prepare
        self._integrity = integrity
        self._local = threading.local()
        self._opened: list[ReaderConnection] = []
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
        for opened in self._opened:
            opened.close()
        self._opened.clear()

    def renew(self) -> None:
        """Close all connections, once they are not in use; the next calls open others.

        One that was opened while nothing could be written keeps what all of them share read-only.
        """
        for opened in tuple(self._opened):
            opened.close()

    def _run(self, work: Callable[[sqlite3.Connection], _R]) -> _R:
        if self._integrity is not None:
            self._integrity.require()
        try:
            opened = self._connection()
            try:
                with opened.in_use:
                    return work(opened.connection)
            finally:
                if opened.passing:
                    self._forget()
        except (sqlite3.Error, OSError) as error:
            if self._integrity is not None:
                self._integrity.met(error)
            if is_refused(error):
                self._forget()
            told = translate(error)
            if isinstance(told, StoreReadOnly | StoreFull):  # it is not stored, it is read
                told = Unavailable("the disk refused a read of the index")
            raise told from error

    def _connection(self) -> ReaderConnection:
        known: ReaderConnection | None = getattr(self._local, "opened", None)
        if known is not None:
            if not (known.is_closed or known.outlived):
                return known
            self._forget()
        opened = ReaderConnection(self._path)
        self._opened.append(opened)
        configure(opened.connection)
        opened.connection.execute("PRAGMA query_only = ON")
        if self._prepare is not None:
            self._prepare(opened.connection)
        self._local.opened = opened
        return opened

    def _forget(self) -> None:
        """Let go of this thread's connection; the next call opens another one."""
        known: ReaderConnection | None = getattr(self._local, "opened", None)
        if known is not None:
            self._local.opened = None
            self._opened.remove(known)
            known.close()


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Several statements that see the same state."""
    connection.execute("BEGIN")
    try:
        yield connection
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")

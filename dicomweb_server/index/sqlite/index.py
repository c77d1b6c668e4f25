"""The index over one SQLite file: port methods, one thread hop each."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dicomweb_server.errors import ConfigurationError, QueryDeadlineExceeded
from dicomweb_server.index.port import Counts, Documents, Holding, Removed
from dicomweb_server.index.sqlite import insertion, removal, rows
from dicomweb_server.index.sqlite import search as searching
from dicomweb_server.index.sqlite.changes import read_changes
from dicomweb_server.index.sqlite.connections import WriterConnection
from dicomweb_server.index.sqlite.highwater import HighWater
from dicomweb_server.index.sqlite.integrity import Watch
from dicomweb_server.index.sqlite.moments import add_functions
from dicomweb_server.index.sqlite.readers import ReaderPool
from dicomweb_server.index.sqlite.schema import INDEX
from dicomweb_server.index.sqlite.writer import Steps, Writer
from dicomweb_server.model.change import Change
from dicomweb_server.model.crash import crash_point
from dicomweb_server.model.document import Document
from dicomweb_server.model.ids import InstanceKey, Scope
from dicomweb_server.model.instance import InstanceRecord, NewInstance
from dicomweb_server.model.levels import IndexPlan
from dicomweb_server.model.outcome import DuplicatePolicy, PutResult
from dicomweb_server.model.query import Query, SearchResult

_QUICK_SECONDS = 0.1
"""Processor time after which a search counts as one that costs much (T14)."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of an index's file when it is opened, and what looks after it.

    Args:
        generation: Differs for every index that was ever built.
        mark: Follows its changes.
        watch: Looks for damage.
    """

    generation: str
    mark: HighWater
    watch: Watch


class SqliteIndex:
    """An Index in a SQLite file; several processes may use the same file.

    Args:
        writer: Does all writing of this process.
        readers: Answer everything that is quick.
        searchers: Answer searches: the first all of them in their beginning, the other those that
            cost much, so that these keep nothing else waiting.
        plan: Which attributes searches can match.
        told: Generation, and what looks after the file.
    """

    def __init__(
        self,
        writer: Writer,
        readers: ReaderPool,
        searchers: tuple[ReaderPool, ReaderPool],
        plan: IndexPlan,
        told: Told,
    ) -> None:
        self._writer = writer
        self._readers = readers
        self._searchers = searchers
        self._told = told
        self.plan = plan

    @property
    def generation(self) -> str:
        """Differs for every index that was ever built."""
        return self._told.generation

    @classmethod
    def open(cls, path: Path, plan: IndexPlan, readers: int = 4, reserve: int = 0) -> SqliteIndex:
        """Open or make an index.

        Args:
            path: The database file; its folder exists.
            plan: Which attributes searches can match.
            readers: Number of threads for quick answers, as many for searches, and half as many
                for searches that cost much; 1 or more.
            reserve: Bytes of the volume that the index does not grow into; removals may.

        Raises:
            ConfigurationError: The file is damaged, no index of ours, or of a newer version.
        """
        mark = HighWater(path)
        known = mark.read()
        connection = WriterConnection(path, INDEX, reserve=reserve)
        try:
            connection.look(lambda opened: mark.require(known, opened))
            generation = connection.look(rows.read_generation)
        except (sqlite3.Error, TypeError) as error:  # no row is as bad as no table
            connection.close()
            raise ConfigurationError(f"{path} is damaged or no index", INDEX.remedy) from error
        except BaseException:
            connection.close()
            raise
        writer = Writer(connection, Steps(crash_point()), mark.follow)
        sizes = (readers, readers, max(1, readers // 2))
        pools = [ReaderPool(path, n, add_functions, connection.integrity) for n in sizes]
        connection.before_revival.extend(pool.renew for pool in pools)
        watch = Watch(path, connection.integrity)
        return cls(writer, pools[0], (pools[1], pools[2]), plan, Told(generation, mark, watch))

    def watch(self) -> None:
        """Look through a database that was too large for that at its opening, beside its use."""
        self._told.watch.start()

    async def put(
        self,
        instances: Sequence[NewInstance],
        policy: DuplicatePolicy,
        check: Callable[[], None] | None = None,
    ) -> tuple[PutResult, ...]:
        """Add instances in one transaction; durable when this returns."""
        kept = tuple(instances)

        def work(connection: sqlite3.Connection) -> tuple[PutResult, ...]:
            if check is not None:
                check()
            return insertion.put(connection, kept, policy)

        return await self._writer.add(work, len(kept))

    async def get(self, key: InstanceKey) -> InstanceRecord | None:
        """One instance by its three UIDs."""
        return await self._readers.run(lambda connection: rows.read_record(connection, key))

    async def get_described(self, key: InstanceKey) -> tuple[InstanceRecord, Document] | None:
        """One instance with its DICOM JSON, both of the same moment, in one look."""
        return await self._readers.run(lambda connection: rows.read_described(connection, key))

    async def records(
        self, scope: Scope, after: int = 0, limit: int = 1000, until: int | None = None
    ) -> tuple[InstanceRecord, ...]:
        """Instances of a scope in the order of `sequence`, from behind `after` up to `until`."""
        last = rows.ANY_SEQUENCE if until is None else until
        return await self._readers.run(
            lambda connection: rows.read_records(connection, scope, (after, last), limit)
        )

    async def documents(self, scope: Scope) -> Documents:
        """The DICOM JSON of every instance of a scope (a study, a series or an instance)."""
        return await self._readers.run(lambda connection: rows.read_documents(connection, scope))

    async def revision(self, scope: Scope) -> int | None:
        """Greatest change number inside a scope, None where nothing is there."""
        return await self._readers.run(lambda connection: rows.read_revision(connection, scope))

    async def search(self, query: Query, seconds: float) -> SearchResult:
        """Answer a query.

        One that costs much is begun anew among its like, so that those do not keep waiting others.

        Raises:
            QueryDeadlineExceeded: It took longer than `seconds`.
            InvalidParameter: The cursor was not made by this query's order.
        """
        end = time.monotonic() + seconds
        quick, slow = self._searchers
        try:
            return await quick.run(
                lambda found: searching.search(found, query, end - time.monotonic(), _QUICK_SECONDS)
            )
        except QueryDeadlineExceeded:
            if time.monotonic() >= end:
                raise
        return await slow.run(lambda found: searching.search(found, query, end - time.monotonic()))

    async def remove(self, scope: Scope) -> tuple[Removed, ...]:
        """Remove every instance of a scope in one transaction, and parents left empty."""
        return await self._writer.run(lambda connection: removal.remove(connection, scope))

    async def changes(self, after: int, limit: int) -> tuple[Change, ...]:
        """The change feed behind a sequence number, oldest first."""
        return await self._readers.run(lambda connection: read_changes(connection, after, limit))

    async def referenced(self, digests: Sequence[str]) -> frozenset[str]:
        """Which of these blobs a row refers to."""
        kept = tuple(digests)
        return await self._readers.run(lambda connection: rows.find_digests(connection, kept))

    async def release(
        self, digests: Sequence[str], discard: Callable[[str], Awaitable[bool]]
    ) -> tuple[str, ...]:
        """Discard blobs that no row refers to, while no row can be added by any process."""
        kept, loop = tuple(digests), asyncio.get_running_loop()

        async def discard_all(some: list[str]) -> tuple[str, ...]:
            return tuple([digest for digest in some if await discard(digest)])

        def work(connection: sqlite3.Connection) -> tuple[str, ...]:
            live = rows.find_digests(connection, kept)
            dead = [digest for digest in kept if digest not in live]
            return asyncio.run_coroutine_threadsafe(discard_all(dead), loop).result()

        return await self._writer.run(work)

    async def holdings(self, after: str, limit: int) -> tuple[Holding, ...]:
        """Blobs that rows refer to, in order of their digests, from behind `after`."""
        return await self._readers.run(
            lambda connection: rows.read_holdings(connection, after, limit)
        )

    async def counts(self) -> Counts:
        """Totals, without scanning."""
        return await self._readers.run(rows.read_counts)

    async def check(self) -> None:
        """Prove that the index answers and may be written, for readiness.

        Raises:
            Unavailable: It does not answer, or writing is suspended.
            StoreFull: There is no space for more.
        """
        await self._readers.run(rows.read_counts)
        await self._writer.check()

    async def close(self) -> None:
        """Finish waiting writes, release threads and connections."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        # Readers first: the last connection to close empties the WAL, and only a writer may.
        self._told.watch.close()
        for searchers in self._searchers:
            searchers.close()
        self._readers.close()
        self._writer.close()
        self._told.mark.close()

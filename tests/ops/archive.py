"""A small archive over a real data folder, for tests of maintenance."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pydicom

from dicomweb_server.dicom.scan import scan
from dicomweb_server.index.port import Removed
from dicomweb_server.index.sqlite.damage import SqliteDamageMarks
from dicomweb_server.index.sqlite.index import SqliteIndex
from dicomweb_server.index.sqlite.tombstones import SqliteTombstones
from dicomweb_server.model.ids import InstanceKey, Level, Scope
from dicomweb_server.model.instance import InstanceRecord, NewInstance
from dicomweb_server.model.levels import IndexPlan
from dicomweb_server.model.limits import ScanLimits
from dicomweb_server.model.outcome import DuplicatePolicy, PutResult
from dicomweb_server.model.query import Page, Query, SearchResult
from dicomweb_server.ops.datafolder import DataFolder
from dicomweb_server.service.damage import DamageRegister
from dicomweb_server.store.filesystem import FilesystemStore
from dicomweb_server.store.layout import Layout
from dicomweb_server.store.port import Committed
from dicomweb_server.testing.store_contract import put

PLAN = IndexPlan.of()
LIMITS = ScanLimits()


@dataclass(frozen=True, slots=True)
class Archive:
    """The ports of a data folder, and what is known of damage in it."""

    store: FilesystemStore
    index: SqliteIndex
    tombstones: SqliteTombstones
    layout: Layout
    marks: SqliteDamageMarks
    damage: DamageRegister

    async def commit(self, data: bytes) -> Committed:
        """Only make the bytes safe."""
        return await put(self.store, data)

    async def add(
        self, data: bytes, policy: DuplicatePolicy = DuplicatePolicy.KEEP
    ) -> tuple[NewInstance, PutResult]:
        """Store one instance as the service does: bytes, row, tombstones."""
        async with self.store.stage() as staging:
            await staging.write([data])
            scanned = await staging.run(lambda source: scan(source, PLAN, LIMITS))
            committed = await staging.commit()
        new = NewInstance(scanned, committed.blob, committed.received_at)
        (result,) = await self.index.put([new], policy)
        if result.orphan is not None:
            await self.tombstones.bury([Removed(scanned.key, result.orphan)])
        if result.orphan != new.blob.digest:
            await self.tombstones.revive([new.blob.digest])
        return new, result

    async def delete(self, scope: Scope) -> None:
        """Delete as the service does."""
        records = await self.index.records(scope)
        await self.tombstones.bury([Removed(one.key, one.blob.digest) for one in records])
        await self.index.remove(scope)

    async def records(self) -> dict[InstanceKey, InstanceRecord]:
        """Every row by its key."""
        return {record.key: record for record in await self.index.records(Scope())}

    async def picture(self) -> list[object]:
        """All that the index answers, apart from numbers of changes."""
        found: list[object] = [
            (one.key, one.blob, one.received_at, one.transfer_syntax, one.pixel, one.frames)
            for _, one in sorted((await self.records()).items(), key=lambda item: item[0].instance)
        ]
        found += [await self.search(level) for level in Level]
        for study in sorted({key.study for key in await self.records()}):
            documents = await self.index.documents(Scope(study))
            found.append([document.text(b"http://x") for document in documents.documents])
        return [*found, await self.index.counts()]

    async def search(self, level: Level) -> SearchResult:
        """Everything at one level."""
        return await self.index.search(Query(level, Page(1000), include_all=True), 10)


@asynccontextmanager
async def opened(folder: DataFolder) -> AsyncIterator[Archive]:
    """Open a data folder and close it."""
    store = await asyncio.to_thread(FilesystemStore.open, folder.path, reserve=0)
    index = await asyncio.to_thread(SqliteIndex.open, folder.index, PLAN, 1)
    tombstones = await asyncio.to_thread(SqliteTombstones.open, folder.state)
    marks = await asyncio.to_thread(SqliteDamageMarks.open, folder.state)
    damage = DamageRegister(marks, index)
    try:
        yield Archive(store, index, tombstones, Layout(folder.path), marks, damage)
    finally:
        await damage.close()
        await marks.close()
        await tombstones.close()
        await index.close()
        await store.close()


def changed(data: bytes, **values: str) -> bytes:
    """A Part 10 file with other values."""
    dataset = pydicom.dcmread(io.BytesIO(data))
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    written = io.BytesIO()
    dataset.save_as(written)
    return written.getvalue()

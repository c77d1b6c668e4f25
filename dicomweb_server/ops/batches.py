"""Long walks in batches: each batch is read in a thread, so the loop stays free."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import islice

from dicomweb_server.index.port import Index
from dicomweb_server.model.ids import Scope
from dicomweb_server.model.instance import InstanceRecord
from dicomweb_server.store.port import BlobStore, WalkedBlob

BATCH = 500

Progress = Callable[[int, int | None], None]
"""Told how many are done and how many there are in all, None where that is not known."""


def silent(done: int, total: int | None) -> None:
    """A progress that nobody looks at."""


async def walked(store: BlobStore) -> AsyncIterator[list[WalkedBlob]]:
    """Every blob of a store in order of its digest, batch by batch."""
    blobs = store.walk()
    while batch := await asyncio.to_thread(lambda: list(islice(blobs, BATCH))):
        yield batch


async def rows(index: Index) -> AsyncIterator[tuple[InstanceRecord, ...]]:
    """Every row of an index in order of its sequence, batch by batch."""
    after = 0
    while batch := await index.records(Scope(), after, BATCH):
        yield batch
        after = batch[-1].sequence

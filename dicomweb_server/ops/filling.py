"""Putting all instances of an inventory into an index."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass

from dicomweb_server.index.port import Index
from dicomweb_server.model.instance import NewInstance
from dicomweb_server.model.outcome import DuplicatePolicy
from dicomweb_server.ops.batches import Progress, silent
from dicomweb_server.ops.checkpoint import Reached, chain
from dicomweb_server.ops.findings import Findings
from dicomweb_server.ops.inventory import Inventory, ReindexReport, batches
from dicomweb_server.ops.scanning import Scanned, Scanner, Unusable
from dicomweb_server.store.port import WalkedBlob

_AHEAD = 3
"""Batches that are being scanned while another one is written."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Who is told how far a rebuild has come.

    Args:
        progress: Shows it.
        save: Keeps it.
        reached: What an earlier rebuild has done.
    """

    progress: Progress = silent
    save: Callable[[Reached], None] | None = None
    reached: Reached | None = None


async def fill(index: Index, inventory: Inventory, scanner: Scanner, steps: Steps) -> ReindexReport:
    """Put all instances of an inventory into an index.

    Args:
        index: Empty, or what an earlier call has left.
        inventory: The blobs.
        scanner: Reads them.
        steps: Told of each batch.
    """
    report = inventory.report
    reached = steps.reached or Reached(0, "", 0, Findings(), Findings())
    report.resumed = done = reached.done
    async for batch, outcomes in _scanned(inventory.blobs[done:], scanner):
        found = list(_usable(batch, outcomes, reached))
        living = await inventory.living(found)
        if living:
            await index.put(living, DuplicatePolicy.REPLACE)
        gone = {new.blob.digest for new in found} - {new.blob.digest for new in living}
        kept = [each.blob.digest for each in batch if each.blob.digest not in gone]
        reached.done += len(kept)
        reached.usable += len(living)
        reached.chained = chain(reached.chained, kept)
        if steps.save is not None:
            await asyncio.to_thread(steps.save, reached)
        done += len(batch)
        steps.progress(done, len(inventory.blobs))
    report.instances = (await index.counts()).instances
    report.replaced = reached.usable - report.instances
    report.refused, report.damaged = reached.refused, reached.damaged
    return report


async def _scanned(
    blobs: Sequence[WalkedBlob], scanner: Scanner
) -> AsyncIterator[tuple[list[WalkedBlob], list[Scanned]]]:
    """Batches in order with their outcomes; the next ones are scanned meanwhile."""
    rest = batches(blobs)
    waiting: deque[tuple[list[WalkedBlob], asyncio.Task[list[Scanned]]]] = deque()
    try:
        while True:
            while len(waiting) < _AHEAD and (batch := next(rest, None)):
                job = scanner.scan([found.blob for found in batch])
                waiting.append((batch, asyncio.create_task(job)))
            if not waiting:
                return
            batch, task = waiting.popleft()
            try:
                outcomes = await task
            finally:
                task.cancel()
            yield batch, outcomes
    finally:
        for _, task in waiting:
            task.cancel()
        await asyncio.gather(*(task for _, task in waiting), return_exceptions=True)


def _usable(
    batch: Sequence[WalkedBlob], outcomes: Sequence[Scanned], reached: Reached
) -> Iterator[NewInstance]:
    for found, outcome in zip(batch, outcomes, strict=True):
        if isinstance(outcome, Unusable):
            (reached.damaged if outcome.damaged else reached.refused).add(found.blob.digest)
        else:
            yield NewInstance(outcome, found.blob, found.received_at)

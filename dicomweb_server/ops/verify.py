"""Proving that the bytes of every instance are there and are what was stored."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial

from dicomweb_server.errors import Unavailable
from dicomweb_server.index.port import Holding, Index
from dicomweb_server.model.damage import Damage, Harm
from dicomweb_server.ops.batches import Progress, silent
from dicomweb_server.ops.examine import examine, look
from dicomweb_server.ops.findings import Findings
from dicomweb_server.ops.subset import Chosen
from dicomweb_server.service.damage import DamageRegister
from dicomweb_server.store.layout import Layout
from dicomweb_server.store.pool import Pool

_BATCH = 500
_THREADS = 4


class Level(StrEnum):
    """How closely blobs are looked at."""

    EXISTS = "exists"
    """Whether they are there."""
    SIZE = "size"
    """Also whether they have the length that was stored."""
    HASH = "hash"
    """Also whether their bytes have the right SHA-256."""


@dataclass(slots=True)
class VerifyReport:
    """What a verification found.

    Args:
        instances: Instances whose blobs were looked at.
        read: Blobs that were read in full.
        read_bytes: Their bytes.
        missing: Blobs that are not there.
        wrong_size: Blobs that are cut off, or longer than they were.
        damaged: Blobs whose bytes differ from their hash.
        unreadable: Blobs that the disk does not give.
        skipped: Blobs that could not be looked at for want of resources.
        mended: Blobs that were known to be damaged and are whole.
    """

    instances: int = 0
    read: int = 0
    read_bytes: int = 0
    missing: Findings = field(default_factory=Findings)
    wrong_size: Findings = field(default_factory=Findings)
    damaged: Findings = field(default_factory=Findings)
    unreadable: Findings = field(default_factory=Findings)
    skipped: int = 0
    mended: int = 0

    @property
    def healthy(self) -> bool:
        """Whether nothing wrong was found."""
        found = (self.missing, self.wrong_size, self.damaged, self.unreadable)
        return not any(one.count for one in found)

    def add(self, damage: Damage, holding: Holding) -> None:
        """Take in what is wrong with one blob."""
        kinds = {
            Harm.MISSING: self.missing,
            Harm.SIZE: self.wrong_size,
            Harm.CONTENT: self.damaged,
            Harm.UNREADABLE: self.unreadable,
        }
        kinds[damage.harm].add(holding.blob.digest, holding.key)


def everything(digest: str) -> bool:
    """The subset that is all."""
    return True


class Verification:
    """One run over the blobs that rows refer to, in order of their digests.

    Safe next to a running server: what is wrong is looked at a second time, with its row, because
    instances may be deleted or replaced meanwhile. What is found is marked, so that a server knows
    it before it begins to answer; and marks go from what is found whole.

    Args:
        layout: Where the blobs lie.
        index: Which there are.
        register: Where damage is marked.
        level: How closely to look.
        chosen: Which blobs are read, at the level of hashes; all are looked at.
        progress: Told of bytes read at the level of hashes, else of instances.
    """

    def __init__(
        self,
        layout: Layout,
        index: Index,
        register: DamageRegister,
        level: Level,
        chosen: Chosen = everything,
        progress: Progress = silent,
    ) -> None:
        self._layout = layout
        self._index = index
        self._register = register
        self._level = level
        self._chosen = chosen
        self._progress = progress
        self._lock = threading.Lock()
        self._report = VerifyReport()
        self._done = 0

    async def run(self) -> VerifyReport:
        """Look at all of them."""
        await self._register.refresh()
        counts = await self._index.counts()
        total = counts.bytes if self._level is Level.HASH else counts.instances
        pool = Pool(min(_THREADS, os.cpu_count() or 1), "verify")
        after = ""
        try:
            while page := await self._index.holdings(after, _BATCH):
                await self._look_at(pool, page, total)
                after = page[-1].blob.digest
        finally:
            pool.close()
        await self._register.prune()
        return self._report

    async def _look_at(self, pool: Pool, page: Sequence[Holding], total: int) -> None:
        works = [pool.run(self._one, holding, total) for holding in page]
        results = await asyncio.gather(*works, return_exceptions=True)
        for holding, result in zip(page, results, strict=True):
            if isinstance(result, Damage):
                await self._confirm(holding, result)
            elif isinstance(result, Unavailable):
                self._report.skipped += 1
            elif isinstance(result, BaseException):
                raise result

    def _one(self, holding: Holding, total: int) -> Damage | None:
        """Look at one blob, in a thread."""
        blob = holding.blob
        reads = self._level is Level.HASH and self._chosen(blob.digest)
        if reads:
            damage = examine(self._layout, blob, partial(self._tell, total))
            if damage is None and self._register.known(blob.digest) is not None:
                self._register.clear(blob.digest)
                with self._lock:
                    self._report.mended += 1
        else:
            damage = look(self._layout, blob)
            self._tell(total, blob.size if self._level is Level.HASH else 1)
        if damage is not None and damage.harm is Harm.SIZE and self._level is Level.EXISTS:
            damage = None
        with self._lock:
            self._report.instances += 1
            self._report.read += reads
            self._report.read_bytes += blob.size if reads else 0
        return damage

    def _tell(self, total: int, amount: int) -> None:
        with self._lock:
            self._done += amount
            self._progress(self._done, total)

    async def _confirm(self, holding: Holding, damage: Damage) -> None:
        """Take in what is wrong, unless the instance has gone or got other bytes meanwhile."""
        now = await self._index.get(holding.key)
        if now is None or now.blob != holding.blob:
            return
        self._report.add(damage, holding)
        self._register.note(damage)

"""What is known of damaged bytes: noted by whoever meets them, kept on disk, asked in front."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice

from dicomweb_server.errors import ArchiveError, BlobDamaged
from dicomweb_server.index.port import DamageMarks, Index
from dicomweb_server.model.damage import TOLD, Damage, Harm
from dicomweb_server.model.ids import InstanceKey
from dicomweb_server.model.instance import InstanceRecord
from dicomweb_server.service.delivery import Undelivered
from dicomweb_server.store.port import BlobState, BlobStore

_MOST = 50_000
_FRESH_SECONDS = 1.0
_LOGGED = 100
"""Blobs that one look names in the log; the others are counted."""

_log = logging.getLogger(__name__)


class DamageRegister:
    """Marks of damaged blobs: those in hand, and the same on disk for other processes.

    A mark of damaged content counts for one version of a file: a file that was put back by hand
    is read again instead. Marks of bytes that are missing or cut off are for counting alone, since
    a look at the file tells the same.

    Args:
        marks: Where they are kept.
        index: Tells which blobs matter.
    """

    def __init__(self, marks: DamageMarks, index: Index) -> None:
        self._marks = marks
        self._index = index
        self._lock = threading.Lock()
        self._known: dict[str, Damage] = {}
        self._noted: dict[str, Damage | None] = {}
        self._leaving: dict[str, Damage | None] = {}
        self._refused: dict[str, Damage | None] = {}
        self._order = asyncio.Lock()
        self._read_at = float("-inf")
        self._loop = asyncio.get_running_loop()
        self._writing: asyncio.Task[None] | None = None

    def known(self, digest: str) -> Damage | None:
        """What is known to be wrong with a blob, as far as this process was told."""
        return self._known.get(digest)

    def note(self, damage: Damage) -> None:
        """A blob was found damaged; kept on disk soon."""
        if self._known.get(damage.digest) != damage:
            self._change(damage.digest, damage)

    def clear(self, digest: str) -> None:
        """A blob was found whole, or stored anew."""
        if digest in self._known:
            self._change(digest, None)

    def _change(self, digest: str, damage: Damage | None) -> None:
        with self._lock:
            if damage is None:
                self._known.pop(digest, None)
            elif len(self._known) < _MOST:
                self._known[digest] = damage
            self._noted[digest] = damage
        with suppress(RuntimeError):  # the loop has ended: who looks next finds it again
            self._loop.call_soon_threadsafe(self._write_soon)

    def _write_soon(self) -> None:
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self.settle())

    async def settle(self) -> None:
        """Put what was noted on disk."""
        async with self._order:
            while self._noted:
                with self._lock:
                    self._leaving = {**self._refused, **self._noted}
                    self._noted, self._refused = {}, {}
                try:
                    await self._write(self._leaving)
                except ArchiveError as error:
                    _log.warning("marks of damaged bytes cannot be kept: %s", error.detail)
                    self._refused = dict(islice(self._leaving.items(), _MOST))
                self._leaving = {}

    async def _write(self, noted: dict[str, Damage | None]) -> None:
        live = await self._index.referenced(list(noted))
        found = [one for digest, one in noted.items() if one is not None and digest in live]
        gone = [digest for digest, one in noted.items() if one is None or digest not in live]
        if found:
            await self._marks.mark(found)
            _tell(found)
        if gone:
            await self._marks.clear(gone)
            with self._lock:
                for digest in gone:
                    if digest not in self._noted:
                        self._known.pop(digest, None)

    async def refresh(self) -> None:
        """Learn what other processes have found, at most once a second."""
        now = time.monotonic()
        if now - self._read_at < _FRESH_SECONDS:
            return
        self._read_at = now
        before = self._unkept()  # may reach the disk while that is read
        marked = {one.digest: one for one in await self._marks.marked(_MOST)}
        with self._lock:
            for digest, one in (before | self._unkept()).items():
                if one is None:
                    marked.pop(digest, None)
                else:
                    marked[digest] = one
            self._known = marked

    def _unkept(self) -> dict[str, Damage | None]:
        """What was noted and is not on the disk yet, or was refused by it."""
        return {**self._refused, **self._leaving, **self._noted}

    async def count(self) -> int:
        """How many blobs of instances are known to be damaged."""
        await self.refresh()
        return len(await self._index.referenced(list(self._known))) if self._known else 0

    async def prune(self) -> None:
        """Forget marks of blobs that belong to no instance any more."""
        await self.settle()
        digests = [one.digest for one in await self._marks.marked(_MOST)]
        gone = sorted(set(digests) - await self._index.referenced(digests))
        if gone:
            await self._marks.clear(gone)
        self._read_at = float("-inf")
        await self.refresh()

    async def close(self) -> None:
        """Put on disk what was noted last."""
        await self.settle()
        if self._writing is not None:
            await self._writing


def _tell(found: Sequence[Damage]) -> None:
    for one in found[:_LOGGED]:
        _log.error("stored bytes are damaged", extra={"digest": one.digest, "harm": one.harm.value})
    if len(found) > _LOGGED:
        _log.error("stored bytes are damaged", extra={"further": len(found) - _LOGGED})


class Inspection:
    """Looks at the files of many instances before an answer of them begins.

    Args:
        store: Where they lie.
        register: What is known of them.
    """

    def __init__(self, store: BlobStore, register: DamageRegister) -> None:
        self._store = store
        self._register = register

    async def damaged(self, records: Sequence[InstanceRecord]) -> dict[str, str]:
        """Those that cannot be delivered, told by a look at each file and by what is known.

        Args:
            records: The instances.

        Returns:
            Why, by digest.
        """
        await self._register.refresh()
        states = await self._store.states([record.blob.digest for record in records])
        found: dict[str, str] = {}
        for record, state in zip(records, states, strict=True):
            harm = self._harm(record, state)
            if harm is not None:
                found[record.blob.digest] = TOLD[harm]
                self._register.note(
                    Damage(record.blob.digest, harm, "" if state is None else state.version)
                )
        return found

    def _harm(self, record: InstanceRecord, state: BlobState | None) -> Harm | None:
        if state is None:
            return Harm.MISSING
        if state.size < 0:
            return Harm.UNREADABLE
        if state.size != record.blob.size:
            return Harm.SIZE
        known = self._register.known(record.blob.digest)
        return known.harm if known is not None and known.version == state.version else None


def damaged_keys(missing: Sequence[Undelivered]) -> frozenset[InstanceKey]:
    """The instances that are missing because of their bytes."""
    return frozenset(undelivered.key for undelivered in missing if undelivered.damaged)


def all_damaged(missing: Sequence[Undelivered]) -> BlobDamaged | None:
    """The error for a scope all of whose instances are damaged; None where more is wrong."""
    if not all(undelivered.damaged for undelivered in missing):
        return None
    return BlobDamaged(
        f"no instance can be delivered: {missing[0].reason}",
        "store the instances again to mend them; `dicomweb-server verify` finds all damage",
        final=True,
    )

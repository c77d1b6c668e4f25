"""Scanning many blobs: in threads over any store, or in processes over the files of a folder."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from dicomweb_server.dicom.scan import scan
from dicomweb_server.errors import BlobDamaged, InstanceRejected, Unavailable
from dicomweb_server.model.instance import Blob, ScannedInstance
from dicomweb_server.model.levels import IndexPlan
from dicomweb_server.model.limits import ScanLimits
from dicomweb_server.store.files import OpenFile
from dicomweb_server.store.layout import Layout
from dicomweb_server.store.port import BlobStore


@dataclass(frozen=True, slots=True)
class Unusable:
    """A blob that gives no row.

    Args:
        damaged: Whether its bytes are missing or cut off; else they are no instance that the
            archive takes.
        detail: Why, without patient data.
    """

    damaged: bool
    detail: str


Scanned = ScannedInstance | Unusable


class Scanner(Protocol):
    """Scans blobs, several at the same time."""

    async def scan(self, blobs: Sequence[Blob]) -> list[Scanned]:
        """The outcome for each blob, in the same order."""
        ...


class ThreadScanner:
    """Scans the blobs of any store in threads.

    Args:
        store: Where they are.
        plan: Which attributes searches can match.
        limits: Bounds of a scan.
    """

    def __init__(self, store: BlobStore, plan: IndexPlan, limits: ScanLimits) -> None:
        self._store = store
        self._plan = plan
        self._limits = limits

    async def scan(self, blobs: Sequence[Blob]) -> list[Scanned]:
        """The outcome for each blob, in the same order."""
        works = [partial(self._open_and_scan, blob) for blob in blobs]
        return await asyncio.to_thread(lambda: [guarded(work) for work in works])

    def _open_and_scan(self, blob: Blob) -> ScannedInstance:
        with self._store.source(blob) as source:
            return scan(source, self._plan, self._limits)


class ProcessScanner:
    """Scans the blobs of a folder in processes of their own.

    Used as a context manager, which ends the processes.

    Args:
        folder: The store's folder.
        plan: Which attributes searches can match.
        limits: Bounds of a scan.
        processes: How many.
    """

    def __init__(self, folder: Path, plan: IndexPlan, limits: ScanLimits, processes: int) -> None:
        self._work = FileScan(Layout(folder), plan, limits)
        self._processes = processes
        self._pool = ProcessPoolExecutor(
            processes, multiprocessing.get_context("spawn"), initializer=_begin
        )

    def __enter__(self) -> ProcessScanner:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def scan(self, blobs: Sequence[Blob]) -> list[Scanned]:
        """The outcome for each blob, in the same order.

        Raises:
            Unavailable: A process died, most likely for want of memory.
        """
        share = max(1, -(-len(blobs) // (4 * self._processes)))
        loop = asyncio.get_running_loop()
        pieces = [blobs[place : place + share] for place in range(0, len(blobs), share)]
        jobs = [loop.run_in_executor(self._pool, self._work, piece) for piece in pieces]
        try:
            return [outcome for piece in await asyncio.gather(*jobs) for outcome in piece]
        except BrokenProcessPool as error:
            raise Unavailable(
                "a process that scans blobs has died", "use fewer processes or more memory"
            ) from error


_RARELY = (100_000, 50, 100)


def _begin() -> None:
    """End with the parent, and let the search for cycles pass over what was imported."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    gc.freeze()
    gc.set_threshold(*_RARELY)


def _end_with_parent() -> None:
    """A parent that was killed tells nobody: its processes would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@dataclass(frozen=True, slots=True)
class FileScan:
    """What a process of a ProcessScanner does."""

    layout: Layout
    plan: IndexPlan
    limits: ScanLimits

    def __call__(self, blobs: Sequence[Blob]) -> list[Scanned]:
        """The outcome for each blob, in the same order."""
        return [guarded(partial(self._open_and_scan, blob)) for blob in blobs]

    def _open_and_scan(self, blob: Blob) -> ScannedInstance:
        opened = OpenFile(self.layout.blob(blob.digest), blob.size)
        try:
            return scan(opened, self.plan, self.limits)
        finally:
            opened.close()


def guarded(work: Callable[[], ScannedInstance]) -> Scanned:
    """A scan's outcome as a value: one bad blob must not end a rebuild."""
    try:
        return work()
    except BlobDamaged as error:
        return Unusable(True, error.detail)
    except InstanceRejected as error:
        return Unusable(False, error.detail)

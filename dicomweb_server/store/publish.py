"""How staged bytes become a blob: what is acknowledged is on the disk (RELIABILITY part 4)."""

from __future__ import annotations

import os
import time
from pathlib import Path

from dicomweb_server.errors import BlobDamaged
from dicomweb_server.model.crash import Reached, Step
from dicomweb_server.model.instance import Blob
from dicomweb_server.store.durable import locked, sync, sync_folder
from dicomweb_server.store.files import OpenFile
from dicomweb_server.store.hashing import is_whole
from dicomweb_server.store.health import Health
from dicomweb_server.store.layout import Layout
from dicomweb_server.store.port import Committed
from dicomweb_server.store.staging import StagedBytes


def _is_whole(descriptor: int, blob: Blob) -> bool:
    """Whether a file holds what it is named after: damaged bytes are written anew, not renewed."""
    if os.fstat(descriptor).st_size != blob.size:
        return False
    try:
        return is_whole(OpenFile.of(descriptor, blob.size), blob.digest)
    except BlobDamaged:
        return False


class Publisher:
    """Gives staged bytes their final name, durably.

    Args:
        layout: The store.
        health: Asked before each write, told of each failure.
        reached: Told of each step.
    """

    def __init__(self, layout: Layout, health: Health, reached: Reached) -> None:
        self._layout = layout
        self._health = health
        self._reached = reached
        self._durable_folders = layout.settle()
        self._doubtful: set[str] = set()

    def publish(self, staged: StagedBytes) -> Committed:
        """Make the bytes durable under their hash, or renew the blob that is there already.

        Raises:
            StoreFull: No space is left.
            StoreReadOnly: The disk refused; nothing was stored.
        """
        staged.require_open()
        blob = Blob(staged.digest(), staged.size)
        self._health.require(staged.pending)
        try:
            committed = self._renew(blob) or self._store(blob, staged)
        except OSError as error:
            raise staged.fail(error) from error
        self._reached(Step.AFTER_COMMIT)
        return committed

    def _renew(self, blob: Blob) -> Committed | None:
        """Use the blob that is stored already; None where there is none that can be trusted.

        The lock keeps a removal from taking what is used here again (see `remove`). The syncs
        are needed because whoever stored the blob may not have come to his own yet.
        """
        path = self._layout.blob(blob.digest)
        if blob.digest in self._doubtful or not path.exists():
            return None
        with locked(self._layout.lock, exclusive=False):
            try:
                descriptor = os.open(path, os.O_RDONLY)
            except FileNotFoundError:
                return None
            received_at = time.time_ns()
            try:
                if not _is_whole(descriptor, blob):
                    return None
                self._reached(Step.BEFORE_RENEWAL)
                os.utime(descriptor, ns=(received_at, received_at))
                sync(descriptor)
            finally:
                os.close(descriptor)
        self._settle_name(blob.digest, path)
        return Committed(blob, received_at)

    def _store(self, blob: Blob, staged: StagedBytes) -> Committed:
        """Write, fsync, rename, fsync the folder: in this order."""
        path = self._layout.blob(blob.digest)
        received_at = time.time_ns()
        written = staged.finish(received_at)
        self._make_folder(path.parent)
        self._reached(Step.BEFORE_RENAME)
        self._rename(written, path)
        staged.hand_over()
        self._settle_name(blob.digest, path)
        return Committed(blob, received_at)

    def _rename(self, written: Path, path: Path) -> None:
        with locked(self._layout.lock, exclusive=False):
            try:
                written.replace(path)
            except FileNotFoundError:  # somebody has removed the empty folder
                self._durable_folders.discard(path.parent)
                self._make_folder(path.parent)
                written.replace(path)

    def _make_folder(self, folder: Path) -> None:
        """Make a folder of blobs durable in its parent, once for each process."""
        if folder not in self._durable_folders:
            folder.mkdir(mode=0o700, exist_ok=True)
            sync_folder(folder.parent)
            self._durable_folders.add(folder)

    def _settle_name(self, digest: str, path: Path) -> None:
        """Make a name durable; one whose sync failed is never trusted again, only written anew."""
        self._make_folder(path.parent)
        self._reached(Step.BEFORE_DIRECTORY_FSYNC)
        try:
            sync_folder(path.parent)
        except OSError:
            self._doubtful.add(digest)
            raise
        self._doubtful.discard(digest)

    def remove(self, digest: str, older_than: int) -> bool:
        """Unlink a blob, unless it was committed (again) at `older_than` or later.

        The exclusive lock and the second look at the time keep a blob that a commit has just
        found and answered with.
        """
        path = self._layout.blob(digest)
        try:
            with locked(self._layout.lock, exclusive=True):
                if path.stat().st_mtime_ns >= older_than:
                    return False
                path.unlink()
            sync_folder(path.parent)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._health.failed(error) from error
        return True

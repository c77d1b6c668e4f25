"""Whether a store may be written: free space, refused writes, and the probe that ends a pause."""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
from pathlib import Path

from dicomweb_server.errors import ArchiveError, StoreFull, StoreReadOnly
from dicomweb_server.model.disk import FULL_HINT, reason_of, refusal
from dicomweb_server.store.durable import create, sync, sync_folder, write_all

_PROBE_BYTES = 4096

_log = logging.getLogger(__name__)


class Health:
    """Decides whether writes go on, and says what a failed one means.

    A write or fsync that failed leaves nothing known about the disk (RELIABILITY F3): writing is
    suspended until fresh bytes were written, synced and read back.

    Args:
        folder: Where the probe writes; on the store's volume.
        reserve: Bytes of the volume that stay free.
        interval: Seconds between two probes.
    """

    def __init__(self, folder: Path, reserve: int, interval: float) -> None:
        self._folder = folder
        self._reserve = reserve
        self._interval = interval
        self._lock = threading.Lock()
        self._reason: str | None = None
        self._probed_at = 0.0

    def require(self, size: int) -> None:
        """Make sure that bytes may be written now; probes where writing is suspended.

        Args:
            size: How many bytes are to come.

        Raises:
            StoreReadOnly: Writing is suspended.
            StoreFull: They would not leave the reserve free.
        """
        self.require_writable()
        try:
            volume = os.statvfs(self._folder)
        except OSError as error:
            raise self.failed(error) from error
        if volume.f_bavail * volume.f_frsize < self._reserve + size:
            raise StoreFull("the store's volume is full", FULL_HINT)

    def require_writable(self) -> None:
        """Make sure that writing is not suspended; probes where it is and a probe is due.

        Raises:
            StoreReadOnly: It is.
        """
        if self._reason is None:
            return
        with self._lock:
            now = time.monotonic()
            if self._reason is not None and now - self._probed_at >= self._interval:
                self._probed_at = now
                self._reason = self._probe()
                if self._reason is None:
                    _log.warning("the disk takes writes again: writing goes on")
            if self._reason is not None:
                raise StoreReadOnly(f"writing is suspended: {self._reason}")

    def failed(self, error: OSError) -> ArchiveError:
        """What to raise for a write that the system refused; suspends writing where it must."""
        meaning = refusal(error)
        if isinstance(meaning, StoreReadOnly):
            with self._lock:
                if self._reason is None:
                    _log.error(
                        "the disk refused a write: writing is suspended (%s)", error.strerror
                    )
                self._reason = reason_of(error)
                self._probed_at = time.monotonic()
        return meaning

    def _probe(self) -> str | None:
        path = self._folder / f"probe-{secrets.token_hex(8)}"
        try:
            try:
                good = _survives(path)
            finally:
                path.unlink(missing_ok=True)
            sync_folder(self._folder)
        except OSError as error:
            return reason_of(error)
        return None if good else "the disk does not return what was written"


def _survives(path: Path) -> bool:
    """Whether fresh bytes can be written, synced and read back from the disk."""
    data = os.urandom(_PROBE_BYTES)
    descriptor = create(path)
    try:
        write_all(descriptor, data)
        sync(descriptor)
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)
    return path.read_bytes() == data

"""Files that end with a trailer, which tells a whole one from a torn one.

Nothing of them is synced: what a power loss tears is found by the checksum.
"""

from __future__ import annotations

import os
import struct
import time
import zlib
from contextlib import suppress
from pathlib import Path

from dicomweb_server.errors import BlobDamaged
from dicomweb_server.model.disk import refusal
from dicomweb_server.store.durable import write_all
from dicomweb_server.store.files import OpenFile

TRAILER = struct.Struct("<8sQI")
"""Magic, bytes of the content, its CRC-32."""
_MAGIC = b"dwrendit"
_CHUNK = 1024 * 1024
TOUCH_AFTER = 30.0
"""Seconds for which a file counts as used without another mark."""


class TrailedWriter:
    """Writes a rendition and the trailer that proves it whole."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._checksum = 0
        self.size = 0

    def write(self, data: bytes) -> None:
        """Append bytes."""
        try:
            write_all(self._descriptor, data)
        except OSError as error:
            raise refusal(error) from error
        self._checksum = zlib.crc32(data, self._checksum)
        self.size += len(data)

    def finish(self) -> None:
        """Append the trailer."""
        try:
            write_all(self._descriptor, TRAILER.pack(_MAGIC, self.size, self._checksum))
        except OSError as error:
            raise refusal(error) from error


def read_whole(path: Path, most: int) -> bytes | None:
    """A rendition without its trailer, marked as used.

    Args:
        path: Its file.
        most: Bytes that it may have.

    Returns:
        None where it is missing, torn or larger.
    """
    try:
        opened = OpenFile(path)
    except BlobDamaged:
        return None
    try:
        return _whole(path, opened, most)
    except BlobDamaged:
        return None
    finally:
        opened.close()


def _whole(path: Path, opened: OpenFile, most: int) -> bytes | None:
    size = opened.size - TRAILER.size
    if not 0 <= size <= most:
        return None
    data = opened.exactly(0, size)
    expected = TRAILER.pack(_MAGIC, size, zlib.crc32(data))
    if opened.exactly(size, TRAILER.size) != expected:
        return None
    _use(path, opened)
    return data


def whole_size(path: Path) -> int | None:
    """Bytes of a rendition without its trailer; None where it is torn."""
    try:
        opened = OpenFile(path)
    except BlobDamaged:
        return None
    try:
        size = opened.size - TRAILER.size
        if size < 0:
            return None
        magic, told, checksum = TRAILER.unpack(opened.exactly(size, TRAILER.size))
        if magic != _MAGIC or told != size:
            return None
        found = 0
        for place in range(0, size, _CHUNK):
            found = zlib.crc32(opened.exactly(place, min(_CHUNK, size - place)), found)
        return size if found == checksum else None
    finally:
        opened.close()


def mark_used(path: Path) -> None:
    """Put a file behind those that go first when room is needed."""
    with suppress(OSError):  # it was removed meanwhile, or the disk is read-only
        os.utime(path)


def _use(path: Path, opened: OpenFile) -> None:
    """Mark a file as used; not at each use, because that is a write."""
    if time.time() - opened.used > TOUCH_AFTER:
        mark_used(path)

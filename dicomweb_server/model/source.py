"""Random access to bytes that lie somewhere."""

from __future__ import annotations

from typing import Protocol


class ByteSource(Protocol):
    """Bytes of known length, readable at any place; used inside one thread at a time."""

    @property
    def size(self) -> int:
        """Length in bytes."""
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """Read a range; shorter than asked only where the source ends.

        Args:
            offset: First byte, 0 or more.
            length: Number of bytes, 0 or more.
        """
        ...


class MemorySource:
    """A ByteSource over bytes in memory."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = memoryview(data)

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self._data)

    def read_at(self, offset: int, length: int) -> bytes:
        """Read a range; shorter than asked only where the source ends."""
        return bytes(self._data[offset : offset + length])

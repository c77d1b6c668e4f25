"""A window that slides over a ByteSource, so that a scan holds a few KiB of the largest file."""

from __future__ import annotations

from collections.abc import Iterator

from dicomweb_server.dicom import refusal
from dicomweb_server.model.source import ByteSource

SPAN = 64 * 1024
"""Bytes of the window."""


class Window:
    """The bytes around the place that is read at the moment.

    Args:
        source: What is read.

    Attributes:
        buffer: Bytes of the source from `base` on.
        base: Offset of the first byte of `buffer`.
        size: Length of the source.
    """

    __slots__ = ("base", "buffer", "size", "source")

    def __init__(self, source: ByteSource) -> None:
        self.source = source
        self.size = source.size
        self.buffer = b""
        self.base = 0

    def index(self, offset: int, need: int) -> int:
        """Where a byte lies in `buffer`, after moving the window if less than `need` follow.

        At the end of the source fewer bytes may follow.

        Args:
            offset: Place in the source.
            need: Bytes wanted from there on, at most SPAN.
        """
        place = offset - self.base
        if place < 0 or place + need > len(self.buffer):
            self.buffer = self.source.read_at(offset, SPAN)
            self.base = offset
            place = 0
        return place

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes.

        Raises:
            InstanceRejected: The source ends before.
        """
        if length > SPAN // 2:
            data = self.source.read_at(offset, length)
        else:
            place = self.index(offset, length)
            data = self.buffer[place : place + length]
        if len(data) < length:
            raise refusal.cut_off("a value")
        return data

    def chunks(self, offset: int, length: int, size: int) -> Iterator[tuple[int, int]]:
        """A range cut into ranges of at most `size` bytes.

        Args:
            offset: First byte.
            length: Bytes in all.
            size: Bytes of one part, above 0.
        """
        end = offset + length
        for start in range(offset, end, size):
            yield start, min(size, end - start)

"""Deflated Explicit VR Little Endian, inflated within bounds (PS3.5 A.5, T10)."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

from dicomweb_server.dicom import meta as file_meta
from dicomweb_server.dicom import refusal
from dicomweb_server.dicom.window import SPAN, Window
from dicomweb_server.model.limits import MIB, ScanLimits
from dicomweb_server.model.media import EXPLICIT_LITTLE
from dicomweb_server.model.source import ByteSource

_BEHIND = MIB
"""Bytes that stay at hand behind the place that is read."""
_HINT = "send it in Explicit VR Little Endian"


def _ignore(_detail: str) -> None:
    """Deviations were told when the file was scanned."""


def inflate(source: ByteSource, write: Callable[[bytes], object], limits: ScanLimits) -> int:
    """Write a deflated Part 10 file as a complete one in Explicit VR Little Endian.

    The same input gives the same bytes each time: offsets of a scan refer to them.

    Args:
        source: Part 10 file in Deflated Explicit VR Little Endian.
        write: Takes the output, in pieces of at most 64 KiB behind the first.
        limits: Bounds of size and ratio.

    Returns:
        Bytes written.

    Raises:
        InstanceRejected: The data are damaged, cut off or larger than the bounds.
    """
    total = 0
    for piece in _inflated_file(source, limits):
        write(piece)
        total += len(piece)
    return total


class InflatingSource:
    """A ByteSource over what `inflate` would write, without room for it anywhere.

    Reading forwards costs as much as inflating; what lies far behind is inflated from the start.

    Args:
        source: Part 10 file in Deflated Explicit VR Little Endian.
        size: Bytes that `inflate` writes.
        limits: Bounds of size and ratio.
    """

    __slots__ = ("_held", "_limits", "_pieces", "_size", "_source", "_start")

    def __init__(self, source: ByteSource, size: int, limits: ScanLimits) -> None:
        self._source = source
        self._size = size
        self._limits = limits
        self._rewind()

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self._size

    def read_at(self, offset: int, length: int) -> bytes:
        """Read a range; shorter than asked only where the source ends."""
        if offset < self._start:
            self._rewind()
        end = min(offset + length, self._size)
        while self._start + len(self._held) < end:
            piece = next(self._pieces, b"")
            if not piece:
                break
            self._held += piece
            surplus = min(offset - self._start, len(self._held)) - _BEHIND
            if surplus > _BEHIND:
                del self._held[:surplus]
                self._start += surplus
        place = offset - self._start
        return bytes(self._held[place : max(place, end - self._start)])

    def _rewind(self) -> None:
        self._pieces = _inflated_file(self._source, self._limits)
        self._held = bytearray()
        self._start = 0


def _inflated_file(source: ByteSource, limits: ScanLimits) -> Iterator[bytes]:
    window = Window(source)
    meta = file_meta.read_meta(window, _ignore)
    yield file_meta.rewritten(window, meta, EXPLICIT_LITTLE)
    yield from _pieces(source, meta.end, limits)


def _pieces(source: ByteSource, start: int, limits: ScanLimits) -> Iterator[bytes]:
    """The inflated data set, bounded by what was read so far."""
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    place = start
    total = 0
    while not engine.eof:
        data = engine.unconsumed_tail
        if not data:
            data = source.read_at(place, SPAN)
            place += len(data)
        piece = _inflated(engine, data)
        total += len(piece)
        used = place - start - len(engine.unconsumed_tail)
        if total > limits.inflated:
            raise refusal.too_large(f"inflates to more than {limits.inflated} bytes", _HINT)
        if total > MIB and total - MIB > limits.inflate_ratio * used:
            raise refusal.too_large(
                f"inflates to more than {limits.inflate_ratio} times its size", _HINT
            )
        if piece:
            yield piece
        elif not data and not engine.eof:
            raise refusal.cut_off("the deflated data set")


def _inflated(engine: zlib._Decompress, data: bytes) -> bytes:
    try:
        return engine.decompress(data, SPAN)
    except zlib.error:
        raise refusal.not_understood("the deflated data set is damaged") from None

"""Deflated instances in Explicit VR Little Endian: kept once inflated, where the disk lets them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence

from dicomweb_server.dicom.inflate import InflatingSource, inflate
from dicomweb_server.errors import StoreFull, StoreReadOnly
from dicomweb_server.model.instance import Blob, ByteRange, InstanceRecord
from dicomweb_server.model.limits import MIB, ScanLimits
from dicomweb_server.model.source import ByteSource
from dicomweb_server.store.port import BlobStore, RenditionStore

Work = Callable[[ByteSource], Iterator[bytes]]


class Inflated:
    """Reads the inflated form of deflated instances.

    A disk that is full or read-only keeps nobody from reading: the form is then made for each
    reader anew.

    Args:
        store: Where the instances lie.
        renditions: Where inflated forms are kept.
        limits: Bounds of inflating.
    """

    def __init__(self, store: BlobStore, renditions: RenditionStore, limits: ScanLimits) -> None:
        self._store = store
        self._renditions = renditions
        self._limits = limits

    async def read(self, record: InstanceRecord, ranges: Sequence[ByteRange]) -> list[bytes]:
        """Read ranges of the inflated form."""
        kept = await self._kept(record)
        if kept is not None:
            return await self._renditions.read(kept.digest, ranges)
        order = sorted(range(len(ranges)), key=lambda number: ranges[number].start)
        found = [b""] * len(ranges)
        taken = iter(order)
        async for data in self._anew(record, lambda source: _each(source, ranges, order)):
            found[next(taken)] = data
        return found

    async def stream(
        self, record: InstanceRecord, part: ByteRange | None = None
    ) -> AsyncIterator[bytes]:
        """The inflated form or a range of it, in chunks."""
        kept = await self._kept(record)
        if kept is not None:
            chunks = self._renditions.stream(kept, part)
        else:
            chunks = self._anew(record, lambda source: _chunks(source, part))
        async for chunk in chunks:
            yield chunk

    async def transform(self, record: InstanceRecord, work: Work) -> AsyncIterator[bytes]:
        """Run a generator over the inflated form in a thread, step by step."""
        kept = await self._kept(record)
        if kept is not None:
            pieces = self._renditions.transform(kept, work)
        else:
            pieces = self._anew(record, work)
        async for piece in pieces:
            yield piece

    async def _kept(self, record: InstanceRecord) -> Blob | None:
        def make(write: Callable[[bytes], None]) -> None:
            with self._store.source(record.blob) as source:
                inflate(source, write, self._limits)

        try:
            return await self._renditions.ensure(f"{record.blob.digest}-explicit", make)
        except (StoreFull, StoreReadOnly):
            return None

    def _anew(self, record: InstanceRecord, work: Work) -> AsyncIterator[bytes]:
        size = record.blob.size if record.explicit_size is None else record.explicit_size
        return self._store.transform(
            record.blob, lambda source: work(InflatingSource(source, size, self._limits))
        )


def _each(source: ByteSource, ranges: Sequence[ByteRange], order: Sequence[int]) -> Iterator[bytes]:
    for number in order:
        yield source.read_at(ranges[number].start, ranges[number].length)


def _chunks(source: ByteSource, part: ByteRange | None) -> Iterator[bytes]:
    place, end = (part.start, part.start + part.length) if part else (0, source.size)
    while place < end:
        chunk = source.read_at(place, min(MIB, end - place))
        if not chunk:
            return
        yield chunk
        place += len(chunk)

"""The bytes of stored instances, in the forms in which they may travel."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from functools import partial

from dicomweb_server.dicom import preamble
from dicomweb_server.dicom.rewrite import explicit, swap
from dicomweb_server.model import media
from dicomweb_server.model.instance import ByteRange, InstanceRecord
from dicomweb_server.model.limits import MIB, ScanLimits
from dicomweb_server.model.outcome import PreamblePolicy
from dicomweb_server.model.source import ByteSource
from dicomweb_server.service.delivery import cut, ended
from dicomweb_server.service.inflated import Inflated
from dicomweb_server.store.port import BlobStore, RenditionStore

_CHUNK = MIB
_NEVER_SENT = frozenset({media.IMPLICIT_LITTLE, media.EXPLICIT_BIG})
_NATIVE = frozenset(
    {media.IMPLICIT_LITTLE, media.EXPLICIT_LITTLE, media.EXPLICIT_BIG, media.DEFLATED_LITTLE}
)


def sendable(transfer_syntax: str) -> bool:
    """Whether a stored form may go on the wire as it lies (PS3.18 8.7.3)."""
    return transfer_syntax not in _NEVER_SENT


def is_native(transfer_syntax: str) -> bool:
    """Whether data in a transfer syntax can be told in Explicit VR Little Endian by rewriting."""
    return transfer_syntax in _NATIVE


class Content:
    """Reads instances.

    Args:
        store: Where their bytes lie.
        renditions: Where inflated forms of deflated ones are kept.
        limits: Bounds of inflating.
        policy: What happens to preambles of files that go out as they lie; those that are made
            anew have an empty one.

    Attributes:
        policy: As given.
    """

    def __init__(
        self,
        store: BlobStore,
        renditions: RenditionStore,
        limits: ScanLimits,
        policy: PreamblePolicy = PreamblePolicy.ZERO,
    ) -> None:
        self._store = store
        self._inflated = Inflated(store, renditions, limits)
        self._limits = limits
        self.policy = policy

    def as_stored(self, record: InstanceRecord, part: ByteRange | None) -> AsyncIterator[bytes]:
        """The file as received but for its preamble, or a range of it."""
        stream = partial(self._store.stream, record.blob)
        return stream(part) if self.policy is PreamblePolicy.KEEP else _disarmed(stream, part)

    def as_explicit(self, record: InstanceRecord, part: ByteRange | None) -> AsyncIterator[bytes]:
        """The file as Explicit VR Little Endian; `explicit_length` bytes of it, or a range."""
        if record.transfer_syntax == media.EXPLICIT_LITTLE:
            return self.as_stored(record, part)
        if record.transfer_syntax == media.DEFLATED_LITTLE:
            # Renditions of earlier versions have the preamble of what they were made of.
            return _disarmed(partial(self._inflated.stream, record), part)
        return cut(self._store.transform(record.blob, self._rewrite), part)

    @property
    def limits(self) -> ScanLimits:
        """Bounds of reading files."""
        return self._limits

    @staticmethod
    def explicit_length(record: InstanceRecord) -> int:
        """Bytes of the file as Explicit VR Little Endian."""
        return record.blob.size if record.explicit_size is None else record.explicit_size

    async def read(self, record: InstanceRecord, ranges: Sequence[ByteRange]) -> list[bytes]:
        """Read ranges that the frame or bulk table names."""
        if record.transfer_syntax == media.DEFLATED_LITTLE:
            return await self._inflated.read(record, ranges)
        return await self._store.read(record.blob.digest, ranges, record.blob.size)

    async def read_through(
        self, record: InstanceRecord, ranges: Iterable[ByteRange], word: int
    ) -> AsyncIterator[bytes]:
        """Read ranges one behind the other in chunks of about 1 MiB.

        Args:
            record: The instance.
            ranges: As the frame or bulk table names them.
            word: Bytes of a word to swap, 1 for none.
        """
        for batch in batches(ranges, _CHUNK):
            data = b"".join(await self.read(record, batch))
            yield swap(data, word) if word > 1 else data

    async def transform(
        self, record: InstanceRecord, work: Callable[[ByteSource], Iterator[bytes]]
    ) -> AsyncIterator[bytes]:
        """Run a generator over the file to which the frame and bulk tables refer.

        Args:
            record: The instance.
            work: Runs in a thread, step by step.
        """
        if record.transfer_syntax == media.DEFLATED_LITTLE:
            pieces = self._inflated.transform(record, work)
        else:
            pieces = self._store.transform(record.blob, work)
        async for piece in pieces:
            yield piece

    def _rewrite(self, source: ByteSource) -> Iterator[bytes]:
        return explicit(source, self._limits)


def _disarmed(
    stream: Callable[[ByteRange | None], AsyncIterator[bytes]], part: ByteRange | None
) -> AsyncIterator[bytes]:
    """A file with a harmless preamble, or a range of it; no more of it is read than is needed."""
    if part is None:
        return _with_harmless_preamble(stream(None))
    if part.start >= preamble.LENGTH:
        return stream(part)
    end = max(part.start + part.length, preamble.LENGTH)
    return _piece(_with_harmless_preamble(stream(ByteRange(0, end))), part)


async def _with_harmless_preamble(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async with ended(chunks):
        beginning = await anext(chunks, b"")
        while len(beginning) < preamble.LENGTH and (more := await anext(chunks, b"")):
            beginning += more
        yield preamble.disarmed(beginning)
        async for chunk in chunks:
            yield chunk


async def _piece(chunks: AsyncIterator[bytes], part: ByteRange) -> AsyncIterator[bytes]:
    async with ended(chunks):
        async for chunk in cut(chunks, part):
            yield chunk


def batches(ranges: Iterable[ByteRange], size: int) -> Iterator[list[ByteRange]]:
    """Cut ranges into groups of at most `size` bytes each; a longer range is cut."""
    group: list[ByteRange] = []
    held = 0
    for whole in ranges:
        start, left = whole.start, whole.length
        while left:
            piece = min(left, size)
            if held + piece > size and group:
                yield group
                group, held = [], 0
            group.append(ByteRange(start, piece))
            held, start, left = held + piece, start + piece, left - piece
    if group:
        yield group


def within(ranges: Iterable[ByteRange], part: ByteRange | None) -> Iterator[ByteRange]:
    """The ranges that hold a range of what they make up when put one behind the other."""
    if part is None:
        yield from ranges
        return
    skip, left = part.start, part.length
    for whole in ranges:
        start = min(skip, whole.length)
        length = min(whole.length - start, left)
        skip, left = skip - start, left - length
        if length:
            yield ByteRange(whole.start + start, length)

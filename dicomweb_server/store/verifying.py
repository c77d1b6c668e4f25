"""A store that never passes damaged bytes on as whole ones."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TypeVar

from dicomweb_server.errors import ArchiveError, BlobDamaged
from dicomweb_server.model.damage import TOLD, Damage, Harm
from dicomweb_server.model.instance import Blob, ByteRange
from dicomweb_server.model.limits import MIB
from dicomweb_server.model.source import ByteSource
from dicomweb_server.store.files import OpenFile
from dicomweb_server.store.port import BlobStore, Committed, DamageLog, Staging
from dicomweb_server.store.wrappers import StoreWrapper

T = TypeVar("T")

CHUNK = 256 * 1024
SMALL = 2 * MIB
"""Blobs up to this size are looked at as a whole before a range of them is read."""

_MOST_TRUSTED = 65_536
_TRUST_SECONDS = 600.0
"""For how long a blob whose hash was right is not read again to prove it: for about that long the
system would give the same bytes out of its memory anyway. A file that somebody writes to is not
trusted any more at once."""

_HINT = "store the instance again to mend it; `dicomweb-server verify` finds all that are damaged"


class NoLog:
    """A DamageLog that forgets."""

    def known(self, digest: str) -> Damage | None:
        """Nothing is known."""
        return None

    def note(self, damage: Damage) -> None:
        """Nothing is kept."""

    def clear(self, digest: str) -> None:
        """Nothing is there to be cleared."""


class Trust:
    """Blobs whose hash was right lately, each in one version of its file."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._lock = threading.Lock()

    def holds(self, digest: str, version: str) -> bool:
        """Whether this version of a blob was found whole a short time ago."""
        kept = self._kept.get(digest)
        return kept is not None and kept[0] == version and time.monotonic() < kept[1]

    def knows(self, digest: str) -> bool:
        """Whether some version of a blob was looked at."""
        return digest in self._kept

    def add(self, digest: str, version: str) -> None:
        """A version of a blob was found whole."""
        with self._lock:
            self._kept[digest] = (version, time.monotonic() + _TRUST_SECONDS)
            self._kept.move_to_end(digest)
            if len(self._kept) > _MOST_TRUSTED:
                self._kept.popitem(last=False)


class VerifyingStore(StoreWrapper):
    """Checks the hash of blobs that are read as a whole, and of small ones that are read in part.

    A stream holds its last chunk back until the hash is right, so nobody takes damaged bytes for
    a complete blob; of one that was found damaged before nothing is passed on until it is found
    whole. Of large blobs ranges are read without it: only that the blob is there, has its size and
    was not found damaged before. What is found damaged is noted.

    Args:
        inner: The store that does the work.
        log: Where damage is noted and known; None forgets it.
    """

    def __init__(self, inner: BlobStore, log: DamageLog | None = None) -> None:
        super().__init__(inner)
        self._log = log or NoLog()
        self._trust = Trust()

    def stage(self) -> Staging:
        """Open a place for new bytes."""
        return _WatchedStaging(super().stage(), self._stored)

    def _stored(self, digest: str) -> None:
        """Bytes were hashed on their way in: none of them are damaged, and they can be trusted."""
        self._log.clear(digest)
        state = self.state(digest)
        if state is not None:
            self._trust.add(digest, state.version)

    async def read(
        self, digest: str, ranges: Sequence[ByteRange], size: int | None = None
    ) -> list[bytes]:
        """Read ranges of one blob.

        Raises:
            BlobDamaged: The blob is missing or damaged as far as that is looked at.
        """
        if size is not None:
            await self._settle(Blob(digest, size))
        try:
            return await super().read(digest, ranges, size)
        except BlobDamaged as error:
            raise self._found(digest, size, error) from error

    async def stream(self, blob: Blob, part: ByteRange | None = None) -> AsyncIterator[bytes]:
        """Read a blob or a range of it in chunks.

        Raises:
            BlobDamaged: The bytes of a whole blob are not those that were stored.
        """
        if part is None:
            await self._doubt(blob)
            chunks = self._transformed(blob, _read)
        else:
            await self._settle(blob)
            chunks = self._watched(blob, super().stream(blob, part))
        async for chunk in chunks:
            yield chunk

    async def transform(
        self, blob: Blob, work: Callable[[ByteSource], Iterator[bytes]]
    ) -> AsyncIterator[bytes]:
        """Run a generator over a blob in a thread; its last item waits until the hash is right."""
        await self._doubt(blob)
        async for item in self._transformed(blob, work):
            yield item

    def _transformed(
        self, blob: Blob, work: Callable[[ByteSource], Iterator[bytes]]
    ) -> AsyncIterator[bytes]:
        items = super().transform(blob, lambda source: self._guarded(source, blob.digest, work))
        return self._watched(blob, items)

    def source(self, blob: Blob) -> AbstractContextManager[ByteSource]:
        """Open a blob whose hash is right for reading at any place; blocking."""
        return self._source(blob)

    async def intact(self, blob: Blob) -> bool:
        """Whether a blob is there and its hash is right, or was right lately."""
        with suppress(BlobDamaged):
            await self._look(blob)
            return True
        return False

    async def _look(self, blob: Blob) -> None:
        """Read a blob for its hash alone, unless that was right lately."""
        async for _ in self._transformed(blob, lambda _: iter(())):
            pass

    async def _doubt(self, blob: Blob) -> None:
        """Look at a blob that was found damaged before anything of it is passed on."""
        if self._log.known(blob.digest) is not None:
            await self._look(blob)

    @contextmanager
    def _source(self, blob: Blob) -> Iterator[ByteSource]:
        try:
            with super().source(blob) as source:
                for _ in self._guarded(source, blob.digest, lambda _: iter(())):
                    pass
                yield source
        except BlobDamaged as error:
            raise self._found(blob.digest, blob.size, error) from error

    async def _settle(self, blob: Blob) -> None:
        """Make sure that a range of a blob may be read.

        Raises:
            BlobDamaged: It is known to be damaged, or small and its hash is not right.
        """
        known = self._log.known(blob.digest)
        if known is None and blob.size > SMALL:
            return
        if self._trust.knows(blob.digest):  # looked at lately: its name is in memory
            state = self.state(blob.digest)
            if state is not None and self._trust.holds(blob.digest, state.version):
                return
        if blob.size <= SMALL:
            await self._look(blob)
        elif known is not None:
            (state,) = await self.states([blob.digest])
            if state is not None and state.version == known.version:
                raise BlobDamaged(f"the instance is damaged: {TOLD[known.harm]}", _HINT)

    async def _watched(self, blob: Blob, items: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Pass items on, and note what is found damaged."""
        try:
            async for item in items:
                yield item
        except BlobDamaged as error:
            raise self._found(blob.digest, blob.size, error) from error
        finally:
            close = getattr(items, "aclose", None)
            if close is not None:
                await close()

    def _found(self, digest: str, size: int | None, error: BlobDamaged) -> BlobDamaged:
        """Note what is wrong with a blob, as far as a look at its file tells, and say it better."""
        state = None
        harm, version = Harm.UNREADABLE, ""
        with suppress(ArchiveError):
            state = self.state(digest)
            harm = Harm.MISSING if state is None else harm
        if state is not None:
            version = state.version
            harm = Harm.SIZE if size is not None and state.size != size else harm
        known = self._log.known(digest)
        if known is None or known.version != version or known.harm is not Harm.CONTENT:
            self._log.note(Damage(digest, harm, version))
        return BlobDamaged(error.detail, error.hint or _HINT)

    def _guarded(
        self, source: ByteSource, digest: str, work: Callable[[ByteSource], Iterator[bytes]]
    ) -> Iterator[bytes]:
        """What a generator makes of a source, its last item only when the hash is right.

        Raises:
            BlobDamaged: It is not; whatever else goes wrong over damaged bytes means that too.
        """
        version = source.version if isinstance(source, OpenFile) else ""
        if version and self._trust.holds(digest, version):
            yield from work(source)
            return
        hashing = _HashingSource(source)
        held: bytes | None = None
        try:
            for item in work(hashing):
                if held is not None:
                    yield held
                held = item
        except Exception:
            self._judge(hashing, digest, version)
            if held is not None:
                yield held
            raise
        self._judge(hashing, digest, version)
        if held is not None:
            yield held

    def _judge(self, hashing: _HashingSource, digest: str, version: str) -> None:
        if hashing.hexdigest() != digest:
            self._log.note(Damage(digest, Harm.CONTENT, version))
            raise _differs()
        if version:
            self._trust.add(digest, version)
        if self._log.known(digest) is not None:
            self._log.clear(digest)


class _WatchedStaging:
    """A Staging that tells of its commit."""

    def __init__(self, inner: Staging, stored: Callable[[str], None]) -> None:
        self._inner = inner
        self._stored = stored

    @property
    def size(self) -> int:
        return self._inner.size

    async def __aenter__(self) -> _WatchedStaging:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._inner.__aexit__(*exc_info)

    async def write(self, chunks: Sequence[bytes | memoryview]) -> None:
        await self._inner.write(chunks)

    async def run(self, work: Callable[[ByteSource], T]) -> T:
        return await self._inner.run(work)

    def digest(self) -> str:
        return self._inner.digest()

    async def commit(self) -> Committed:
        committed = await self._inner.commit()
        self._stored(committed.blob.digest)
        return committed


class _HashingSource:
    """A source that hashes what lies in front of the furthest place that was read."""

    def __init__(self, inner: ByteSource) -> None:
        self._inner = inner
        self._engine = hashlib.sha256()
        self._place = 0

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self._inner.size

    def read_at(self, offset: int, length: int) -> bytes:
        """Read a range; shorter than asked only where the source ends."""
        data = self._inner.read_at(offset, length)
        if offset == self._place:
            self._engine.update(data)
            self._place += len(data)
        return data

    def hexdigest(self) -> str:
        """SHA-256 of the whole source, whatever of it was read."""
        while self._place < self.size:
            if not self.read_at(self._place, CHUNK):
                break
        return self._engine.hexdigest()


def _read(source: ByteSource) -> Iterator[bytes]:
    for place in range(0, source.size, CHUNK):
        yield source.read_at(place, CHUNK)


def _differs() -> BlobDamaged:
    return BlobDamaged("stored bytes differ from their hash", _HINT)

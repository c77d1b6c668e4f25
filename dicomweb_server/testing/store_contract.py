# ruff: noqa: S101 - these are tests: they assert
"""The contract of a BlobStore as tests: a new store passes them or is none.

Subclass `StoreContract` in a test module, give it a fixture `store`, and pytest does the rest.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from dicomweb_server.errors import BlobDamaged
from dicomweb_server.model.instance import Blob, ByteRange
from dicomweb_server.model.source import ByteSource
from dicomweb_server.store.port import BlobStore, Committed

SIZES = (0, 1, 65_536, 1_048_576, 1_048_577, 3_500_000)
HOUR = 3_600 * 1_000_000_000


def sample(size: int, seed: int = 1) -> bytes:
    """Bytes that no other seed gives."""
    return hashlib.shake_128(f"{seed}".encode()).digest(size)


async def put(store: BlobStore, data: bytes, step: int = 65_536) -> Committed:
    """Store bytes piece by piece."""
    async with store.stage() as staging:
        for place in range(0, len(data), step):
            await staging.write([memoryview(data)[place : place + step]])
        return await staging.commit()


async def collect(chunks: AsyncIterator[bytes]) -> bytes:
    """All chunks, joined."""
    return b"".join([chunk async for chunk in chunks])


def digest_of(data: bytes) -> str:
    """SHA-256 in lower-case hex."""
    return hashlib.sha256(data).hexdigest()


@pytest.mark.anyio
class StoreContract:
    """What every BlobStore does."""

    @pytest.fixture
    def anyio_backend(self) -> str:
        """Stores run on asyncio."""
        return "asyncio"

    @pytest.mark.parametrize("size", SIZES)
    async def test_bytes_come_back_identical(self, store: BlobStore, size: int) -> None:
        data = sample(size)
        committed = await put(store, data)
        assert committed.blob == Blob(digest_of(data), size)
        assert await collect(store.stream(committed.blob)) == data
        assert await store.read(committed.blob.digest, [ByteRange(0, size)]) == [data]
        assert await store.size(committed.blob.digest) == size

    async def test_several_chunks_of_one_write_keep_their_order(self, store: BlobStore) -> None:
        parts = [sample(700_000, number) for number in range(4)]
        async with store.stage() as staging:
            await staging.write([parts[0][:10], parts[0][10:], b""])
            await staging.write([*parts[1:3], memoryview(parts[3])])
            assert staging.size == 2_800_000
            committed = await staging.commit()
        assert await collect(store.stream(committed.blob)) == b"".join(parts)

    async def test_received_at_is_the_time_of_the_commit(self, store: BlobStore) -> None:
        before = time.time_ns()
        committed = await put(store, b"x")
        assert before <= committed.received_at <= time.time_ns()
        assert [walked.received_at for walked in store.walk()] == [committed.received_at]

    @pytest.mark.parametrize("size", [3, 2_000_000])
    async def test_run_sees_the_bytes_so_far(self, store: BlobStore, size: int) -> None:
        data = sample(size)

        def look(source: ByteSource) -> tuple[int, bytes, bytes]:
            return source.size, source.read_at(1, 1), source.read_at(0, 2 * size)

        async with store.stage() as staging:
            await staging.write([data])
            assert await staging.run(look) == (size, data[1:2], data)
            assert staging.digest() == digest_of(data)
            await staging.write([b"more"])
            assert staging.digest() == digest_of(data + b"more")
            assert (await staging.run(look))[0] == size + 4
            committed = await staging.commit()
        assert committed.blob == Blob(digest_of(data + b"more"), size + 4)

    async def test_run_passes_errors_on(self, store: BlobStore) -> None:
        def fail(source: ByteSource) -> None:
            raise LookupError(source.size)

        async with store.stage() as staging:
            await staging.write([b"abc"])
            with pytest.raises(LookupError):
                await staging.run(fail)
            await staging.write([b"def"])
            assert (await staging.commit()).blob.digest == digest_of(b"abcdef")

    async def test_nothing_is_visible_before_the_commit(self, store: BlobStore) -> None:
        data = sample(2_000_000)
        async with store.stage() as staging:
            await staging.write([data])
            assert await store.size(digest_of(data)) is None
            assert list(store.walk()) == []
        assert await store.size(digest_of(data)) is None

    async def test_the_same_bytes_are_one_blob_received_anew(self, store: BlobStore) -> None:
        first, second = await put(store, b"same"), await put(store, b"same")
        assert first.blob == second.blob
        assert second.received_at > first.received_at
        assert [(w.blob, w.received_at) for w in store.walk()] == [(first.blob, second.received_at)]

    async def test_the_same_bytes_at_the_same_time_are_one_blob(self, store: BlobStore) -> None:
        data = sample(300_000)
        committed = await asyncio.gather(*(put(store, data) for _ in range(20)))
        assert {c.blob for c in committed} == {Blob(digest_of(data), len(data))}
        assert len(list(store.walk())) == 1

    async def test_ranges_come_in_the_order_asked(self, store: BlobStore) -> None:
        data = sample(1_500_000)
        digest = (await put(store, data)).blob.digest
        places = [(1_400_000, 100_000), (0, 4), (12, 8), (4, 8), (5, 0), (700_000, 500_000), (8, 6)]
        parts = await store.read(digest, [ByteRange(*place) for place in places])
        assert parts == [data[start : start + length] for start, length in places]
        assert await store.read(digest, []) == []

    @pytest.mark.parametrize(("start", "length"), [(0, 11), (10, 1), (11, 0), (-1, 2), (0, 2**62)])
    async def test_a_range_outside_is_an_error_never_short_data(
        self, store: BlobStore, start: int, length: int
    ) -> None:
        blob = (await put(store, b"0123456789")).blob
        with pytest.raises(BlobDamaged):
            await store.read(blob.digest, [ByteRange(start, length)])
        with pytest.raises(BlobDamaged):
            await collect(store.stream(blob, ByteRange(start, length)))

    async def test_a_missing_blob_is_an_error(self, store: BlobStore) -> None:
        absent = Blob(digest_of(b"absent"), 6)
        assert await store.size(absent.digest) is None
        with pytest.raises(BlobDamaged):
            await store.read(absent.digest, [ByteRange(0, 1)])
        with pytest.raises(BlobDamaged):
            await collect(store.stream(absent))
        with pytest.raises(BlobDamaged):
            await collect(store.transform(absent, lambda source: iter([source.read_at(0, 1)])))

    async def test_another_size_than_stored_is_an_error(self, store: BlobStore) -> None:
        blob = (await put(store, b"0123456789")).blob
        other = Blob(blob.digest, 9)
        with pytest.raises(BlobDamaged):
            await collect(store.stream(other))
        with pytest.raises(BlobDamaged):
            await collect(store.transform(other, lambda source: iter([source.read_at(0, 1)])))

    async def test_a_range_can_be_streamed(self, store: BlobStore) -> None:
        data = sample(3_000_000)
        blob = (await put(store, data)).blob
        chunks = [chunk async for chunk in store.stream(blob, ByteRange(7, 2_500_000))]
        assert b"".join(chunks) == data[7:2_500_007]
        assert max(map(len, chunks)) <= 1_048_576

    async def test_transform_passes_on_what_is_yielded(self, store: BlobStore) -> None:
        blob = (await put(store, b"abcdef")).blob

        def work(source: ByteSource) -> Iterator[bytes]:
            for place in range(source.size):
                yield source.read_at(place, 1).upper()

        assert [item async for item in store.transform(blob, work)] == [
            b"A",
            b"B",
            b"C",
            b"D",
            b"E",
            b"F",
        ]

    async def test_what_is_known_without_reading_changes_with_the_bytes(
        self, store: BlobStore
    ) -> None:
        blob, absent = (await put(store, b"abcdef")).blob, digest_of(b"absent")
        there, missing = await store.states([blob.digest, absent])
        assert missing is None
        assert there is not None
        assert (there.size, store.state(blob.digest), store.state(absent)) == (6, there, None)
        await put(store, b"abcdef")
        assert store.state(blob.digest) != there

    async def test_a_blob_is_intact_while_it_is_there(self, store: BlobStore) -> None:
        blob = (await put(store, b"abcdef")).blob
        assert await store.intact(blob)
        assert not await store.intact(Blob(digest_of(b"absent"), 6))

    async def test_a_range_needs_the_size_that_is_told(self, store: BlobStore) -> None:
        digest = (await put(store, b"abcdef")).blob.digest
        assert await store.read(digest, [ByteRange(1, 2)], 6) == [b"bc"]
        with pytest.raises(BlobDamaged):
            await store.read(digest, [ByteRange(1, 2)], 7)

    async def test_transform_passes_errors_on(self, store: BlobStore) -> None:
        blob = (await put(store, b"abcdef")).blob

        def work(source: ByteSource) -> Iterator[bytes]:
            yield source.read_at(0, 1)
            raise LookupError

        items = store.transform(blob, work)
        assert await anext(items) == b"a"
        with pytest.raises(LookupError):
            await anext(items)

    async def test_a_source_reads_at_any_place(self, store: BlobStore) -> None:
        data = sample(1_000_000)
        blob = (await put(store, data)).blob
        with store.source(blob) as source:
            assert source.size == len(data)
            for place, length in ((0, 4), (999_990, 20), (2, 8), (70_000, 300_000), (1_000_000, 1)):
                assert source.read_at(place, length) == data[place : place + length]

    async def test_a_source_of_a_missing_blob_is_an_error(self, store: BlobStore) -> None:
        with pytest.raises(BlobDamaged), store.source(Blob(digest_of(b"absent"), 6)):
            pass

    async def test_walk_goes_in_order_and_resumes(self, store: BlobStore) -> None:
        blobs = [(await put(store, sample(100, number))).blob for number in range(40)]
        expected = sorted(blobs, key=lambda blob: blob.digest)
        assert [walked.blob for walked in store.walk()] == expected
        for place in (0, 17, 39):
            rest = [walked.blob for walked in store.walk(expected[place].digest)]
            assert rest == expected[place + 1 :]

    async def test_discard_removes_only_what_is_old(self, store: BlobStore) -> None:
        committed = await put(store, b"old")
        digest = committed.blob.digest
        assert not await store.discard(digest, committed.received_at)
        assert await store.size(digest) == 3
        assert await store.discard(digest, committed.received_at + 1)
        assert await store.size(digest) is None
        assert not await store.discard(digest, committed.received_at + HOUR)

    async def test_a_commit_saves_a_blob_from_discard(self, store: BlobStore) -> None:
        committed = await put(store, b"reused")
        await put(store, b"reused")
        assert not await store.discard(committed.blob.digest, committed.received_at + 1)
        assert await store.size(committed.blob.digest) == 6

    async def test_discarded_bytes_can_be_stored_again(self, store: BlobStore) -> None:
        committed = await put(store, b"again")
        assert await store.discard(committed.blob.digest, committed.received_at + 1)
        assert (await put(store, b"again")).blob == committed.blob
        assert await collect(store.stream(committed.blob)) == b"again"

    async def test_check_passes(self, store: BlobStore) -> None:
        await store.check()

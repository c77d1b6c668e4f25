"""The store in a folder does what the store in memory does, in whatever order it is asked."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from dicomweb_server.model.instance import ByteRange
from dicomweb_server.store.filesystem import FilesystemStore
from dicomweb_server.store.memory import MemoryStore
from dicomweb_server.testing.store_contract import collect, digest_of, put, sample

BODIES = [sample(size, size) for size in (0, 1, 5_000, 1_048_577)]
bodies = st.sampled_from(BODIES)


class StoreMachine(RuleBasedStateMachine):
    """Runs both side by side."""

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="dicomweb-store-"))
        self.store = FilesystemStore.open(self.folder, threads=1, reserve=0)
        self.model = MemoryStore()
        self.times: dict[str, tuple[int, int]] = {}

    @rule(body=bodies)
    def commit(self, body: bytes) -> None:
        found = asyncio.run(put(self.store, body, 300_000))
        expected = asyncio.run(put(self.model, body, 300_000))
        assert found.blob == expected.blob
        self.times[found.blob.digest] = (found.received_at, expected.received_at)

    @rule(body=bodies)
    def give_up(self, body: bytes) -> None:
        async def upload() -> None:
            async with self.store.stage() as staging:
                await staging.write([body])

        asyncio.run(upload())

    @rule(body=bodies, late=st.booleans())
    def discard(self, body: bytes, late: bool) -> None:
        digest = digest_of(body)
        found, expected = self.times.get(digest, (0, 0))
        removed = asyncio.run(self.store.discard(digest, found + late))
        assert removed == asyncio.run(self.model.discard(digest, expected + late))

    @rule(body=bodies, start=st.integers(0, 6_000), length=st.integers(0, 6_000))
    def read(self, body: bytes, start: int, length: int) -> None:
        part = [ByteRange(start, length), ByteRange(0, 0)]
        results = []
        for store in (self.store, self.model):
            try:
                results.append(repr(asyncio.run(store.read(digest_of(body), part))))
            except Exception as error:  # noqa: BLE001 - the same kind of error is the same answer
                results.append(type(error).__name__)
        assert results[0] == results[1]

    @rule()
    def reopen(self) -> None:
        asyncio.run(self.store.close())
        self.store = FilesystemStore.open(self.folder, threads=1, reserve=0)

    @invariant()
    def both_hold_the_same(self) -> None:
        blobs = [walked.blob for walked in self.store.walk()]
        assert blobs == [walked.blob for walked in self.model.walk()]
        for blob in blobs:
            assert digest_of(asyncio.run(collect(self.store.stream(blob)))) == blob.digest
        left = [path for path in (self.folder / "staging").rglob("*") if path.is_file()]
        assert [path.name for path in left] == ["lock"]

    def teardown(self) -> None:
        asyncio.run(self.store.close())
        shutil.rmtree(self.folder)


TestStateful = StoreMachine.TestCase
TestStateful.settings = settings(max_examples=10, stateful_step_count=15, deadline=None)

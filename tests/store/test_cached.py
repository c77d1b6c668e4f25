"""What is in memory is read without a thread; what may not be, or is not whole, with one."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from dicomweb_server.errors import BlobDamaged
from dicomweb_server.model.instance import ByteRange
from dicomweb_server.store import cached as cached_module
from dicomweb_server.store.files import OpenFile
from dicomweb_server.store.filesystem import FilesystemStore
from dicomweb_server.testing.store_contract import put

pytestmark = pytest.mark.anyio

DATA = bytes(range(256)) * 10_000
PARTS = (ByteRange(1_000, 300_000), ByteRange(0, 0), ByteRange(2_000_000, 10))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[FilesystemStore]:
    opened = FilesystemStore.open(tmp_path, reserve=0)
    yield opened
    await opened.close()


class Hops:
    """Counts the ways to a thread."""

    def __init__(self, store: FilesystemStore, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        run = store._readers.run

        async def counted(*arguments: object) -> object:
            self.count += 1
            return await run(*arguments)  # type: ignore[arg-type] # passed on as they came

        monkeypatch.setattr(store._readers, "run", counted)


def expected(parts: Sequence[ByteRange]) -> list[bytes]:
    return [DATA[part.start : part.start + part.length] for part in parts]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A system that tells that all is in memory, and which bytes it was asked about."""
    asked: list[int] = []

    def is_cached(self: OpenFile, offset: int) -> bool:
        asked.append(offset)
        return True

    monkeypatch.setattr(cached_module, "CAN_TELL", True)
    monkeypatch.setattr(OpenFile, "is_cached", is_cached)
    return asked


async def test_what_was_stored_lately_is_read_without_a_thread(
    told: list[int], store: FilesystemStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = (await put(store, DATA)).blob.digest
    hops = Hops(store, monkeypatch)
    assert await store.read(digest, PARTS) == expected(PARTS)
    assert hops.count == 0
    assert (told[0], told[-1]) == (1_000, 2_000_009)
    assert max(after - before for before, after in pairwise(told[:5])) <= 65_536


async def test_what_was_not_read_lately_takes_a_thread_once(
    told: list[int], store: FilesystemStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = (await put(store, DATA)).blob.digest
    other = FilesystemStore.open(tmp_path, reserve=0)
    hops = Hops(other, monkeypatch)
    for _ in range(3):
        assert await other.read(digest, PARTS) == expected(PARTS)
    assert hops.count == 1
    await other.close()


async def test_what_is_not_in_memory_takes_a_thread(
    told: list[int], store: FilesystemStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OpenFile, "is_cached", lambda self, offset: offset < 1_000)
    digest = (await put(store, DATA)).blob.digest
    hops = Hops(store, monkeypatch)
    assert await store.read(digest, PARTS) == expected(PARTS)
    assert hops.count == 1


@pytest.mark.parametrize(("number", "asked"), [(errno.EOPNOTSUPP, 1), (errno.EIO, 2)])
async def test_a_file_system_that_cannot_tell_is_asked_once(
    store: FilesystemStore, monkeypatch: pytest.MonkeyPatch, number: int, asked: int
) -> None:
    calls: list[int] = []

    def fail(self: OpenFile, offset: int) -> bool:
        calls.append(offset)
        raise OSError(number, "x")

    monkeypatch.setattr(OpenFile, "is_cached", fail)
    store._cached._works = True
    digest = (await put(store, DATA)).blob.digest
    for _ in range(2):
        assert await store.read(digest, PARTS) == expected(PARTS)
    assert len(calls) == asked


async def test_many_ranges_and_long_ones_take_a_thread(
    told: list[int], store: FilesystemStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = (await put(store, DATA)).blob.digest
    hops = Hops(store, monkeypatch)
    for parts in ([ByteRange(0, 1_100_000)], [ByteRange(place, 1) for place in range(17)]):
        assert await store.read(digest, parts) == expected(parts)
    assert hops.count == 2


@pytest.mark.parametrize("harm", ["removed", "cut"])
async def test_damage_is_told_as_on_the_long_way(
    told: list[int], store: FilesystemStore, tmp_path: Path, harm: str
) -> None:
    digest = (await put(store, DATA)).blob.digest
    path = tmp_path / "blobs" / digest[:2] / digest[2:]
    assert path.exists()
    if harm == "cut":
        path.write_bytes(DATA[:1_000_000])
    else:
        path.unlink()
    with pytest.raises(BlobDamaged):
        await store.read(digest, PARTS)


async def test_the_real_system_gives_the_same_bytes(store: FilesystemStore) -> None:
    digest = (await put(store, DATA)).blob.digest
    for _ in range(3):
        assert await store.read(digest, PARTS) == expected(PARTS)

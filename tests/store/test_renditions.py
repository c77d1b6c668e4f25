"""Renditions: made once, found torn, bounded in size."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dicomweb_server.errors import BlobDamaged, ConfigurationError
from dicomweb_server.model.instance import Blob, ByteRange
from dicomweb_server.store.port import RenditionStore
from dicomweb_server.store.renditions import FilesystemRenditions
from dicomweb_server.store.trailers import whole_size
from dicomweb_server.testing.store_contract import collect, sample

pytestmark = pytest.mark.anyio

KEY = "ab" * 32 + "-inflated"
Write = Callable[[bytes], None]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def renditions(tmp_path: Path) -> Iterator[FilesystemRenditions]:
    opened = FilesystemRenditions.open(tmp_path, 2, 10_000_000)
    yield opened
    asyncio.run(opened.close())


class Maker:
    """Counts how often it was asked."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.calls = 0

    def __call__(self, write: Write) -> None:
        self.calls += 1
        for place in range(0, len(self.data), 100_000):
            write(self.data[place : place + 100_000])


def file_of(folder: Path, key: str) -> Path:
    return folder / key[:2] / key[2:]


def files_below(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("[0-9a-f][0-9a-f]/*"))


async def test_it_is_a_rendition_store(renditions: FilesystemRenditions) -> None:
    store: RenditionStore = renditions
    make = Maker(sample(1_300_000))
    blob = await store.ensure(KEY, make)
    assert blob == Blob(KEY, 1_300_000)
    assert await collect(store.stream(blob)) == make.data
    assert await collect(store.stream(blob, ByteRange(5, 10))) == make.data[5:15]
    assert await store.read(KEY, [ByteRange(1_299_999, 1)]) == [make.data[-1:]]


async def test_an_empty_rendition_is_one(renditions: FilesystemRenditions) -> None:
    blob = await renditions.ensure(KEY, Maker(b""))
    assert await collect(renditions.stream(blob)) == b""


async def test_the_trailer_is_no_content(renditions: FilesystemRenditions) -> None:
    await renditions.ensure(KEY, Maker(b"abc"))
    with pytest.raises(BlobDamaged):
        await renditions.read(KEY, [ByteRange(0, 4)])


async def test_many_who_wait_share_one_computation(renditions: FilesystemRenditions) -> None:
    make = Maker(sample(100))
    blobs = await asyncio.gather(*(renditions.ensure(KEY, make) for _ in range(20)))
    assert set(blobs) == {Blob(KEY, 100)}
    await renditions.ensure(KEY, make)
    assert make.calls == 1


async def test_one_who_leaves_does_not_take_it_from_the_others(
    renditions: FilesystemRenditions,
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def make(write: Write) -> None:
        begun.set()
        go_on.wait(10)
        write(b"abc")

    first = asyncio.create_task(renditions.ensure(KEY, make))
    await asyncio.to_thread(begun.wait, 10)
    second = asyncio.create_task(renditions.ensure(KEY, make))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    go_on.set()
    assert await second == Blob(KEY, 3)


async def test_a_failure_reaches_all_and_leaves_nothing(
    renditions: FilesystemRenditions, tmp_path: Path
) -> None:
    def make(write: Write) -> None:
        write(b"half")
        raise LookupError

    results = await asyncio.gather(
        *(renditions.ensure(KEY, make) for _ in range(3)), return_exceptions=True
    )
    assert [type(result) for result in results] == [LookupError] * 3
    assert not file_of(tmp_path, KEY).exists()
    assert files_below(tmp_path / "staging") == ["lock"]
    assert await renditions.ensure(KEY, Maker(b"whole")) == Blob(KEY, 5)


@pytest.mark.parametrize("harm", ["truncated", "emptied", "zeroed", "removed"])
async def test_a_torn_rendition_is_made_anew(tmp_path: Path, harm: str) -> None:
    data = sample(5_000)
    first = FilesystemRenditions.open(tmp_path, 1, 10_000_000)
    await first.ensure(KEY, Maker(data))
    await first.close()
    path = file_of(tmp_path, KEY)
    if harm == "removed":
        path.unlink()
    elif harm == "zeroed":
        whole = path.read_bytes()
        path.write_bytes(bytes(4_096) + whole[4_096:])
    else:
        os.truncate(path, 0 if harm == "emptied" else 4_096)
    second = FilesystemRenditions.open(tmp_path, 1, 10_000_000)
    make = Maker(data)
    blob = await second.ensure(KEY, make)
    assert make.calls == 1
    assert await collect(second.stream(blob)) == data
    await second.close()


async def test_another_process_finds_what_one_has_made(
    renditions: FilesystemRenditions, tmp_path: Path
) -> None:
    await renditions.ensure(KEY, Maker(b"abc"))
    other = FilesystemRenditions.open(tmp_path, 1, 10_000_000)
    make = Maker(b"abc")
    assert await other.ensure(KEY, make) == Blob(KEY, 3)
    assert make.calls == 0
    await other.close()


async def test_one_removed_while_in_use_is_made_anew_at_the_next_call(
    renditions: FilesystemRenditions, tmp_path: Path
) -> None:
    await renditions.ensure(KEY, Maker(b"abc"))
    file_of(tmp_path, KEY).unlink()
    with pytest.raises(BlobDamaged):
        await renditions.read(KEY, [ByteRange(0, 1)])
    assert await renditions.ensure(KEY, Maker(b"abc")) == Blob(KEY, 3)


async def test_the_whole_folder_may_be_deleted_while_it_is_in_use(tmp_path: Path) -> None:
    folder = tmp_path / "renditions"
    renditions = FilesystemRenditions.open(folder, 2, 10_000_000)
    data = sample(5_000)
    await renditions.put({KEY: data})
    shutil.rmtree(folder)
    assert await renditions.get(KEY) is None
    await renditions.put({KEY: data})
    assert await renditions.get(KEY) == data
    shutil.rmtree(folder)
    blob = await renditions.ensure("cd" * 32 + "-inflated", Maker(data))
    assert await collect(renditions.stream(blob)) == data
    await renditions.close()


async def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    renditions = FilesystemRenditions.open(tmp_path, 1, 1_000_000)
    keys = [f"{number:064x}-x" for number in range(6)]
    for number, key in enumerate(keys[:5]):
        await renditions.ensure(key, Maker(sample(300)))
        used = time.time() - 10_000 + number
        os.utime(file_of(tmp_path, key), (used, used))
    os.utime(file_of(tmp_path, keys[0]))
    await renditions.close()
    renditions = FilesystemRenditions.open(tmp_path, 1, 1_000)
    await renditions.ensure(keys[5], Maker(sample(300)))
    left = [key for key in keys if file_of(tmp_path, key).exists()]
    assert keys[0] in left
    assert keys[5] in left
    assert sum(file_of(tmp_path, key).stat().st_size for key in left) <= 1_000
    assert left == [keys[0], keys[4], keys[5]]
    await renditions.close()


@pytest.mark.parametrize("key", ["../x", "ab" * 32, "ab" * 32 + "-A", "AB" * 32 + "-a"])
async def test_a_key_of_another_form_is_refused(renditions: FilesystemRenditions, key: str) -> None:
    with pytest.raises(ValueError, match="64 hex"):
        await renditions.ensure(key, Maker(b""))


async def test_a_folder_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigurationError):
        FilesystemRenditions.open(tmp_path / "file", 1, 1)


def test_a_foreign_file_is_no_rendition(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bytes(100))
    assert whole_size(tmp_path / "x") is None
    assert whole_size(tmp_path / "absent") is None


async def test_what_is_put_is_got(renditions: FilesystemRenditions, tmp_path: Path) -> None:
    store: RenditionStore = renditions
    assert await store.get(KEY) is None
    await store.put({KEY: sample(100_000)})
    assert await store.get(KEY) == sample(100_000)
    await store.put({KEY: b""})
    assert await store.get(KEY) == b""
    other = FilesystemRenditions.open(tmp_path, 1, 10_000_000)
    await other.put({KEY: b"theirs"})
    assert await store.get(KEY) == b"theirs"
    assert await store.read(KEY, [ByteRange(1, 3)]) == [b"hei"]
    await other.close()


async def test_what_would_push_out_too_many_others_is_not_kept(tmp_path: Path) -> None:
    renditions = FilesystemRenditions.open(tmp_path, 1, 8_000)
    await renditions.put({KEY: bytes(1_001)})
    assert await renditions.get(KEY) is None
    await renditions.put({KEY: bytes(1_000)})
    assert await renditions.get(KEY) == bytes(1_000)
    await renditions.close()


@pytest.mark.parametrize("harm", ["truncated", "emptied", "changed", "longer", "removed"])
async def test_a_torn_rendition_is_not_got(
    renditions: FilesystemRenditions, tmp_path: Path, harm: str
) -> None:
    await renditions.put({KEY: sample(5_000)})
    path = file_of(tmp_path, KEY)
    whole = bytearray(path.read_bytes())
    whole[2_500] ^= 1
    harmed: dict[str, bytes | bytearray] = {
        "truncated": whole[:4_096],
        "emptied": b"",
        "changed": whole,
        "longer": path.read_bytes() + b"x",
    }
    path.unlink()
    if harm != "removed":
        path.write_bytes(harmed[harm])
    assert await renditions.get(KEY) is None


async def test_many_that_are_put_stay_within_the_bound(tmp_path: Path) -> None:
    renditions = FilesystemRenditions.open(tmp_path, 1, 1_000_000)
    for number in range(40):
        key = f"{number:064x}-x"
        await renditions.put({key: sample(100_000)})
        used = time.time() - 10_000 + number
        os.utime(file_of(tmp_path, key), (used, used))
    await renditions.put({KEY: sample(100_000)})
    assert bytes_below(tmp_path) <= 1_200_000
    assert await renditions.get(KEY) == sample(100_000)
    await renditions.close()


async def test_what_is_got_goes_last(renditions: FilesystemRenditions, tmp_path: Path) -> None:
    await renditions.put({KEY: b"x"})
    path = file_of(tmp_path, KEY)
    os.utime(path, (1_000, 1_000))
    await renditions.get(KEY)
    assert path.stat().st_mtime > time.time() - 60


@pytest.mark.parametrize("key", ["../x", "ab" * 32])
async def test_nothing_is_put_under_another_form(
    renditions: FilesystemRenditions, key: str
) -> None:
    with pytest.raises(ValueError, match="64 hex"):
        await renditions.put({key: b""})
    with pytest.raises(ValueError, match="64 hex"):
        await renditions.get(key)

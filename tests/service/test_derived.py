"""Results made once for all who wait, kept on disk, forgotten when there is no room."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator, Mapping
from pathlib import Path
from weakref import WeakSet

import pytest

from dicomweb_server.errors import CodecFailed, FrameUndecodable, StoreFull, TooBusy
from dicomweb_server.service import derived as derived_module
from dicomweb_server.service.derived import Derived
from dicomweb_server.store.renditions import FilesystemRenditions

pytestmark = pytest.mark.anyio

SOURCE = "ab" * 32


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def renditions(tmp_path: Path) -> Iterator[FilesystemRenditions]:
    opened = FilesystemRenditions.open(tmp_path, 2, 10_000_000)
    yield opened
    asyncio.run(opened.close())


class Maker:
    """Counts how often it was asked, and waits where it is told to."""

    def __init__(self, data: bytes, *, held: bool = False) -> None:
        self.data = data
        self.begun = asyncio.Event()
        self.left = asyncio.Event()
        self.go_on = asyncio.Event()
        self.calls = 0
        if not held:
            self.go_on.set()

    async def __call__(self) -> bytes:
        self.calls += 1
        self.begun.set()
        try:
            await self.go_on.wait()
        finally:
            self.left.set()
        return self.data


class Failing:
    """Fails, and counts how often."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.calls = 0

    async def __call__(self) -> bytes:
        self.calls += 1
        raise self.error


async def test_many_who_wait_share_one_computation(renditions: FilesystemRenditions) -> None:
    derived, make = Derived(renditions), Maker(b"picture")
    results = await asyncio.gather(*(derived.get(SOURCE, "a", make) for _ in range(50)))
    assert set(results) == {b"picture"}
    assert await derived.get(SOURCE, "a", make) == b"picture"
    assert make.calls == 1


async def test_results_of_another_maker_are_not_taken(
    renditions: FilesystemRenditions, monkeypatch: pytest.MonkeyPatch
) -> None:
    derived = Derived(renditions)
    assert await derived.get(SOURCE, "a", Maker(b"old")) == b"old"
    monkeypatch.setattr(derived_module, "maker", lambda: "another")
    assert await derived.get(SOURCE, "a", Maker(b"new")) == b"new"


async def test_another_name_or_content_is_another_result(renditions: FilesystemRenditions) -> None:
    derived = Derived(renditions)
    assert await derived.get(SOURCE, "a", Maker(b"1")) == b"1"
    assert await derived.get(SOURCE, "b", Maker(b"2")) == b"2"
    assert await derived.get("cd" * 32, "a", Maker(b"3")) == b"3"


@pytest.mark.parametrize("size", [0, 10, 1_000_000])
async def test_another_process_finds_it_on_disk(
    renditions: FilesystemRenditions, size: int
) -> None:
    first, make = Derived(renditions), Maker(bytes(size))
    await first.get(SOURCE, "a", make)
    await first.settle()
    assert await Derived(renditions).get(SOURCE, "a", make) == bytes(size)
    assert make.calls == 1


async def test_peek_makes_nothing(renditions: FilesystemRenditions) -> None:
    derived = Derived(renditions)
    assert await derived.peek(SOURCE, "a") is None
    await derived.get(SOURCE, "a", Maker(b"x"))
    assert await derived.peek(SOURCE, "a") == b"x"


async def test_one_who_leaves_does_not_take_it_from_the_others(
    renditions: FilesystemRenditions,
) -> None:
    derived, make = Derived(renditions), Maker(b"x", held=True)
    first = asyncio.create_task(derived.get(SOURCE, "a", make))
    await make.begun.wait()
    second = asyncio.create_task(derived.get(SOURCE, "a", make))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    make.go_on.set()
    assert await second == b"x"
    assert make.calls == 1


async def test_the_last_one_who_leaves_ends_the_computation(
    renditions: FilesystemRenditions,
) -> None:
    derived, make = Derived(renditions), Maker(b"x", held=True)
    waiting = [asyncio.create_task(derived.get(SOURCE, "a", make)) for _ in range(3)]
    await make.begun.wait()
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await make.left.wait()
    assert await derived.get(SOURCE, "a", Maker(b"anew")) == b"anew"


async def test_a_frame_that_cannot_be_decoded_is_not_tried_again_at_once(
    renditions: FilesystemRenditions,
) -> None:
    error = FrameUndecodable("it is cut off", "hint")
    derived, make = Derived(renditions), Failing(error)
    for _ in range(3):
        with pytest.raises(type(error), match=str(error)) as raised:
            await derived.get(SOURCE, "a", make)
        assert vars(raised.value) == vars(error)
    assert make.calls == 1
    assert await Derived(renditions).get(SOURCE, "a", Maker(b"x")) == b"x"


class Pixels:
    """What one can tell of whether anybody holds it."""


async def test_a_remembered_failure_holds_no_pixels(renditions: FilesystemRenditions) -> None:
    derived, held = Derived(renditions), WeakSet[Pixels]()

    async def fail() -> bytes:
        frame = Pixels()
        held.add(frame)
        raise FrameUndecodable("it is cut off") from ValueError("x")

    for number in range(5):
        with pytest.raises(FrameUndecodable):
            await derived.get(SOURCE, str(number), fail)
    gc.collect()
    assert len(held) < 2  # the last error may still be on its way


@pytest.mark.parametrize("error", [TooBusy("x"), CodecFailed("its process was killed")])
async def test_what_may_be_none_of_the_frame_is_tried_again(
    renditions: FilesystemRenditions, error: Exception
) -> None:
    derived, make = Derived(renditions), Failing(error)
    for _ in range(2):
        with pytest.raises(type(error)):
            await derived.get(SOURCE, "a", make)
    assert make.calls == 2


async def test_a_full_disk_costs_the_cache_alone(
    renditions: FilesystemRenditions, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(results: Mapping[str, bytes]) -> None:
        raise StoreFull(f"no space for {len(results)} results")

    monkeypatch.setattr(renditions, "put", refuse)
    derived, make = Derived(renditions), Maker(bytes(1_000_000))
    for _ in range(2):
        assert await derived.get(SOURCE, "a", make) == make.data
        await derived.settle()
    assert make.calls == 2


async def test_memory_holds_what_was_used_last(renditions: FilesystemRenditions) -> None:
    derived = Derived(renditions)
    for number in range(200):
        await derived.get(SOURCE, str(number), Maker(bytes(200_000)))
    held = derived._recent._results
    assert sum(map(len, held.values())) <= 16 * 1024 * 1024
    assert len(held) > 50

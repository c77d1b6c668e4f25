"""Results are written behind the answers, many at once, and never held without bound."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from dicomweb_server.service import behind as behind_module
from dicomweb_server.service.behind import Behind
from dicomweb_server.store.renditions import FilesystemRenditions

pytestmark = pytest.mark.anyio

KEYS = tuple(f"{number:064x}-derived" for number in range(40))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def renditions(tmp_path: Path) -> AsyncIterator[FilesystemRenditions]:
    opened = FilesystemRenditions.open(tmp_path, 1, 10_000_000_000)
    yield opened
    await opened.close()


@pytest.fixture
def batches(
    renditions: FilesystemRenditions, monkeypatch: pytest.MonkeyPatch
) -> list[dict[str, bytes]]:
    """What was written, call by call."""
    written: list[dict[str, bytes]] = []
    put = renditions.put

    async def counted(results: Mapping[str, bytes]) -> None:
        written.append(dict(results))
        await put(results)

    monkeypatch.setattr(renditions, "put", counted)
    return written


async def _written(behind: Behind, key: str) -> None:
    for _ in range(3_000):
        if behind.get(key) is None:
            return
        await asyncio.sleep(0.01)
    pytest.fail("it is never written")


async def test_a_burst_is_written_in_one_hop_when_it_is_over(
    renditions: FilesystemRenditions, batches: list[dict[str, bytes]]
) -> None:
    behind = Behind(renditions)
    for key in KEYS:
        behind.put(key, b"picture")
        await asyncio.sleep(0)
    assert batches == []
    assert behind.get(KEYS[3]) == b"picture"
    await _written(behind, KEYS[3])
    assert batches == [dict.fromkeys(KEYS, b"picture")]
    assert await renditions.get(KEYS[3]) == b"picture"


async def test_much_is_written_without_waiting_for_quiet(
    renditions: FilesystemRenditions,
    batches: list[dict[str, bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(behind_module, "_QUIET_SECONDS", 3600)
    behind = Behind(renditions)
    for key in KEYS:
        behind.put(key, bytes(1_000_000))
    await _written(behind, KEYS[-1])
    assert all(sum(map(len, batch.values())) <= 4 * 1024 * 1024 for batch in batches)
    assert len(batches) == 10


async def test_what_would_fill_the_memory_is_let_go(renditions: FilesystemRenditions) -> None:
    behind = Behind(renditions)
    for key in KEYS:
        behind.put(key, bytes(5_000_000))
    assert sum(behind.get(key) is not None for key in KEYS) == 64 * 1024 * 1024 // 5_000_000
    await behind.settle()
    assert await renditions.get(KEYS[0]) == bytes(5_000_000)
    assert await renditions.get(KEYS[-1]) is None


async def test_what_comes_after_a_writing_is_written_too(
    renditions: FilesystemRenditions, batches: list[dict[str, bytes]]
) -> None:
    behind = Behind(renditions)
    for key in KEYS[:3]:
        behind.put(key, b"x")
        await _written(behind, key)
    assert batches == [{key: b"x"} for key in KEYS[:3]]

"""Searches that cost much keep to themselves (T14)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dicomweb_server.errors import QueryDeadlineExceeded
from dicomweb_server.index.sqlite import index as module
from dicomweb_server.index.sqlite.index import SqliteIndex
from dicomweb_server.model.ids import Level
from dicomweb_server.model.levels import IndexPlan
from dicomweb_server.model.outcome import DuplicatePolicy
from dicomweb_server.model.query import Page, Query
from dicomweb_server.testing.instances import recipe

_STUDIES = 200
_ALL = Query(Level.INSTANCE, Page(_STUDIES + 1, total=True))


@pytest.fixture
def index(tmp_path: Path) -> Iterator[SqliteIndex]:
    """An index with some studies."""
    opened = SqliteIndex.open(tmp_path / "index.db", IndexPlan.of(), readers=2)
    made = [recipe(study).make() for study in range(1, _STUDIES + 1)]
    asyncio.run(opened.put(made, DuplicatePolicy.REPLACE))
    yield opened
    asyncio.run(opened.close())


def test_a_costly_search_is_answered_too(
    index: SqliteIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = asyncio.run(index.search(_ALL, 60))
    monkeypatch.setattr(module, "_QUICK_SECONDS", -1.0)
    assert asyncio.run(index.search(_ALL, 60)) == quick
    assert len(quick.matches) == _STUDIES


def test_costly_searches_without_end_keep_no_other_waiting(
    index: SqliteIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()

    async def run() -> None:
        _, slow = index._searchers
        busy = [asyncio.ensure_future(slow.run(lambda _: ended.wait(60))) for _ in range(8)]
        found = await index.search(_ALL, 60)
        assert len(found.matches) == _STUDIES
        monkeypatch.setattr(module, "_QUICK_SECONDS", -1.0)
        costly = asyncio.ensure_future(index.search(_ALL, 0.001))
        await asyncio.sleep(0)
        ended.set()
        await asyncio.gather(*busy)
        with pytest.raises(QueryDeadlineExceeded):
            await costly

    asyncio.run(run())

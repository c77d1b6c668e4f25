"""Whatever is stored, removed and asked: SQLite answers what the reference answers."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dicomweb_server.index.memory import MemoryIndex
from dicomweb_server.index.port import Index
from dicomweb_server.index.sqlite.index import SqliteIndex
from dicomweb_server.model.ids import Scope
from dicomweb_server.model.instance import NewInstance
from dicomweb_server.model.levels import IndexPlan
from dicomweb_server.model.outcome import DuplicatePolicy
from dicomweb_server.model.query import Query
from tests.index import strategies as made

Step = tuple[str, object]

SCOPES = st.builds(
    lambda uids, depth: Scope(*uids[:depth]),
    st.tuples(*[st.sampled_from(made.UIDS[:3])] * 3),
    st.integers(0, 3),
)
PUTS = st.tuples(
    st.lists(made.new_instances, min_size=1, max_size=10), st.sampled_from(DuplicatePolicy)
)


async def same_answers(one: Index, other: Index, query: Query) -> None:
    """Both answer alike, page after page."""
    for _ in range(8):
        mine, reference = await one.search(query, 60), await other.search(query, 60)
        assert mine == reference
        if reference.cursor is None:
            return
        page = replace(query.page, cursor=reference.cursor, offset=0)
        query = replace(query, page=page)


async def same_state(one: Index, other: Index, scope: Scope) -> None:
    """Both hold the same."""
    assert await one.counts() == await other.counts()
    assert await one.revision(scope) == await other.revision(scope)
    assert await one.records(scope, 2, 5) == await other.records(scope, 2, 5)
    assert await one.documents(scope) == await other.documents(scope)
    mine, reference = await one.changes(1, 20), await other.changes(1, 20)
    assert [replace(c, at=0) for c in mine] == [replace(c, at=0) for c in reference]


async def play(
    path: Path,
    puts: list[tuple[list[NewInstance], DuplicatePolicy]],
    removed: list[Scope],
    queries: list[Query],
) -> None:
    one: Index = SqliteIndex.open(path, IndexPlan.of(), readers=1)
    other: Index = MemoryIndex()
    try:
        for instances, policy in puts:
            assert await one.put(instances, policy) == await other.put(instances, policy)
        for query in queries:
            await same_answers(one, other, query)
        for scope in removed:
            await same_state(one, other, scope)
            assert await one.remove(scope) == await other.remove(scope)
            await same_state(one, other, Scope())
        for query in queries:
            await same_answers(one, other, query)
    finally:
        await one.close()


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    st.lists(PUTS, min_size=1, max_size=3),
    st.lists(SCOPES, max_size=2),
    st.lists(made.queries(), min_size=1, max_size=8),
)
def test_sqlite_answers_what_the_reference_answers(
    puts: list[tuple[list[NewInstance], DuplicatePolicy]],
    removed: list[Scope],
    queries: list[Query],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder) / "index.db", puts, removed, queries))

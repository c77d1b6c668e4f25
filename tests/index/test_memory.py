"""The reference index."""

from __future__ import annotations

import asyncio
import hashlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server.errors import InvalidParameter, QueryDeadlineExceeded
from dicomweb_server.index.memory import MemoryIndex, MemoryTombstones
from dicomweb_server.index.order import Sorting
from dicomweb_server.index.port import Counts, Index, Removed, Tombstones
from dicomweb_server.model.change import ChangeAction
from dicomweb_server.model.document import Document
from dicomweb_server.model.ids import InstanceKey, Level, Scope
from dicomweb_server.model.instance import (
    Blob,
    IndexedValue,
    LevelAttributes,
    NewInstance,
    ScannedInstance,
)
from dicomweb_server.model.levels import level_of, vr_of
from dicomweb_server.model.outcome import DuplicatePolicy, PutOutcome
from dicomweb_server.model.query import Clause, Exact, Order, Page, Query, SearchResult

STUDY_DATE, PATIENT_NAME, MODALITY = 0x00080020, 0x00100010, 0x00080060
SERIES_NUMBER, INSTANCE_NUMBER = 0x00200011, 0x00200013
MODALITIES, SERIES_COUNT, INSTANCE_COUNT = (0x00080061,), (0x00201206,), (0x00201208,)
KEEP = DuplicatePolicy.KEEP


def new(study: str, series: str, instance: str, at: int = 1, **values: str) -> NewInstance:
    """An instance; keywords name further attributes, `bytes_` other contents."""
    tags = {
        "date": STUDY_DATE,
        "name": PATIENT_NAME,
        "modality": MODALITY,
        "series_number": SERIES_NUMBER,
        "number": INSTANCE_NUMBER,
    }
    contents = values.pop("bytes_", "")
    text = f"{study}/{series}/{instance}/{contents}".encode()
    digest = hashlib.sha256(text).hexdigest()
    scanned = ScannedInstance(
        key=InstanceKey(study, series, instance),
        sop_class="1.2.840.10008.5.1.4.1.1.7",
        transfer_syntax="1.2.840.10008.1.2.1",
        pixel=None,
        frames=None,
        bulk=(),
        attributes=LevelAttributes(b"S" + text, b"E" + text, b"I" + text),
        values=tuple(
            IndexedValue(level_of(tags[word]), (tags[word],), "", vr_of(tags[word]), value)
            for word, value in values.items()
        ),
        document=Document.of((text,)),
    )
    return NewInstance(scanned, Blob(digest, 100), at)


async def filled(*instances: NewInstance) -> MemoryIndex:
    index = MemoryIndex(clock=itertools.count(1).__next__)
    await index.put(instances, KEEP)
    return index


async def ask(index: Index, level: Level, *clauses: Clause, scope: Scope = Scope()) -> list[str]:
    """UIDs of what matches."""
    result = await index.search(Query(level, Page(100), scope, clauses), 5.0)
    return uids(result)


def uids(result: SearchResult) -> list[str]:
    return [(match.instance or match.series or match.study).uid for match in result.matches]


def test_it_is_an_index() -> None:
    index: Index = MemoryIndex()
    tombstones: Tombstones = MemoryTombstones()
    asyncio.run(index.check())
    asyncio.run(index.close())
    asyncio.run(tombstones.close())


def test_putting_under_each_policy() -> None:
    async def run() -> None:
        first, other = new("1", "2", "3"), new("1", "2", "3", bytes_="other")
        index = await filled(first)
        assert (await index.put([first], KEEP))[0].outcome is PutOutcome.UNCHANGED
        kept = (await index.put([other], KEEP))[0]
        assert (kept.outcome, kept.sequence) == (PutOutcome.KEPT, 0)
        assert kept.orphan == other.blob.digest
        assert (await index.put([other], DuplicatePolicy.REJECT))[0].outcome is PutOutcome.REJECTED
        replaced = (await index.put([other], DuplicatePolicy.REPLACE))[0]
        assert (replaced.outcome, replaced.sequence) == (PutOutcome.REPLACED, 2)
        assert replaced.orphan == first.blob.digest
        assert await index.referenced([first.blob.digest, other.blob.digest]) == {other.blob.digest}
        assert [change.action for change in await index.changes(0, 10)] == [
            ChangeAction.STORED,
            ChangeAction.REPLACED,
        ]

    asyncio.run(run())


def test_records_come_by_sequence_and_documents_by_number() -> None:
    async def run() -> None:
        index = await filled(
            new("1", "b", "1", series_number="1", number="10"),
            new("1", "b", "2", series_number="1", number="9"),
            new("1", "a", "3", series_number="2"),
        )
        records = await index.records(Scope("1"))
        assert [record.key.instance for record in records] == ["1", "2", "3"]
        assert [r.sequence for r in await index.records(Scope("1"), after=1, limit=1)] == [2]
        documents = await index.documents(Scope("1"))
        assert [key.instance for key in documents.keys] == ["2", "1", "3"]
        assert documents.documents[0].text(b"") == b"1/b/2/"
        record = await index.get(InstanceKey("1", "a", "3"))
        assert record == records[2]
        assert await index.get(InstanceKey("1", "b", "3")) is None

    asyncio.run(run())


def test_revision_grows_with_every_change_in_its_scope() -> None:
    async def run() -> None:
        index = await filled(new("1", "a", "1"), new("1", "a", "2"), new("2", "b", "3"))
        assert await index.revision(Scope("1")) == 2
        removed = await index.remove(Scope("1", "a", "1"))
        assert [one.key.instance for one in removed] == ["1"]
        assert await index.revision(Scope("1")) == 4
        assert await index.revision(Scope("2")) == 3
        await index.remove(Scope("1"))
        assert await index.revision(Scope("1")) is None
        assert await index.counts() == Counts(1, 1, 1, 100)

    asyncio.run(run())


def test_the_newest_instance_tells_what_its_study_is() -> None:
    async def run() -> None:
        old, young = new("1", "a", "1", at=1, name="Old"), new("1", "a", "2", at=2, name="Young")
        for order in ((old, young), (young, old)):
            index = await filled(*order)
            is_young = Exact((PATIENT_NAME,), "young")
            assert await ask(index, Level.STUDY, is_young) == ["1"]
            result = await index.search(Query(Level.STUDY, Page(1)), 5.0)
            assert result.matches[0].study.attributes == b"S1/a/2/"
            await index.remove(Scope("1", "a", "2"))
            assert await ask(index, Level.STUDY, is_young) == []

    asyncio.run(run())


def test_modalities_and_counts_are_computed_and_matched() -> None:
    async def run() -> None:
        index = await filled(
            new("1", "a", "1", modality="CT"),
            new("1", "a", "2", modality="CT"),
            new("1", "b", "3", modality="SR"),
            new("2", "c", "4", modality="MR"),
        )
        result = await index.search(Query(Level.STUDY, Page(1)), 5.0)
        study = result.matches[0].study
        assert (study.modalities, study.series_count, study.instance_count) == (("CT", "SR"), 2, 3)
        assert (result.remaining, result.total) == (1, 2)
        assert await ask(index, Level.STUDY, Exact(MODALITIES, "SR")) == ["1"]
        assert await ask(index, Level.SERIES, Exact(MODALITIES, "SR")) == ["a", "b"]
        assert await ask(index, Level.STUDY, Exact(SERIES_COUNT, "1")) == ["2"]
        assert await ask(index, Level.STUDY, Exact(INSTANCE_COUNT, "3")) == ["1"]
        assert await ask(index, Level.INSTANCE, Exact((MODALITY,), "CT")) == ["1", "2"]
        await index.remove(Scope("1", "b"))
        assert await ask(index, Level.STUDY, Exact(MODALITIES, "SR")) == []

    asyncio.run(run())


def test_identifiers_match_by_the_key() -> None:
    async def run() -> None:
        index = await filled(new("1", "a", "1"), new("2", "b", "2"))
        assert await ask(index, Level.SERIES, Exact((0x0020000D,), "2")) == ["b"]
        assert await ask(index, Level.INSTANCE, Exact((0x0020000E,), "a")) == ["1"]
        assert await ask(index, Level.INSTANCE, scope=Scope("2", "b")) == ["2"]
        assert await ask(index, Level.INSTANCE, scope=Scope("2", "a")) == []
        sop_class = Exact((0x00080016,), "1.2.840.10008.5.1.4.1.1.7")
        assert await ask(index, Level.INSTANCE, sop_class) == ["1", "2"]

    asyncio.run(run())


def test_studies_come_newest_first_and_series_by_number() -> None:
    async def run() -> None:
        index = await filled(
            new("1", "a", "1", date="20200101", series_number="10"),
            new("1", "b", "2", date="20200101", series_number="9"),
            new("1", "c", "6", date="20200101"),
            new("2", "c", "3"),
            new("3", "d", "4", date="20240101"),
            new("0", "e", "5", date="20200101"),
        )
        assert await ask(index, Level.STUDY) == ["3", "0", "1", "2"]
        assert await ask(index, Level.SERIES, scope=Scope("1")) == ["c", "b", "a"]
        assert await ask(index, Level.SERIES) == ["a", "b", "c", "c", "d", "e"]

    asyncio.run(run())


def test_a_cursor_of_another_order_is_refused() -> None:
    async def run() -> None:
        index = await filled(new("1", "a", "1"), new("2", "b", "2"))
        first = await index.search(Query(Level.STUDY, Page(1)), 5.0)
        assert first.cursor is not None
        for cursor in (first.cursor, "x", "bnVsbA", "W10", "W1tdLFtdXQ", "W1sxXSxbMV1d"):
            query = Query(Level.STUDY, Page(1, cursor=cursor), order=(Order(PATIENT_NAME),))
            with pytest.raises(InvalidParameter) as caught:
                await index.search(query, 5.0)
            assert caught.value.name == "cursor"

    asyncio.run(run())


def test_a_page_without_rows_still_counts() -> None:
    async def run() -> None:
        index = await filled(new("1", "a", "1"), new("2", "b", "2"))
        none = await index.search(Query(Level.STUDY, Page(0)), 5.0)
        assert (none.matches, none.total, none.remaining, none.cursor) == ((), 2, 2, None)
        beyond = await index.search(Query(Level.STUDY, Page(5, offset=7)), 5.0)
        assert (beyond.matches, beyond.total, beyond.remaining) == ((), None, 0)
        counted = await index.search(Query(Level.STUDY, Page(5, total=True)), 5.0)
        assert counted.total == 2

    asyncio.run(run())


def test_a_search_over_its_deadline_stops() -> None:
    async def run() -> None:
        index = await filled(new("1", "a", "1"))
        with pytest.raises(QueryDeadlineExceeded):
            await index.search(Query(Level.STUDY, Page(1)), -1.0)

    asyncio.run(run())


_DATES = st.sampled_from(["20200101", "20210101", "20220101", ""])
_NAMES = st.sampled_from(["Doe^John", "Doe^Jane", "M\u00fcller", ""])
_ORDERS = st.lists(
    st.builds(Order, st.sampled_from([STUDY_DATE, PATIENT_NAME, 0x00201208]), st.booleans()),
    max_size=3,
    unique_by=lambda order: order.tag,
).map(tuple)


async def _pages(index: Index, order: tuple[Order, ...], limit: int) -> list[str]:
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = Page(limit, cursor=cursor)
        result = await index.search(Query(Level.STUDY, page, order=order), 5.0)
        found += uids(result)
        cursor = result.cursor
        if cursor is None:
            return found


@given(st.lists(st.tuples(_DATES, _NAMES), min_size=1, max_size=8), _ORDERS, st.integers(1, 3))
def test_a21_pages_by_cursor_and_by_offset_lose_and_repeat_nothing(
    studies: list[tuple[str, str]], order: tuple[Order, ...], limit: int
) -> None:
    async def run() -> None:
        index = await filled(
            *(
                new(f"1.{number}", "a", "1", date=date, name=name)
                for number, (date, name) in enumerate(studies)
            )
        )
        whole = uids(await index.search(Query(Level.STUDY, Page(100), order=order), 5.0))
        assert sorted(whole) == sorted(f"1.{number}" for number in range(len(studies)))
        assert await _pages(index, order, limit) == whole
        by_offset: list[str] = []
        for offset in range(0, len(whole) + limit, limit):
            page = Page(limit, offset)
            result = await index.search(Query(Level.STUDY, page, order=order), 5.0)
            by_offset += uids(result)
            assert result.remaining == max(0, len(whole) - offset - limit)
        assert by_offset == whole

    asyncio.run(run())


@given(_ORDERS)
def test_a_cursor_reads_back_as_the_keys_it_was_made_of(order: tuple[Order, ...]) -> None:
    start = Sorting.of(Query(Level.STUDY, Page(1), order=order))
    keys = tuple(float("-inf") if o.tag == 0x00201208 else "\u00fc" for o in start.orders)
    page = Page(1, cursor=start.cursor(keys))
    assert Sorting.of(Query(Level.STUDY, page, order=order)).start == keys


def test_a_cursor_stays_where_it_is_while_data_arrive() -> None:
    async def run() -> None:
        index = await filled(*(new(f"1.{n}", "a", "1", date=f"2020010{n}") for n in (2, 4, 6)))
        first = await index.search(Query(Level.STUDY, Page(1)), 5.0)
        await index.put([new("1.9", "a", "1", date="20200109")], KEEP)
        await index.remove(Scope("1.6"))
        page = Page(5, cursor=first.cursor)
        rest = await index.search(Query(Level.STUDY, page), 5.0)
        assert uids(first) + uids(rest) == ["1.6", "1.4", "1.2"]

    asyncio.run(run())


def test_tombstones() -> None:
    async def run() -> None:
        tombstones = MemoryTombstones()
        await tombstones.bury([Removed(InstanceKey("1", "2", "3"), "aa")])
        assert await tombstones.buried(["aa", "bb"]) == {"aa"}
        await tombstones.revive(["aa"])
        assert await tombstones.buried(["aa"]) == frozenset()

    asyncio.run(run())

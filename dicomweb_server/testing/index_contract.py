# ruff: noqa: S101 - these are tests: they assert
"""The contract of an Index as tests: a new index passes them or is none.

Subclass `IndexContract` (and `TombstonesContract`) in a test module, give it a fixture `index`
(`tombstones`), and pytest does the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from dicomweb_server.index.port import Counts, Index, Removed, Tombstones
from dicomweb_server.model.change import ChangeAction
from dicomweb_server.model.ids import InstanceKey, Level, Scope
from dicomweb_server.model.instance import (
    BitFrames,
    BulkRef,
    ByteRange,
    FragmentedFrames,
    FrameTable,
)
from dicomweb_server.model.outcome import DuplicatePolicy, PutOutcome
from dicomweb_server.model.query import Exact, Match, Page, Query
from dicomweb_server.testing.instances import recipe
from dicomweb_server.testing.keeping_contract import KeepingContract
from dicomweb_server.testing.search_contract import (
    MODALITIES,
    PATIENT_ID,
    SECONDS,
    SearchContract,
    fill,
    find,
    studies,
)

KEEP, REPLACE, REJECT = DuplicatePolicy.KEEP, DuplicatePolicy.REPLACE, DuplicatePolicy.REJECT
MISSING = InstanceKey("9", "9", "9")


async def only_study(index: Index) -> Match:
    """The one study that there is."""
    (match,) = (await index.search(Query(Level.STUDY, Page(10)), SECONDS)).matches
    return match


@pytest.mark.anyio
class IndexContract(SearchContract, KeepingContract):
    """What every Index does."""

    @pytest.fixture
    def anyio_backend(self) -> str:
        """Indexes run on asyncio."""
        return "asyncio"

    # What is put in comes out

    async def test_an_empty_index_has_nothing(self, index: Index) -> None:
        assert await index.counts() == Counts(0, 0, 0, 0)
        assert await index.get(MISSING) is None
        assert await index.records(Scope()) == ()
        assert (await index.documents(Scope("9"))).keys == ()
        assert await index.revision(Scope()) is None
        assert await index.remove(Scope()) == ()
        assert await index.changes(0, 10) == ()
        await index.check()

    async def test_a_record_holds_what_was_put(self, index: Index) -> None:
        (new,) = await fill(index, recipe())
        record = await index.get(new.scanned.key)
        assert record is not None
        assert (record.key, record.blob) == (new.scanned.key, new.blob)
        assert (record.pixel, record.frames) == (new.scanned.pixel, new.scanned.frames)
        assert tuple(record.bulk) == new.scanned.bulk
        assert (record.received_at, record.sequence) == (new.received_at, 1)
        assert record.sop_class == new.scanned.sop_class
        assert record.transfer_syntax == new.scanned.transfer_syntax

    @pytest.mark.parametrize(
        "frames",
        [
            None,
            BitFrames(7, 9_999, 3),
            FragmentedFrames(((ByteRange(8, 2),), (ByteRange(18, 4),))),
            FragmentedFrames(((ByteRange(8, 2), ByteRange(18, 0)), (), (ByteRange(1 << 40, 9),))),
        ],
    )
    async def test_frame_tables_of_every_kind(
        self, index: Index, frames: FrameTable | None
    ) -> None:
        ranges: tuple[ByteRange, ...] = (ByteRange(1, 2),)
        if isinstance(frames, FragmentedFrames):
            ranges = tuple(part for frame in frames.frames for part in frame)
        bulk = (
            BulkRef("54000100.1.54001010", "OW", (ByteRange(1, 2),), 2),
            BulkRef("7FE00010", "OB", ranges),
        )
        (new,) = await fill(index, recipe(frames=frames, bulk=bulk))
        record = await index.get(new.scanned.key)
        assert record is not None
        assert record.frames == frames
        assert record.bulk == bulk

    async def test_the_triple_is_the_key(self, index: Index) -> None:
        one, other = recipe(1, 1, 1), recipe(1, 2, 1)
        uid = "1.2.3.1.9"
        keys = [InstanceKey(r.key.study, r.key.series, uid) for r in (one, other)]
        await fill(index, one.but(key=keys[0]), other.but(key=keys[1]))
        records = [await index.get(key) for key in keys]
        assert [record and record.key for record in records] == keys
        assert (await index.counts()).instances == 2
        assert len(await find(index, Level.INSTANCE, Exact((0x00080018,), uid))) == 2

    async def test_documents_come_in_the_order_of_numbers(self, index: Index) -> None:
        order = [(1, 2), (1, 10), (2, 1), (10, 1)]
        await fill(index, *(recipe(1, *pair) for pair in reversed(order)))
        found = await index.documents(Scope("1.2.3.1"))
        assert found.keys == tuple(recipe(1, *pair).key for pair in order)
        texts = [document.text(b"") for document in found.documents]
        wanted = [recipe(1, *pair).make().scanned.document.text(b"") for pair in order]
        assert texts == wanted

    async def test_documents_keep_their_pieces(self, index: Index) -> None:
        texts = (b'{"a":"', b'/x","b":"', b'/y"}')
        (new,) = await fill(index, recipe(texts=texts))
        (document,) = (await index.documents(Scope.of(new.scanned.key))).documents
        assert document.text(b"http://h") == b'{"a":"http://h/x","b":"http://h/y"}'
        assert document == new.scanned.document

    async def test_an_instance_comes_with_its_document(self, index: Index) -> None:
        first, second = await fill(index, recipe(1, 1, 1), recipe(1, 1, 2))
        for new in (first, second):
            key = new.scanned.key
            assert await index.get_described(key) == (await index.get(key), new.scanned.document)
        assert await index.get_described(recipe(9).key) is None

    async def test_records_come_in_pages_of_a_scope(self, index: Index) -> None:
        made = await fill(index, *(recipe(s, e) for s in (1, 2) for e in (1, 2, 3)))
        first = await index.records(Scope("1.2.3.2"), 0, 2)
        rest = await index.records(Scope("1.2.3.2"), first[-1].sequence, 2)
        assert [r.key for r in first + rest] == [new.scanned.key for new in made[3:]]
        assert await index.records(Scope(), 6) == ()

    async def test_pages_up_to_a_revision_are_without_what_came_later(self, index: Index) -> None:
        made = await fill(index, *(recipe(1, 1, number) for number in (1, 2, 3)))
        study, again = Scope("1.2.3.1"), recipe(1, 1, 1)
        until = await index.revision(study)
        assert until is not None
        page = await index.records(study, 0, 2, until)
        await index.remove(Scope.of(again.key))
        await fill(index, again, recipe(1, 1, 4))
        page += await index.records(study, page[-1].sequence, 2, until)
        assert [record.key for record in page] == [new.scanned.key for new in made]
        assert await index.records(study, page[-1].sequence, 2, until) == ()
        assert len(await index.records(study, page[-1].sequence)) == 2

    # Duplicates

    async def test_the_same_bytes_again_change_nothing(self, index: Index) -> None:
        (new,) = await fill(index, recipe())
        for policy in DuplicatePolicy:
            (result,) = await index.put([new], policy)
            assert (result.outcome, result.sequence) == (PutOutcome.UNCHANGED, 0)
            assert result.orphan is None
        assert (await index.counts()).instances == 1
        assert len(await index.changes(0, 10)) == 1

    @pytest.mark.parametrize(
        ("policy", "outcome"), [(KEEP, PutOutcome.KEPT), (REJECT, PutOutcome.REJECTED)]
    )
    async def test_other_bytes_stay_out(
        self, index: Index, policy: DuplicatePolicy, outcome: PutOutcome
    ) -> None:
        (old,) = await fill(index, recipe())
        new = recipe(content="other").make()
        (result,) = await index.put([new], policy)
        assert (result.outcome, result.sequence) == (outcome, 0)
        assert result.orphan == new.blob.digest
        record = await index.get(old.scanned.key)
        assert record is not None
        assert record.blob == old.blob

    async def test_other_bytes_take_the_place(self, index: Index) -> None:
        (old,) = await fill(index, recipe())
        new = recipe(content="other", size=7).but({0x00100020: "NEW"}, received_at=2**61).make()
        (result,) = await index.put([new], REPLACE)
        assert (result.outcome, result.sequence) == (PutOutcome.REPLACED, 2)
        assert result.orphan == old.blob.digest
        record = await index.get(old.scanned.key)
        assert record is not None
        assert record.blob == new.blob
        assert await index.counts() == Counts(1, 1, 1, 7)
        assert await studies(index, Exact(PATIENT_ID, "NEW")) == ["1"]
        assert await studies(index, Exact(PATIENT_ID, "PID000001")) == []

    async def test_an_older_one_in_the_place_of_the_newest_loses_the_word(
        self, index: Index
    ) -> None:
        await fill(
            index,
            recipe(1, 1, 1, received_at=5).but({0x00100020: "OLD"}),
            recipe(1, 1, 2, received_at=9).but({0x00100020: "NEW"}),
        )
        await fill(index, recipe(1, 1, 2, received_at=1, content="x").but({0x00100020: "X"}))
        assert await studies(index, Exact(PATIENT_ID, "OLD")) == ["1"]

    async def test_two_of_the_same_uids_in_one_call_count_in_turn(self, index: Index) -> None:
        new, other = recipe().make(), recipe(content="other").make()
        results = await index.put([new, new, other], KEEP)
        outcomes = [result.outcome for result in results]
        assert outcomes == [PutOutcome.ADDED, PutOutcome.UNCHANGED, PutOutcome.KEPT]

    async def test_many_at_once_make_one_row(self, index: Index) -> None:
        new = recipe().make()
        results = await asyncio.gather(*(index.put([new], KEEP) for _ in range(50)))
        outcomes = [result.outcome for (result,) in results]
        assert outcomes.count(PutOutcome.ADDED) == 1
        assert outcomes.count(PutOutcome.UNCHANGED) == 49
        assert (await index.counts()).instances == 1

    # What counts and who tells

    async def test_counts_and_modalities_follow_every_change(self, index: Index) -> None:
        await fill(index, recipe(1, 1, 1), recipe(1, 1, 2), recipe(1, 2, 1))
        study = (await only_study(index)).study
        assert (study.series_count, study.instance_count) == (2, 3)
        assert study.modalities == ("CT", "MR")
        await index.remove(Scope("1.2.3.1", "1.2.3.1.2"))
        study = (await only_study(index)).study
        assert (study.series_count, study.instance_count) == (1, 2)
        assert study.modalities == ("CT",)
        assert await studies(index, Exact(MODALITIES, "MR")) == []

    async def test_a_changed_modality_is_followed(self, index: Index) -> None:
        await fill(index, recipe(1, 1, 1, received_at=1), recipe(1, 3, 1, received_at=1))
        await fill(index, recipe(1, 3, 2, received_at=2).but({0x00080060: "PT"}))
        assert (await only_study(index)).study.modalities == ("CT", "PT")

    @pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
    async def test_the_newest_instance_tells_the_study(
        self, index: Index, order: Sequence[int]
    ) -> None:
        made = [recipe(1, n + 1, 1, received_at=n).but({0x00100020: f"ID{n}"}) for n in range(3)]
        for place in order:
            await fill(index, made[place])
        assert b'"ID2"' in (await only_study(index)).study.attributes
        await index.remove(Scope.of(made[2].key))
        assert b'"ID1"' in (await only_study(index)).study.attributes
        assert await studies(index, Exact(PATIENT_ID, "ID1")) == ["1"]
        assert await studies(index, Exact(PATIENT_ID, "ID2")) == []

    async def test_at_the_same_time_the_greater_digest_tells(self, index: Index) -> None:
        made = [recipe(1, 1, n).but({0x00100020: f"ID{n}"}) for n in (1, 2, 3)]
        await fill(index, *made)
        newest = max(made, key=lambda one: one.make().blob.digest)
        name = f"ID{newest.key.instance[-1]}".encode()
        assert name in (await only_study(index)).study.attributes

    async def test_totals_follow(self, index: Index) -> None:
        await fill(index, recipe(1, size=3), recipe(2, 1, 1, size=4), recipe(2, 2, 1, size=5))
        assert await index.counts() == Counts(2, 3, 3, 12)
        await index.remove(Scope("1.2.3.2"))
        assert await index.counts() == Counts(1, 1, 1, 3)

    async def test_holdings_come_in_order_of_digests_page_by_page(self, index: Index) -> None:
        made = await fill(index, *(recipe(1, 1, number, size=number) for number in range(1, 8)))
        expected = sorted((new.blob.digest, new.blob.size, new.scanned.key) for new in made)
        found, after = [], ""
        while page := await index.holdings(after, 3):
            assert len(page) <= 3
            found += [(one.blob.digest, one.blob.size, one.key) for one in page]
            after = page[-1].blob.digest
        assert found == expected
        await index.remove(Scope("1.2.3.1"))
        assert await index.holdings("", 3) == ()

    # Changes

    async def test_changes_have_no_gaps(self, index: Index) -> None:
        await fill(index, recipe(1), recipe(2))
        await fill(index, recipe(1, content="other"))
        await index.remove(Scope("1.2.3.2"))
        await fill(index, recipe(2))
        changes = await index.changes(0, 10)
        assert [change.sequence for change in changes] == [1, 2, 3, 4, 5]
        assert [change.action for change in changes] == [
            ChangeAction.STORED,
            ChangeAction.STORED,
            ChangeAction.REPLACED,
            ChangeAction.DELETED,
            ChangeAction.STORED,
        ]
        assert [c.sequence for c in await index.changes(1, 2)] == [2, 3]
        assert changes[3].key == recipe(2).key

    async def test_revisions_grow_with_every_change_inside(self, index: Index) -> None:
        await fill(index, recipe(1, 1, 1), recipe(1, 1, 2), recipe(1, 2, 1), recipe(2))
        study, series = Scope("1.2.3.1"), Scope("1.2.3.1", "1.2.3.1.1")
        assert [await index.revision(s) for s in (Scope(), study, series)] == [4, 3, 2]
        await index.remove(Scope.of(recipe(1, 1, 1).key))
        assert [await index.revision(s) for s in (Scope(), study, series)] == [5, 5, 5]
        await index.remove(series)
        assert [await index.revision(s) for s in (study, series)] == [6, None]
        assert await index.revision(Scope.of(recipe(1, 2, 1).key)) == 3

    async def test_a_removed_study_leaves_nothing(self, index: Index) -> None:
        made = await fill(index, recipe(1, 1, 1), recipe(1, 1, 2), recipe(2))
        removed = await index.remove(Scope("1.2.3.1"))
        assert removed == tuple(Removed(n.scanned.key, n.blob.digest) for n in made[:2])
        assert await studies(index) == ["2"]
        assert await index.get(made[0].scanned.key) is None
        assert (await index.documents(Scope("1.2.3.1"))).keys == ()
        wanted = [new.blob.digest for new in made] + ["0" * 64]
        assert await index.referenced(wanted) == {made[2].blob.digest}


@pytest.mark.anyio
class TombstonesContract:
    """What every Tombstones does."""

    @pytest.fixture
    def anyio_backend(self) -> str:
        """Tombstones run on asyncio."""
        return "asyncio"

    async def test_what_is_buried_stays_until_revived(self, tombstones: Tombstones) -> None:
        digests = [f"{number:064x}" for number in range(3)]
        await tombstones.bury([Removed(MISSING, digest) for digest in digests[:2]])
        await tombstones.bury([Removed(MISSING, digests[0])])
        assert await tombstones.buried(digests) == set(digests[:2])
        assert set(await tombstones.removed(digests)) == {
            Removed(MISSING, digest) for digest in digests[:2]
        }
        await tombstones.revive([digests[0], digests[2]])
        assert await tombstones.buried(digests) == {digests[1]}

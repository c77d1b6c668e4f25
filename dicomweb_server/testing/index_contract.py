# ruff: noqa: S101 - these are tests: they assert
"""The contract of an Index as tests: a new index passes them or is none.

Subclass `IndexContract` (and `TombstonesContract`) in a test module, give it a fixture `index`
(`tombstones`), and pytest does the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from dicomweb_server.errors import InvalidParameter, QueryDeadlineExceeded
from dicomweb_server.index.port import Counts, Index, Removed, Tombstones
from dicomweb_server.model.change import ChangeAction
from dicomweb_server.model.ids import InstanceKey, Level, Scope
from dicomweb_server.model.instance import (
    BitFrames,
    BulkRef,
    ByteRange,
    FragmentedFrames,
    FrameTable,
    NewInstance,
)
from dicomweb_server.model.outcome import DuplicatePolicy, PutOutcome
from dicomweb_server.model.query import (
    Between,
    Clause,
    Empty,
    Every,
    Exact,
    Like,
    Match,
    Moment,
    Name,
    Nested,
    OneOf,
    Order,
    Page,
    Query,
)
from dicomweb_server.testing.instances import Recipe, recipe, value

KEEP, REPLACE, REJECT = DuplicatePolicy.KEEP, DuplicatePolicy.REPLACE, DuplicatePolicy.REJECT
STUDY_DATE, STUDY_TIME, ACCESSION = (0x00080020,), (0x00080030,), (0x00080050,)
PATIENT_NAME, PATIENT_ID, MODALITY = (0x00100010,), (0x00100020,), (0x00080060,)
MODALITIES, SERIES_COUNT, INSTANCE_COUNT = (0x00080061,), (0x00201206,), (0x00201208,)
SERIES_INSTANCES, TIMEZONE, IMAGE_TYPE = (0x00201209,), (0x00080201,), (0x00080008,)
REQUEST, SPS_ID, PROCEDURE_ID = (0x00400275,), (0x00400009,), (0x00401001,)
MISSING = InstanceKey("9", "9", "9")
SECONDS = 30.0


async def fill(index: Index, *recipes: Recipe) -> tuple[NewInstance, ...]:
    """Store instances in one call."""
    made = tuple(one.make() for one in recipes)
    await index.put(made, REPLACE)
    return made


async def find(index: Index, level: Level, *clauses: Clause) -> list[str]:
    """UIDs of what matches, sorted."""
    result = await index.search(Query(level, Page(1000), clauses=clauses), SECONDS)
    return sorted(uid_of(match) for match in result.matches)


def uid_of(match: Match) -> str:
    """The UID of the deepest part."""
    return (match.instance or match.series or match.study).uid


async def studies(index: Index, *clauses: Clause) -> list[str]:
    """Last numbers of the studies that match."""
    return [uid.split(".")[-1] for uid in await find(index, Level.STUDY, *clauses)]


async def only_study(index: Index) -> Match:
    """The one study that there is."""
    (match,) = (await index.search(Query(Level.STUDY, Page(10)), SECONDS)).matches
    return match


@pytest.mark.anyio
class IndexContract:
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

    async def test_records_come_in_pages_of_a_scope(self, index: Index) -> None:
        made = await fill(index, *(recipe(s, e) for s in (1, 2) for e in (1, 2, 3)))
        first = await index.records(Scope("1.2.3.2"), 0, 2)
        rest = await index.records(Scope("1.2.3.2"), first[-1].sequence, 2)
        assert [r.key for r in first + rest] == [new.scanned.key for new in made[3:]]
        assert await index.records(Scope(), 6) == ()

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

    # Matching

    @pytest.mark.parametrize(
        ("clause", "wanted"),
        [
            (Exact(PATIENT_ID, "PID000002"), "2"),
            (Exact(PATIENT_ID, "pid000002"), ""),
            (OneOf((0x0020000D,), ("1.2.3.1", "1.2.3.3", "7")), "13"),
            (Like(ACCESSION, "ACC*3"), "3"),
            (Like(ACCESSION, "ACC00000?"), "123"),
            (Like(ACCESSION, "[A]*"), ""),
            (Between(STUDY_DATE, "20240303", None), "23"),
            (Between(STUDY_DATE, None, "20240303"), "12"),
            (Name(PATIENT_NAME, "family00002^given"), "2"),
            (Name(PATIENT_NAME, "family*"), "123"),
            (Name(PATIENT_NAME, "山田*"), "123"),
            (Name(PATIENT_NAME, "", ("giv", "family00003")), "3"),
            (Name(PATIENT_NAME, "", ("giv", "やまた")), ""),
            (Empty((0x00101000,)), "123"),
            (Empty(PATIENT_ID), ""),
            (Exact(MODALITIES, "MR"), "3"),
            (Like(MODALITIES, "?R"), "3"),
            (Every(MODALITIES, ("CT", "MR")), "3"),
            (Exact(SERIES_COUNT, "2"), "3"),
            (Exact(INSTANCE_COUNT, "1"), "12"),
        ],
    )
    async def test_clauses_of_every_kind(self, index: Index, clause: Clause, wanted: str) -> None:
        await fill(index, recipe(1), recipe(2), recipe(3), recipe(3, 2))
        assert await studies(index, clause) == list(wanted)

    async def test_any_value_of_an_attribute_matches(self, index: Index) -> None:
        two = recipe(1)
        await fill(index, two.but(values=(*two.values, value(PATIENT_ID, "SECOND"))), recipe(2))
        assert await studies(index, Exact(PATIENT_ID, "SECOND")) == ["1"]
        assert await studies(index, Exact(PATIENT_ID, "PID000001")) == ["1"]
        assert await studies(index, Every(PATIENT_ID, ("PID000001", "SECOND"))) == ["1"]
        assert await studies(index, Like(PATIENT_ID, "*00000?")) == ["1", "2"]

    async def test_malformed_dates_take_no_part_in_ranges(self, index: Index) -> None:
        await fill(index, recipe(1).but({0x00080020: "20230231"}), recipe(2))
        assert await studies(index, Between(STUDY_DATE, "20230101", None)) == ["2"]
        assert await studies(index, Exact(STUDY_DATE, "20230231")) == ["1"]

    async def test_a_moment_joins_date_and_time(self, index: Index) -> None:
        first = recipe(1).but({0x00080020: "20240105", 0x00080030: "0900"})
        second = recipe(2).but({0x00080020: "20240106", 0x00080030: "0900"})
        third = recipe(3).but({0x00080020: "20240107", 0x00080030: ""})
        await fill(index, first, second, third)
        moment = Moment(STUDY_DATE, STUDY_TIME, "20240105100000.000000", "20240107000000.000000")
        assert await studies(index, moment) == ["2", "3"]

    async def test_an_offset_moves_only_who_tells_his_own(self, index: Index) -> None:
        day = {0x00080020: "20240105", 0x00080030: "0030"}
        await fill(index, recipe(1).but(day), recipe(2).but({**day, TIMEZONE[0]: "+0200"}))
        low, high = "20240104220000.000000", "20240104230000.000000"
        assert await studies(index, Moment(STUDY_DATE, STUDY_TIME, low, high, 0)) == ["2"]
        assert await studies(index, Moment(STUDY_DATE, STUDY_TIME, low, high)) == []

    async def test_one_item_meets_all_clauses(self, index: Index) -> None:
        crossed = tuple(
            value((*REQUEST, *tag), text, item)
            for tag, text, item in (
                (SPS_ID, "A", "0001"),
                (PROCEDURE_ID, "B", "0001"),
                (SPS_ID, "C", "0002"),
            )
        )
        await fill(index, recipe(1).but(values=crossed))
        level = Level.SERIES

        def nested(*clauses: Exact | Empty) -> Nested:
            return Nested(REQUEST, clauses)

        assert await find(index, level, nested(Exact(SPS_ID, "A"), Exact(PROCEDURE_ID, "B")))
        assert not await find(index, level, nested(Exact(SPS_ID, "C"), Exact(PROCEDURE_ID, "B")))
        assert await find(index, level, nested(Exact(SPS_ID, "C"), Empty(PROCEDURE_ID)))
        assert not await find(index, level, nested(Exact(SPS_ID, "A"), Empty(PROCEDURE_ID)))

    async def test_keys_of_the_study_match_below(self, index: Index) -> None:
        await fill(index, recipe(1), recipe(2), recipe(2, 2))
        clauses = (Exact(PATIENT_ID, "PID000002"), Exact(MODALITY, "MR"))
        assert await find(index, Level.SERIES, *clauses) == ["1.2.3.2.2"]
        assert await find(index, Level.INSTANCE, *clauses) == ["1.2.3.2.2.1"]
        assert await find(index, Level.SERIES, Exact(SERIES_INSTANCES, "2")) == []

    async def test_text_from_outside_stays_text(self, index: Index) -> None:
        await fill(index, recipe(1))
        for text in ("' OR 1=1 --", '"; DROP TABLE study; --', "%", "_", "\ud800", "?", "\0"):
            assert await studies(index, Exact(PATIENT_ID, text)) == []
            assert await studies(index, Name(PATIENT_NAME, text + "x")) == []
        assert await studies(index) == ["1"]

    # Results

    async def test_a_match_brings_the_parts_above(self, index: Index) -> None:
        (new,) = await fill(index, recipe())
        (match,) = (await index.search(Query(Level.INSTANCE, Page(9)), SECONDS)).matches
        told = new.scanned.attributes
        assert match.series is not None
        assert match.instance is not None
        parts = (match.study.attributes, match.series.attributes, match.instance.attributes)
        assert parts == (told.study, told.series, told.instance)
        assert match.instance.transfer_syntax == new.scanned.transfer_syntax
        assert match.series.instance_count == 1

    async def test_studies_come_newest_first(self, index: Index) -> None:
        dates = {1: "20240101", 2: "20240301", 3: "", 4: "20240201"}
        await fill(index, *(recipe(n).but({0x00080020: date}) for n, date in dates.items()))
        result = await index.search(Query(Level.STUDY, Page(9)), SECONDS)
        assert [uid_of(match)[-1] for match in result.matches] == ["2", "4", "1", "3"]

    @pytest.mark.parametrize("descending", [False, True])
    async def test_numbers_are_sorted_by_size(self, index: Index, descending: bool) -> None:
        numbers = {1: "10", 2: "9", 3: "no number"}
        await fill(index, *(recipe(1, 1, n).but({0x00200013: t}) for n, t in numbers.items()))
        order = (Order(0x00200013, descending),)
        result = await index.search(Query(Level.INSTANCE, Page(9), order=order), SECONDS)
        wanted = ["3", "2", "1"]
        found = [uid_of(match)[-1] for match in result.matches]
        assert found == (wanted[::-1] if descending else wanted)

    async def test_pages_tell_what_remains(self, index: Index) -> None:
        await fill(index, *(recipe(n) for n in range(1, 8)))
        first = await index.search(Query(Level.STUDY, Page(3)), SECONDS)
        assert (len(first.matches), first.total, first.remaining) == (3, 7, 4)
        last = await index.search(Query(Level.STUDY, Page(3, offset=6)), SECONDS)
        assert (len(last.matches), last.total, last.remaining) == (1, None, 0)
        assert last.cursor is None
        beyond = await index.search(Query(Level.STUDY, Page(3, offset=9, total=True)), SECONDS)
        assert (beyond.matches, beyond.total, beyond.remaining) == ((), 7, 0)

    @pytest.mark.parametrize(
        "order", [(), (Order(0x00100010, descending=True),), (Order(0x00201208),)]
    )
    async def test_a_cursor_is_stable_while_data_arrive(
        self, index: Index, order: tuple[Order, ...]
    ) -> None:
        await fill(index, *(recipe(n) for n in range(2, 20, 2)))
        seen: list[str] = []
        cursor: str | None = None
        for step in range(20):
            query = Query(Level.STUDY, Page(2, cursor=cursor), order=order)
            result = await index.search(query, SECONDS)
            seen += [uid_of(match) for match in result.matches]
            cursor = result.cursor
            if cursor is None:
                break
            await fill(index, recipe(101 + 2 * step))
        assert len(seen) == len(set(seen))
        assert {f"1.2.3.{n}" for n in range(2, 20, 2)} <= set(seen)

    @pytest.mark.parametrize("cursor", ["", "x", "W10", "\ud800", "e30", "é", "=" * 9])
    async def test_a_strange_cursor_is_refused(self, index: Index, cursor: str) -> None:
        with pytest.raises(InvalidParameter):
            await index.search(Query(Level.STUDY, Page(2, cursor=cursor)), SECONDS)

    async def test_a_cursor_of_another_order_is_refused(self, index: Index) -> None:
        await fill(index, recipe(1), recipe(2))
        cursor = (await index.search(Query(Level.STUDY, Page(1)), SECONDS)).cursor
        query = Query(Level.STUDY, Page(1, cursor=cursor), order=(Order(0x00100020),))
        with pytest.raises(InvalidParameter):
            await index.search(query, SECONDS)

    async def test_a_search_without_time_is_stopped(self, index: Index) -> None:
        await fill(index, recipe(1))
        with pytest.raises(QueryDeadlineExceeded):
            await index.search(Query(Level.STUDY, Page(2)), -1.0)

    async def test_a_scope_bounds_the_search(self, index: Index) -> None:
        await fill(index, recipe(1, 1), recipe(1, 2), recipe(2, 1))
        scope = Scope("1.2.3.1", "1.2.3.1.2")
        result = await index.search(Query(Level.INSTANCE, Page(9), scope), SECONDS)
        assert [uid_of(match) for match in result.matches] == ["1.2.3.1.2.1"]
        result = await index.search(Query(Level.SERIES, Page(9), Scope("1.2.3.1")), SECONDS)
        assert len(result.matches) == 2


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
        await tombstones.revive([digests[0], digests[2]])
        assert await tombstones.buried(digests) == {digests[1]}

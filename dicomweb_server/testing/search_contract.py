# ruff: noqa: S101 - these are tests: they assert
"""The searching part of an index's contract; `index_contract.IndexContract` holds it all."""

from __future__ import annotations

import pytest

from dicomweb_server.errors import InvalidParameter, QueryDeadlineExceeded
from dicomweb_server.index.port import Index
from dicomweb_server.model.ids import Level, Scope
from dicomweb_server.model.instance import NewInstance
from dicomweb_server.model.outcome import DuplicatePolicy
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

STUDY_DATE, STUDY_TIME, ACCESSION = (0x00080020,), (0x00080030,), (0x00080050,)
PATIENT_NAME, PATIENT_ID, MODALITY = (0x00100010,), (0x00100020,), (0x00080060,)
MODALITIES, SERIES_COUNT, INSTANCE_COUNT = (0x00080061,), (0x00201206,), (0x00201208,)
SERIES_INSTANCES, TIMEZONE, IMAGE_TYPE = (0x00201209,), (0x00080201,), (0x00080008,)
REQUEST, SPS_ID, PROCEDURE_ID = (0x00400275,), (0x00400009,), (0x00401001,)
SECONDS = 30.0


async def fill(index: Index, *recipes: Recipe) -> tuple[NewInstance, ...]:
    """Store instances in one call."""
    made = tuple(one.make() for one in recipes)
    await index.put(made, DuplicatePolicy.REPLACE)
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


@pytest.mark.anyio
class SearchContract:
    """How every Index searches."""

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

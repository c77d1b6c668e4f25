"""The common searches go through an index, whatever the size of the archive."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from dicomweb_server.index.sqlite import rows
from dicomweb_server.index.sqlite.connections import WriterConnection
from dicomweb_server.index.sqlite.insertion import put
from dicomweb_server.index.sqlite.moments import add_functions
from dicomweb_server.index.sqlite.schema import INDEX
from dicomweb_server.index.sqlite.search import Statement, search
from dicomweb_server.model.ids import Level, Scope
from dicomweb_server.model.outcome import DuplicatePolicy
from dicomweb_server.model.query import (
    Between,
    Exact,
    Like,
    Moment,
    Name,
    OneOf,
    Order,
    Page,
    Query,
)
from dicomweb_server.testing.instances import recipe

PAGE = Page(50)
STUDY, SERIES, INSTANCE = Level.STUDY, Level.SERIES, Level.INSTANCE
PATIENT_NAME, PATIENT_ID = (0x00100010,), (0x00100020,)
MOMENT = Moment((0x00080020,), (0x00080030,), "20240101000000.000000", "20240201000000.000000", 60)
QUERIES = {
    "study list": Query(STUDY, PAGE),
    "patient id": Query(STUDY, PAGE, clauses=(Exact(PATIENT_ID, "P"),)),
    "patient id prefix": Query(STUDY, PAGE, clauses=(Like(PATIENT_ID, "P*"),)),
    "study uid": Query(STUDY, PAGE, clauses=(OneOf((0x0020000D,), ("1", "2")),)),
    "accession number": Query(STUDY, PAGE, clauses=(Exact((0x00080050,), "A"),)),
    "date range": Query(STUDY, PAGE, clauses=(Between((0x00080020,), "20240101", None),)),
    "moment": Query(STUDY, PAGE, clauses=(MOMENT,)),
    "name prefix": Query(STUDY, PAGE, clauses=(Name(PATIENT_NAME, "doe*"),)),
    "names sorted": Query(STUDY, PAGE, order=(Order(PATIENT_NAME[0]),)),
    "modality": Query(STUDY, PAGE, clauses=(Exact((0x00080061,), "CT"),)),
    "series of a study": Query(SERIES, PAGE, Scope("1.2")),
    "all series": Query(SERIES, PAGE),
    "series of a patient": Query(SERIES, PAGE, clauses=(Exact(PATIENT_ID, "P"),)),
    "instances of a series": Query(INSTANCE, PAGE, Scope("1.2", "1.2.3")),
    "instances of a study": Query(INSTANCE, PAGE, Scope("1.2")),
    "instances by uid": Query(INSTANCE, PAGE, clauses=(Exact((0x00080018,), "1"),)),
    "instances of a patient": Query(
        INSTANCE, PAGE, clauses=(Exact((0x00280010,), "512"), Exact(PATIENT_ID, "P"))
    ),
    "body part": Query(SERIES, PAGE, clauses=(Exact((0x00180015,), "CHEST"),)),
}
SORTED_BY_INDEX = ("study list", "names sorted", "all series", "instances of a series")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    writer = WriterConnection(tmp_path / "index.db", INDEX)
    add_functions(writer.connection)
    yield writer.connection
    writer.close()


def plan_of(connection: sqlite3.Connection, text: str, parameters: object) -> list[str]:
    rows = connection.execute(f"EXPLAIN QUERY PLAN {text}", parameters)  # type: ignore[arg-type]  # a sequence
    return [row[3] for row in rows]


def scans(plan: list[str]) -> list[str]:
    """Steps that read a whole table; the page itself and an index in its order are fine."""
    return [
        step
        for step in plan
        if step.startswith("SCAN") and step != "SCAN k" and "USING" not in step
    ]


@pytest.mark.parametrize("name", QUERIES)
def test_the_page_of_a_search_uses_an_index(connection: sqlite3.Connection, name: str) -> None:
    page = Statement.of(QUERIES[name], frozenset()).page(51, 0)
    plan = plan_of(connection, page.text, page.parameters)
    assert scans(plan) == [], plan


@pytest.mark.parametrize("name", [name for name, query in QUERIES.items() if query.clauses])
def test_a_clause_leads_to_its_rows(connection: sqlite3.Connection, name: str) -> None:
    count = Statement.of(QUERIES[name], frozenset()).count(behind_cursor=False)
    plan = plan_of(connection, count.text, count.parameters)
    assert not [step for step in plan if step.startswith("SCAN")], plan


@pytest.mark.parametrize("name", SORTED_BY_INDEX)
def test_a_first_page_needs_no_sorting_of_everything(
    connection: sqlite3.Connection, name: str
) -> None:
    page = Statement.of(QUERIES[name], frozenset()).page(51, 0)
    plan = plan_of(connection, page.text, page.parameters)
    whole = plan[: plan.index("SCAN k")] if "SCAN k" in plan else plan
    assert not [step for step in whole if step.startswith("USE TEMP B-TREE FOR ORDER BY")], plan


def test_a_cursor_starts_inside_the_index(connection: sqlite3.Connection) -> None:
    put(connection, [recipe(n).make() for n in range(1, 4)], DuplicatePolicy.KEEP)
    cursor = search(connection, Query(STUDY, Page(1)), 9.0).cursor
    page = Statement.of(Query(STUDY, Page(1, cursor=cursor)), frozenset()).page(2, 0)
    plan = plan_of(connection, page.text, page.parameters)
    assert any("study_by_date (study_date<?)" in step for step in plan), plan


@pytest.mark.parametrize("scope", [Scope("1"), Scope("1", "2"), Scope("1", "2", "3")])
def test_documents_are_found_by_index(connection: sqlite3.Connection, scope: Scope) -> None:
    seen: list[str] = []
    connection.set_trace_callback(seen.append)
    rows.read_documents(connection, scope)
    connection.set_trace_callback(None)
    (statement,) = seen
    assert not scans(plan_of(connection, statement, ()))


class Counter:
    """Counts the statements of a connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.statements: list[str] = []
        connection.set_trace_callback(self.statements.append)

    @property
    def reads(self) -> int:
        """SELECT statements."""
        return sum(text.lstrip().startswith("SELECT") for text in self.statements)


def test_a_record_costs_one_statement(connection: sqlite3.Connection) -> None:
    new = recipe().make()
    put(connection, [new], DuplicatePolicy.KEEP)
    counter = Counter(connection)
    assert rows.read_record(connection, new.scanned.key) is not None
    assert len(counter.statements) == 1


def test_documents_of_a_study_cost_one_statement(connection: sqlite3.Connection) -> None:
    put(
        connection,
        [recipe(1, e, i).make() for e in (1, 2) for i in (1, 2, 3)],
        DuplicatePolicy.KEEP,
    )
    counter = Counter(connection)
    assert len(rows.read_documents(connection, Scope("1.2.3.1")).keys) == 6
    assert len(counter.statements) == 1


@pytest.mark.parametrize(("limit", "reads"), [(10, 2), (3, 3)])
def test_a_search_costs_the_page_and_a_count_only_when_rows_remain(
    connection: sqlite3.Connection, limit: int, reads: int
) -> None:
    put(connection, [recipe(n).make() for n in range(1, 6)], DuplicatePolicy.KEEP)
    counter = Counter(connection)
    clauses = (Name(PATIENT_NAME, "family*"),)
    result = search(connection, Query(STUDY, Page(limit), clauses=clauses), 9.0)
    assert len(result.matches) == min(limit, 5)
    assert counter.reads == reads


def test_totals_without_clauses_are_not_counted(connection: sqlite3.Connection) -> None:
    put(connection, [recipe(n).make() for n in range(1, 6)], DuplicatePolicy.KEEP)
    counter = Counter(connection)
    for level in Level:
        assert search(connection, Query(level, Page(2, total=True)), 9.0).total == 5
    assert not [text for text in counter.statements if "count(*)" in text]

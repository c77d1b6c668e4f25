"""Searches that mean harm: injection (T15), costly patterns (T14), paging without end (T16)."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

import dicomweb_server
from dicomweb_server.errors import InvalidParameter, QueryDeadlineExceeded
from dicomweb_server.index.memory import MemoryIndex
from dicomweb_server.index.sqlite.index import SqliteIndex
from dicomweb_server.model.ids import Level, Scope
from dicomweb_server.model.levels import IndexPlan
from dicomweb_server.model.limits import QueryLimits
from dicomweb_server.model.outcome import DuplicatePolicy
from dicomweb_server.settings import QuerySettings
from dicomweb_server.testing.instances import recipe
from dicomweb_server.wire import qido, querystring
from tests import datasets
from tests.site import Site, open_site
from tests.threats.injections import INJECTIONS, PARAMETERS

_PLAN = IndexPlan.of()
_LIMITS = QueryLimits()
_STUDIES = 40
_FUZZY = "fuzzymatching=true&emptyvaluematching=true&multiplevaluematching=true"
_PACKAGE = Path(dicomweb_server.__file__).parent


@dataclass(frozen=True)
class Both:
    """The index, and the reference that it must answer like."""

    sqlite: SqliteIndex
    memory: MemoryIndex
    runner: asyncio.Runner


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """An index with some studies, and one of the same content without SQL."""
    opened = SqliteIndex.open(tmp_path_factory.mktemp("index") / "index.db", _PLAN, readers=1)
    with asyncio.Runner() as runner:
        made = [recipe(study).make() for study in range(1, _STUDIES + 1)]
        reference = MemoryIndex()
        for each in (opened, reference):
            runner.run(each.put(made, DuplicatePolicy.REPLACE))
        yield Both(opened, reference, runner)
        runner.run(opened.close())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with one instance."""
    with open_site(tmp_path_factory.mktemp("site")) as opened:
        assert opened.store([datasets.instance()]).status_code == 200
        yield opened


def test_there_are_enough_of_them() -> None:
    assert len(set(INJECTIONS)) >= 500


@pytest.mark.parametrize("name", PARAMETERS)
def test_t15_what_is_injected_is_a_value_and_no_sql(index: Both, name: str) -> None:
    runner = index.runner
    for place, text in enumerate(INJECTIONS):
        level = tuple(Level)[place % 3]
        raw = f"{name}={quote(text)}&{_FUZZY if place % 2 and name not in _FUZZY else ''}"
        try:
            parameters = querystring.parse(raw.encode("ascii"), _LIMITS)
            parsed = qido.parse(level, Scope(), parameters, _PLAN, _LIMITS)
        except InvalidParameter:
            continue
        if name == "cursor":
            with pytest.raises(InvalidParameter):
                runner.run(index.sqlite.search(parsed.query, 60))
            continue
        found = runner.run(index.sqlite.search(parsed.query, 60))
        assert found == runner.run(index.memory.search(parsed.query, 60)), f"{name}={text}"
    assert runner.run(index.sqlite.counts()).studies == _STUDIES


@pytest.mark.parametrize("path", ["/studies?{}", "/instances?{}", "/studies?PatientID={}"])
def test_t15_no_injection_fails_a_request(site: Site, path: str) -> None:
    for text in INJECTIONS[::7]:
        answer = site.get(path.format(quote(text)))
        assert answer.status_code in (200, 400), text
    assert len(site.search("/studies")) == 1


def test_t15_every_path_segment_is_a_uid_or_refused(site: Site) -> None:
    for text in INJECTIONS[::11]:
        segment = quote(text, safe="")
        for path in (f"/studies/{segment}", f"/studies/1.2.3/series/{segment}/metadata"):
            assert site.get(path).status_code in (400, 404), text
    for text in INJECTIONS[::23]:
        segment = quote(text, safe="")
        answer = site.request("DELETE", f"/studies/{segment}")
        assert answer.status_code in (400, 404, 405), text
    assert len(site.search("/studies")) == 1


def test_t15_values_are_bound_and_never_written_into_sql() -> None:
    """Statements that are put together hold names of ours alone: each place is known."""
    found = set()
    for path in _PACKAGE.rglob("*.py"):
        if "sqlite" not in path.read_text("utf-8"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            found |= {ast.unparse(part) for part in _inserted(node)}
    outside = {name for name in found if any(word in name for word in ("value", "text", "pattern"))}
    assert not outside


def _inserted(node: ast.AST) -> Iterator[ast.expr]:
    """What a statement that is run takes in by an f-string."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
        return
    if node.func.attr in ("execute", "executemany", "executescript", "query"):
        for inner in ast.walk(node.args[0]):
            if isinstance(inner, ast.FormattedValue):
                yield inner.value


@pytest.mark.parametrize(
    "query",
    [
        "PatientName=" + "*a" * 9,
        "PatientName=" + "?" * 129,
        "PatientName=" + "a" * 200,
        "&".join(f"PatientName=a{n}" for n in range(65)),
        "PatientName=" + "a" * 20_000,
        "StudyInstanceUID=" + ",".join(f"1.2.{n}" for n in range(1_001)),
    ],
    ids=["wildcards", "long pattern", "long value", "parameters", "query", "uids"],
)
def test_t14_what_costs_much_is_refused_with_its_bound(site: Site, query: str) -> None:
    answer = site.get(f"/studies?{query}")
    assert answer.status_code == 400
    assert any(letter.isdigit() for letter in answer.json()["hint"] + answer.json()["detail"])


def test_t14_a_search_ends_at_its_deadline_with_503_and_when_to_try_again(tmp_path: Path) -> None:
    with open_site(tmp_path, query=QuerySettings(deadline_seconds=1e-9)) as slow:
        slow.store([datasets.instance(number) for number in range(1, 60)])
        answers = [
            slow.get("/instances?PatientName=*" + "?*" * 3 + "zz&fuzzymatching=true")
            for _ in range(5)
        ]
    for answer in answers:
        assert answer.status_code == 503
        assert answer.json()["type"].endswith("query-deadline-exceeded")
        assert int(answer.headers["retry-after"]) >= 1


def test_t14_the_deadline_ends_the_worst_patterns(index: Both) -> None:
    opened, runner = index.sqlite, index.runner
    for place in range(100):
        pattern = "".join("*?"[place >> bit & 1] + "ae^ "[bit % 4] for bit in range(7)) + "*"
        parameters = querystring.parse(f"PatientName={quote(pattern)}".encode(), _LIMITS)
        query = qido.parse(Level.STUDY, Scope(), parameters, _PLAN, _LIMITS).query
        try:
            runner.run(opened.search(query, 1e-9))
        except QueryDeadlineExceeded:
            continue
        runner.run(opened.search(query, 60))


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=999999999", 200),
        ("limit=99999999999999999999999999", 200),
        ("limit=0", 200),
        ("limit=-1", 400),
        ("limit=1e9", 400),
        ("limit=٣", 400),
        ("offset=1000000", 200),
        ("offset=999999999", 400),
        ("offset=99999999999999999999999999", 400),
        ("offset=-1", 400),
        ("cursor=zz", 400),
        ("cursor=" + "A" * 5_000, 400),
        ("limit=2&limit=3", 400),
        ("limit=", 400),
    ],
)
def test_t16_pages_are_bounded(site: Site, query: str, status: int) -> None:
    for path in ("/studies", "/series", "/instances"):
        answer = site.get(f"{path}?{quote(query, safe='=&')}")
        assert answer.status_code == status, answer.text[:300]


def test_t16_a_page_is_never_longer_than_the_limit_of_its_level(tmp_path: Path) -> None:
    bounded = QuerySettings(maximum_limits=(2, 3, 4), default_limits=(1, 2, 3))
    with open_site(tmp_path, query=bounded) as small:
        small.store([datasets.instance(number) for number in range(1, 9)])
        assert len(small.search("/instances?limit=999999999")) == 4
        assert len(small.search("/instances")) == 3

"""The suite judges a live server of ours: what is finished passes, what is pending is known."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from conformance.client import Client
from conformance.model import Check, Failed, Level, NotOffered, Verdict, check
from conformance.output import markdown, report_of
from conformance.registry import CHECKS
from conformance.run import Run, Unreachable, judge, run_checks
from conformance.synthetic.corpus import Corpus
from conformance.world import World
from tests.conformance.pending import PENDING
from tests.live.server import Server, running

_NO_DATA = Corpus("NONE", {})
CLOSED = "http://127.0.0.1:9/dicom-web"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("hypercorn", {"DICOMWEB_HTTP__STRICT_ACCEPT": "true"}) as found:
        yield found


@pytest.fixture(scope="module")
def run(server: Server) -> Run:
    with Client(server.root) as client:
        return run_checks(client, CHECKS)


def test_every_shall_holds_but_the_pending_ones(run: Run) -> None:
    failed = {r.check.id: r.reason for r in run.failures if r.check.level is Level.SHALL}
    assert {name: why for name, why in failed.items() if name not in PENDING} == {}


def test_what_holds_is_no_longer_pending(run: Run) -> None:
    failed = {r.check.id for r in run.failures}
    assert sorted(set(PENDING) - failed) == []


def test_every_check_has_a_result_and_every_failure_a_reason(run: Run) -> None:
    assert [result.check for result in run.results] == list(CHECKS)
    assert all(result.reason for result in run.results if result.verdict is not Verdict.PASS)


def test_nothing_stays_in_the_server(run: Run, server: Server) -> None:
    assert run.left == ()
    accept = {"Accept": "application/dicom+json"}
    assert httpx.get(f"{server.root}/studies", headers=accept).json() == []


def test_no_check_breaks(run: Run) -> None:
    assert [r.reason for r in run.results if r.reason.startswith("the check broke")] == []


def test_page_has_each_failure(run: Run) -> None:
    page = markdown([report_of(run, "ours")])
    assert all(f"| {result.check.id} |" in page for result in run.failures)


def _check(run: Callable[[World], None]) -> Check:
    return check("Z1.made-up", Level.SHALL, "1", "a made-up requirement")(run)


def test_a_check_that_breaks_has_failed() -> None:
    def breaks(world: World) -> None:
        raise KeyError("no such thing")

    with Client(CLOSED) as client:
        result = judge(_check(breaks), World(client, _NO_DATA))
    assert result.verdict is Verdict.FAIL
    assert "KeyError" in result.reason


def test_a_server_that_ends_is_told_of() -> None:
    def asks(world: World) -> None:
        world.get("/studies")

    with Client(CLOSED) as client:
        result = judge(_check(asks), World(client, _NO_DATA), patience=0)
    assert result.verdict is Verdict.FAIL
    assert result.reason.endswith("has not answered since")


@pytest.mark.parametrize(
    ("error", "verdict"), [(Failed("x"), Verdict.FAIL), (NotOffered("x"), Verdict.NOT_OFFERED)]
)
def test_verdicts(error: Exception, verdict: Verdict) -> None:
    def raises(world: World) -> None:
        raise error

    with Client(CLOSED) as client:
        assert judge(_check(raises), World(client, _NO_DATA)).verdict is verdict


def test_a_server_that_does_not_answer_is_unreachable() -> None:
    with Client(CLOSED) as client, pytest.raises(Unreachable):
        run_checks(client, CHECKS)


def _suite(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "conformance", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=100)


def test_exit_codes(server: Server, tmp_path: Path) -> None:
    told = tmp_path / "told.json"
    fine = _suite("--url", server.root, "--only", "A9,F1", "--json", str(told))
    assert fine.returncode == 0, fine.stdout
    results = json.loads(told.read_text())["results"]
    assert {row["verdict"] for row in results} == {"pass"}
    assert _suite("--url", CLOSED).returncode == 3
    assert _suite("--only", "A9").returncode == 2
    assert _suite("--url", server.root, "--only", "Z9").returncode == 2


def test_exit_code_of_a_shall_that_does_not_hold(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    with running("hypercorn", {"DICOMWEB_HTTP__STRICT_ACCEPT": "false"}) as lenient:
        found = _suite("--url", lenient.root, "--only", "N1", "--markdown", str(page))
    assert found.returncode == 1
    assert "N1.metadata" in found.stdout
    assert "N1.metadata" in page.read_text()

"""The short form of every proof, and the page made of the full ones."""

from __future__ import annotations

import multiprocessing
import secrets
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor

import pytest

from tests import canaries
from tests.faults.proof import Effort, Fault, Proof, faults
from tests.faults.results import PAGE, kept, page

_LANES = 2
"""Proofs at the same time: each of them waits much, for starts, disks and limits of time."""

Running = Mapping[str, Future[Proof]]


def _prove(row: str, seed: int) -> Proof:
    """Run a proof in a process of its own; nothing that it makes this log names a patient."""
    (fault,) = (each for each in faults() if each.row == row)
    with canaries.watching() as watch, warnings.catch_warnings():
        warnings.simplefilter("error")
        found = fault.run(Effort.SHORT, seed)
    canaries.check(watch.text, "the log")
    return Proof(dict(found.counts), found.violations, seed)


@pytest.fixture(scope="session")
def running(request: pytest.FixtureRequest) -> Iterator[Running]:
    """The proofs that were asked for, by their rows, some of them at a time."""
    found = (getattr(item, "callspec", None) for item in request.session.items)
    chosen = [call.params["fault"].row for call in found if call and "fault" in call.params]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(_LANES, spawn) as lanes:
        yield {row: lanes.submit(_prove, row, secrets.randbelow(1 << 31)) for row in chosen}
        lanes.shutdown(wait=True, cancel_futures=True)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", faults(), ids=lambda fault: fault.row)
def test_promise_holds(fault: Fault, running: Running) -> None:
    proof = running[fault.row].result()
    assert proof.held, (f"seed {proof.seed}", proof.counts, proof.violations)


def test_page_is_made_of_the_results_and_names_what_was_not_run() -> None:
    assert PAGE.read_text("utf-8") == page(kept(), faults()), "run `make docs`"

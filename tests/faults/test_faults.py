"""The short form of every proof, and the page made of the full ones."""

from __future__ import annotations

import secrets

import pytest

from tests.faults.proof import Effort, Fault, faults
from tests.faults.results import PAGE, kept, page


@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", faults(), ids=lambda fault: fault.row)
def test_promise_holds(fault: Fault) -> None:
    seed = secrets.randbelow(1 << 31)
    proof = fault.run(Effort.SHORT, seed)
    assert proof.held, (f"seed {seed}", dict(proof.counts), proof.violations)


def test_page_is_made_of_the_results_and_names_what_was_not_run() -> None:
    assert PAGE.read_text("utf-8") == page(kept(), faults()), "run `make docs`"

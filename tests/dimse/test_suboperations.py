"""Counts and final statuses of sub-operations (PS3.4 Tables C.4-2 and C.4-3)."""

from __future__ import annotations

import pytest

from dicomweb_server.dimse import outgoing
from dicomweb_server.dimse.suboperations import Outcome, SubOperations
from tests.dimse.archives import EXPLICIT, IMPLICIT, decoded

DONE, WARNED, FAILED = Outcome.COMPLETED, Outcome.WARNING, Outcome.FAILED


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ([], 0x0000),
        ([DONE, DONE], 0x0000),
        ([DONE, FAILED], 0xB000),
        ([WARNED, FAILED], 0xB000),
        ([FAILED, FAILED], 0xA702),
    ],
)
def test_final_status(outcomes: list[Outcome], status: int) -> None:
    counts = SubOperations(len(outcomes))
    for number, outcome in enumerate(outcomes):
        counts.note(outcome, f"1.2.{number}")
    assert counts.status().code == status
    assert counts.remaining == 0


def test_numbers_and_failures_are_told() -> None:
    counts = SubOperations(4)
    for number, outcome in enumerate((DONE, FAILED, WARNED)):
        counts.note(outcome, f"1.2.{number}")
    fields = {
        outgoing.COMPLETED: 1,
        outgoing.FAILED: 1,
        outgoing.WARNING: 1,
        outgoing.REMAINING: 1,
    }
    assert counts.fields(final=False) == fields
    counts.lose()
    assert counts.fields(final=True)[outgoing.FAILED] == 2
    assert outgoing.REMAINING not in counts.fields(final=True)
    for syntax in (IMPLICIT, EXPLICIT):
        told = counts.failures(implicit=syntax == IMPLICIT)
        assert told is not None
        assert decoded(told, syntax).FailedSOPInstanceUIDList == "1.2.1"


def test_without_failures_there_is_no_list() -> None:
    assert SubOperations(0).failures(implicit=True) is None


def test_the_list_ends_where_explicit_vr_does() -> None:
    counts = SubOperations(10_000)
    for number in range(10_000):
        counts.note(FAILED, f"1.2.3.{number}")
    told = counts.failures(implicit=False)
    assert told is not None
    assert len(told) <= 65_534 + 8
    assert len(decoded(told, EXPLICIT).FailedSOPInstanceUIDList) > 5_000
    assert counts.fields(final=True)[outgoing.FAILED] == 10_000

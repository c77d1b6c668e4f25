"""Every error has a status, and every status is one that the standard knows."""

from __future__ import annotations

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomweb_server import errors
from dicomweb_server.dimse.status import REASONS, STATUS, Status, comment, status_of
from dicomweb_server.errors import ArchiveError, InstanceRejected, TooBusy
from dicomweb_server.model.outcome import FailureReason

# PS3.7 9.1.1.1.9 and PS3.4 B.2.3, C.4.1.1.4: what a C-STORE or C-FIND may fail with.
_GENERAL = {0x0122, 0x0124}


def _classes() -> list[type[ArchiveError]]:
    found = [each for _, each in inspect.getmembers(errors, inspect.isclass)]
    return [each for each in found if issubclass(each, ArchiveError)]


def _is_failure(code: int) -> bool:
    ranges = (0xA700 <= code <= 0xA7FF, 0xA900 <= code <= 0xA9FF, 0xC000 <= code <= 0xCFFF)
    return code in _GENERAL or any(ranges)


@pytest.mark.parametrize("error", _classes(), ids=lambda error: error.__name__)
def test_every_error_has_a_status_of_the_standard(error: type[ArchiveError]) -> None:
    assert _is_failure(STATUS[error])


def test_no_error_is_mapped_that_does_not_exist() -> None:
    assert set(STATUS) == set(_classes())


@pytest.mark.parametrize("reason", FailureReason)
def test_every_failure_reason_has_a_status_of_the_standard(reason: FailureReason) -> None:
    assert _is_failure(REASONS[reason])


def test_rejected_instance_has_the_status_of_its_reason() -> None:
    error = InstanceRejected(FailureReason.DOES_NOT_MATCH_SOP_CLASS, "another one")
    assert status_of(error) == Status(0xA900, "another one")


def test_error_of_a_kind_has_the_status_of_that_kind() -> None:
    class Busier(TooBusy):
        pass

    assert status_of(Busier("wait")) == Status(0xA700, "wait")


def test_foreign_error_tells_nothing_of_itself() -> None:
    assert status_of(ValueError("Doe^Jane")) == Status(0xC110, "an error inside the server")


@given(st.text())
def test_comment_is_an_lo_of_ascii(text: str) -> None:
    told = comment(text)
    assert len(told) <= 64
    assert told.isascii()
    assert "\\" not in told
    assert told.isprintable()

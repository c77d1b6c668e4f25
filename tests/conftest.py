"""Fixtures for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import canaries, data
from tests.programs import in_ci


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real DICOM files; tests that need it are skipped without it."""
    folder = data.data_folder()
    if folder is None:
        pytest.skip("the folder of real DICOM files is not here (set DICOMWEB_TEST_DATA)")
    return folder


@pytest.fixture(autouse=True)
def _logs_tell_nothing_of_patients() -> Iterator[None]:
    """No line that a test makes the program log names a patient of the tests' data (T28)."""
    with canaries.watching() as watch:
        yield
    canaries.check(watch.text, "the log")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI nothing is left out: a skipped test fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", ()) if reporter is not None else ()
    if in_ci() and skipped and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED

"""Fixtures for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import data


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real DICOM files; tests that need it are skipped without it."""
    folder = data.data_folder()
    if folder is None:
        pytest.skip("the folder of real DICOM files is not here (set DICOMWEB_TEST_DATA)")
    return folder

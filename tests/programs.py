"""Programs of the system that tests call."""

from __future__ import annotations

import os
import shutil

import pytest

PACKAGES = {
    "chromium": "chromium",
    "curl": "curl",
    "dcmconv": "dcmtk",
    "dcmp2pgm": "dcmtk",
    "echoscu": "dcmtk",
    "make": "make",
    "openssl": "openssl",
    "storescp": "dcmtk",
    "storescu": "dcmtk",
    "strace": "strace",
    "unzip": "unzip",
}
"""Debian package of each program."""


def in_ci() -> bool:
    """Whether this is a run that must leave nothing out."""
    return os.environ.get("CI", "").lower() in {"1", "true"}


def require(program: str) -> str:
    """Path of a program; without it the test is skipped, in CI it fails.

    Args:
        program: Its name, a key of PACKAGES.
    """
    package = PACKAGES[program]
    path = shutil.which(program)
    if path is not None:
        return path
    reason = f"the program {program} is missing (Debian package {package})"
    if in_ci():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)

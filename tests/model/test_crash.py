"""Crash points kill the process at the step and the time that are named, and nowhere else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from dicomweb_server.errors import ConfigurationError
from dicomweb_server.model.crash import CRASH_VARIABLE, Step, crash_point, nowhere

_PROGRAM = """
from dicomweb_server.model.crash import Step, crash_point
reached = crash_point()
for step in (Step.BEFORE_FSYNC, Step.BEFORE_RENAME, Step.BEFORE_FSYNC, Step.AFTER_COMMIT):
    reached(step)
    print(step, flush=True)
"""


def _run(point: str) -> tuple[int, list[str]]:
    result = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env=os.environ | {CRASH_VARIABLE: point},
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    return result.returncode, result.stdout.split()


def test_ordinary_life_has_no_crash_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CRASH_VARIABLE, raising=False)
    assert crash_point() is nowhere


@pytest.mark.parametrize(
    ("point", "before"),
    [
        ("before-fsync", []),
        ("before-fsync:2", ["before-fsync", "before-rename"]),
        ("after-commit", ["before-fsync", "before-rename", "before-fsync"]),
    ],
)
def test_the_process_dies_at_the_step_that_is_named(point: str, before: list[str]) -> None:
    assert _run(point) == (-signal.SIGKILL, before)


def test_a_time_that_never_comes_kills_nothing() -> None:
    status, steps = _run("before-fsync:3")
    assert status == 0
    assert len(steps) == 4


def test_an_unknown_step_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CRASH_VARIABLE, "sometime")
    with pytest.raises(ConfigurationError, match="unknown step") as refused:
        crash_point()
    assert str(Step.BEFORE_BURIAL) in refused.value.hint

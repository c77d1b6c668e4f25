"""What is rendered is a function of what is stored: no byte of memory of others shows (T12)."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.threats.renders import cases


def made_in(poison: str) -> list[str]:
    """What becomes of all cases where memory is filled with a byte when it is handed out."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.threats.renders"],
        capture_output=True,
        text=True,
        timeout=110,
        env={**os.environ, "MALLOC_PERTURB_": poison, "PYTHONMALLOC": "malloc"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


def test_pictures_of_lies_are_the_same_in_poisoned_memory() -> None:
    first, second = made_in("85"), made_in("170")
    assert len(first) == len({name for name, _ in cases()}) >= 600
    assert [line for line in first if line not in second] == []
    made = [line for line in first if len(line.rpartition(": ")[2]) == 64]
    assert len(made) >= 500

"""The short form: what was kept is replayed, and every harness gets a moment of new input."""

from __future__ import annotations

import platform
import secrets
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests.fuzz.harness import CORPUS, FOUND, kept, load, names, timed
from tests.fuzz.mutation import inputs

_ROOT = Path(__file__).parents[2]
_MOST_BYTES = 1024 * 1024
_NEW = 300
"""New inputs for each harness; `make fuzz` has as many as time allows."""


@pytest.mark.parametrize("name", names())
def test_what_was_kept_keeps_the_promise(name: str) -> None:
    harness = load(name)
    seeds = list(harness.seeds())
    assert seeds
    for data in [*seeds, b"", b"\0", b"\xff" * 64]:
        harness.run(data)
    for path in [*kept(CORPUS, name), *kept(FOUND, name)]:
        data = path.read_bytes()
        try:
            harness.run(data)
        except Exception as error:
            raise AssertionError(f"{path.relative_to(_ROOT)}: {data[:200]!r}") from error


@pytest.mark.parametrize("name", names())
def test_new_input_keeps_the_promise(name: str) -> None:
    harness, seed = load(name), secrets.randbelow(1 << 31)
    known = [*harness.seeds(), *(path.read_bytes() for path in kept(CORPUS, name))]
    for data in inputs(harness, known, Random(seed), _NEW):
        try:
            timed(harness, data)
        except Exception as error:
            raise AssertionError(f"{name}, seed {seed}: {data!r}") from error


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="atheris has wheels for Linux on x86-64 only",
)
def test_the_guided_form_runs_and_tells_what_it_did(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz", "frames", "--seconds", "1"]
    made = subprocess.run(
        [*command, "--work", str(tmp_path)], cwd=_ROOT, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stdout + made.stderr
    assert made.stdout.startswith("frames ")
    assert list((tmp_path / "frames" / "corpus").iterdir())


def test_a_finding_is_kept_under_its_place_the_shortest_first(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="atheris has wheels for Linux on x86-64 only")
    from tests.fuzz.worker import note  # imports atheris

    for data in (b"long input", b"short", b"longer input"):
        try:
            timed(load("frames"), data)
            int("x")
        except ValueError as error:
            note(tmp_path, data, error)
    (found,) = tmp_path.glob("*.input")
    assert found.read_bytes() == b"short"


def test_the_corpora_are_small() -> None:
    files = [path for folder in (CORPUS, FOUND) for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < _MOST_BYTES
    assert {path.parent.name for path in files} <= set(names())

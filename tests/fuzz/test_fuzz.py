"""The short form: what was kept is replayed, and every harness gets a moment of new input."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.harness import CORPUS, FOUND, kept, load, names, timed

_ROOT = Path(__file__).parents[2]
_MOST_BYTES = 1024 * 1024


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


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="atheris has wheels for Linux on x86-64 only",
)
@pytest.mark.timeout(600)
def test_new_input_keeps_the_promise(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz", "--seconds", "1", "--work", str(tmp_path)]
    made = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True)
    texts = [path.read_text("utf-8") for path in tmp_path.glob("*/findings/*.txt")]
    assert made.returncode == 0, "\n".join([made.stdout, made.stderr, *texts])
    for name in names():
        assert f"{name:12} " in made.stdout


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

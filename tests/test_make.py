"""The Makefile and its scripts on machines that lack something."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.programs import require

ROOT = Path(__file__).parents[1]
SH = "/bin/sh"


def _program(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!{SH}\n{text}\n")
    path.chmod(0o755)


def _venv(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run .ci/venv.sh where only the programs in tmp_path are found."""
    return subprocess.run(
        [SH, str(ROOT / ".ci" / "venv.sh"), str(tmp_path / "venv"), *arguments],
        capture_output=True,
        text=True,
        env={"PATH": str(tmp_path)},
    )


def test_help_lists_every_target() -> None:
    make = require("make")
    done = subprocess.run([make, "help"], capture_output=True, text=True, cwd=ROOT)
    phony = next(
        line for line in (ROOT / "Makefile").read_text("utf-8").splitlines() if ".PHONY" in line
    )
    for target in phony.removeprefix(".PHONY:").split():
        assert target == "system" or f"\n  {target} " in "\n" + done.stdout, target


def test_no_python_is_told(tmp_path: Path) -> None:
    done = _venv(tmp_path)
    assert done.returncode == 1
    assert "Python 3.11, 3.12 or 3.13 is needed" in done.stderr


def test_python_that_is_too_old_is_told(tmp_path: Path) -> None:
    _program(tmp_path, "python3", 'test "$1" = --version && echo "Python 3.9.1"')
    done = _venv(tmp_path)
    assert done.returncode == 1
    assert "python3 here is Python 3.9.1" in done.stderr


def test_missing_venv_is_told_with_its_package(tmp_path: Path) -> None:
    _program(tmp_path, "python3.12", 'case "$2" in *ensurepip*) exit 1 ;; esac')
    done = _venv(tmp_path)
    assert done.returncode == 1
    assert "apt-get install python3-venv" in done.stderr


@pytest.mark.parametrize("named", [True, False])
def test_first_python_that_fits_is_taken(tmp_path: Path, named: bool) -> None:
    for name in ("python3.11", "python3.13", "other"):
        _program(tmp_path, name, f'test "$2" = venv && echo "{name}: $*"; exit 0')
    done = _venv(tmp_path, *(["other"] if named else []))
    assert done.returncode == 0
    expected = "other" if named else "python3.13"
    assert f"{expected}: -m venv {tmp_path / 'venv'}" in done.stdout


def test_part_that_is_not_there_is_told() -> None:
    script = ROOT / ".ci" / "part.sh"
    done = subprocess.run(
        [SH, str(script), "x", "no/such/file", "the thing", "false"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert (done.returncode, done.stdout) == (
        0,
        "make x: the thing: not part of this version yet (no/such/file is not there)\n",
    )

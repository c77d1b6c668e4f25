"""A data folder has one server at a time (RELIABILITY F28)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dicomweb_server.errors import ConfigurationError
from dicomweb_server.ops.datafolder import DataFolder, Use, hold

HOLDER = """
import sys
from pathlib import Path
from dicomweb_server.ops.datafolder import DataFolder, Use
with DataFolder(Path(sys.argv[1])).acquire(Use[sys.argv[2]]):
    print("held", flush=True)
    sys.stdin.read()
"""
ACQUIRER = """
import sys
from pathlib import Path
from dicomweb_server.errors import ConfigurationError
from dicomweb_server.ops.datafolder import DataFolder, Use
try:
    with DataFolder(Path(sys.argv[1])).acquire(Use[sys.argv[2]]):
        print("held")
except ConfigurationError:
    print("refused")
"""


def held_by_another(folder: Path, use: Use) -> subprocess.Popen[str]:
    """A process that holds the folder until its input is closed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), use.name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.parametrize(
    ("first", "second", "allowed"),
    [
        (Use.SERVER, Use.SERVER, False),
        (Use.SERVER, Use.TOOL, True),
        (Use.SERVER, Use.REBUILD, False),
        (Use.TOOL, Use.SERVER, True),
        (Use.TOOL, Use.TOOL, True),
        (Use.TOOL, Use.REBUILD, False),
        (Use.REBUILD, Use.SERVER, False),
        (Use.REBUILD, Use.TOOL, False),
        (Use.REBUILD, Use.REBUILD, False),
        (Use.SERVER, Use.RESTORE, False),
        (Use.TOOL, Use.RESTORE, False),
        (Use.RESTORE, Use.SERVER, False),
        (Use.RESTORE, Use.TOOL, False),
    ],
)
def test_who_may_use_a_folder_together(
    tmp_path: Path, first: Use, second: Use, allowed: bool
) -> None:
    with held_by_another(tmp_path, first) as process:
        if allowed:
            with DataFolder(tmp_path).acquire(second):
                pass
        else:
            with pytest.raises(ConfigurationError, match="in use"):
                DataFolder(tmp_path).acquire(second).__enter__()
        process.communicate()
    with DataFolder(tmp_path).acquire(second):
        pass


def test_a_killed_server_leaves_the_folder_free(tmp_path: Path) -> None:
    with held_by_another(tmp_path, Use.SERVER) as process:
        process.kill()
        process.wait()
        with hold(tmp_path):
            pass


@pytest.mark.parametrize(("use", "told"), [(Use.TOOL, "held\n"), (Use.SERVER, "refused\n")])
def test_what_the_server_starts_may_work_for_it_but_is_no_server(
    tmp_path: Path, use: Use, told: str
) -> None:
    with hold(tmp_path):
        command = [sys.executable, "-c", ACQUIRER, str(tmp_path), use.name]
        assert subprocess.check_output(command, text=True) == told


def test_a_server_of_another_container_with_the_same_process_id_is_refused(tmp_path: Path) -> None:
    with held_by_another(tmp_path, Use.SERVER) as process:
        (tmp_path / "lock").write_text(str(os.getpid()))
        with pytest.raises(ConfigurationError, match="in use"):
            hold(tmp_path).__enter__()
        process.communicate()


def test_while_blobs_are_kept_none_are_removed(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    with (
        folder.keep_blobs(),
        folder.keep_blobs(),
        pytest.raises(ConfigurationError, match="backup"),
    ):
        folder.remove_blobs().__enter__()
    with folder.remove_blobs(), pytest.raises(ConfigurationError, match="another"):
        folder.remove_blobs().__enter__()


@pytest.mark.parametrize("use", [use for use in Use if use is not Use.RESTORE])
def test_nobody_uses_a_folder_whose_restore_was_cut_off(tmp_path: Path, use: Use) -> None:
    folder = DataFolder(tmp_path)
    folder.unfinished.touch()
    with pytest.raises(ConfigurationError, match="cut off"):
        folder.acquire(use).__enter__()
    with folder.acquire(Use.RESTORE):
        pass


def test_holding_makes_the_folder(tmp_path: Path) -> None:
    with hold(tmp_path / "a" / "b") as folder:
        assert folder.path.is_dir()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot be made"):
        hold(tmp_path / "file" / "data").__enter__()


@pytest.mark.parametrize("step", ["announced", "log removed"])
@pytest.mark.parametrize("use", [Use.SERVER, Use.TOOL, Use.REBUILD])
def test_a_swap_cut_off_is_finished_by_the_next_user(tmp_path: Path, step: str, use: Use) -> None:
    folder = DataFolder(tmp_path)
    folder.index.write_text("old")
    if step == "announced":
        (tmp_path / "index.db-wal").write_text("old log")
    built = tmp_path / "index.db.new"
    built.write_text("new")
    folder.announce_index(built)
    with folder.acquire(use):
        assert folder.index.read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir() if "index" in path.name) == ["index.db"]

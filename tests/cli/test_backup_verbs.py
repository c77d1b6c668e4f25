"""``backup`` and ``restore`` as an operator runs them."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from dicomweb_server.ops.datafolder import DataFolder
from tests.cli.test_verbs import _run
from tests.servers import serving


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with the demo study, on which a server has run."""
    with serving(tmp_path / "data", ["--demo"]) as server:
        server.stop()
    return tmp_path / "data"


def test_an_archive_moves_to_another_folder_while_it_is_served(tmp_path: Path) -> None:
    with serving(tmp_path / "data", ["--demo"]) as server:
        before = httpx.get(f"{server.root}/studies").json()
        assert len(before) == 1
        done = _run(["backup", "backup", "--data", "data", "--json"], tmp_path)
        assert done.returncode == 0
        told = json.loads(done.stdout)
        assert (told["verb"], told["outcome"], told["copied"]) == ("backup", "ok", 27)
    assert _run(["restore", "backup", "--data", "new"], tmp_path).returncode == 0
    with serving(tmp_path / "new") as server:
        (study,) = httpx.get(f"{server.root}/studies").json()
        assert study["0020000D"] == before[0]["0020000D"]
        assert study["00201208"] == before[0]["00201208"]


def test_snapshots_are_listed_and_checked(data: Path, tmp_path: Path) -> None:
    assert _run(["backup", "backup", "--data", str(data)], tmp_path).returncode == 0
    listed = _run(["restore", "backup", "--list"], tmp_path)
    assert listed.stdout.endswith(": 27 instances, 1087006 bytes\n")
    assert _run(["restore", "backup", "--check"], tmp_path).returncode == 0
    name = listed.stdout.partition(":")[0]
    assert _run(["restore", "backup", "--snapshot", name, "--check"], tmp_path).returncode == 0
    assert _run(["restore", "backup", "--snapshot", "x", "--check"], tmp_path).returncode == 2
    assert {path.name for path in tmp_path.iterdir()} == {"data", "backup"}


def test_damage_ends_with_1(data: Path, tmp_path: Path) -> None:
    first, second, *_ = (path for path in (data / "blobs").rglob("*") if path.is_file())
    first.write_bytes(first.read_bytes()[:-1])
    done = _run(["backup", "backup", "--data", str(data), "--json"], tmp_path)
    told = json.loads(done.stdout)
    assert (done.returncode, told["outcome"], told["damaged"]["count"]) == (1, "damage", 1)
    (tmp_path / "backup" / second.relative_to(data)).unlink()
    assert _run(["restore", "backup", "--check"], tmp_path).returncode == 1
    done = _run(["restore", "backup", "--data", "new"], tmp_path)
    assert (done.returncode, "damaged: 2" in done.stdout) == (1, True)


def test_usage_ends_with_2_and_one_line(data: Path, tmp_path: Path) -> None:
    assert _run(["backup", "backup", "--data", str(data)], tmp_path).returncode == 0
    for arguments in (
        ["backup"],
        ["backup", str(data), "--data", str(data)],
        ["backup", "other", "--data", "missing"],
        ["restore", "backup", "--data", str(data)],
        ["restore", "missing", "--data", "new"],
    ):
        done = _run(arguments, tmp_path)
        assert done.returncode == 2, arguments
        assert "Traceback" not in done.stderr
        assert done.stderr.count("Error:") == 1
    assert not (tmp_path / "missing").exists()


def test_gc_waits_for_the_end_of_a_backup(data: Path, tmp_path: Path) -> None:
    with DataFolder(data).keep_blobs():
        done = _run(["gc", "--data", str(data)], tmp_path)
    assert (done.returncode, "backup" in done.stderr) == (2, True)
    assert _run(["gc", "--data", str(data)], tmp_path).returncode == 0


def test_no_server_starts_on_a_folder_that_is_half_restored(data: Path, tmp_path: Path) -> None:
    DataFolder(data).unfinished.write_text("{}")
    done = _run(["serve", "-p", "0", "--data", str(data)], tmp_path)
    assert (done.returncode, "cut off" in done.stderr) == (2, True)

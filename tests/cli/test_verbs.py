"""The verbs of the command line: output, exit codes, errors in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from dicomweb_server import __version__
from dicomweb_server.index.sqlite.library import reservation
from dicomweb_server.testing.datasets import demo_study
from tests.servers import plain_environment, serving


def _run(arguments: Sequence[str], cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dicomweb_server", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=60,
        env=plain_environment() | {"XDG_STATE_HOME": str(cwd / "state")} | environ,
    )


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with the demo study, a text file and a broken instance."""
    folder = tmp_path / "files"
    folder.mkdir()
    for number, data in enumerate(demo_study()):
        (folder / f"{number:02}.dcm").write_bytes(data)
    (folder / "notes.txt").write_text("hello")
    return folder


def test_help_lists_the_verbs(tmp_path: Path) -> None:
    done = _run(["--help"], tmp_path)
    assert done.returncode == 0
    for verb in (
        "serve",
        "import",
        "gc",
        "fsck",
        "verify",
        "reindex",
        "backup",
        "restore",
        "config",
        "version",
    ):
        assert f"\n  {verb} " in done.stdout


def test_version_is_printed(tmp_path: Path) -> None:
    assert _run(["version"], tmp_path).stdout == __version__ + "\n"
    assert _run(["--version"], tmp_path).stdout == __version__ + "\n"
    parts = json.loads(_run(["version", "--json"], tmp_path).stdout)
    assert parts["dicomweb-server"] == __version__
    assert {"python", "starlette", "hypercorn"} <= set(parts)


@pytest.mark.parametrize(
    "arguments",
    [["--bogus"], ["nonsense"], ["import"], ["import", "missing"], ["serve", "--port", "x"]],
)
def test_wrong_usage_ends_with_2(arguments: list[str], tmp_path: Path) -> None:
    done = _run(arguments, tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_wrong_settings_end_with_2_and_a_hint(tmp_path: Path) -> None:
    done = _run(["config", "check"], tmp_path, DICOMWEB_SERVER__PROT="1")
    assert done.returncode == 2
    assert done.stderr == (
        "Error: DICOMWEB_SERVER__PROT (in the environment) is not a setting\n"
        "Hint: did you mean DICOMWEB_SERVER__PORT?\n"
    )


def test_config_shows_each_value_and_where_it_came_from(tmp_path: Path) -> None:
    (tmp_path / "dicomweb.toml").write_text("[server]\nworkers = 3\n")
    arguments = ["config", "show", "--data", str(tmp_path)]
    done = _run(arguments, tmp_path, DICOMWEB_SERVER__PORT="9")
    lines = dict(line.split("#") for line in done.stdout.splitlines())
    told = {name.strip(): origin.strip() for name, origin in lines.items()}
    assert told["server.port = 9"] == "DICOMWEB_SERVER__PORT"
    assert told["server.workers = 3"] == str(tmp_path / "dicomweb.toml")
    assert told[f'data = "{tmp_path}"'] == "command line"
    assert told['log.format = "auto"'] == "default"
    as_json = _run([*arguments, "--json"], tmp_path).stdout.splitlines()
    assert json.loads(as_json[0]) == {
        "name": "data",
        "value": f'"{tmp_path}"',
        "origin": "command line",
    }


def test_import_into_a_folder_counts_and_goes_on(files: Path, tmp_path: Path) -> None:
    arguments = ["import", "--data", "data", str(files)]
    first, second = _run(arguments, tmp_path), _run(arguments, tmp_path)
    assert (first.returncode, second.returncode) == (0, 0)
    assert first.stdout.startswith(
        "27 found, 27 stored, 0 already there, 1 not DICOM, 0 failed; 1.0 MiB in "
    )
    assert second.stdout.startswith("27 found, 0 stored, 27 already there, 1 not DICOM, 0 failed;")
    assert first.stderr == ""


def test_import_tells_each_file_as_json(files: Path, tmp_path: Path) -> None:
    (files / "broken.dcm").write_bytes(demo_study()[0][:1000])
    done = _run(["import", "--json", "--data", "data", str(files)], tmp_path)
    *lines, last = (json.loads(line) for line in done.stdout.splitlines())
    assert done.returncode == 3
    assert {line["outcome"] for line in lines} == {"stored", "skipped", "failed"}
    (failed,) = [line for line in lines if line["outcome"] == "failed"]
    assert failed["file"].endswith("broken.dcm")
    assert failed["reason"]
    assert (last["summary"]["stored"], last["summary"]["failed"]) == (27, 1)


def test_import_of_nothing_but_failures_ends_with_1(tmp_path: Path) -> None:
    (tmp_path / "broken.dcm").write_bytes(demo_study()[0][:1000])
    done = _run(["import", "--data", "data", "broken.dcm"], tmp_path)
    assert done.returncode == 1
    assert "failed: broken.dcm" in done.stderr


def test_import_takes_data_or_url(tmp_path: Path) -> None:
    done = _run(["import", "--data", "data", "--url", "http://127.0.0.1:9", "."], tmp_path)
    assert done.returncode == 2


def test_import_sends_to_a_server_and_its_folder_is_refused(files: Path, tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        done = _run(["import", "--url", server.root, str(files)], tmp_path)
        assert done.returncode == 0
        assert done.stdout.startswith("27 found, 27 stored")
        (study,) = httpx.get(f"{server.root}/studies").json()
        assert study["00201208"]["Value"] == [27]
        refused = _run(["import", "--data", str(tmp_path / "data"), str(files)], tmp_path)
        assert refused.returncode == 2
        assert "in use" in refused.stderr
        assert "--url" in refused.stderr
        second = _run(["serve", "-p", "0", "--data", str(tmp_path / "data")], tmp_path)
        assert second.returncode == 2
        assert "in use" in second.stderr


def test_folder_is_looked_after(files: Path, tmp_path: Path) -> None:
    assert _run(["import", "--data", "data", str(files)], tmp_path).returncode == 0
    gc = json.loads(_run(["gc", "--data", "data", "--json"], tmp_path).stdout)
    assert (gc["examined"], gc["removed"]) == (27, 0)
    fsck = _run(["fsck", "--data", "data", "--hashes", "--json"], tmp_path)
    assert (fsck.returncode, json.loads(fsck.stdout)["healthy"]) == (0, True)
    reindex = json.loads(_run(["reindex", "--data", "data", "--json"], tmp_path).stdout)
    assert (reindex["blobs"], reindex["instances"]) == (27, 27)
    blob = next(path for path in (tmp_path / "data" / "blobs").rglob("*") if path.is_file())
    blob.unlink()
    fsck = _run(["fsck", "--data", "data"], tmp_path)
    assert fsck.returncode == 1
    assert "missing: 1" in fsck.stdout


@pytest.mark.parametrize("server", ["hypercorn", "granian"])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_serve_stores_the_demo_in_an_empty_archive_once(
    server: str, workers: str, tmp_path: Path
) -> None:
    arguments = ["--demo", "--server", server, "--workers", workers]
    for _ in range(2):
        with serving(tmp_path / "data", arguments) as running:
            (study,) = httpx.get(f"{running.root}/studies").json()
            assert study["00201208"]["Value"] == [27]
            assert httpx.get(f"{running.origin}/readyz").status_code == 200
            assert "/dicom-web" in httpx.get(running.origin).text
            err = running.stop()
            assert running.process.returncode == 0
        for line in err.splitlines():
            told = json.loads(line)
            if told["event"] == reservation():
                continue  # of the SQLite that Python is linked with
            assert told["event"] == "request"
            assert "request_id" in told


def test_serve_does_not_listen_elsewhere_unless_told(tmp_path: Path) -> None:
    refused = _run(["--host", "0.0.0.0", "-p", "0"], tmp_path)  # noqa: S104 - refused
    assert refused.returncode == 2
    assert "--insecure-open" in refused.stderr
    assert not (tmp_path / "data").exists()
    arguments = ["--host", "0.0.0.0", "--insecure-open"]  # noqa: S104 - for a moment, empty
    with serving(tmp_path / "data", arguments) as running:
        assert httpx.get(f"{running.origin}/livez").status_code == 200


def test_serve_says_where_things_are(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as running:
        assert f"web page       {running.origin}/\n" in running.welcome
        assert f"DICOMweb root  {running.root}\n" in running.welcome
        assert f"data folder    {tmp_path / 'data'}\n" in running.welcome


def test_verify_refuses_subsets_that_mean_nothing(tmp_path: Path) -> None:
    for arguments in (["--subset", "nonsense"], ["--level", "size", "--subset", "5%"]):
        done = _run(["verify", "--data", "data", *arguments], tmp_path)
        assert done.returncode == 2
        assert done.stderr.startswith("Error: --subset")
        assert "Hint: " in done.stderr


def test_verify_tells_what_it_did(files: Path, tmp_path: Path) -> None:
    _run(["import", "--data", "data", str(files)], tmp_path)
    done = _run(["verify", "--data", "data", "--json"], tmp_path)
    told = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert (told["verb"], told["outcome"], told["level"]) == ("verify", "ok", "hash")
    assert told["instances"] == told["read"] == 27
    assert told["healthy"]

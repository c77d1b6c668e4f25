"""Each example does what it says, run as a user runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np

from tests.live.instances import Made, make, part10
from tests.live.server import Server

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(server: Server, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run an example against the server."""
    command = [sys.executable, str(EXAMPLES / name), "--url", server.root, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def folder_of(made: list[Made], folder: Path) -> Path:
    """A folder with the files of instances, nested, beside one that is no DICOM."""
    (folder / "inner").mkdir(parents=True)
    for number, each in enumerate(made):
        Path(folder, "inner" if number % 2 else ".", f"{number}.dcm").write_bytes(each.data)
    (folder / "notes.txt").write_text("no image")
    return folder


def test_upload_folder(server: Server, tmp_path: Path) -> None:
    made = make(5)
    folder = folder_of(made, tmp_path / "images")
    done = run(server, "upload_folder.py", str(folder), "--group", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "5 stored, 0 refused, 1 not DICOM"
    found = httpx.get(f"{server.root}{made[0].series_path}/instances").json()
    assert len(found) == 5


def test_upload_folder_tells_what_was_refused(server: Server, tmp_path: Path) -> None:
    folder = folder_of(make(1), tmp_path / "images")
    (folder / "broken.dcm").write_bytes(bytes(128) + b"DICM but no more")
    done = run(server, "upload_folder.py", str(folder))
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "1 stored, 1 refused, 1 not DICOM"


def test_search(server: Server, tmp_path: Path) -> None:
    made = make(2)
    run(server, "upload_folder.py", str(folder_of(made, tmp_path / "images")))
    patient = str(made[0].dataset.PatientID)
    done = run(server, "search.py", f"PatientID={patient}", "PatientName=mül*")
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert line.split()[:3] == ["20240305", "CT", patient]
    assert line.endswith(str(made[0].dataset.StudyInstanceUID))
    assert "Chest without contrast" in line


def test_search_finds_nothing(server: Server) -> None:
    done = run(server, "search.py", "PatientID=nobody-at-all")
    assert (done.returncode, done.stdout) == (1, "")


def test_frames_to_numpy(server: Server, tmp_path: Path) -> None:
    made = make(4, side=32)
    run(server, "upload_folder.py", str(folder_of(made, tmp_path / "images")))
    dataset, output = made[0].dataset, tmp_path / "volume.npy"
    study, series = str(dataset.StudyInstanceUID), str(dataset.SeriesInstanceUID)
    done = run(server, "frames_to_numpy.py", study, series, str(output))
    assert done.returncode == 0, done.stderr
    expected = np.stack([each.dataset.pixel_array for each in made])
    assert np.array_equal(np.load(output), expected)


def test_frames_to_numpy_of_a_multi_frame_image(server: Server, tmp_path: Path) -> None:
    made = make(1, side=32, frames=3)
    made[0].dataset.RescaleSlope, made[0].dataset.RescaleIntercept = 2, -1000
    image = Made(made[0].dataset, part10(made[0].dataset))
    run(server, "upload_folder.py", str(folder_of([image], tmp_path / "images")))
    dataset, output = made[0].dataset, tmp_path / "volume.npy"
    study, series = str(dataset.StudyInstanceUID), str(dataset.SeriesInstanceUID)
    done = run(server, "frames_to_numpy.py", study, series, str(output))
    assert done.returncode == 0, done.stderr
    assert np.array_equal(np.load(output), dataset.pixel_array * 2.0 - 1000)

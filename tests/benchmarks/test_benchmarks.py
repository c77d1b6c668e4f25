"""The measurements measure what they say, and tell what is missing."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import imagecodecs
import pydicom
import pytest
from pydicom.encaps import generate_frames

from benchmarks import cases, clients, machine, peers, phone
from benchmarks.data import BOUNDARY, ct_series, large_image, store_body
from benchmarks.peers import Peer
from benchmarks.report import Row

ROOT = Path(__file__).parents[2]


def test_a_missing_program_is_told_with_its_package(tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "apt-get install" in done.stderr
    assert "Traceback" not in done.stderr


def test_large_images_are_what_pydicom_reads() -> None:
    for syntax in (phone.J2K, phone.RPCL):
        found = pydicom.dcmread(io.BytesIO(large_image(256, syntax).data))
        assert found.file_meta.TransferSyntaxUID == syntax
        frame = next(generate_frames(found.PixelData, number_of_frames=1))
        assert found.pixel_array.shape == (256, 256)
        if syntax == phone.RPCL:
            ends = phone.resolution_ends(frame)
            assert len(ends) == 7
            assert len(frame) - 3 <= ends[-1] <= len(frame)
            small = imagecodecs.htj2k_decode(frame[: ends[-3]], skipres=2)
            assert small.shape == (64, 64)


def test_images_are_what_pydicom_reads() -> None:
    images = ct_series(3, side=16)
    datasets = [pydicom.dcmread(io.BytesIO(image.data)) for image in images]
    assert [dataset.pixel_array.shape for dataset in datasets] == [(16, 16)] * 3
    assert [dataset.SOPInstanceUID for dataset in datasets] == [each.instance for each in images]
    assert len({image.data for image in images}) == 3


def test_a_request_holds_every_image() -> None:
    images = ct_series(3, side=16)
    pieces = store_body(images).split(f"--{BOUNDARY}".encode())
    bodies = [piece.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for piece in pieces[1:-1]]
    assert bodies == [image.data for image in images]


def test_the_median_counts() -> None:
    row = Row("case", "requests/s", {"ours": [1.0, 9.0, 2.0]})
    assert row.figure(Peer("ours", "", "http://127.0.0.1/dicom-web")) == 2.0


def test_a_wrong_answer_is_no_figure() -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed: apt-get install curl")
    with peers.ours("hypercorn") as peer:
        clients.store(peer, [ct_series(2, side=16)])
        assert clients.count(peer, "/studies") == 1
        with pytest.raises(clients.WrongAnswer):
            clients.fetch(peer, "/studies/1.2.3/metadata", clients.JSON)
        with pytest.raises(clients.WrongAnswer):
            clients.repeat(peer, "/studies/1.2.3/metadata", clients.JSON, 0.1)


def test_quick_does_less() -> None:
    assert cases.QUICK.rounds < cases.FULL.rounds
    assert machine.describe()["cores"]

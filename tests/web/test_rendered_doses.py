"""Doses are shown against the greatest one of their grid, so that frames can be compared."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread
from pydicom.pixels.utils import pixel_array
from pydicom.uid import RTDoseStorage

from dicomweb_server.dicom.appearance.colours import hot_iron
from tests.data import data_folder
from tests.datasets import SERIES, STUDY, dataset, part10
from tests.site import Site, open_site

PNG = "image/png"
Levels = NDArray[np.uint8]


def colours_of(levels: NDArray[np.int64]) -> Levels:
    """The colours of PS3.6 B.1 for levels of 0 to 255."""
    palette = hot_iron()
    tables = [
        np.frombuffer(each.entries, "<u2") for each in (palette.red, palette.green, palette.blue)
    ]
    return np.stack([table.astype(np.uint8)[levels] for table in tables], axis=-1)


def frame_of(site: Site, path: str, number: int) -> Levels:
    response = site.get(f"{path}/frames/{number}/rendered", PNG)
    assert response.status_code == 200, response.text
    return np.asarray(Image.open(BytesIO(response.content)).convert("RGB"))


def test_frames_are_shown_against_the_greatest_dose_of_all(tmp_path: Path) -> None:
    grid = np.zeros((300, 120, 120), "<u4")
    grid[0, 0, 0], grid[0, 0, 1], grid[299, 5, 5] = 250_000, 500_000, 1_000_000
    made = dataset(
        SOPClassUID=RTDoseStorage,
        Modality="RTDOSE",
        SOPInstanceUID=f"{SERIES}.1",
        Rows=120,
        Columns=120,
        NumberOfFrames=300,
        BitsAllocated=32,
        BitsStored=32,
        HighBit=31,
        DoseGridScaling="1e-5",
        PixelData=grid.tobytes(),
    )
    with open_site(tmp_path) as site:
        assert site.store([part10(made)]).status_code == 200
        path = f"/studies/{STUDY}/series/{SERIES}/instances/{SERIES}.1"
        first = frame_of(site, path, 1)
        expected = colours_of(np.array([63, 127]))
        assert np.abs(first[0, :2].astype(int) - expected).max() <= 1
        last = frame_of(site, path, 300)
        assert (last[5, 5] == colours_of(np.array(255))).all()
        assert (last[6:] == colours_of(np.array(0))).all()


@pytest.mark.parametrize("name", ["rtdose.dcm", "rtdose_rle.dcm", "rtdose_expb.dcm"])
def test_real_doses_whatever_their_coding(tmp_path: Path, name: str) -> None:
    folder = data_folder()
    if folder is None:
        pytest.skip("no folder of real files")
    found = dcmread(folder / "valid/rt" / name)
    grid = pixel_array(found)
    path = f"/studies/{found.StudyInstanceUID}/series/{found.SeriesInstanceUID}"
    path += f"/instances/{found.SOPInstanceUID}"
    with open_site(tmp_path) as site:
        assert site.store([(folder / "valid/rt" / name).read_bytes()]).status_code == 200
        for number in (1, 8, 15):
            levels = grid[number - 1] / grid.max() * 255
            expected = colours_of(levels.astype(np.int64))
            assert np.abs(frame_of(site, path, number).astype(int) - expected).max() <= 6

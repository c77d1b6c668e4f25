"""Parts of whole slides: what pydicom puts together of the tiles (PS3.3 C.8.12.4, D2)."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.pixels.utils import pixel_array

from tests.site import Site, open_site

LEVEL_0 = "wsi_pyramid_level0_4x4tiles.dcm"
PLAIN = "sm_image.dcm"
GREY = "sm_image_grayscale.dcm"
PNG = "image/png"
Pixels = NDArray[np.float64]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, data_folder: Path) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("site")) as site:
        files = [(data_folder / "valid/wsi" / name).read_bytes() for name in (LEVEL_0, PLAIN, GREY)]
        assert site.store(files).status_code == 200
        yield site


def slide(data_folder: Path, name: str) -> tuple[str, Dataset, Pixels]:
    """Path of an instance, its data set and its total pixel matrix."""
    found = dcmread(data_folder / "valid/wsi" / name)
    series = f"/studies/{found.StudyInstanceUID}/series/{found.SeriesInstanceUID}"
    frames = pixel_array(found)
    if frames.ndim == 3:
        frames = frames[..., None]
    across = -(-found.TotalPixelMatrixColumns // found.Columns)
    rows = [np.hstack(list(frames[n : n + across])) for n in range(0, len(frames), across)]
    matrix = np.vstack(rows).astype(np.float64)
    return f"{series}/instances/{found.SOPInstanceUID}", found, matrix


def shown(site: Site, path: str, viewport: str) -> Pixels:
    response = site.get(f"{path}/rendered?viewport={viewport}", PNG)
    assert response.status_code == 200, response.text
    return np.asarray(Image.open(BytesIO(response.content)).convert("RGB")).astype(np.float64)


def test_a_whole_slide_is_its_total_pixel_matrix(site: Site, data_folder: Path) -> None:
    for name, most in ((PLAIN, 0.0), (LEVEL_0, 1.0)):
        path, found, matrix = slide(data_folder, name)
        size = f"{found.TotalPixelMatrixColumns},{found.TotalPixelMatrixRows}"
        assert np.abs(shown(site, path, size) - matrix).mean() <= most


def test_a_part_of_a_slide_goes_over_the_edges_of_tiles(site: Site, data_folder: Path) -> None:
    path, _, matrix = slide(data_folder, PLAIN)
    assert (shown(site, path, "30,20,5,7,30,20") == matrix[7:27, 5:35]).all()
    assert (shown(site, path, "30,20,5,7,-30,20") == matrix[7:27, 5:35][:, ::-1]).all()


def test_a_smaller_picture_is_made_of_smaller_tiles(site: Site, data_folder: Path) -> None:
    path, _, matrix = slide(data_folder, LEVEL_0)
    small = shown(site, path, "120,120")
    assert small.shape == (120, 120, 3)
    blocks = matrix.reshape(120, 8, 120, 8, 3).mean(axis=(1, 3))
    assert np.abs(small - blocks).mean() < 4


def test_grey_tiles_have_one_range(site: Site, data_folder: Path) -> None:
    path, _, matrix = slide(data_folder, GREY)
    spread = (matrix - matrix.min()) * 255 / (matrix.max() - matrix.min())
    assert np.abs(shown(site, path, "50,50") - spread).max() <= 1


def test_a_part_outside_of_a_slide_is_refused(site: Site, data_folder: Path) -> None:
    path, _, _ = slide(data_folder, PLAIN)
    response = site.get(f"{path}/rendered?viewport=10,10,50,0", PNG)
    assert response.status_code == 400
    assert "50 columns" in response.json()["hint"]


def test_tiles_are_frames_like_others(site: Site, data_folder: Path) -> None:
    path, found, matrix = slide(data_folder, PLAIN)
    response = site.get(f"{path}/frames/7/rendered", PNG)
    picture = np.asarray(Image.open(BytesIO(response.content)).convert("RGB"))
    assert (picture == matrix[10:20, 10:20]).all()
    whole = site.get(f"{path}/rendered", 'multipart/related; type="image/jpeg"')
    assert whole.content.count(b"Content-Location") == found.NumberOfFrames

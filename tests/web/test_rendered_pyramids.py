"""Small pictures of large slides are made of a level that is fine enough (PS3.3 C.8.12.4)."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.uid import VLWholeSlideMicroscopyImageStorage

from tests.datasets import SERIES, STUDY, dataset, part10
from tests.site import Site, open_site

PNG = "image/png"
TILE = 8
SERIES_PATH = f"/studies/{STUDY}/series/{SERIES}"
BASE, MIDDLE, TOP, LABEL = 1, 2, 3, 4
QUARTERS = np.array([[60, 120], [180, 240]], np.uint8)


def level(number: int, side: int, **attributes: object) -> bytes:
    """A level whose quarters differ in brightness, and levels in which channel has it."""
    matrix = np.zeros((side, side, 3), np.uint8)
    half = side // 2
    matrix[:, :, number % 3] = np.repeat(np.repeat(QUARTERS, half, 0), half, 1)
    across = side // TILE
    tiles = matrix.reshape(across, TILE, across, TILE, 3).swapaxes(1, 2)
    made = dataset(
        SOPClassUID=VLWholeSlideMicroscopyImageStorage,
        SOPInstanceUID=f"{SERIES}.{number}",
        InstanceNumber=number,
        Modality="SM",
        ImageType=["DERIVED", "PRIMARY", "VOLUME", "RESAMPLED"],
        FrameOfReferenceUID="1.2.3.99",
        DimensionOrganizationType="TILED_FULL",
        TotalPixelMatrixColumns=side,
        TotalPixelMatrixRows=side,
        NumberOfOpticalPaths=1,
        TotalPixelMatrixFocalPlanes=1,
        NumberOfFrames=across * across,
        Rows=TILE,
        Columns=TILE,
        SamplesPerPixel=3,
        PlanarConfiguration=0,
        PhotometricInterpretation="RGB",
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        PixelData=tiles.tobytes(),
    )
    made["PixelData"].VR = "OB"
    return part10(changed(made, attributes))


def changed(made: Dataset, attributes: dict[str, object]) -> Dataset:
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("pyramid")) as opened:
        label = ["ORIGINAL", "PRIMARY", "LABEL", "NONE"]
        levels = [
            level(BASE, 320),
            level(MIDDLE, 160),
            level(TOP, 40),
            level(LABEL, 40, ImageType=label),
        ]
        assert opened.store(levels).status_code == 200
        yield opened


def seen(site: Site, path: str) -> tuple[int, np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
    """Which level a picture is of, and its brightness."""
    response = site.get(path, PNG)
    assert response.status_code == 200, response.text
    picture = np.asarray(Image.open(BytesIO(response.content)).convert("RGB"))
    channel = int(picture.reshape(-1, 3).sum(axis=0).argmax())
    assert not np.delete(picture, channel, axis=2).any()
    return channel or 3, picture[..., channel]


@pytest.mark.parametrize(("side", "expected"), [(20, TOP), (40, TOP), (60, MIDDLE), (160, MIDDLE)])
def test_a_small_picture_is_made_of_the_coarsest_level_that_is_enough(
    site: Site, side: int, expected: int
) -> None:
    path = f"{SERIES_PATH}/instances/{SERIES}.{BASE}/rendered?viewport={side},{side}"
    shown, levels = seen(site, path)
    assert shown == expected
    assert levels.shape == (side, side)
    corners = levels[:: side - 1, :: side - 1]
    assert np.abs(corners.astype(int) - QUARTERS).max() <= 1


def test_a_part_is_the_same_part_of_another_level(site: Site) -> None:
    path = f"{SERIES_PATH}/instances/{SERIES}.{BASE}/rendered"
    shown, levels = seen(site, f"{path}?viewport=20,40,160,0,-160,320")
    assert shown == TOP
    assert levels.shape == (40, 20)
    assert (levels[:20] == QUARTERS[0, 1]).all()
    assert (levels[20:] == QUARTERS[1, 1]).all()


def test_the_uri_service_takes_another_level_too(site: Site) -> None:
    query = f"requestType=WADO&studyUID={STUDY}&seriesUID={SERIES}&objectUID={SERIES}.{BASE}"
    shown, levels = seen(site, f"/wado?{query}&contentType=image/png&rows=40")
    assert (shown, levels.shape) == (TOP, (40, 40))


def test_few_tiles_are_those_of_the_image_itself(site: Site) -> None:
    path = f"{SERIES_PATH}/instances/{SERIES}.{BASE}/rendered?viewport=10,10,0,0,40,40"
    shown, levels = seen(site, path)
    assert (shown, levels.shape) == (BASE, (10, 10))


def test_more_than_any_level_has_is_refused(site: Site) -> None:
    path = f"{SERIES_PATH}/instances/{SERIES}.{BASE}/rendered?viewport=320,320"
    response = site.get(path, PNG)
    assert response.status_code == 413
    assert "lower resolution" in response.json()["hint"]


@pytest.mark.parametrize(
    ("path", "query", "expected", "side"),
    [
        ("", "", TOP, 40),
        (f"/instances/{SERIES}.{TOP}", "", TOP, 40),
        (f"/instances/{SERIES}.{BASE}", "?viewport=100,100", MIDDLE, 100),
    ],
)
def test_a_thumbnail_shows_the_whole_slide(
    site: Site, path: str, query: str, expected: int, side: int
) -> None:
    shown, levels = seen(site, f"{SERIES_PATH}{path}/thumbnail{query}")
    assert (shown, levels.shape) == (expected, (side, side))
    corners = levels[:: side - 1, :: side - 1]
    assert np.abs(corners.astype(int) - QUARTERS).max() <= 2


@pytest.mark.parametrize(
    "other",
    [
        {"FrameOfReferenceUID": "1.2.3.98"},
        {"NumberOfOpticalPaths": 2},
        {"BurnedInAnnotation": "YES"},
        {"ImageType": ["DERIVED", "PRIMARY", "OVERVIEW", "RESAMPLED"]},
        {"SeriesInstanceUID": "1.2.3.5"},
        {"TotalPixelMatrixRows": 20},
    ],
    ids=lambda other: next(iter(other)),
)
def test_what_shows_something_else_is_no_level(tmp_path: Path, other: dict[str, object]) -> None:
    with open_site(tmp_path) as site:
        assert site.store([level(BASE, 320), level(TOP, 40, **other)]).status_code == 200
        path = f"{SERIES_PATH}/instances/{SERIES}.{BASE}"
        assert site.get(f"{path}/rendered?viewport=40,40", PNG).status_code == 413
        # The picture of one tile is better than none.
        assert site.get(f"{path}/thumbnail", PNG).status_code == 200

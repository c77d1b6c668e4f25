"""Pictures of studies and series of which some instances are damaged."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.uid import RTStructureSetStorage

from dicomweb_server.settings import ScrubSettings
from tests.datasets import SERIES, STUDY, dataset, part10
from tests.site import Site, open_site, parts_of

OTHER = "1.2.840.99.7"
STUDY_PATH = f"/studies/{STUDY}"
SERIES_PATH = f"{STUDY_PATH}/series/{SERIES}"
PNG, PNGS = "image/png", 'multipart/related; type="image/png"'


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path, scrub=ScrubSettings(enabled=False)) as site:
        yield site


def image(number: int, series: str = SERIES) -> bytes:
    """A picture of the one value that is 40 times its number."""
    return part10(
        dataset(
            SeriesInstanceUID=series,
            SOPInstanceUID=f"{series}.{number}",
            InstanceNumber=number,
            WindowCenter="128",
            WindowWidth="256",
            PixelData=(40 * number).to_bytes(2, "little") * 16,
        )
    )


def structures() -> bytes:
    made: Dataset = dataset(
        SeriesInstanceUID=OTHER, SOPInstanceUID=f"{OTHER}.1", SOPClassUID=RTStructureSetStorage
    )
    del made.PixelData
    del made.Rows
    return part10(made)


def file_of(site: Site, data: bytes) -> Path:
    digest = hashlib.sha256(data).hexdigest()
    return site.settings.data / "blobs" / digest[:2] / digest[2:]


def lose(site: Site, data: bytes) -> None:
    file_of(site, data).unlink()


def cut(site: Site, data: bytes) -> None:
    file_of(site, data).write_bytes(data[:-1])


def flip(site: Site, data: bytes) -> None:
    file_of(site, data).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def mark(site: Site, data: bytes) -> None:
    """Change it, and read it, so that the damage is known."""
    flip(site, data)
    number = next(n for n in range(1, 10) if image(n) == data)
    path = f"{SERIES_PATH}/instances/{SERIES}.{number}"
    assert site.get(path, "application/dicom").status_code == 500


Harm = Callable[[Site, bytes], None]


def grey(content: bytes) -> int:
    """The one value of a picture, by the number of its instance."""
    (value,) = set(Image.open(BytesIO(content)).convert("L").tobytes())
    return round(value / 40)


@pytest.mark.parametrize("path", [STUDY_PATH, SERIES_PATH])
@pytest.mark.parametrize("harm", [lose, cut, mark])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_rest_is_rendered_with_206_and_the_damaged_one_is_named(
    site: Site, path: str, harm: Harm, number: int
) -> None:
    site.store([image(n) for n in (1, 2, 3)])
    whole = site.get(f"{path}/rendered", PNGS)
    assert whole.status_code == 200
    harm(site, image(number))
    response = site.get(f"{path}/rendered", PNGS)
    assert response.status_code == 206
    assert f"{SERIES_PATH}/instances/{SERIES}.{number}" in response.headers["warning"]
    assert {part["Content-Type"] for part, _ in parts_of(response)} == {PNG}
    rest = [n for n in (1, 2, 3) if n != number]
    assert [grey(body) for _, body in parts_of(response)] == rest
    assert response.headers["etag"] != whole.headers["etag"]
    site.store([image(number)])
    mended = site.get(f"{path}/rendered", PNGS, If_None_Match=response.headers["etag"])
    assert (mended.status_code, len(parts_of(mended))) == (200, 3)
    assert mended.headers["etag"] == whole.headers["etag"]


@pytest.mark.parametrize("harm", [lose, cut, mark])
def test_nothing_left_is_500_with_an_explanation(site: Site, harm: Harm) -> None:
    site.store([image(1), image(2)])
    for number in (1, 2):
        harm(site, image(number))
    instance = f"{SERIES_PATH}/instances/{SERIES}.1"
    paths = [f"{one}/rendered" for one in (STUDY_PATH, SERIES_PATH, instance)]
    for path in [*paths, *(f"{one}/thumbnail" for one in (STUDY_PATH, SERIES_PATH, instance))]:
        response = site.get(path)
        assert response.status_code == 500, path
        assert response.json()["type"].endswith(":blob-damaged")


def test_what_cannot_be_rendered_as_asked_is_406_beside_damage(site: Site) -> None:
    site.store([image(1), image(2)])
    lose(site, image(1))
    assert site.get(f"{STUDY_PATH}/rendered", "text/html").status_code == 406


@pytest.mark.parametrize("path", [STUDY_PATH, SERIES_PATH])
@pytest.mark.parametrize("harm", [lose, cut, mark, flip])
def test_another_one_stands_for_what_is_damaged(site: Site, path: str, harm: Harm) -> None:
    site.store([image(n) for n in (1, 2, 3, 4, 5)])
    harm(site, image(3))
    response = site.get(f"{path}/thumbnail", PNG)
    assert response.status_code == 200, response.text
    assert grey(response.content) in (2, 4)
    assert site.get(f"{SERIES_PATH}/instances/{SERIES}.3/thumbnail").status_code == 500


@pytest.mark.parametrize("harm", [lose, cut, mark, flip])
def test_the_last_whole_one_stands_for_all(site: Site, harm: Harm) -> None:
    site.store([image(n) for n in (1, 2, 3, 4, 5)])
    for number in (1, 2, 3, 4):
        harm(site, image(number))
    response = site.get(f"{SERIES_PATH}/thumbnail", PNG)
    assert (response.status_code, grey(response.content)) == (200, 5)


def test_another_series_stands_for_one_that_is_damaged_as_a_whole(site: Site) -> None:
    site.store([image(1), image(2), image(5, OTHER)])
    for number in (1, 2):
        lose(site, image(number))
    assert grey(site.get(f"{STUDY_PATH}/thumbnail", PNG).content) == 5


def test_a_drawing_stands_for_a_study_whose_pictures_are_damaged(site: Site) -> None:
    site.store([image(1), structures()])
    lose(site, image(1))
    assert site.get(f"{STUDY_PATH}/thumbnail", PNG).status_code == 200

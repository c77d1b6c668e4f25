"""Thumbnails: exactly one small picture of anything, never the patient (STANDARD R8, 2.7)."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.uid import RTStructureSetStorage

from tests.datasets import SERIES, STUDY, dataset, part10
from tests.site import Site, open_site

STUDY_PATH = f"/studies/{STUDY}"
JPEG, PNG = "image/jpeg", "image/png"
LARGE, SMALL, TEXT, BURNED = (f"{SERIES}.{n}" for n in (10, 20, 30, 40))


def image(series: str, number: int, value: int, **attributes: object) -> Dataset:
    """A picture of one value, in a window that shows it."""
    return dataset(
        SeriesInstanceUID=series,
        SOPInstanceUID=f"{series}.{number}",
        InstanceNumber=number,
        WindowCenter="128",
        WindowWidth="256",
        PixelData=value.to_bytes(2, "little")
        * (16 * int(str(attributes.get("NumberOfFrames", 1)))),
        **attributes,
    )


def structures() -> Dataset:
    made = image(TEXT, 1, 0, SOPClassUID=RTStructureSetStorage, Modality="SECRET")
    del made.PixelData
    del made.Rows
    return made


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("site")) as site:
        # Stored in another order than that of their numbers.
        made = [image(LARGE, number, 40 * number) for number in (5, 1, 3, 2, 4)]
        made += [image(SMALL, 1, 250), structures()]
        made.append(image(BURNED, 1, 200, BurnedInAnnotation="YES"))
        assert site.store([part10(each) for each in made]).status_code == 200
        yield site


def series(uid: str) -> str:
    return f"{STUDY_PATH}/series/{uid}"


def instance(uid: str, number: int) -> str:
    return f"{series(uid)}/instances/{uid}.{number}"


def opened(content: bytes) -> Image.Image:
    picture = Image.open(BytesIO(content))
    picture.load()
    return picture


def shown(site: Site, path: str) -> int:
    """The one grey value of a thumbnail."""
    response = site.get(f"{path}/thumbnail", PNG)
    assert response.status_code == 200, response.text
    values = set(opened(response.content).convert("L").tobytes())
    assert len(values) == 1
    return values.pop()


@pytest.mark.parametrize(
    "path",
    [STUDY_PATH, series(LARGE), instance(LARGE, 1), f"{instance(LARGE, 1)}/frames/1"],
)
def test_one_jpeg_at_every_level(site: Site, path: str) -> None:
    response = site.get(f"{path}/thumbnail", "*/*")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == JPEG
    assert response.headers["cache-control"] == "private, max-age=300"
    assert response.headers["cross-origin-resource-policy"] == "cross-origin"
    assert response.headers["content-location"].endswith(path)
    assert opened(response.content).size == (4, 4)
    again = site.get(f"{path}/thumbnail", "*/*", If_None_Match=response.headers["etag"])
    assert again.status_code == 304


def test_a_series_shows_its_middle_image_by_number(site: Site) -> None:
    assert shown(site, series(LARGE)) == pytest.approx(120, abs=1)


def test_a_study_shows_its_series_of_the_most_images(site: Site) -> None:
    assert shown(site, STUDY_PATH) == pytest.approx(120, abs=1)


def test_a_multi_frame_image_shows_the_frame_that_it_names(site: Site) -> None:
    uid = f"{SERIES}.50"
    pixels = b"".join(bytes((n, 0)) * 16 for n in (10, 20, 30))
    made = image(uid, 1, 0, NumberOfFrames=3, StudyInstanceUID="1.2.7")
    named = image(uid, 2, 0, NumberOfFrames=3, StudyInstanceUID="1.2.7")
    made.PixelData = named.PixelData = pixels
    named.RepresentativeFrameNumber = 3
    assert site.store([part10(made), part10(named)]).status_code == 200
    path = f"/studies/1.2.7/series/{uid}/instances/{uid}"
    assert shown(site, f"{path}.1") == pytest.approx(20, abs=1)
    assert shown(site, f"{path}.2") == pytest.approx(30, abs=1)
    assert shown(site, f"{path}.1/frames/1") == pytest.approx(10, abs=1)
    assert site.get(f"{path}.1/frames/4/thumbnail", JPEG).status_code == 404


def test_the_viewport_is_its_size(site: Site) -> None:
    path = f"{instance(LARGE, 1)}/thumbnail"
    assert opened(site.get(f"{path}?viewport=2,8", PNG).content).size == (2, 2)
    assert opened(site.get(f"{path}?viewport=64,64", PNG).content).size == (64, 64)
    assert site.get(f"{path}?viewport=4,4,0,0,2,2", PNG).status_code == 400


def test_what_has_no_picture_gets_a_drawing(site: Site) -> None:
    response = site.get(f"{series(TEXT)}/thumbnail", PNG)
    assert response.status_code == 200
    assert opened(response.content).size == (256, 256)
    small = site.get(f"{instance(TEXT, 1)}/thumbnail?viewport=64,48", PNG)
    assert opened(small.content).size == (48, 48)


def test_an_image_with_burned_in_text_is_not_shown(site: Site) -> None:
    plain = site.get(f"{instance(BURNED, 1)}/thumbnail", PNG)
    assert opened(plain.content).size == (256, 256)
    assert opened(plain.content).convert("L").getextrema() != (200, 200)


def test_no_text_of_a_file_is_in_a_drawing(site: Site) -> None:
    other = image(TEXT, 1, 0, SOPClassUID=RTStructureSetStorage, Modality="OTHER")
    other.StudyInstanceUID = "1.2.6"
    del other.PixelData
    del other.Rows
    assert site.store([part10(other)]).status_code == 200
    drawings = [
        site.get(f"{path}/series/{TEXT}/thumbnail", PNG).content
        for path in (STUDY_PATH, "/studies/1.2.6")
    ]
    assert drawings[0] == drawings[1]


def test_it_changes_when_the_study_does(site: Site) -> None:
    uid = f"{SERIES}.60"
    path = f"/studies/1.2.5/series/{uid}"
    files = [part10(image(uid, n, 20 * n, StudyInstanceUID="1.2.5")) for n in (1, 2, 3, 4)]
    assert site.store(files[:1]).status_code == 200
    before = site.get(f"{path}/thumbnail", PNG)
    assert site.store(files[1:]).status_code == 200
    after = site.get(f"{path}/thumbnail", PNG, If_None_Match=before.headers["etag"])
    assert after.status_code == 200
    assert after.content != before.content


def test_what_is_not_there(site: Site) -> None:
    for path in ("/studies/9.9", series("9.9"), instance(LARGE, 99)):
        assert site.get(f"{path}/thumbnail", JPEG).status_code == 404
    assert site.get(f"{instance(TEXT, 1)}/frames/1/thumbnail", JPEG).status_code == 404
    assert site.get(f"{STUDY_PATH}/thumbnail", "text/html").status_code == 406

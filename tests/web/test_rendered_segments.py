"""Segments on the image that they were made of, where the archive has it."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.uid import SecondaryCaptureImageStorage, SegmentationStorage

from tests.datasets import INSTANCE, SERIES, STUDY, dataset, part10
from tests.site import Site, open_site

SEGMENTS = "1.2.3.7"
PNG = "image/png"
PATH = f"/studies/{STUDY}/series/{SEGMENTS}/instances/{SEGMENTS}.1"


def source(**attributes: object) -> bytes:
    pixels = (200).to_bytes(2, "little") * 16
    made = dataset(PixelData=pixels, WindowCenter="128", WindowWidth="256", **attributes)
    return part10(made)


def segments() -> bytes:
    """The upper half of the image is the segment."""
    image, derivation, segment, groups, content = (Dataset() for _ in range(5))
    image.ReferencedSOPClassUID = SecondaryCaptureImageStorage
    image.ReferencedSOPInstanceUID = INSTANCE
    derivation.SourceImageSequence = [image]
    content.ReferencedSegmentNumber = 1
    groups.DerivationImageSequence = [derivation]
    groups.SegmentIdentificationSequence = [content]
    segment.SegmentNumber, segment.SegmentLabel = 1, "upper half"
    made = dataset(
        SOPClassUID=SegmentationStorage,
        SeriesInstanceUID=SEGMENTS,
        SOPInstanceUID=f"{SEGMENTS}.1",
        Modality="SEG",
        NumberOfFrames=1,
        BitsAllocated=1,
        BitsStored=1,
        HighBit=0,
        PixelData=b"\xff\x00",
        SegmentationType="BINARY",
        SegmentSequence=[segment],
        PerFrameFunctionalGroupsSequence=[groups],
    )
    made["PixelData"].VR = "OB"
    return part10(made)


def slice_at(number: int, orientation: tuple[int, ...] = (1, 0, 0, 0, 1, 0)) -> bytes:
    """One of several images that lie above one another, each of a brightness of its own."""
    return part10(
        dataset(
            SOPInstanceUID=f"{INSTANCE}.{number}",
            InstanceNumber=number,
            ImagePositionPatient=[-10, -10, 5 * number],
            ImageOrientationPatient=list(orientation),
            PixelData=(40 * number).to_bytes(2, "little") * 16,
            WindowCenter="128",
            WindowWidth="256",
        )
    )


def unsourced(height: float, *listed: int) -> bytes:
    """A segmentation whose frame tells where it lies, and no more than the series it is of."""
    made = dcmread(BytesIO(segments()))
    groups = made.PerFrameFunctionalGroupsSequence[0]
    del groups.DerivationImageSequence
    place, plane, series = Dataset(), Dataset(), Dataset()
    place.ImagePositionPatient = [-10, -10, height]
    plane.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    groups.PlanePositionSequence, groups.PlaneOrientationSequence = [place], [plane]
    series.SeriesInstanceUID = SERIES
    if listed:
        images = [Dataset() for _ in listed]
        for image, number in zip(images, listed, strict=True):
            image.ReferencedSOPClassUID = SecondaryCaptureImageStorage
            image.ReferencedSOPInstanceUID = f"{INSTANCE}.{number}"
        series.ReferencedInstanceSequence = images
    made.ReferencedSeriesSequence = [series]
    return part10(made)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path) as site:
        yield site


def shown(site: Site) -> Image.Image:
    response = site.get(f"{PATH}/rendered", PNG)
    assert response.status_code == 200, response.text
    return Image.open(BytesIO(response.content)).convert("RGB")


def test_segments_are_laid_on_their_image_as_soon_as_it_is_there(site: Site) -> None:
    assert site.store([segments()]).status_code == 200
    alone = shown(site)
    assert alone.getpixel((0, 3)) == (0, 0, 0)
    upper = alone.getpixel((0, 0))
    assert isinstance(upper, tuple)
    assert len(set(upper)) > 1
    tag = site.get(f"{PATH}/rendered", PNG).headers["etag"]
    assert site.store([source()]).status_code == 200
    again = site.get(f"{PATH}/rendered", PNG, If_None_Match=tag)
    assert again.status_code == 200
    assert again.headers["cache-control"] == "private, no-cache"
    laid = shown(site)
    grey = laid.getpixel((0, 3))
    assert isinstance(grey, tuple)
    assert len(set(grey)) == 1
    assert abs(int(grey[0]) - 200) <= 1
    assert laid.getpixel((0, 0)) != upper


@pytest.mark.parametrize(
    ("height", "listed", "expected"),
    [
        (15.001, (2, 3, 4), 120),
        (10, (), 80),
        (10, (3, 4), 0),  # that image is not among those it was made of
        (12, (2, 3, 4), 0),  # between two images
        (25, (), 0),  # an image of another orientation
    ],
)
def test_segments_without_source_are_laid_on_the_image_at_the_same_place(
    site: Site, height: float, listed: tuple[int, ...], expected: int
) -> None:
    images = [slice_at(number) for number in (1, 2, 3, 4)]
    tilted = slice_at(5, (1, 0, 0, 0, 0, 1))
    assert site.store([*images, tilted, unsourced(height, *listed)]).status_code == 200
    grey = shown(site).getpixel((0, 3))
    assert isinstance(grey, tuple)
    assert len(set(grey)) == 1
    assert abs(int(grey[0]) - expected) <= 1


def test_an_image_that_comes_later_is_found_too(site: Site) -> None:
    assert site.store([slice_at(1), unsourced(10)]).status_code == 200
    assert shown(site).getpixel((0, 3)) == (0, 0, 0)
    assert site.store([slice_at(2)]).status_code == 200
    grey = shown(site).getpixel((0, 3))
    assert isinstance(grey, tuple)
    assert abs(int(grey[0]) - 80) <= 1


@pytest.mark.parametrize("level", ["", f"/instances/{SEGMENTS}.1"])
def test_a_thumbnail_of_segments_shows_their_image_as_soon_as_it_is_there(
    site: Site, level: str
) -> None:
    path = f"/studies/{STUDY}/series/{SEGMENTS}{level}/thumbnail"

    def below() -> tuple[int, str]:
        response = site.get(path, PNG)
        assert response.status_code == 200
        pixel = Image.open(BytesIO(response.content)).convert("RGB").getpixel((0, 3))
        assert isinstance(pixel, tuple)
        return int(pixel[0]), response.headers["etag"]

    assert site.store([segments()]).status_code == 200
    dark, tag = below()
    assert dark == 0
    assert below()[1] == tag
    assert site.store([source()]).status_code == 200
    bright, other = below()
    assert abs(bright - 200) <= 1
    assert other != tag


def test_a_thumbnail_shows_no_segments_on_an_image_with_burned_in_text(site: Site) -> None:
    path = f"{PATH}/thumbnail"
    assert site.store([segments()]).status_code == 200
    assert Image.open(BytesIO(site.get(path, PNG).content)).size == (4, 4)
    assert site.store([source(BurnedInAnnotation="YES")]).status_code == 200
    assert Image.open(BytesIO(site.get(path, PNG).content)).size == (256, 256)

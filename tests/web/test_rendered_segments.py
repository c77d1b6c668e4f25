"""Segments on the image that they were made of, where the archive has it."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.uid import SecondaryCaptureImageStorage, SegmentationStorage

from tests.datasets import INSTANCE, STUDY, dataset, part10
from tests.site import Site, open_site

SEGMENTS = "1.2.3.7"
PNG = "image/png"
PATH = f"/studies/{STUDY}/series/{SEGMENTS}/instances/{SEGMENTS}.1"


def source() -> bytes:
    return part10(
        dataset(PixelData=(200).to_bytes(2, "little") * 16, WindowCenter="128", WindowWidth="256")
    )


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

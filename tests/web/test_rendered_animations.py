"""Animations: of few enough frames, and never an old one of segments."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from pydicom import dcmread

from tests.datasets import INSTANCE, SERIES, STUDY, dataset, part10
from tests.site import Site, open_site
from tests.web.test_rendered_segments import PATH, segments, source

GIF = "image/gif"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path) as site:
        yield site


def twice(data: bytes) -> bytes:
    """A segmentation with its frame twice."""
    made = dcmread(BytesIO(data))
    made.NumberOfFrames = 2
    made.PixelData = made.PixelData * 2
    made.PerFrameFunctionalGroupsSequence.append(made.PerFrameFunctionalGroupsSequence[0])
    return part10(made)


def test_animated_segments_are_laid_on_their_image_as_soon_as_it_is_there(site: Site) -> None:
    def below() -> int:
        response = site.get(f"{PATH}/rendered", GIF)
        assert response.status_code == 200, response.text
        return Image.open(BytesIO(response.content)).convert("L").tobytes()[-4]

    assert site.store([twice(segments())]).status_code == 200
    assert below() == 0
    assert site.store([source()]).status_code == 200
    assert below() > 150


def test_an_animation_has_not_more_frames_than_can_be_shown(site: Site) -> None:
    path = f"/studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}"
    made = dataset(NumberOfFrames=2_001, PixelData=bytes(32) * 2_001)
    assert site.store([part10(made)]).status_code == 200
    refused = site.get(f"{path}/rendered?viewport=1,1", GIF)
    assert refused.status_code == 406
    assert "2001 frames" in refused.json()["detail"]
    few = site.get(f"{path}/frames/1,2001/rendered?viewport=1,1", GIF)
    assert few.status_code == 200

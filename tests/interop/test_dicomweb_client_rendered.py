"""Rendered images as the Python package dicomweb-client asks for them, against a live server."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from dicomweb_client.api import DICOMwebClient
from PIL import Image

from tests.interop.answers import refused, uids
from tests.live.instances import Made, make


@pytest.fixture
def stored(client: DICOMwebClient) -> list[Made]:
    """A series of two, stored."""
    series = make(2)
    client.store_instances([made.dataset for made in series])
    return series


def opened(content: bytes) -> Image.Image:
    picture = Image.open(BytesIO(content))
    picture.load()
    return picture


@pytest.mark.parametrize(
    ("types", "form"),
    [
        (None, "JPEG"),
        (("image/jpeg",), "JPEG"),
        (("image/png",), "PNG"),
        (("image/gif",), "GIF"),
    ],
)
def test_an_instance(
    client: DICOMwebClient, stored: list[Made], types: tuple[str, ...] | None, form: str
) -> None:
    content = client.retrieve_instance_rendered(*uids(stored[0]), media_types=types)
    picture = opened(content)
    made = stored[0].dataset
    assert (picture.format, picture.size) == (form, (made.Columns, made.Rows))


def test_an_instance_as_arranged_by_parameters(client: DICOMwebClient, stored: list[Made]) -> None:
    params = {"window": "0,2000,linear", "viewport": "128,128", "quality": 80}
    content = client.retrieve_instance_rendered(*uids(stored[0]), ("image/png",), params)
    plain = client.retrieve_instance_rendered(*uids(stored[0]), ("image/png",))
    assert max(opened(content).size) == 128
    assert np.asarray(opened(plain)).shape != np.asarray(opened(content)).shape


def test_a_frame(client: DICOMwebClient, stored: list[Made]) -> None:
    content = client.retrieve_instance_frames_rendered(
        *uids(stored[0]), frame_numbers=[1], media_types=("image/jpeg",)
    )
    assert opened(content).format == "JPEG"
    with refused(404):
        client.retrieve_instance_frames_rendered(*uids(stored[0]), frame_numbers=[2])


def test_a_series_in_whatever_form(client: DICOMwebClient, stored: list[Made]) -> None:
    content = client.retrieve_series_rendered(*uids(stored[0])[:2])
    assert content.count(b"Content-Type: image/jpeg") == 2


def test_a_series_is_no_single_picture(client: DICOMwebClient, stored: list[Made]) -> None:
    with refused(406):
        client.retrieve_series_rendered(*uids(stored[0])[:2], media_types=("image/jpeg",))

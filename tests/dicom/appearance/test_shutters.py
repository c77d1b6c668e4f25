"""Rules of display shutters and of the shape of pixels."""

from __future__ import annotations

import pytest
from pydicom import Dataset, Sequence

from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.dicom.appearance.shutters import shutters
from dicomweb_server.model.rendering import Shutter, ShutterShape
from tests import datasets
from tests.dicom.appearance.instances import of


def _rectangle() -> dict[str, object]:
    return {
        "ShutterShape": "RECTANGULAR",
        "ShutterLeftVerticalEdge": "2",
        "ShutterRightVerticalEdge": "30",
        "ShutterUpperHorizontalEdge": "4",
        "ShutterLowerHorizontalEdge": "50",
    }


def _found(**attributes: object) -> tuple[Shutter, ...]:
    return of(datasets.dataset(**attributes)).appearance().shutters


def test_each_shape_has_its_numbers() -> None:
    found = _found(
        **{**_rectangle(), "ShutterShape": ["RECTANGULAR", "CIRCULAR", "POLYGONAL"]},
        CenterOfCircularShutter=["10", "20"],
        RadiusOfCircularShutter="7",
        VerticesOfThePolygonalShutter=["1", "2", "3", "4", "5", "6"],
        ShutterPresentationValue=65535,
    )
    assert found == (
        Shutter(ShutterShape.RECTANGULAR, (2, 30, 4, 50), 1.0),
        Shutter(ShutterShape.CIRCULAR, (10, 20, 7), 1.0),
        Shutter(ShutterShape.POLYGONAL, (1, 2, 3, 4, 5, 6), 1.0),
    )


def test_what_is_masked_is_black_where_nothing_is_told() -> None:
    assert _found(**_rectangle()) == (Shutter(ShutterShape.RECTANGULAR, (2, 30, 4, 50), 0.0),)


@pytest.mark.parametrize("vertices", [["1", "2", "3", "4"], ["1", "2", "3", "4", "5", "6", "7"]])
def test_a_polygon_has_three_corners_at_least(vertices: list[str]) -> None:
    assert _found(ShutterShape="POLYGONAL", VerticesOfThePolygonalShutter=vertices) == ()


def test_damaged_shutters_are_left_out() -> None:
    document = Attributes({"00181600": {"vr": "CS", "Value": ["RECTANGULAR", None, "ROUND"]}})
    assert shutters(document) == ()


def test_functional_groups_may_tell_the_shutter_of_a_frame() -> None:
    group, holder = Dataset(), Dataset()
    for keyword, value in _rectangle().items():
        setattr(holder, keyword, value)
    group.FrameDisplayShutterSequence = Sequence([holder])
    found = _found(SharedFunctionalGroupsSequence=Sequence([group]))
    assert [each.shape for each in found] == [ShutterShape.RECTANGULAR]


@pytest.mark.parametrize(
    ("attributes", "aspect"),
    [
        ({}, 1.0),
        ({"PixelSpacing": ["2", "1"]}, 2.0),
        ({"PixelSpacing": ["0.5", "0.500001"]}, 1.0),
        ({"ImagerPixelSpacing": ["1", "2"]}, 0.5),
        ({"NominalScannedPixelSpacing": ["3", "2"]}, 1.5),
        ({"PixelAspectRatio": ["4", "5"]}, 0.8),
        ({"PixelSpacing": ["0", "0"], "PixelAspectRatio": ["4", "5"]}, 0.8),
        ({"PixelSpacing": ["1", "1"], "PixelAspectRatio": ["4", "5"]}, 1.0),
        ({"PixelAspectRatio": ["-4", "5"]}, 1.0),
        ({"PixelAspectRatio": ["1000000", "1"]}, 1.0),
        ({"PixelAspectRatio": ["4"]}, 1.0),
    ],
)
def test_the_shape_of_pixels_is_height_by_width(
    attributes: dict[str, object], aspect: float
) -> None:
    assert of(datasets.dataset(**attributes)).appearance().aspect == pytest.approx(aspect)


def test_the_spacing_of_functional_groups_goes_first() -> None:
    group, measures = Dataset(), Dataset()
    measures.PixelSpacing = [3, 1]
    group.PixelMeasuresSequence = Sequence([measures])
    made = datasets.dataset(
        SharedFunctionalGroupsSequence=Sequence([group]), PixelSpacing=["1", "1"]
    )
    assert of(made).appearance().aspect == 3.0

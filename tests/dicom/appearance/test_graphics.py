"""Rules of graphic annotation and of the order of frames (PS3.3 C.10.5, C.10.7)."""

from __future__ import annotations

import pytest
from pydicom import Dataset, Sequence

from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.dicom.appearance.graphics import drawn
from dicomweb_server.dicom.appearance.references import Placed, in_order
from dicomweb_server.model.rendering import Graphic, GraphicType, Text
from tests.dicom.appearance.test_presentation import item, reference


def _graphic(kind: str, points: list[float], units: str = "PIXEL", filled: str = "N") -> Dataset:
    return item(
        GraphicAnnotationUnits=units,
        GraphicDimensions=2,
        NumberOfGraphicPoints=len(points) // 2,
        GraphicData=points,
        GraphicType=kind,
        GraphicFilled=filled,
    )


def _boxed(text: str, units: str = "PIXEL", **more: object) -> Dataset:
    return item(
        UnformattedTextValue=text,
        BoundingBoxAnnotationUnits=units,
        BoundingBoxTopLeftHandCorner=[2.0, 3.0],
        BoundingBoxBottomRightHandCorner=[9.0, 5.0],
        **more,
    )


def _drawn(
    *annotations: Dataset, layers: tuple[Dataset, ...] = ()
) -> tuple[tuple[Graphic, ...], tuple[Text, ...]]:
    made = item(
        GraphicAnnotationSequence=Sequence(annotations), GraphicLayerSequence=Sequence(layers)
    )
    return drawn(Attributes(made.to_json_dict()), "1.2", 1)


def _graphics(*made: Dataset) -> tuple[Graphic, ...]:
    graphics, _ = _drawn(item(GraphicLayer="A", GraphicObjectSequence=Sequence(made)))
    return graphics


def _texts(*made: Dataset) -> tuple[Text, ...]:
    _, texts = _drawn(item(GraphicLayer="A", TextObjectSequence=Sequence(made)))
    return texts


def test_the_middle_of_the_first_pixel_is_one() -> None:
    # In the file 0\0 is the corner of the first pixel and its middle 0.5\0.5.
    assert _graphics(_graphic("POINT", [0.5, 0.5])) == (Graphic(GraphicType.POINT, ((1.0, 1.0),)),)


def test_units_of_the_displayed_area_stay_parts_of_it() -> None:
    (found,) = _graphics(_graphic("POLYLINE", [0.25, 0.5, 1, 1, 0.25, 0.5], "DISPLAY", "Y"))
    assert found == Graphic(
        GraphicType.POLYLINE, ((0.25, 0.5), (1, 1), (0.25, 0.5)), filled=True, relative=True
    )


@pytest.mark.parametrize(
    ("kind", "points", "units"),
    [
        ("CIRCLE", [1, 1], "PIXEL"),
        ("ELLIPSE", [1, 1, 2, 2, 3, 3], "PIXEL"),
        ("POLYLINE", [1, 1], "PIXEL"),
        ("POLYLINE", [1, 1, 2], "PIXEL"),
        ("POLYLINE", [1, 1, 2, 1e9], "PIXEL"),
        ("POLYLINE", [1, 1, 2, 2], "MATRIX"),
        ("SPIRAL", [1, 1, 2, 2], "PIXEL"),
    ],
)
def test_damaged_graphics_are_left_out(kind: str, points: list[float], units: str) -> None:
    sound = _graphic("CIRCLE", [1, 1, 2, 1])
    assert len(_graphics(_graphic(kind, points, units), sound)) == 1


def test_texts_stand_in_their_box() -> None:
    assert _texts(_boxed("first\r\nsecond\x07")) == (Text(("first", "second"), (2.5, 3.5)),)
    assert _texts(_boxed("part", "DISPLAY")) == (Text(("part",), (2.0, 3.0), relative=True),)


def test_texts_without_a_box_stand_at_their_anchor() -> None:
    made = item(
        UnformattedTextValue="here", AnchorPointAnnotationUnits="PIXEL", AnchorPoint=[7.5, 8.5]
    )
    assert _texts(made) == (Text(("here",), (8.0, 9.0)),)


def test_a_visible_anchor_is_joined_with_its_text() -> None:
    made = _boxed(
        "there",
        AnchorPointAnnotationUnits="PIXEL",
        AnchorPoint=[0.5, 0.5],
        AnchorPointVisibility="Y",
    )
    graphics, texts = _drawn(item(GraphicLayer="A", TextObjectSequence=Sequence([made])))
    assert graphics == (Graphic(GraphicType.POLYLINE, ((1.0, 1.0), (2.5, 3.5))),)
    assert len(texts) == 1


def test_texts_are_bounded() -> None:
    (found,) = _texts(_boxed("x" * 300 + "\n" * 700))
    assert len(found.lines) == 64
    assert len(found.lines[0]) == 256
    assert _texts(_boxed("  \n ")) == ()


def test_layers_are_drawn_from_the_lowest_in_their_grey() -> None:
    layers = (
        item(
            GraphicLayer="UP",
            GraphicLayerOrder=2,
            GraphicLayerRecommendedDisplayGrayscaleValue=65535,
        ),
        item(
            GraphicLayer="DOWN",
            GraphicLayerOrder=1,
            GraphicLayerRecommendedDisplayGrayscaleValue=0,
        ),
        item(
            GraphicLayer="LAB",
            GraphicLayerOrder=3,
            GraphicLayerRecommendedDisplayCIELabValue=[13107, 1, 1],
        ),
    )
    annotations = [
        item(
            GraphicLayer=name,
            GraphicObjectSequence=Sequence([_graphic("POINT", [float(x), 0.0])]),
        )
        for x, name in enumerate(("UP", "DOWN", "LAB"))
    ]
    graphics, _ = _drawn(*annotations, layers=layers)
    assert [(each.points[0][0], each.value) for each in graphics] == [
        (1.5, 0.0),
        (0.5, 1.0),
        (2.5, pytest.approx(0.2)),
    ]


def test_annotations_are_for_the_images_that_they_tell() -> None:
    def annotation(*images: Dataset) -> Dataset:
        return item(
            GraphicLayer="A",
            ReferencedImageSequence=Sequence(images),
            GraphicObjectSequence=Sequence([_graphic("POINT", [1.0, 1.0])]),
        )

    for images, count in (
        ((reference("1.2"),), 1),
        ((reference("1.3"),), 0),
        ((reference("1.3"), reference("1.2", 1)), 1),
        ((reference("1.2", 2),), 0),
    ):
        graphics, _ = _drawn(annotation(*images))
        assert len(graphics) == count


def test_a_state_of_very_many_objects_draws_some_of_them() -> None:
    many = [_graphic("POINT", [1.0, 1.0])] * 3000
    assert len(_graphics(*many)) == 2048
    long = [_graphic("POLYLINE", [1.0, 1.0] * 4096)] * 20
    assert len(_graphics(*long)) == 8
    assert len(_texts(*([_boxed("a")] * 600))) == 512


def _frame(dimensions: list[int] | None = None, position: list[float] | None = None) -> Dataset:
    group = Dataset()
    if dimensions:
        group.FrameContentSequence = Sequence([item(DimensionIndexValues=dimensions)])
    if position:
        group.PlanePositionSequence = Sequence([item(ImagePositionPatient=position)])
    return group


def _order(*frames: Dataset, **attributes: object) -> list[int]:
    made = item(PerFrameFunctionalGroupsSequence=Sequence(frames), **attributes)
    document = Attributes(made.to_json_dict())
    return in_order([Placed.of(document, number) for number in range(1, len(frames) + 1)])


def test_frames_come_by_their_dimensions_first() -> None:
    frames = [_frame([2, 1], [0, 0, 1]), _frame([1, 2], [0, 0, 5]), _frame([1, 1], [0, 0, 9])]
    assert _order(*frames) == [2, 1, 0]


def test_then_along_the_normal() -> None:
    heights = [_frame(None, [0, 0, height]) for height in (30, 10, 20)]
    assert _order(*heights) == [1, 2, 0]
    turned = item(ImageOrientationPatient=[0, 1, 0, 1, 0, 0])
    shared = item(PlaneOrientationSequence=Sequence([turned]))
    assert _order(*heights, SharedFunctionalGroupsSequence=Sequence([shared])) == [0, 2, 1]


def test_then_as_they_were_referred_to() -> None:
    assert _order(_frame(), _frame(), _frame()) == [0, 1, 2]
    assert _order(_frame([1]), _frame(), _frame([0])) == [0, 1, 2]
    assert in_order([]) == []


def test_slices_of_a_series_come_by_their_places() -> None:
    slices = [
        Attributes(
            item(
                ImagePositionPatient=[0, 0, z], ImageOrientationPatient=[1, 0, 0, 0, 1, 0]
            ).to_json_dict()
        )
        for z in (5, -5, 0)
    ]
    assert in_order([Placed.of(each, 1) for each in slices]) == [1, 2, 0]

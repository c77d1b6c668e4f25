"""Rules of grayscale softcopy presentation states (PS3.4 N.2, PS3.3 C.11.6, C.10.4, C.10.6)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import Dataset, Sequence

from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.dicom.appearance.presentation import (
    GRAYSCALE,
    PresentationState,
    is_presentation_state,
    presentation_bulk,
)
from dicomweb_server.dicom.appearance.references import Reference
from dicomweb_server.errors import NotAcceptable
from dicomweb_server.model.rendering import (
    Appearance,
    Graphic,
    GraphicType,
    LookupTable,
    Overlay,
    Rescale,
    Shutter,
    ShutterShape,
    Window,
    WindowFunction,
)
from tests import datasets
from tests.dicom import scans
from tests.dicom.appearance.instances import BASE, Kept, kept_file, of

FAMILY = "1.2.840.10008.5.1.4.1.1.11."
WHOLE = Window(32767.5, 65535, WindowFunction.LINEAR_EXACT)


def item(**attributes: object) -> Dataset:
    """An item of a sequence."""
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def reference(instance: str, *frames: int) -> Dataset:
    """A reference to an image."""
    made = item(ReferencedSOPClassUID="1.2.3", ReferencedSOPInstanceUID=instance)
    if frames:
        made.ReferencedFrameNumber = list(frames)
    return made


def table(count: int, bits: int = 12) -> Dataset:
    """An item of a LUT sequence."""
    made = item(LUTDescriptor=[count, 0, bits], LUTData=bytes(2 * count))
    made["LUTDescriptor"].VR, made["LUTData"].VR = "US", "OW"
    return made


def state(**attributes: object) -> PresentationState:
    """A presentation state as it is kept."""
    made = datasets.dataset(SOPClassUID=GRAYSCALE, PresentationLUTShape="IDENTITY")
    for keyword in ("Rows", "Columns", "PixelData", "BitsAllocated", "PhotometricInterpretation"):
        del made[keyword]
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    data = datasets.part10(made)
    found = scans.scanned(data)
    document = Attributes.parse(found.document.text(BASE))
    values = {each.path: scans.bulk_value(data, each) for each in found.bulk}
    return PresentationState.of(
        document, {path: values[path] for path in presentation_bulk(document)}
    )


def image(**attributes: object) -> Kept:
    """An image of 4 by 4 pixels with a look of its own."""
    made = datasets.dataset(
        RescaleSlope="2",
        RescaleIntercept="-1024",
        WindowCenter="40",
        WindowWidth="400",
        **attributes,
    )
    return of(made)


def shown(found: PresentationState, kept: Kept | None = None, frame: int = 1) -> Appearance:
    """How a state shows an image."""
    kept = kept or image()
    return found.appearance(kept.document, frame, kept.bulk, kept.pixel)


def test_what_the_state_does_not_tell_is_identity() -> None:
    assert shown(state()) == Appearance(voi=WHOLE)


def test_monochrome1_is_overridden() -> None:
    negative = image(PhotometricInterpretation="MONOCHROME1")
    assert not shown(state(), negative).inverse
    assert shown(state(PresentationLUTShape="INVERSE"), negative).inverse
    assert shown(state(PresentationLUTShape="INVERSE")).inverse


def test_the_modality_transformation_is_that_of_the_state() -> None:
    found = shown(state(RescaleSlope="0.5", RescaleIntercept="10", RescaleType="US"))
    assert found.modality == Rescale(0.5, 10)
    assert found.voi == Window(10 + 65535 / 4, 65535 / 2, WindowFunction.LINEAR_EXACT)


def test_a_modality_table_of_the_state_decides_what_is_shown() -> None:
    found = shown(state(ModalityLUTSequence=Sequence([table(5000)])))
    assert isinstance(found.modality, LookupTable)
    assert found.voi == Window(2047.5, 4095, WindowFunction.LINEAR_EXACT)


def test_windows_are_for_the_images_and_frames_that_they_tell() -> None:
    def window(center: int, *images: Dataset) -> Dataset:
        made = item(WindowCenter=center, WindowWidth=10)
        if images:
            made.ReferencedImageSequence = Sequence(images)
        return made

    found = state(
        SoftcopyVOILUTSequence=Sequence(
            [
                window(1, reference("9.9")),
                window(2, reference("9.9"), reference(datasets.INSTANCE, 2, 3)),
                window(3, reference(datasets.INSTANCE, 1)),
            ]
        )
    )
    voi = [shown(found, frame=frame).voi for frame in (1, 2, 3, 4)]
    assert voi == [Window(3, 10), Window(2, 10), Window(2, 10), WHOLE]


def test_a_window_without_references_is_for_all_images() -> None:
    sequence = Sequence([item(WindowCenter=5, WindowWidth=6, VOILUTFunction="SIGMOID")])
    found = shown(state(SoftcopyVOILUTSequence=sequence))
    assert found.voi == Window(5, 6, WindowFunction.SIGMOID)


def test_tables_of_the_state_may_be_given_by_reference() -> None:
    found = shown(
        state(
            SoftcopyVOILUTSequence=Sequence([item(VOILUTSequence=Sequence([table(4096)]))]),
            PresentationLUTSequence=Sequence([table(4096, 16)]),
        )
    )
    assert isinstance(found.voi, LookupTable)
    assert found.presentation == LookupTable(0, 16, bytes(8192))


def test_shutters_are_those_of_the_state() -> None:
    edges = {
        "ShutterShape": "RECTANGULAR",
        "ShutterLeftVerticalEdge": 1,
        "ShutterRightVerticalEdge": 3,
        "ShutterUpperHorizontalEdge": 1,
        "ShutterLowerHorizontalEdge": 4,
    }
    found = shown(state(**edges, ShutterPresentationValue=65535))
    assert found.shutters == (Shutter(ShutterShape.RECTANGULAR, (1, 3, 1, 4), 1.0),)
    assert shown(state(), image(**edges)).shutters == ()


def _plane(made: Dataset, group: int, bits: bytes | None) -> None:
    made.add_new((group, 0x0010), "US", 4)
    made.add_new((group, 0x0011), "US", 4)
    made.add_new((group, 0x0040), "CS", "G")
    made.add_new((group, 0x0050), "SS", [1, 1])
    made.add_new((group, 0x0100), "US", 1)
    made.add_new((group, 0x0102), "US", 0)
    if bits is not None:
        made.add_new((group, 0x3000), "OW", bits)


def _state_with(made: Dataset) -> PresentationState:
    return PresentationState.of(Attributes(made.to_json_dict()), {})


def _bare(**attributes: object) -> Dataset:
    return item(SOPClassUID=GRAYSCALE, **attributes)


def test_overlays_of_the_image_are_shown_where_a_layer_activates_them() -> None:
    made = datasets.dataset()
    _plane(made, 0x6000, b"\1\2")
    _plane(made, 0x6002, b"\3\4")
    layer = item(GraphicLayer="A", GraphicLayerOrder=1)
    layer.GraphicLayerRecommendedDisplayGrayscaleValue = 32768
    presenting = _bare(GraphicLayerSequence=Sequence([layer]))
    presenting.add_new((0x6002, 0x1001), "CS", "A")
    presenting.add_new((0x6000, 0x1001), "CS", "")
    kept = of(made)
    assert len(kept.appearance().overlays) == 2
    (found,) = shown(_state_with(presenting), kept).overlays
    assert found == Overlay(4, 4, 1, 1, b"\3\4", value=32768 / 65535)


def test_overlays_of_the_state_go_before_those_of_the_image() -> None:
    made, presenting = datasets.dataset(), _bare()
    _plane(made, 0x6000, b"\1\2")
    _plane(presenting, 0x6000, b"\5\6")
    presenting.add_new((0x6000, 0x1001), "CS", "A")
    assert shown(_state_with(presenting), of(made)).overlays == (Overlay(4, 4, 1, 1, b"\5\6"),)


def test_a_bitmap_shutter_is_a_plane_in_the_value_of_the_shutter() -> None:
    presenting = _bare(
        ShutterShape="BITMAP", ShutterOverlayGroup=0x6004, ShutterPresentationValue=0
    )
    _plane(presenting, 0x6004, b"\7\7")
    masked = (Overlay(4, 4, 1, 1, b"\7\7", value=0.0),)
    assert shown(_state_with(presenting)).overlays == masked
    # One that is wrongly activated as an annotation too is not drawn in white over itself.
    presenting.add_new((0x6004, 0x1001), "CS", "A")
    assert shown(_state_with(presenting)).overlays == masked


def _area(left: int, top: int, right: int, bottom: int, **more: object) -> Sequence:
    return Sequence(
        [
            item(
                DisplayedAreaTopLeftHandCorner=[left, top],
                DisplayedAreaBottomRightHandCorner=[right, bottom],
                PresentationSizeMode="SCALE TO FIT",
                **more,
            )
        ]
    )


@pytest.mark.parametrize(
    ("told", "area"),
    [
        ((1, 1, 4, 4), None),
        ((2, 1, 3, 4), (2, 1, 3, 4)),
        ((3, 4, 2, 1), (2, 1, 3, 4)),
        ((0, -1, 5, 6), (0, -1, 5, 6)),
        ((-(1 << 30), 1, 1 << 30, 4), (-3, 1, 8, 4)),
        ((9, 9, 12, 12), None),
    ],
)
def test_the_displayed_area(
    told: tuple[int, int, int, int], area: tuple[int, int, int, int] | None
) -> None:
    assert shown(state(DisplayedAreaSelectionSequence=_area(*told))).area == area


def test_the_displayed_area_tells_the_shape_of_pixels() -> None:
    spaced = _area(1, 1, 4, 4, PresentationPixelSpacing=["2", "1"])
    assert shown(state(DisplayedAreaSelectionSequence=spaced)).aspect == 2.0
    formed = _area(1, 1, 4, 4, PresentationPixelAspectRatio=["1", "2"])
    assert shown(state(DisplayedAreaSelectionSequence=formed)).aspect == 0.5


@pytest.mark.parametrize(
    ("told", "degrees"), [(0, 0), (90, 90), (180, 180), (270, 270), (360, 0), (45, 0)]
)
def test_rotation_is_by_right_angles(told: int, degrees: int) -> None:
    found = shown(state(ImageRotation=told, ImageHorizontalFlip="Y"))
    assert (found.rotation, found.flip) == (degrees, True)
    assert not shown(state(ImageRotation=told, ImageHorizontalFlip="N")).flip


@pytest.mark.parametrize("tail", [str(number) for number in range(2, 13)])
def test_other_kinds_of_states_are_refused_with_the_reason(tail: str) -> None:
    assert is_presentation_state(FAMILY + tail)
    with pytest.raises(NotAcceptable, match="presentation states of this kind") as refused:
        PresentationState.of(Attributes(item(SOPClassUID=FAMILY + tail).to_json_dict()), {})
    assert refused.value.stored == FAMILY + tail
    assert refused.value.hint


def test_masks_are_refused_with_the_reason() -> None:
    made = _bare(MaskSubtractionSequence=Sequence([item(MaskOperation="AVG_SUB")]))
    with pytest.raises(NotAcceptable, match="masks"):
        _state_with(made)


def test_images_are_no_presentation_states() -> None:
    assert not is_presentation_state("1.2.840.10008.5.1.4.1.1.2")


def test_references_come_in_their_order() -> None:
    series = [
        item(SeriesInstanceUID="1.1", ReferencedImageSequence=[reference("1.1.2", 4, 2)]),
        item(
            SeriesInstanceUID="1.2",
            ReferencedImageSequence=[reference("1.2.9"), Dataset(), reference("1.2.1")],
        ),
    ]
    assert state(ReferencedSeriesSequence=Sequence(series)).references == (
        Reference("1.1", "1.2.3", "1.1.2", (4, 2)),
        Reference("1.2", "1.2.3", "1.2.9", ()),
        Reference("1.2", "1.2.3", "1.2.1", ()),
    )


def test_a_colour_image_keeps_its_colours() -> None:
    kept = image()
    colour = replace(kept.pixel, samples_per_pixel=3, photometric_interpretation="RGB")
    found = state(ImageRotation=90, PresentationLUTShape="INVERSE")
    look = found.appearance(kept.document, 1, {}, colour)
    assert look == Appearance(rotation=90)


def test_the_state_of_a_file(data_folder: Path) -> None:
    data = (data_folder / "valid/pr-ko/gsps.dcm").read_bytes()
    document = Attributes.parse(scans.scanned(data).document.text(BASE))
    found = PresentationState.of(document, {})
    (told,) = found.references
    files = sorted((data_folder / "valid/ct-series-small").iterdir())
    kept = [each for each in map(kept_file, files) if each is not None]
    (match,) = [each for each in kept if each.document.text(0x00080018) == told.instance]
    line = Graphic(GraphicType.POLYLINE, ((10.5, 10.5), (61.0, 20.5), (10.5, 10.5)))
    look = shown(found, match)
    assert (look.voi, look.graphics, look.area) == (Window(-200, 700), (line,), None)

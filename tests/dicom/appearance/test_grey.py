"""Rules of the grey pipeline (PS3.3 C.11.1, C.11.2, C.7.5.1.1.2, C.7.6.16.2)."""

from __future__ import annotations

from dataclasses import replace
from struct import pack

import pytest
from pydicom import Dataset, Sequence

from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.dicom.appearance.frame import appearance
from dicomweb_server.dicom.appearance.grey import output_range, stored_range
from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.model.rendering import (
    Appearance,
    LookupTable,
    Rescale,
    Window,
    WindowFunction,
)
from tests import datasets
from tests.dicom.appearance.instances import GREY, of


def _item(**attributes: object) -> Dataset:
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def _lut(first: int = 0, entries: tuple[int, ...] = (0, 4095)) -> Dataset:
    made = _item(LUTDescriptor=[len(entries), first, 12], LUTData=list(entries))
    made["LUTDescriptor"].VR = made["LUTData"].VR = "US"
    return made


def _look(frame: int = 1, **attributes: object) -> Appearance:
    return of(datasets.dataset(**attributes)).appearance(frame)


def test_nothing_said_shows_all_values_as_they_are() -> None:
    assert _look() == Appearance()


def test_rescale_is_the_modality_transformation() -> None:
    assert _look(RescaleSlope="2.5", RescaleIntercept="-1024").modality == Rescale(2.5, -1024)
    assert _look(RescaleIntercept="-1024").modality == Rescale(1, -1024)


def test_a_slope_of_zero_does_not_wipe_out_the_image() -> None:
    assert _look(RescaleSlope="0", RescaleIntercept="5").modality == Rescale(1, 5)


def test_a_modality_table_goes_before_rescale() -> None:
    look = _look(ModalityLUTSequence=Sequence([_lut()]), RescaleSlope=2, RescaleIntercept=0)
    assert look.modality == LookupTable(0, 12, pack("<2H", 0, 4095))


def test_a_damaged_modality_table_leaves_rescale() -> None:
    broken = _item(LUTDescriptor=[256, 0, 16], LUTData=[1, 2])
    broken["LUTDescriptor"].VR = broken["LUTData"].VR = "US"
    look = _look(ModalityLUTSequence=Sequence([broken]), RescaleSlope=2, RescaleIntercept=0)
    assert look.modality == Rescale(2, 0)


@pytest.mark.parametrize(("relationship", "ignored"), [("LOG", True), ("LIN", False)])
def test_the_way_to_x_ray_intensity_is_not_for_display(relationship: str, ignored: bool) -> None:
    look = _look(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.12.1",
        PixelIntensityRelationship=relationship,
        ModalityLUTSequence=Sequence([_lut()]),
    )
    assert (look.modality is None) is ignored


def test_the_first_window_is_taken() -> None:
    look = _look(WindowCenter=["40", "300"], WindowWidth=["400", "1500"])
    assert look.voi == Window(40, 400)


@pytest.mark.parametrize(
    ("told", "function"),
    [
        ("LINEAR", WindowFunction.LINEAR),
        ("LINEAR_EXACT", WindowFunction.LINEAR_EXACT),
        ("SIGMOID", WindowFunction.SIGMOID),
        ("OTHER", WindowFunction.LINEAR),
    ],
)
def test_the_function_of_a_window_is_taken(told: str, function: WindowFunction) -> None:
    look = _look(WindowCenter="40", WindowWidth="400", VOILUTFunction=told)
    assert look.voi == Window(40, 400, function)


@pytest.mark.parametrize(
    ("width", "function", "allowed"),
    [
        ("1", "LINEAR", True),
        ("0.5", "LINEAR", False),
        ("0.5", "LINEAR_EXACT", True),
        ("0.5", "SIGMOID", True),
        ("0", "LINEAR_EXACT", False),
        ("0", "SIGMOID", False),
        ("-3", "LINEAR_EXACT", False),
    ],
)
def test_widths_that_the_rules_forbid_are_no_windows(
    width: str, function: str, allowed: bool
) -> None:
    look = _look(WindowCenter="40", WindowWidth=width, VOILUTFunction=function)
    assert (look.voi is not None) is allowed


def test_a_window_that_is_forbidden_leaves_the_next_one() -> None:
    look = _look(WindowCenter=["40", "300"], WindowWidth=["0", "1500"])
    assert look.voi == Window(300, 1500)


def test_a_voi_table_goes_before_a_window() -> None:
    look = _look(VOILUTSequence=Sequence([_lut(7)]), WindowCenter="40", WindowWidth="400")
    assert look.voi == LookupTable(7, 12, pack("<2H", 0, 4095))


def test_a_voi_table_behind_a_negative_intercept_may_begin_below_zero() -> None:
    table = _lut(0xFC00)
    look = _look(VOILUTSequence=Sequence([table]), RescaleSlope=1, RescaleIntercept=-1024)
    assert isinstance(look.voi, LookupTable)
    assert look.voi.first == -1024


def test_functional_groups_tell_each_frame_its_own() -> None:
    def group(slope: int, center: int) -> Dataset:
        return _item(
            PixelValueTransformationSequence=Sequence(
                [_item(RescaleSlope=slope, RescaleIntercept=0, RescaleType="US")]
            ),
            FrameVOILUTSequence=Sequence([_item(WindowCenter=center, WindowWidth=10)]),
        )

    attributes: dict[str, object] = {
        "NumberOfFrames": 2,
        "PixelData": bytes(64),
        "SharedFunctionalGroupsSequence": Sequence([group(2, 1)]),
        "PerFrameFunctionalGroupsSequence": Sequence([group(3, 5), Dataset()]),
    }
    first, second = _look(1, **attributes), _look(2, **attributes)
    assert (first.modality, first.voi) == (Rescale(3, 0), Window(5, 10))
    assert (second.modality, second.voi) == (Rescale(2, 0), Window(1, 10))


@pytest.mark.parametrize(
    ("photometric", "shape", "inverse"),
    [
        ("MONOCHROME1", None, True),
        ("MONOCHROME1", "INVERSE", True),
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME2", "IDENTITY", False),
    ],
)
def test_polarity_is_turned_once(photometric: str, shape: str | None, inverse: bool) -> None:
    made = datasets.dataset(PhotometricInterpretation=photometric)
    if shape is not None:
        made.PresentationLUTShape = shape
    assert of(made).appearance().inverse is inverse


def test_colour_images_have_no_grey_pipeline() -> None:
    look = _look(
        SamplesPerPixel=3,
        PhotometricInterpretation="RGB",
        PlanarConfiguration=0,
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        PixelData=bytes(48),
        WindowCenter="1",
        WindowWidth="2",
        RescaleSlope="2",
        RescaleIntercept="1",
        PresentationLUTShape="INVERSE",
    )
    assert look == Appearance()


def _padding(
    pixel: PixelHeader, value: int, limit: int | None = None
) -> tuple[float, float] | None:
    members: dict[str, object] = {"00280120": {"vr": "US", "Value": [value]}}
    if limit is not None:
        members["00280121"] = {"vr": "US", "Value": [limit]}
    return appearance(Attributes(members), 1, {}, pixel).padding


@pytest.mark.parametrize(
    ("representation", "stored", "value", "padding"),
    [(0, 12, 63536, 63536), (1, 16, 63536, -2000), (1, 16, -2000, -2000), (1, 12, 2048, -2048)],
)
def test_padding_has_the_sign_of_the_pixels(
    representation: int, stored: int, value: int, padding: int
) -> None:
    pixel = replace(GREY, pixel_representation=representation, bits_stored=stored)
    assert _padding(pixel, value) == (padding, padding)


def test_padding_may_be_a_range_in_either_order() -> None:
    assert _padding(GREY, 10, 16) == (10, 16)
    assert _padding(GREY, 16, 10) == (10, 16)


def test_a_limit_alone_is_no_padding() -> None:
    members = {"00280121": {"vr": "US", "Value": [3]}}
    assert appearance(Attributes(members), 1, {}, GREY).padding is None


def test_padding_of_float_pixels_is_a_float() -> None:
    members = {"00280122": {"vr": "FL", "Value": [-0.5]}}
    pixel = replace(GREY, tag=0x7FE00008, bits_allocated=32, bits_stored=32)
    assert appearance(Attributes(members), 1, {}, pixel).padding == (-0.5, -0.5)


def test_ranges_of_values() -> None:
    signed = replace(GREY, pixel_representation=1)
    assert stored_range(GREY) == (0, 4095)
    assert stored_range(signed) == (-2048, 2047)
    assert stored_range(replace(GREY, tag=0x7FE00009)) is None
    assert output_range(Rescale(-2, 1), GREY) == (-8189, 1)
    assert output_range(LookupTable(0, 10, b"\0\0"), GREY) == (0, 1023)
    assert output_range(None, replace(GREY, tag=0x7FE00009)) is None

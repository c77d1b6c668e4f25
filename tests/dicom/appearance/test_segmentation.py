"""Rules of segmentations, dose and colours (PS3.3 C.8.20, C.8.8.3, C.10.7.1.1, PS3.6 B.1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, Sequence, dcmread

from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.dicom.appearance.colours import colour_of, hot_iron, rgb_of_lab
from dicomweb_server.dicom.appearance.frame import appearance, up_to
from dicomweb_server.dicom.appearance.source import frame_at_same_place, source_of
from dicomweb_server.model.rendering import LookupTable, Rescale, Window, WindowFunction
from tests import datasets
from tests.dicom.appearance.instances import GREY, kept_file, of
from tests.dicom.appearance.oracle import coloured

SEGMENTATION, LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"
DOSE = "1.2.840.10008.5.1.4.1.1.481.2"


def _segments(*numbers: int, lab: list[int] | None = None) -> Sequence:
    made = []
    for number in numbers:
        item = Dataset()
        item.SegmentNumber = number
        if lab is not None:
            item.RecommendedDisplayCIELabValue = lab
        made.append(item)
    return Sequence(made)


def _frames(numbers: Iterable[int]) -> Sequence:
    made = []
    for number in numbers:
        group, identification = Dataset(), Dataset()
        identification.ReferencedSegmentNumber = number
        group.SegmentIdentificationSequence = Sequence([identification])
        made.append(group)
    return Sequence(made)


def _segmentation(**attributes: object) -> Dataset:
    return datasets.dataset(SOPClassUID=SEGMENTATION, **attributes)


# Reference colours: sRGB as the CIELab of an ICC colour management gives them under D50.
@pytest.mark.parametrize(
    ("lab", "rgb"),
    [
        ((0.0, 0.0, 0.0), (0, 0, 0)),
        ((100.0, 0.0, 0.0), (255, 255, 255)),
        ((53.585, 0.0, 0.0), (128, 128, 128)),
        ((54.29, 80.81, 69.89), (255, 0, 0)),
        ((87.82, -79.27, 80.99), (0, 255, 0)),
        ((29.57, 68.30, -112.03), (0, 0, 255)),
    ],
)
def test_cielab_is_of_the_profile_connection_space(
    lab: tuple[float, float, float], rgb: tuple[int, int, int]
) -> None:
    lightness, a, b = lab
    found = rgb_of_lab(lightness * 655.35, (a + 128) * 257, (b + 128) * 257)
    assert max(abs(one - other) for one, other in zip(found, rgb, strict=True)) <= 1


def test_colours_of_segments_differ_from_those_beside_them() -> None:
    colours = [colour_of(number) for number in range(1, 60)]
    assert len(set(colours)) == len(colours)
    for one, other in pairwise(colours):
        assert sum(abs(a - b) for a, b in zip(one, other, strict=True)) > 100


def test_the_recommended_colour_is_taken() -> None:
    made = _segmentation(SegmentSequence=_segments(1, 2, lab=[65535, 32896, 32896]))
    assert of(made).appearance().colour == (255, 255, 255)


def test_each_frame_has_the_colour_of_its_segment() -> None:
    made = _segmentation(
        NumberOfFrames=3,
        PixelData=bytes(96),
        SegmentSequence=_segments(2, 7),
        PerFrameFunctionalGroupsSequence=_frames((7, 2, 99)),
    )
    kept = of(made)
    found = [kept.appearance(frame).colour for frame in (1, 2, 3)]
    assert found == [colour_of(7), colour_of(2), colour_of(99)]


def test_a_fraction_is_a_share_of_the_greatest_one() -> None:
    made = _segmentation(SegmentationType="FRACTIONAL", MaximumFractionalValue=200)
    assert of(made).appearance().greatest == 200
    assert of(_segmentation(SegmentationType="FRACTIONAL")).appearance().greatest == 255
    assert of(_segmentation(SegmentationType="BINARY")).appearance().greatest == 1


def test_a_label_map_has_a_palette_of_segment_numbers() -> None:
    made = datasets.dataset(
        SOPClassUID=LABEL_MAP, SegmentSequence=_segments(3, lab=[65535, 32896, 32896])
    )
    look = of(made).appearance()
    assert look.palette is not None
    assert look.transparent == 0
    found = coloured(np.arange(4), look.palette)
    assert found.tolist() == [[0, 0, 0], list(colour_of(1)), list(colour_of(2)), [255, 255, 255]]


def test_a_label_map_tells_what_is_no_segment() -> None:
    made = datasets.dataset(SOPClassUID=LABEL_MAP, PixelPaddingValue=255)
    assert of(made).appearance().transparent == 255


def test_hot_iron_is_that_of_the_standard(data_folder: Path) -> None:
    told = dcmread(data_folder / "valid/non-patient/hotiron.dcm")
    for colour, table in zip(
        ("Red", "Green", "Blue"),
        (hot_iron().red, hot_iron().green, hot_iron().blue),
        strict=True,
    ):
        expected = getattr(told, f"{colour}PaletteColorLookupTableData")
        assert table.entries[::2] == expected
        assert table.bits == 8


def test_dose_is_scaled_and_shown_in_colours() -> None:
    look = of(datasets.dataset(SOPClassUID=DOSE, DoseGridScaling="0.01")).appearance()
    assert (look.modality, look.voi, look.tint) == (Rescale(0.01), None, hot_iron())


def test_dose_goes_from_none_to_the_greatest_one_told() -> None:
    made = datasets.dataset(SOPClassUID=DOSE, DoseGridScaling="0.5", LargestImagePixelValue=1000)
    assert of(made).appearance().voi == Window(250, 500, WindowFunction.LINEAR_EXACT)


def test_dose_goes_up_to_what_was_found_where_nothing_is_told() -> None:
    look = of(datasets.dataset(SOPClassUID=DOSE, DoseGridScaling="0.5")).appearance()
    assert up_to(look, 1000).voi == Window(250, 500, WindowFunction.LINEAR_EXACT)
    assert up_to(up_to(look, 1000), 10).voi == Window(250, 500, WindowFunction.LINEAR_EXACT)
    assert up_to(look, 0).voi is None


def test_parametric_maps_keep_their_window(data_folder: Path) -> None:
    kept = kept_file(data_folder / "valid/parametric-palette-rwv/parametric_map_float.dcm")
    assert kept is not None
    look = kept.appearance()
    assert (look.modality, look.voi) == (Rescale(1, 0), Window(0.5, 1))


def test_profiles_of_optical_paths_are_found(data_folder: Path) -> None:
    kept = kept_file(data_folder / "valid/wsi/sm_image.dcm")
    assert kept is not None
    dataset = dcmread(data_folder / "valid/wsi/sm_image.dcm", stop_before_pixels=True)
    profile = dataset.OpticalPathSequence[0].ICCProfile
    assert kept.appearance(25).profile.rstrip(b"\0") == profile.rstrip(b"\0")


def test_the_profile_of_the_frames_own_path_is_taken() -> None:
    def profile(mark: bytes) -> bytes:
        return bytes(36) + b"acsp" + mark * 88

    paths, identification, group = [], Dataset(), Dataset()
    for name in ("1", "2"):
        item = Dataset()
        item.OpticalPathIdentifier, item.ICCProfile = name, profile(name.encode("ascii"))
        paths.append(item)
    identification.OpticalPathIdentifier = "2"
    group.OpticalPathIdentificationSequence = Sequence([identification])
    made = datasets.dataset(
        SamplesPerPixel=3,
        PhotometricInterpretation="RGB",
        PlanarConfiguration=0,
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        PixelData=bytes(48),
        OpticalPathSequence=Sequence(paths),
        SharedFunctionalGroupsSequence=Sequence([group]),
    )
    assert of(made).appearance().profile == profile(b"2")


def test_what_is_no_profile_is_left_out() -> None:
    pixel = replace(GREY, samples_per_pixel=3, photometric_interpretation="RGB")
    members = {"00282000": {"vr": "OB", "BulkDataURI": "x"}}
    assert appearance(Attributes(members), 1, {"00282000": b"GIF89a"}, pixel).profile == b""


@pytest.mark.parametrize(
    ("name", "frame", "expected"),
    [
        ("seg_image_sm_control.dcm", 1, 25),
        ("seg_image_ct_binary.dcm", 1, None),
        ("liver.dcm", 1, None),
    ],
)
def test_frames_tell_their_source(
    data_folder: Path, name: str, frame: int, expected: int | None
) -> None:
    path = data_folder / "valid/seg" / name
    kept = kept_file(path)
    assert kept is not None
    dataset = dcmread(path, stop_before_pixels=True)
    group = dataset.PerFrameFunctionalGroupsSequence[frame - 1]
    told = group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
    assert source_of(kept.document, frame) == (told, expected)


def _reference(uid: str, frame: int | None = None) -> dict[str, object]:
    members: dict[str, object] = {"00081155": {"vr": "UI", "Value": [uid]}}
    if frame is not None:
        members["00081160"] = {"vr": "IS", "Value": [frame]}
    return members


def _items(*items: object) -> dict[str, object]:
    return {"vr": "SQ", "Value": list(items)}


def test_the_only_instance_that_is_referred_to_is_the_source() -> None:
    one = {"00081115": _items({"0008114A": _items(_reference("1.2.3"))})}
    two = {"00081115": _items({"0008114A": _items(_reference("1.2.3"), _reference("1.2.4"))})}
    assert source_of(Attributes(one), 1) == ("1.2.3", None)
    assert source_of(Attributes(two), 1) is None
    assert source_of(Attributes({}), 1) is None


def test_a_source_that_is_no_uid_is_none() -> None:
    assert source_of(Attributes({"00082112": _items(_reference("../etc"))}), 1) is None
    assert source_of(Attributes({"00082112": _items(_reference("1.2", -4))}), 1) == ("1.2", None)


def _placed(*heights: float) -> Attributes:
    return Attributes(
        {
            "52009230": _items(
                *(
                    {"00209113": _items({"00200032": {"vr": "DS", "Value": [1, 2, height]}})}
                    for height in heights
                )
            )
        }
    )


def test_the_frame_of_a_source_is_found_by_its_place() -> None:
    assert frame_at_same_place(_placed(10, 20, 30), _placed(30.001, 20), 1) == 3
    assert frame_at_same_place(_placed(10, 20, 30), _placed(15), 1) is None
    assert frame_at_same_place(_placed(10, 20, 30), Attributes({}), 1) is None


def test_tables_of_labels_have_eight_bits() -> None:
    look = of(datasets.dataset(SOPClassUID=LABEL_MAP)).appearance()
    assert look.palette is not None
    assert isinstance(look.palette.red, LookupTable)
    assert look.palette.red.bits == 8

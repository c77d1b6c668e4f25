"""Overlay planes on rendered pictures, where they are asked for (PS3.3 C.9.2, STANDARD D4, V5)."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.uid import GrayscaleSoftcopyPresentationStateStorage

from tests.data import data_folder
from tests.datasets import SERIES, STUDY, dataset, part10
from tests.site import Site, open_site

PNG = "image/png"
WINDOW = "window=100,200,linear-exact"
PLANE = 12
"""Bit of the pixels in which an overlay hides."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("overlays")) as opened:
        yield opened


def embedded() -> Dataset:
    """An image of 12 bits: a dark slope, and a diagonal line in a bit above them."""
    slope = np.arange(64, dtype="<u2").reshape(8, 8)
    cells = slope | (np.eye(8, dtype="<u2") << PLANE)
    made = dataset(
        SOPInstanceUID=f"{SERIES}.9",
        Rows=8,
        Columns=8,
        BitsStored=12,
        HighBit=11,
        PixelData=cells.tobytes(),
    )
    for element, vr, value in (
        (0x0010, "US", 8),
        (0x0011, "US", 8),
        (0x0040, "CS", "G"),
        (0x0050, "SS", [1, 1]),
        (0x0100, "US", 16),
        (0x0102, "US", PLANE),
    ):
        made.add_new(0x60000000 + element, vr, value)
    return made


def bitmap_shutter(image: Dataset) -> Dataset:
    """A presentation state that masks the upper half of an image, in a middle grey."""
    state, shown, series, voi = (Dataset() for _ in range(4))
    for keyword in ("StudyInstanceUID", "PatientName", "PatientID"):
        setattr(state, keyword, image.get(keyword))
    state.SOPClassUID, state.SOPInstanceUID = GrayscaleSoftcopyPresentationStateStorage, "1.2.3.6.1"
    state.SeriesInstanceUID, state.Modality = "1.2.3.6", "PR"
    shown.ReferencedSOPClassUID = image.SOPClassUID
    shown.ReferencedSOPInstanceUID = image.SOPInstanceUID
    series.SeriesInstanceUID = image.SeriesInstanceUID
    series.ReferencedImageSequence = [shown]
    state.ReferencedSeriesSequence = [series]
    voi.WindowCenter, voi.WindowWidth = "100", "200"
    state.SoftcopyVOILUTSequence = [voi]
    state.PresentationLUTShape = "IDENTITY"
    state.ShutterShape, state.ShutterOverlayGroup = "BITMAP", 0x6002
    state.ShutterPresentationValue = 0x8080
    for element, vr, value in (
        (0x0010, "US", 8),
        (0x0011, "US", 8),
        (0x0040, "CS", "G"),
        (0x0050, "SS", [1, 1]),
        (0x0100, "US", 1),
        (0x0102, "US", 0),
        (0x3000, "OW", b"\xff\xff\xff\xff\0\0\0\0"),
    ):
        state.add_new(0x60020000 + element, vr, value)
    return state


def path_of(found: Dataset) -> str:
    study, series = found.StudyInstanceUID, found.SeriesInstanceUID
    return f"/studies/{study}/series/{series}/instances/{found.SOPInstanceUID}"


def shown(site: Site, path: str) -> NDArray[np.uint8]:
    response = site.get(path, PNG)
    assert response.status_code == 200, response.text
    return np.asarray(Image.open(BytesIO(response.content)))


def test_planes_in_unused_bits_are_drawn_where_asked(site: Site) -> None:
    assert site.store([part10(embedded())]).status_code == 200
    path = f"/studies/{STUDY}/series/{SERIES}/instances/{SERIES}.9"
    plain = shown(site, f"{path}/rendered?{WINDOW}")
    assert (plain < 255).all()
    overlaid = shown(site, f"{path}/rendered?{WINDOW}&annotation=overlay")
    line = np.eye(8, dtype=np.bool_)
    assert (overlaid[line] == 255).all()
    np.testing.assert_array_equal(overlaid[~line], plain[~line])
    part = shown(site, f"{path}/frames/1/rendered?{WINDOW}&annotation=overlay&viewport=4,4,4,4,4,4")
    np.testing.assert_array_equal(part == 255, np.eye(4, dtype=np.bool_))


def test_the_uri_service_draws_them_too(site: Site) -> None:
    found = embedded()
    site.store([part10(found)])
    uids = (found.StudyInstanceUID, found.SeriesInstanceUID, found.SOPInstanceUID)
    query = "requestType=WADO&studyUID={}&seriesUID={}&objectUID={}".format(*uids)
    query += "&contentType=image/png&windowCenter=100&windowWidth=200"
    plain = shown(site, f"/wado?{query}")
    for name in ("imageAnnotation", "annotation"):
        overlaid = shown(site, f"/wado?{query}&{name}=overlay")
        np.testing.assert_array_equal(overlaid == 255, np.eye(8, dtype=np.bool_))
        np.testing.assert_array_equal(overlaid[overlaid != 255], plain[overlaid != 255])


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        ("mr/MR-SIEMENS-DICOM-WithOverlays.dcm", (0x6000,)),
        ("sc/S21570_S4010_I10.dcm", (0x6000,)),
        ("generated/overlay_in_high_bit_12.dcm", ()),
        ("sc/ovly_p01.dcm", (0x6004, 0x6006)),
    ],
)
@pytest.mark.filterwarnings("ignore")  # of pydicom, about what files hold
def test_the_overlays_of_real_files_lie_where_pydicom_finds_them(
    site: Site, name: str, groups: tuple[int, ...]
) -> None:
    folder = data_folder()
    if folder is None:
        pytest.skip("no folder of real files")
    file = folder / "valid" / name
    found = dcmread(file)
    expected = np.zeros((found.Rows, found.Columns), np.bool_)
    for group in groups:
        plane = found.overlay_array(group)
        top, left = (each - 1 for each in found[group, 0x0050].value)
        rows, columns = min(plane.shape[0], found.Rows), min(plane.shape[1], found.Columns)
        expected[top : top + rows, left : left + columns] |= plane[:rows, :columns].astype(bool)
    pixels = np.frombuffer(found.PixelData, "<u2")[: found.Rows * found.Columns]
    for group in range(0x6000, 0x6020, 2):
        bit = found.get((group, 0x0102))
        if bit is not None and bit.value >= found.BitsStored and (group, 0x3000) not in found:
            expected |= (pixels.reshape(expected.shape) >> bit.value & 1).astype(bool)
    assert expected.any()
    assert site.store([file.read_bytes()]).status_code in (200, 202)
    path = f"{path_of(found)}/rendered"
    plain, overlaid = (shown(site, f"{path}{more}") for more in ("", "?annotation=overlay"))
    assert overlaid.shape == plain.shape == expected.shape
    assert (overlaid[expected] == 255).all()
    np.testing.assert_array_equal(overlaid[~expected], plain[~expected])


def test_a_bitmap_shutter_masks_what_its_bits_tell(site: Site) -> None:
    """PS3.3 C.7.6.15."""
    image = embedded()
    state = bitmap_shutter(image)
    assert site.store([part10(image), part10(state)]).status_code == 200
    plain = shown(site, f"{path_of(image)}/rendered?window=100,200,linear")
    masked = shown(site, f"{path_of(state)}/rendered")
    assert (masked[:4] == 0x80).all()
    np.testing.assert_array_equal(masked[4:], plain[4:])


def test_thumbnails_have_none(site: Site) -> None:
    found = embedded()
    site.store([part10(found)])
    small = shown(site, f"{path_of(found)}/thumbnail")
    assert small.shape == (8, 8)
    # From the least to the greatest value: the line would be white from end to end.
    assert (np.diag(small) == 255).sum() == 1

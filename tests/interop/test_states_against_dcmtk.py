"""Images under presentation states, as shown here and by DCMTK's dcmp2pgm.

DCMTK draws neither shutters nor annotations into its picture and shows the whole image, so the
grey pipeline and the spatial transformation are what is compared.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, Sequence

from dicomweb_server.codec.render import render
from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.dicom.appearance.presentation import PresentationState, presentation_bulk
from dicomweb_server.model.frame import Frame
from dicomweb_server.model.media import EXPLICIT_LITTLE
from dicomweb_server.model.rendering import Rendering
from tests import datasets
from tests.dicom import scans
from tests.dicom.appearance.instances import BASE, kept
from tests.dicom.appearance.test_presentation import item
from tests.programs import require

ROWS, COLUMNS = 40, 56

IMAGE_ATTRIBUTES = (
    *("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated"),
    *("BitsStored", "HighBit", "PixelRepresentation", "PixelData"),
)
EMPTY = (
    *("PatientBirthDate", "PatientSex", "ReferringPhysicianName", "StudyID", "Manufacturer"),
    *("ContentDescription", "ContentCreatorName"),
)

WINDOW: dict[str, object] = {
    "SoftcopyVOILUTSequence": [item(WindowCenter="300", WindowWidth="900")]
}


def _table(count: int, first: int, entry: Callable[[int], int], kind: str = "") -> Dataset:
    entries = np.array([entry(number) for number in range(count)], "<u2")
    made = item(LUTDescriptor=[count, first, 12], LUTData=entries.tobytes())
    made["LUTDescriptor"].VR, made["LUTData"].VR = "US", "OW"
    if kind:
        made.ModalityLUTType = kind
    return made


STATES: dict[str, dict[str, object]] = {
    "identity": {},
    "inverse": {"PresentationLUTShape": "INVERSE"},
    "window": WINDOW,
    "inverse window": {**WINDOW, "PresentationLUTShape": "INVERSE"},
    "rescale": {**WINDOW, "RescaleSlope": "2", "RescaleIntercept": "-1000", "RescaleType": "US"},
    "modality table": {
        "ModalityLUTSequence": [_table(2048, 0, lambda entry: 4095 - 2 * entry, "US")]
    },
    "voi table": {
        "SoftcopyVOILUTSequence": [
            item(VOILUTSequence=Sequence([_table(1024, 100, lambda entry: entry**2 // 256)]))
        ]
    },
    "presentation table": {
        **WINDOW,
        "PresentationLUTShape": None,
        "PresentationLUTSequence": [_table(256, 0, lambda entry: entry**2 // 16)],
    },
    "turned": {**WINDOW, "ImageRotation": 90, "ImageHorizontalFlip": "N"},
    "turned and mirrored": {**WINDOW, "ImageRotation": 270, "ImageHorizontalFlip": "Y"},
}
IMAGES: dict[str, dict[str, object]] = {
    "unsigned": {"BitsStored": 12, "HighBit": 11},
    "signed with rescale": {
        "PixelRepresentation": 1,
        "RescaleSlope": "3",
        "RescaleIntercept": "-1024",
        "WindowCenter": "40",
        "WindowWidth": "400",
    },
    "negative": {"PhotometricInterpretation": "MONOCHROME1", "BitsStored": 12, "HighBit": 11},
}


def _image(**attributes: object) -> bytes:
    row = np.linspace(0, 2047, COLUMNS)
    stored = np.add.outer(np.linspace(0, 2047, ROWS), row).astype("<i2")
    if attributes.get("PixelRepresentation"):
        stored -= 1000
    made = datasets.dataset(Rows=ROWS, Columns=COLUMNS, PixelData=stored.tobytes(), **attributes)
    return datasets.part10(made)


def _state(**attributes: object) -> bytes:
    made = datasets.dataset(
        **dict.fromkeys(IMAGE_ATTRIBUTES),
        SOPClassUID="1.2.840.10008.5.1.4.1.1.11.1",
        SOPInstanceUID="1.2.3.99",
        SeriesInstanceUID="1.2.3.98",
        Modality="PR",
        ContentLabel="STATE",
        PresentationCreationDate="20240101",
        PresentationCreationTime="101010",
        PresentationLUTShape="IDENTITY",
        **dict.fromkeys(EMPTY, ""),
    )
    shown = item(
        ReferencedSOPClassUID=datasets.dataset().SOPClassUID,
        ReferencedSOPInstanceUID=datasets.INSTANCE,
    )
    made.ReferencedSeriesSequence = [
        item(SeriesInstanceUID=datasets.SERIES, ReferencedImageSequence=Sequence([shown]))
    ]
    made.DisplayedAreaSelectionSequence = [
        item(
            DisplayedAreaTopLeftHandCorner=[1, 1],
            DisplayedAreaBottomRightHandCorner=[COLUMNS, ROWS],
            PresentationSizeMode="SCALE TO FIT",
            PresentationPixelAspectRatio=[1, 1],
        )
    ]
    for keyword, value in attributes.items():
        if value is None:
            del made[keyword]
        else:
            setattr(made, keyword, value)
    return datasets.part10(made)


def _ours(image: bytes, state: bytes) -> NDArray[np.float64]:
    scan, found = scans.scanned(image), kept(image)
    told = scans.scanned(state)
    assert found is not None
    document = Attributes.parse(told.document.text(BASE))
    values = {each.path: scans.bulk_value(state, each) for each in told.bulk}
    bulk = {path: values[path] for path in presentation_bulk(document) if path in values}
    look = PresentationState.of(document, bulk).appearance(found.document, 1, {}, found.pixel)
    frame = Frame(found.pixel, EXPLICIT_LITTLE, scans.frame(image, scan, 1))
    return _levels(BytesIO(render(frame, Rendering("image/png", look))))


def _theirs(image: bytes, state: bytes, folder: Path) -> NDArray[np.float64]:
    (folder / "image.dcm").write_bytes(image)
    (folder / "state.dcm").write_bytes(state)
    command = [require("dcmp2pgm"), "-p", "state.dcm", "image.dcm", "out.pgm"]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    return _levels(BytesIO((folder / "out.pgm").read_bytes()))


def _levels(picture: BytesIO) -> NDArray[np.float64]:
    with Image.open(picture) as opened:
        return np.asarray(opened.convert("L"), np.float64)


@pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES)
@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_a_state_shows_what_it_shows_in_dcmtk(
    state: dict[str, object], image: dict[str, object], tmp_path: Path
) -> None:
    stored, presented = _image(**image), _state(**state)
    ours, theirs = _ours(stored, presented), _theirs(stored, presented, tmp_path)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= 1
    assert np.abs(ours - theirs).mean() < 1

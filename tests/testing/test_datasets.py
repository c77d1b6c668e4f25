"""The demo study: complete, readable, and the same every time."""

from __future__ import annotations

import io
import itertools

import numpy as np
from pydicom import Dataset, dcmread

from dicomweb_server.testing.datasets import SIZE, SLICES, demo_study, demo_uid
from dicomweb_server.testing.phantom import AIR, slices


def _read() -> list[Dataset]:
    return [dcmread(io.BytesIO(data)) for data in demo_study()]


def test_study_is_the_same_every_time() -> None:
    assert demo_study() == demo_study()


def test_identifiers_are_unique_and_made_from_names() -> None:
    instances = {str(ds.SOPInstanceUID) for ds in _read()}
    assert len(instances) == SLICES + 3
    assert all(uid.startswith("2.25.") and len(uid) <= 64 for uid in instances)
    assert demo_uid("study").is_valid


def test_slices_lie_on_a_line_in_equal_steps() -> None:
    volume = [ds for ds in _read() if ds.SOPClassUID.name == "CT Image Storage"]
    heights = [float(ds.ImagePositionPatient[2]) for ds in volume]
    assert {b - a for a, b in itertools.pairwise(heights)} == {10.0}
    assert [int(ds.InstanceNumber) for ds in volume] == list(range(1, SLICES + 1))


def test_pixels_are_the_phantom_in_hounsfield_units() -> None:
    expected = [np.array(image).reshape(SIZE, SIZE) for image in slices(SIZE, SLICES)]
    files = _read()
    for ds, image in zip(files[:SLICES], expected, strict=True):
        values = ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept)
        assert np.array_equal(values, image)
    enhanced = files[SLICES]
    assert enhanced.pixel_array.shape == (int(enhanced.NumberOfFrames), SIZE, SIZE)
    assert np.array_equal(enhanced.pixel_array[1].astype(int) - 1024, expected[3])


def test_phantom_has_air_around_it_and_bone_inside() -> None:
    middle = list(slices(64, 9))[4]
    assert middle[0] == AIR
    assert max(middle) > 400


def test_document_is_a_pdf() -> None:
    (document,) = [ds for ds in _read() if ds.Modality == "DOC"]
    assert document.EncapsulatedDocument.startswith(b"%PDF-1.4")
    assert document.EncapsulatedDocumentLength in {
        len(document.EncapsulatedDocument),
        len(document.EncapsulatedDocument) - 1,
    }

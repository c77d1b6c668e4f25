"""Every valid file with pixels comes as Explicit VR Little Endian with the pixels that it has."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pixel_array
from pydicom.uid import ExplicitVRLittleEndian

from tests.live.archive import Archive, RealFile, filled, real_files
from tests.live.oracle import is_encapsulated, pixels_of, syntax_of
from tests.live.parts import parts_of

DECODED = 'multipart/related; type="application/dicom"'
DECODED_FRAMES = 'multipart/related; type="application/octet-stream"'
VIDEO = ("1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.107")
DAMAGED = {"genFile.dcm": "its pixels are no JPEG stream"}
MISLABELLED = {"2_SC_rgb_jpeg_lossy_gdcm.dcm": "says RGB of a stream of luminance and chroma"}
"""Their pixels become what the data set says, which is another colour space than the stream's."""

# pydicom warns of values and character sets that are unusual; the files are valid.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

each_file = pytest.mark.parametrize("file", real_files(), ids=lambda file: file.name)


@pytest.fixture(scope="module")
def archive(data_folder: Path) -> Iterator[Archive]:
    """Every valid file in a live server."""
    with filled("hypercorn") as full:
        yield full


def raw(dataset: Dataset) -> NDArray[np.generic] | None:
    """Its pixels before any conversion of colours, None where pydicom cannot decode them here."""
    try:
        return pixel_array(dataset, raw=True)
    except (RuntimeError, NotImplementedError, ValueError, AttributeError):
        return None


@each_file
def test_its_pixels_are_the_same_decoded(archive: Archive, file: RealFile) -> None:
    original = file.read()
    if not pixels_of(original):
        return
    client = archive.client(file)
    answer = client.get(file.instance, headers={"Accept": DECODED})
    if syntax_of(original) in VIDEO or file.path.name in DAMAGED:
        assert answer.status_code == 406, answer.text
        return
    assert answer.status_code == 200, answer.text
    (part,) = parts_of(answer)
    assert part.transfer_syntax == ExplicitVRLittleEndian
    sent = pydicom.dcmread(io.BytesIO(part.body))
    assert sent.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    expected, found = raw(original), raw(sent)
    if found is None or expected is None or file.path.name in MISLABELLED:
        return
    assert np.array_equal(found, expected, equal_nan=found.dtype.kind == "f")
    if not is_encapsulated(original):
        return
    numbers = ",".join(str(number + 1) for number in range(min(3, _frames(original))))
    frames = parts_of(
        client.get(f"{file.instance}/frames/{numbers}", headers={"Accept": DECODED_FRAMES})
    )
    if found.dtype.kind != "f" and original.BitsAllocated > 1:
        joined = b"".join(frame.body for frame in frames)
        assert joined == _little(found)[: len(joined)]


def _frames(dataset: Dataset) -> int:
    return int(dataset.get("NumberOfFrames") or 1)


def _little(pixels: NDArray[np.generic]) -> bytes:
    return pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()

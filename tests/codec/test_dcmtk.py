"""DCMTK reads the frames that are encoded here."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, SecondaryCaptureImageStorage

from dicomweb_server.codec import table
from dicomweb_server.codec.transcode import transcode
from dicomweb_server.model.frame import Frame, Target
from dicomweb_server.model.media import EXPLICIT_LITTLE
from tests.codec.corpus import by_pydicom
from tests.codec.phantoms import header, native_frame, peak_to_noise, samples_of

PROGRAMS = {
    table.RLE: ("dcmdrle",),
    table.JPEG_BASELINE: ("dcmdjpeg", "+cn"),
    table.JPEG_EXTENDED: ("dcmdjpeg", "+cn"),
    table.JPEG_LOSSLESS: ("dcmdjpeg", "+cn"),
    table.JPEG_LOSSLESS_SV1: ("dcmdjpeg", "+cn"),
    table.JPEG_LS: ("dcmdjpls",),
    table.JPEG_LS_NEAR: ("dcmdjpls",),
}
KINDS = {
    "8 bits": header(64, 61),
    "8 bits in 16": header(64, 61, 8, 16),
    "8 bits in 16, signed": header(64, 61, 8, 16, signed=True),
    "10 bits": header(64, 61, 10),
    "12 bits": header(64, 61, 12),
    "12 bits, signed": header(64, 61, 12, signed=True),
    "16 bits, signed": header(64, 61, 16, signed=True),
    "RGB": header(40, 44, colour="RGB"),
    "YBR_FULL": header(40, 44, colour="YBR_FULL"),
    "RGB of 16 bits": header(40, 44, 16, colour="RGB"),
}


def _save(frame: Frame, path: Path) -> None:
    pixel, found = frame.pixel, Dataset()
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = UID(frame.transfer_syntax)
    found.SOPClassUID = SecondaryCaptureImageStorage
    found.SOPInstanceUID = found.StudyInstanceUID = found.SeriesInstanceUID = "2.25.1"
    found.Rows, found.Columns = pixel.rows, pixel.columns
    found.SamplesPerPixel = pixel.samples_per_pixel
    found.BitsAllocated, found.BitsStored = pixel.bits_allocated, pixel.bits_stored
    found.HighBit, found.PixelRepresentation = pixel.high_bit, pixel.pixel_representation
    found.PhotometricInterpretation = pixel.photometric_interpretation
    if pixel.samples_per_pixel > 1:
        found.PlanarConfiguration = pixel.planar_configuration
    found.PixelData = encapsulate([frame.data])
    found["PixelData"].is_undefined_length = True
    found.save_as(path, enforce_file_format=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("syntax", PROGRAMS)
def test_dcmtk_reads_what_is_encoded(syntax: str, kind: str, tmp_path: Path) -> None:
    program, *options = PROGRAMS[syntax]
    if shutil.which(program) is None:
        pytest.skip(f"{program} of DCMTK is not installed")
    pixel = KINDS[kind]
    if table.obstacle(EXPLICIT_LITTLE, syntax, pixel):
        return  # that transfer syntax does not take such pixels
    _save(transcode(native_frame(pixel), Target(syntax, 95)), tmp_path / "coded.dcm")
    command = [program, *options, str(tmp_path / "coded.dcm"), str(tmp_path / "native.dcm")]
    done = subprocess.run(command, capture_output=True, timeout=60)
    assert not done.returncode, done.stderr
    found, wanted = by_pydicom(tmp_path / "native.dcm", 1), samples_of(pixel)
    if not table.FORMS[syntax].lossy:
        assert found.tolist() == wanted.tolist()
    elif pixel.samples_per_pixel == 1:
        assert peak_to_noise(found, wanted, pixel.bits_stored) > 35

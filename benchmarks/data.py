"""Images made for the measurements: nothing is read from outside."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

BOUNDARY = "5d0ac6a8f1c84a0bb6a7f3f1b5b7e2d1"
STOW_TYPE = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'


@dataclass(frozen=True, slots=True)
class Image:
    """One instance as it goes over the wire.

    Args:
        study: Study Instance UID.
        series: Series Instance UID.
        instance: SOP Instance UID.
        data: The Part 10 file.
    """

    study: str
    series: str
    instance: str
    data: bytes

    @property
    def series_path(self) -> str:
        """Path of the series below the DICOMweb root."""
        return f"/studies/{self.study}/series/{self.series}"

    @property
    def path(self) -> str:
        """Path of the instance below the DICOMweb root."""
        return f"{self.series_path}/instances/{self.instance}"


def uid() -> str:
    """A new UID (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid4().int}"


def ct_series(count: int, side: int = 512) -> list[Image]:
    """A series of single-frame CT images with 16 bit pixels, in a study of its own.

    Args:
        count: Number of slices.
        side: Rows and columns; 512 gives 512 KiB of pixels.
    """
    study, series = uid(), uid()
    pixels = np.random.default_rng(count).integers(0, 4096, side * side, np.uint16)
    return [_image(study, series, number, side, pixels) for number in range(1, count + 1)]


def store_body(images: Sequence[Image]) -> bytes:
    """The multipart body of a store request."""
    return b"".join(_pieces(images))


def _pieces(images: Sequence[Image]) -> Iterator[bytes]:
    for image in images:
        yield f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        yield image.data
        yield b"\r\n"
    yield f"--{BOUNDARY}--\r\n".encode()


def _image(
    study: str,
    series: str,
    number: int,
    side: int,
    pixels: np.ndarray[tuple[int], np.dtype[np.uint16]],
) -> Image:
    dataset = _header(study, series, number)
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows = dataset.Columns = side
    dataset.PixelSpacing = [0.7, 0.7]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = -1024, 1, "HU"
    dataset.WindowCenter, dataset.WindowWidth = [40, -600], [400, 1500]
    dataset.PixelData = np.roll(pixels, number).tobytes()
    dataset["PixelData"].VR = "OW"
    return Image(study, series, str(dataset.SOPInstanceUID), _part10(dataset))


def _header(study: str, series: str, number: int) -> Dataset:
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, uid()
    dataset.StudyDate = dataset.SeriesDate = dataset.ContentDate = "20240305"
    dataset.StudyTime = dataset.SeriesTime = dataset.ContentTime = "101500"
    dataset.AccessionNumber, dataset.Modality = f"A{study[-8:]}", "CT"
    dataset.Manufacturer, dataset.ManufacturerModelName = "Benchmark", "Generated"
    dataset.ReferringPhysicianName = "Referrer^Rita"
    dataset.StudyDescription, dataset.SeriesDescription = "Thorax", "Thorax 1.0 B30f"
    dataset.PatientName, dataset.PatientID = f"Bench^{study[-6:]}", f"P{study[-8:]}"
    dataset.PatientBirthDate, dataset.PatientSex = "19700101", "F"
    dataset.BodyPartExamined, dataset.SliceThickness, dataset.KVP = "CHEST", 1.0, 120
    dataset.ConvolutionKernel, dataset.PatientPosition = "B30f", "HFS"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
    dataset.StudyID, dataset.SeriesNumber, dataset.InstanceNumber = "1", 1, number
    dataset.ImagePositionPatient = [-180.0, -180.0, float(number)]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.FrameOfReferenceUID, dataset.SliceLocation = f"{series[:60]}.1", float(number)
    dataset.RequestAttributesSequence = [Dataset()]
    dataset.RequestAttributesSequence[0].RequestedProcedureID = "RP1"
    dataset.RequestAttributesSequence[0].ScheduledProcedureStepID = "SPS1"
    return dataset


def _part10(dataset: Dataset) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta = meta
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()

"""Images made for the measurements: nothing is read from outside."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, JPEG2000Lossless

_Pixels = np.ndarray[tuple[int, int], np.dtype[np.uint16]]

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
    pixels = _phantom(side)
    return [
        _image(study, series, number, np.roll(pixels, number, axis=0))
        for number in range(1, count + 1)
    ]


def j2k_series(count: int, side: int = 512) -> list[Image]:
    """The same as JPEG 2000 Lossless, encoded once and then given other UIDs."""
    study, series = uid(), uid()
    frames = [
        imagecodecs.jpeg2k_encode(
            np.roll(_phantom(side), number, axis=0),
            codecformat="j2k",
            reversible=True,
            level=0,
            bitspersample=12,
        )
        for number in range(16)
    ]
    return [
        _compressed((study, series), number, side, bytes(frames[number % 16]), JPEG2000Lossless)
        for number in range(count)
    ]


def large_image(side: int, syntax: str) -> Image:
    """One image of a size as mammograms have it.

    Args:
        side: Rows and columns.
        syntax: JPEG 2000 Lossless, or HTJ2K Lossless RPCL, whose frames begin with the smallest
            resolution.
    """
    pixels = _phantom(side)
    if syntax == JPEG2000Lossless:
        frame = imagecodecs.jpeg2k_encode(
            pixels, codecformat="j2k", reversible=True, level=0, bitspersample=12
        )
    else:
        frame = imagecodecs.htj2k_encode(
            pixels,
            reversible=True,
            resolutions=6,
            tlm=True,
            tilepart=imagecodecs.HTJ2K.TILEPART.RESOLUTIONS,
        )
    return _compressed((uid(), uid()), 1, side, bytes(frame), syntax)


def _phantom(side: int) -> _Pixels:
    """A body with organs in air, with the noise of a scanner: compressible as real images are."""
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    image = np.zeros((side, side))
    for size, wide, high, value in ((0.9, 1, 0.75, 1024), (0.3, 1, 1.4, 180), (0.2, 1.2, 1, 1090)):
        image[(x / wide) ** 2 + (y / high) ** 2 < size**2] = value
    image += 60 * np.sin(9 * x) * np.cos(7 * y) * (image > 0)
    noise = np.random.default_rng(side).normal(0, 12, (side, side))
    return np.clip(image + noise, 0, 4095).astype(np.uint16)


def store_body(images: Sequence[Image]) -> bytes:
    """The multipart body of a store request."""
    return b"".join(_pieces(images))


def _pieces(images: Sequence[Image]) -> Iterator[bytes]:
    for image in images:
        yield f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        yield image.data
        yield b"\r\n"
    yield f"--{BOUNDARY}--\r\n".encode()


def _image(study: str, series: str, number: int, pixels: _Pixels) -> Image:
    dataset = _described(study, series, number, pixels.shape[0])
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OW"
    return Image(study, series, str(dataset.SOPInstanceUID), _part10(dataset))


def _compressed(place: tuple[str, str], number: int, side: int, frame: bytes, syntax: str) -> Image:
    study, series = place
    dataset = _described(study, series, number + 1, side)
    if syntax != JPEG2000Lossless:  # OpenJPH fills whole containers
        dataset.BitsStored, dataset.HighBit = 16, 15
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].VR = "OB"
    data = _part10(dataset, UID(syntax))
    return Image(study, series, str(dataset.SOPInstanceUID), data)


def _described(study: str, series: str, number: int, side: int) -> Dataset:
    dataset = _header(study, series, number)
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows = dataset.Columns = side
    dataset.PixelSpacing = [0.7, 0.7]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = -1024, 1, "HU"
    dataset.WindowCenter, dataset.WindowWidth = [40, -600], [400, 1500]
    return dataset


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


def _part10(dataset: Dataset, syntax: UID = ExplicitVRLittleEndian) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    dataset.file_meta = meta
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()

"""Small instances made by pydicom, and store requests that hold them."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import httpx
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, generate_uid

BOUNDARY = "a-boundary-of-the-tests"
STOW_TYPE = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'


@dataclass(frozen=True, slots=True)
class Made:
    """An instance and its Part 10 bytes."""

    dataset: Dataset
    data: bytes

    @property
    def path(self) -> str:
        """Path of the instance below the DICOMweb root."""
        return path_of(self.dataset)

    @property
    def series_path(self) -> str:
        """Path of its series."""
        return self.path.rpartition("/instances/")[0]

    @property
    def study_path(self) -> str:
        """Path of its study."""
        return self.path.rpartition("/series/")[0]


def path_of(dataset: Dataset) -> str:
    """Path of an instance below the DICOMweb root."""
    return (
        f"/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}"
        f"/instances/{dataset.SOPInstanceUID}"
    )


def make_dataset(
    study: str, series: str, number: int, *, side: int = 16, frames: int = 1
) -> Dataset:
    """A CT image with random 16 bit pixels.

    Args:
        study: Study Instance UID.
        series: Series Instance UID.
        number: Instance Number from 1.
        side: Rows and columns.
        frames: Number of frames.
    """
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = generate_uid()
    dataset.StudyDate, dataset.StudyTime = "20240305", "101500"
    dataset.AccessionNumber = "ACC" + study[-8:]
    dataset.Modality = "CT"
    dataset.ReferringPhysicianName = "Referrer^Rita"
    dataset.StudyDescription = "Chest without contrast"
    dataset.SeriesDescription = "Thin slices"
    dataset.PatientName, dataset.PatientID = "Müller^Anna", "P" + study[-8:]
    dataset.PatientBirthDate, dataset.PatientSex = "19700101", "F"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
    dataset.StudyID, dataset.SeriesNumber, dataset.InstanceNumber = "1", 1, number
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    if frames > 1:
        dataset.NumberOfFrames = frames
    dataset.Rows = dataset.Columns = side
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    pixels = np.random.default_rng(number).integers(0, 4096, side * side * frames, np.uint16)
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OW"
    return dataset


def with_meta(dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> Dataset:
    """Give a data set the File Meta Information that makes it a Part 10 file."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = UID(syntax)
    dataset.file_meta = meta
    dataset.preamble = bytes(128)
    return dataset


def part10(dataset: Dataset) -> bytes:
    """A data set as a Part 10 file."""
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def make(
    count: int = 1,
    *,
    study: str = "",
    series: str = "",
    side: int = 16,
    frames: int = 1,
) -> list[Made]:
    """Instances of one series; its UIDs are new where none are given."""
    study, series = study or generate_uid(), series or generate_uid()
    found = []
    for number in range(1, count + 1):
        dataset = with_meta(make_dataset(study, series, number, side=side, frames=frames))
        found.append(Made(dataset, part10(dataset)))
    return found


def stow_body(files: Iterable[bytes]) -> Iterator[bytes]:
    """The body of a store request with one part per file."""
    for data in files:
        yield f"\r\n--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        yield data
    yield f"\r\n--{BOUNDARY}--".encode()


def store(client: httpx.Client, files: Iterable[bytes], path: str = "/studies") -> httpx.Response:
    """Store files in one request with a Content-Length."""
    return client.post(
        path, content=b"".join(stow_body(files)), headers={"Content-Type": STOW_TYPE}
    )

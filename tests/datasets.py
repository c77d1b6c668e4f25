"""Small DICOM files made for tests, every attribute changeable."""

from __future__ import annotations

from io import BytesIO

from pydicom import Dataset, FileMetaDataset, dcmwrite
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)

STUDY, SERIES, INSTANCE = "1.2.3", "1.2.3.4", "1.2.3.4.5"


def dataset(**attributes: object) -> Dataset:
    """A complete 4x4 16-bit image; attributes by keyword, None removes one."""
    made = Dataset()
    made.SOPClassUID = SecondaryCaptureImageStorage
    made.StudyInstanceUID, made.SeriesInstanceUID, made.SOPInstanceUID = STUDY, SERIES, INSTANCE
    made.PatientName, made.PatientID = "Doe^Jane", "P1"
    made.StudyDate, made.StudyTime, made.AccessionNumber = "20240102", "101500", "A1"
    made.Modality, made.SeriesNumber, made.InstanceNumber = "CT", 1, 1
    made.Rows = made.Columns = 4
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated = made.BitsStored = 16
    made.HighBit, made.PixelRepresentation = 15, 0
    made.PixelData = bytes(range(32))
    made["PixelData"].VR = "OW"
    for keyword, value in attributes.items():
        if value is None:
            del made[keyword]
        else:
            setattr(made, keyword, value)
    return made


def part10(source: Dataset, transfer_syntax: str = ExplicitVRLittleEndian) -> bytes:
    """A data set as a Part 10 file; compressed syntaxes take its pixel data as they are."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = source.get("SOPClassUID", SecondaryCaptureImageStorage)
    meta.MediaStorageSOPInstanceUID = source.get("SOPInstanceUID", INSTANCE)
    meta.TransferSyntaxUID = UID(transfer_syntax)
    source.file_meta = meta
    target = BytesIO()
    dcmwrite(
        target,
        source,
        implicit_vr=transfer_syntax == ImplicitVRLittleEndian,
        little_endian=transfer_syntax != ExplicitVRBigEndian,
        enforce_file_format=True,
    )
    return target.getvalue()


def instance(number: int = 1, **attributes: object) -> bytes:
    """A Part 10 file of its own SOP Instance UID in the one series."""
    uid = f"{SERIES}.{number}"
    return part10(dataset(SOPInstanceUID=uid, InstanceNumber=number, **attributes))

"""DICOM objects made by code: small, complete, and the same every time.

Everything is invented: the patient is ``Demo^Phantom``, the UIDs lie below ``2.25`` and follow
from their names (PS3.5 B.2).
"""

from __future__ import annotations

import io
import sys
import uuid
from array import array
from dataclasses import dataclass

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    UID,
    BasicTextSRStorage,
    CTImageStorage,
    EncapsulatedPDFStorage,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
)

from dicomweb_server.testing.pages import one_page_pdf
from dicomweb_server.testing.phantom import slices

SIZE = 128
SLICES = 24
SPACING = 2.8125
THICKNESS = 10.0
_DATE, _TIME = "20240229", "101500"
_NAMESPACE = uuid.UUID("6f3f9f5e-6d0b-4f0e-9a56-0e5a5a1f6a10")


@dataclass(frozen=True, slots=True)
class Numbered:
    """Place of an instance: series number, series description, instance number."""

    series: int
    description: str
    instance: int = 1


def demo_uid(name: str) -> UID:
    """The UID that belongs to a name, always the same."""
    return UID(f"2.25.{uuid.uuid5(_NAMESPACE, name).int}")


def demo_study() -> list[bytes]:
    """A study as Part 10 files: a CT series, the same volume as an enhanced CT, a report, a PDF."""
    volume = list(slices(SIZE, SLICES))
    files = [ct_slice(image, number) for number, image in enumerate(volume)]
    files.append(enhanced_ct(volume[::3]))
    files.append(text_report(("Phantom of ellipsoids.", "No finding: nobody was examined.")))
    files.append(encapsulated_pdf("A page that lies in a DICOM file."))
    return files


def ct_slice(image: array[int], number: int) -> bytes:
    """One CT image of the demo study (PS3.3 A.3).

    Args:
        image: SIZE x SIZE signed 16-bit values in Hounsfield units, row by row.
        number: Place in the series, from 0 at the feet.
    """
    ds = _study_part(CTImageStorage, "CT", Numbered(1, "Axial", number + 1))
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.FrameOfReferenceUID = demo_uid("frame of reference")
    ds.PositionReferenceIndicator = ""
    ds.BodyPartExamined = "CHEST"
    ds.KVP = "120"
    ds.AcquisitionNumber = 1
    ds.PatientPosition = "HFS"
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.ImagePositionPatient = _position(number)
    ds.SliceLocation = f"{number * THICKNESS:.1f}"
    ds.SliceThickness = f"{THICKNESS:.1f}"
    ds.PixelSpacing = [f"{SPACING:.4f}", f"{SPACING:.4f}"]
    ds.WindowCenter, ds.WindowWidth = ["40", "-600"], ["400", "1500"]
    ds.WindowCenterWidthExplanation = ["SOFT TISSUE", "LUNG"]
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "-1024", "1", "HU"
    _set_pixels(ds, [image])
    return part10(ds)


def enhanced_ct(images: list[array[int]]) -> bytes:
    """A multi-frame CT with functional groups (PS3.3 A.38).

    Args:
        images: Frames as for `ct_slice`, three slices apart.
    """
    ds = _study_part(EnhancedCTImageStorage, "CT", Numbered(2, "Enhanced"))
    ds.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    ds.FrameOfReferenceUID = demo_uid("frame of reference")
    ds.PositionReferenceIndicator = ""
    ds.ContentQualification = "SERVICE"
    ds.PixelPresentation, ds.VolumetricProperties = "MONOCHROME", "VOLUME"
    ds.VolumeBasedCalculationTechnique = "NONE"
    ds.PresentationLUTShape = "IDENTITY"
    ds.BurnedInAnnotation, ds.LossyImageCompression = "NO", "00"
    ds.AcquisitionDateTime = _DATE + _TIME
    ds.AcquisitionDuration = 1.0
    ds.NumberOfFrames = len(images)
    ds.SharedFunctionalGroupsSequence = [_shared_groups()]
    ds.PerFrameFunctionalGroupsSequence = [_frame_groups(place) for place in range(len(images))]
    _dimensions(ds)
    _set_pixels(ds, images)
    return part10(ds)


def text_report(lines: tuple[str, ...]) -> bytes:
    """A Basic Text SR (PS3.3 A.35.1) with one text item for each line."""
    ds = _study_part(BasicTextSRStorage, "SR", Numbered(3, "Report"))
    ds.CompletionFlag, ds.VerificationFlag = "COMPLETE", "UNVERIFIED"
    ds.ReferencedPerformedProcedureStepSequence = []
    ds.PerformedProcedureCodeSequence = []
    ds.ValueType = "CONTAINER"
    ds.ConceptNameCodeSequence = [_code("18782-3", "LN", "Radiology Study observation")]
    ds.ContinuityOfContent = "SEPARATE"
    ds.ContentSequence = [_text_item(line) for line in lines]
    return part10(ds)


def encapsulated_pdf(text: str) -> bytes:
    """An Encapsulated PDF (PS3.3 A.45.1) of one page with one line of ASCII text."""
    ds = _study_part(EncapsulatedPDFStorage, "DOC", Numbered(4, "Document"))
    document = one_page_pdf(text)
    ds.ConversionType = "WSD"
    ds.BurnedInAnnotation = "YES"
    ds.AcquisitionDateTime = ""
    ds.DocumentTitle = "Demo"
    ds.ConceptNameCodeSequence = []
    ds.MIMETypeOfEncapsulatedDocument = "application/pdf"
    ds.EncapsulatedDocumentLength = len(document)
    ds.EncapsulatedDocument = document + b"\0" * (len(document) % 2)
    return part10(ds)


def part10(ds: Dataset) -> bytes:
    """A data set as a Part 10 file in Explicit VR Little Endian."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = demo_uid("implementation")
    meta.ImplementationVersionName = "DICOMWEB_DEMO"
    ds.file_meta = meta
    out = io.BytesIO()
    dcmwrite(out, ds, enforce_file_format=True)
    return out.getvalue()


def _study_part(sop_class: UID, modality: str, place: Numbered) -> Dataset:
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = sop_class
    ds.SOPInstanceUID = demo_uid(f"instance {place.series}.{place.instance}")
    ds.StudyInstanceUID = demo_uid("study")
    ds.SeriesInstanceUID = demo_uid(f"series {place.series}")
    ds.StudyDate = ds.SeriesDate = ds.ContentDate = ds.AcquisitionDate = _DATE
    ds.StudyTime = ds.SeriesTime = ds.ContentTime = ds.AcquisitionTime = _TIME
    ds.AccessionNumber, ds.StudyID = "DEMO1", "1"
    ds.Modality = modality
    ds.Manufacturer, ds.ManufacturerModelName = "dicomweb_server", "demo"
    ds.DeviceSerialNumber, ds.SoftwareVersions = "0", "1"
    ds.InstitutionName, ds.ReferringPhysicianName = "Demo", ""
    ds.StudyDescription, ds.SeriesDescription = "Demo study", place.description
    ds.PatientName, ds.PatientID = "Demo^Phantom", "DEMO"
    ds.PatientBirthDate, ds.PatientSex = "20000101", "O"
    ds.SeriesNumber, ds.InstanceNumber = place.series, place.instance
    return ds


def _set_pixels(ds: Dataset, images: list[array[int]]) -> None:
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows = ds.Columns = SIZE
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    stored = array("H", (value + 1024 for image in images for value in image))
    if sys.byteorder == "big":
        stored.byteswap()
    ds.add_new("PixelData", "OW", stored.tobytes())


def _position(number: int) -> list[str]:
    edge = -SPACING * (SIZE - 1) / 2
    return [f"{edge:.3f}", f"{edge:.3f}", f"{(number - (SLICES - 1) / 2) * THICKNESS:.1f}"]


def _shared_groups() -> Dataset:
    measures, orientation, frame_type, rescale, window, anatomy, group = (
        Dataset() for _ in range(7)
    )
    measures.SliceThickness = f"{THICKNESS:.1f}"
    measures.SpacingBetweenSlices = f"{3 * THICKNESS:.1f}"
    measures.PixelSpacing = [f"{SPACING:.4f}", f"{SPACING:.4f}"]
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    frame_type.FrameType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    frame_type.PixelPresentation, frame_type.VolumetricProperties = "MONOCHROME", "VOLUME"
    frame_type.VolumeBasedCalculationTechnique = "NONE"
    rescale.RescaleIntercept, rescale.RescaleSlope, rescale.RescaleType = "-1024", "1", "HU"
    window.WindowCenter, window.WindowWidth = "40", "400"
    anatomy.AnatomicRegionSequence = [_code("51185008", "SCT", "Chest")]
    anatomy.FrameLaterality = "U"
    group.PixelMeasuresSequence = [measures]
    group.PlaneOrientationSequence = [orientation]
    group.CTImageFrameTypeSequence = [frame_type]
    group.PixelValueTransformationSequence = [rescale]
    group.FrameVOILUTSequence = [window]
    group.FrameAnatomySequence = [anatomy]
    return group


def _frame_groups(place: int) -> Dataset:
    content, position, group = Dataset(), Dataset(), Dataset()
    content.FrameAcquisitionNumber = 1
    content.FrameReferenceDateTime = content.FrameAcquisitionDateTime = _DATE + _TIME
    content.FrameAcquisitionDuration = 1.0
    content.StackID, content.InStackPositionNumber = "1", place + 1
    content.DimensionIndexValues = [1, place + 1]
    position.ImagePositionPatient = _position(3 * place)
    group.FrameContentSequence = [content]
    group.PlanePositionSequence = [position]
    return group


def _dimensions(ds: Dataset) -> None:
    organization = Dataset()
    organization.DimensionOrganizationUID = demo_uid("dimensions")
    ds.DimensionOrganizationSequence = [organization]
    ds.DimensionIndexSequence = []
    for pointer in (0x00209056, 0x00209057):
        index = Dataset()
        index.DimensionOrganizationUID = organization.DimensionOrganizationUID
        index.DimensionIndexPointer = pointer
        index.FunctionalGroupPointer = 0x00209111
        ds.DimensionIndexSequence.append(index)


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def _text_item(line: str) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", "TEXT"
    item.ConceptNameCodeSequence = [_code("121071", "DCM", "Finding")]
    item.TextValue = line
    return item

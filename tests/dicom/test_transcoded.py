"""Files around transcoded frames: attributes, offset tables, icons, derivation."""

from __future__ import annotations

import io
from dataclasses import replace

import pydicom
import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicomweb_server.dicom import lossy
from dicomweb_server.dicom.edits import Edit
from dicomweb_server.dicom.transcoded import Rewriting, fragment, image_edits, transcoded
from dicomweb_server.dicom.writer import IMPLEMENTATION_CLASS
from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.model.limits import ScanLimits
from dicomweb_server.model.source import MemorySource
from tests.datasets import INSTANCE, dataset, part10

RLE = "1.2.840.10008.1.2.5"
BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_2000 = "1.2.840.10008.1.2.4.91"
HTJ2K = "1.2.840.10008.1.2.4.201"
GREY = PixelHeader(4, 4, 1, 16, 16, 15, 0, 0, "MONOCHROME2", 1, 0x7FE00010)
NATIVE = Rewriting(ExplicitVRLittleEndian, "1.2.840.10008.5.1.4.1.1.7", INSTANCE, GREY, 32)
FRAGMENTED = replace(NATIVE, transfer_syntax=HTJ2K, length=None)


def made(data: bytes, rewriting: Rewriting, frames: list[bytes]) -> bytes:
    """The file with its frames in their place."""
    pieces = list(transcoded(MemorySource(data), ScanLimits(), rewriting))
    assert pieces.count(b"") == 1
    place = pieces.index(b"")
    return b"".join([*pieces[:place], *frames, *pieces[place + 1 :]])


def read(data: bytes) -> Dataset:
    """What pydicom finds; every element is looked at."""
    found = pydicom.dcmread(io.BytesIO(data))
    str(found)
    return found


def compressed(*, extended: bool = False, **attributes: object) -> Dataset:
    """A file in RLE whose frame is one fragment."""
    source = dataset(**attributes)
    frames = [b"\1\2\3\4"]
    if extended:
        data, offsets, lengths = encapsulate_extended(frames)
        source.PixelData = data
        source.ExtendedOffsetTable, source.ExtendedOffsetTableLengths = offsets, lengths
        source.EncapsulatedPixelDataValueTotalLength = 4
    else:
        source.PixelData = encapsulate(frames)
    source["PixelData"].VR = "OB"
    source["PixelData"].is_undefined_length = True
    return source


def with_edits(rewriting: Rewriting, edits: dict[int, Edit]) -> Rewriting:
    return replace(rewriting, edits=edits)


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_native_files_become_encapsulated_ones(syntax: str) -> None:
    source = dataset(SmallestImagePixelValue=3, DataSetTrailingPadding=b"\0\0")
    found = read(made(part10(source, syntax), FRAGMENTED, [fragment(b"abc")]))
    assert found.file_meta.TransferSyntaxUID == HTJ2K
    assert found["PixelData"].VR == "OB"
    assert found["PixelData"].is_undefined_length
    assert found.PixelData[:16] == b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\4\0\0\0"
    assert found.PixelData[16:20] == b"abc\0"
    assert found.SmallestImagePixelValue == 3
    assert "DataSetTrailingPadding" in found
    assert found.PatientName == "Doe^Jane"


def test_encapsulated_files_become_native_ones_without_offset_tables() -> None:
    data = part10(compressed(extended=True), RLE)
    found = read(made(data, NATIVE, [bytes(range(32))]))
    assert found.PixelData == bytes(range(32))
    assert found["PixelData"].VR == "OW"
    assert not found["PixelData"].is_undefined_length
    for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        assert keyword not in found
    assert "EncapsulatedPixelDataValueTotalLength" not in found


def test_native_pixels_of_odd_length_are_padded() -> None:
    pixel = replace(GREY, rows=3, columns=3, bits_allocated=8, bits_stored=8, high_bit=7)
    rewriting = replace(NATIVE, pixel=pixel, length=9)
    found = read(made(part10(compressed(), RLE), rewriting, [bytes(9)]))
    assert found["PixelData"].VR == "OB"
    assert len(found.PixelData) == 10


def test_file_meta_tells_who_wrote_it_and_what_it_is() -> None:
    source = compressed()
    data = part10(source, RLE)
    rewriting = replace(NATIVE, instance="1.2.3.99")
    meta = read(made(data, rewriting, [bytes(32)])).file_meta
    assert meta.MediaStorageSOPInstanceUID == "1.2.3.99"
    assert meta.ImplementationClassUID == IMPLEMENTATION_CLASS
    raw = made(data, rewriting, [bytes(32)])
    assert raw[132:140] == b"\2\0\0\0UL\4\0"
    assert int.from_bytes(raw[140:144], "little") == meta.FileMetaInformationGroupLength


def test_image_pixel_attributes_are_put_right_where_they_differ() -> None:
    before = replace(GREY, samples_per_pixel=3, photometric_interpretation="YBR_FULL_422")
    after = replace(before, photometric_interpretation="RGB", bits_stored=8, high_bit=7)
    edits = image_edits(before, after)
    assert sorted(edits) == [0x00280004, 0x00280006, 0x00280101, 0x00280102]
    source = compressed(SamplesPerPixel=3, PhotometricInterpretation="YBR_FULL_422")
    rewriting = replace(NATIVE, pixel=after, edits=edits)
    found = read(made(part10(source, RLE), rewriting, [bytes(32)]))
    assert found.PhotometricInterpretation == "RGB"
    assert (found.PlanarConfiguration, found.BitsStored, found.HighBit) == (0, 8, 7)
    tags = [element.tag for element in found]
    assert tags == sorted(tags)


def icon(*, encapsulated: bool) -> Dataset:
    item = Dataset()
    item.Rows = item.Columns = 2
    item.SamplesPerPixel, item.PhotometricInterpretation = 1, "MONOCHROME2"
    item.BitsAllocated = item.BitsStored = 8
    item.HighBit, item.PixelRepresentation = 7, 0
    item.PixelData = encapsulate([b"\1\2\3\4"]) if encapsulated else b"\1\2\3\4"
    item["PixelData"].VR = "OB"
    item["PixelData"].is_undefined_length = encapsulated
    return item


@pytest.mark.parametrize("encapsulated", [False, True])
@pytest.mark.parametrize("nested", [False, True])
def test_icons_stay_unless_they_are_compressed(encapsulated: bool, nested: bool) -> None:
    source = compressed()
    where = source
    if nested:
        around = Dataset()
        around.ReferencedSOPInstanceUID = "1.2.3"
        source.ReferencedImageSequence = [around]
        where = around
    where.IconImageSequence = [icon(encapsulated=encapsulated)]
    rewriting = replace(NATIVE, icons=True)
    found = read(made(part10(source, RLE), rewriting, [bytes(32)]))
    place = found.ReferencedImageSequence[0] if nested else found
    if encapsulated:
        assert "IconImageSequence" not in place
    else:
        assert place.IconImageSequence[0].PixelData == b"\1\2\3\4"
    if nested:
        assert place.ReferencedSOPInstanceUID == "1.2.3"
    assert found.PixelData == bytes(32)


def test_a_file_without_pixels_changes_its_transfer_syntax_alone() -> None:
    source = dataset()
    del source.PixelData
    rewriting = replace(NATIVE, pixel=None, length=None)
    pieces = list(transcoded(MemorySource(part10(source, RLE)), ScanLimits(), rewriting))
    assert b"" not in pieces
    found = read(b"".join(pieces))
    assert found.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert found.PatientName == "Doe^Jane"


@pytest.mark.parametrize(
    ("syntax", "said", "expected"),
    [
        (BASELINE, None, "01"),
        (BASELINE, "00", "01"),
        (JPEG_2000, None, "01"),
        (JPEG_2000, "00", "00"),
        (JPEG_2000, "01", "01"),
    ],
)
def test_lossy_pixels_say_so_in_any_transfer_syntax(
    syntax: str, said: str | None, expected: str
) -> None:
    source = compressed()
    if said:
        source.LossyImageCompression = said
    rewriting = with_edits(NATIVE, lossy.marks(syntax, 9.87654))
    found = read(made(part10(source, syntax), rewriting, [bytes(32)]))
    assert found.LossyImageCompression == expected
    assert found.LossyImageCompressionRatio == pytest.approx(9.877)
    assert found.LossyImageCompressionMethod.startswith("ISO_1")


def test_what_is_known_of_earlier_compression_is_kept() -> None:
    source = compressed(
        LossyImageCompression="01",
        LossyImageCompressionRatio=[12, 3],
        LossyImageCompressionMethod=["ISO_10918_1", "ISO_15444_1"],
    )
    rewriting = with_edits(NATIVE, lossy.marks(JPEG_2000, 2))
    found = read(made(part10(source, JPEG_2000), rewriting, [bytes(32)]))
    assert list(found.LossyImageCompressionRatio) == [12, 3]
    assert list(found.LossyImageCompressionMethod) == ["ISO_10918_1", "ISO_15444_1"]


def test_lossless_transfer_syntaxes_leave_no_mark() -> None:
    assert lossy.marks(RLE, 2) == {}


@pytest.mark.parametrize("sources", [0, 1])
def test_a_lossy_version_is_an_instance_of_its_own(sources: int) -> None:
    source = dataset(ImageType=["ORIGINAL", "PRIMARY", "AXIAL"], DerivationDescription="Cropped")
    for _ in range(sources):
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = "1.2", "1.2.3.7"
        source.SourceImageSequence = [item]
    uid = lossy.derived_uid(INSTANCE, "content", BASELINE)
    derivation = lossy.Derivation(
        "1.2.840.10008.5.1.4.1.1.7", INSTANCE, uid, BASELINE, "JPEG Baseline (Process 1)", 10.04
    )
    rewriting = replace(
        FRAGMENTED,
        transfer_syntax=BASELINE,
        edits=derivation.edits(),
        appended=derivation.appended(),
        instance=uid,
    )
    found = read(made(part10(source), rewriting, [fragment(b"\xff\xd8")]))
    assert found.SOPInstanceUID == found.file_meta.MediaStorageSOPInstanceUID == uid
    assert list(found.ImageType) == ["DERIVED", "PRIMARY", "AXIAL"]
    assert found.DerivationDescription.startswith("Cropped; Lossy compression: JPEG Baseline")
    assert (found.LossyImageCompression, found.LossyImageCompressionRatio) == ("01", 10.04)
    assert found.LossyImageCompressionMethod == "ISO_10918_1"
    assert len(found.SourceImageSequence) == sources + 1
    predecessor = found.SourceImageSequence[-1]
    assert predecessor.ReferencedSOPInstanceUID == INSTANCE
    assert predecessor.PurposeOfReferenceCodeSequence[0].CodeValue == "121320"
    assert found.DerivationCodeSequence[0].CodeValue == "113040"
    tags = [element.tag for element in found]
    assert tags == sorted(tags)


def test_derived_uids_are_uids_and_depend_on_everything() -> None:
    first = lossy.derived_uid("1.2.3", "a", "b")
    assert first == lossy.derived_uid("1.2.3", "a", "b")
    assert (
        len({first, lossy.derived_uid("1.2.3", "a", "c"), lossy.derived_uid("1.2", "a", "b")}) == 3
    )
    assert pydicom.uid.UID(first).is_valid
    assert first.startswith("2.25.")


def test_a_description_that_has_no_room_is_left_as_it_is() -> None:
    long = "x" * 1020
    edit = lossy.Derivation("1.2", "1.3", "1.4", BASELINE, "JPEG", 2).edits()[0x00082111]
    assert edit(long.encode())[8:] == long.encode()


def test_one_sample_has_no_planar_configuration() -> None:
    """PS3.5 8.2: absent for one sample per pixel, though stored files have it."""
    rewriting = replace(NATIVE, edits=image_edits(GREY, GREY))
    source = part10(compressed(PlanarConfiguration=0), RLE)
    assert "PlanarConfiguration" not in read(made(source, rewriting, [bytes(32)]))


@pytest.mark.parametrize("told", ["", "ISO_10918_1", None])
def test_a_lossy_image_of_a_lossy_one_tells_of_both(told: str | None) -> None:
    before = lossy.method_and_ratio(BASELINE, 12)
    edits = lossy.Derivation("1.2", "1.3", "1.4", JPEG_2000, "JPEG 2000", 20, before).edits()
    source = compressed()
    if told is not None:
        source.LossyImageCompressionMethod = told
    found = read(made(part10(source, RLE), replace(FRAGMENTED, edits=edits), []))
    assert list(found.LossyImageCompressionMethod) == ["ISO_10918_1", "ISO_15444_1"]
    assert list(found.LossyImageCompressionRatio) == [12, 20]
    assert lossy.method_and_ratio(RLE, 3) == ("", "")

"""Synthetic images in every pixel layout and transfer syntax that can be made here."""

from __future__ import annotations

from copy import deepcopy

from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from conformance.synthetic import pixels
from conformance.synthetic.instance import (
    BIG,
    DEFLATED,
    EXPLICIT,
    HTJ2K,
    IMPLICIT,
    JPEG_2000,
    JPEG_BASELINE,
    JPEG_LS,
    MPEG4,
    RLE,
    Instance,
    new_uid,
)

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
MULTIFRAME_BIT = "1.2.840.10008.5.1.4.1.1.7.1"
MULTIFRAME_BYTE = "1.2.840.10008.5.1.4.1.1.7.2"
VIDEO = "1.2.840.10008.5.1.4.1.1.77.1.4.1"
ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
PRESENTATION_STATE = "1.2.840.10008.5.1.4.1.1.11.1"
BIT_ROWS, BIT_COLUMNS, BIT_FRAMES = 3, 5, 3

_NATIVE = {
    "implicit": IMPLICIT,
    "explicit": EXPLICIT,
    "big": BIG,
    "deflated": DEFLATED,
}


def pixel_module(dataset: Dataset, bits: int, rows: int, columns: int) -> None:
    """Give a data set the description of one monochrome frame."""
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = rows, columns
    dataset.BitsAllocated = 16 if bits > 8 else bits
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    dataset.PixelRepresentation = 0


def images(base: Dataset) -> list[Instance]:
    """One instance of each kind of pixels, each in a series of its own.

    Args:
        base: Patient and study attributes.
    """
    found = [_native(base, name, syntax) for name, syntax in _NATIVE.items()]
    found += [_multiframe(base), _bits(base), _rle(base), _jpeg(base), _fragmented(base)]
    found += _codestreams(base)
    found += [_video(base), _rgb(base), _palette(base), _inverted(base)]
    shown = next(instance for instance in found if instance.name == "explicit")
    return [*found, _state(base, shown)]


def new_image(base: Dataset, sop_class: str, modality: str = "OT") -> Dataset:
    """A data set below the study of `base`, with a series and instance of its own."""
    dataset = deepcopy(base)
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = new_uid()
    dataset.SeriesInstanceUID = new_uid()
    dataset.Modality = modality
    dataset.SeriesNumber = 1
    dataset.InstanceNumber = 1
    dataset.ConversionType = "SYN"
    return dataset


def _native(base: Dataset, name: str, syntax: str) -> Instance:
    dataset = new_image(base, SECONDARY_CAPTURE)
    pixel_module(dataset, 12, pixels.ROWS, pixels.COLUMNS)
    dataset.WindowCenter, dataset.WindowWidth = "2048", "4096"
    frame = pixels.ramp16(len(name), pixels.ROWS * pixels.COLUMNS)
    swapped = bytes(frame[i ^ 1] for i in range(len(frame))) if syntax == BIG else frame
    dataset.PixelData = swapped
    dataset["PixelData"].VR = "OW"
    return Instance(name, dataset, syntax, (frame,))


def _multiframe(base: Dataset) -> Instance:
    dataset = new_image(base, MULTIFRAME_BYTE)
    pixel_module(dataset, 8, pixels.ROWS, pixels.COLUMNS)
    frames = tuple(pixels.ramp(seed, 64) for seed in range(3))
    _several(dataset, len(frames))
    dataset.PixelData = b"".join(frames)
    dataset["PixelData"].VR = "OB"
    return Instance("multi", dataset, EXPLICIT, frames)


def _bits(base: Dataset) -> Instance:
    dataset = new_image(base, MULTIFRAME_BIT)
    pixel_module(dataset, 1, BIT_ROWS, BIT_COLUMNS)
    size = BIT_ROWS * BIT_COLUMNS
    bits = [[(i * (seed + 2) + seed) % 3 % 2 for i in range(size)] for seed in range(BIT_FRAMES)]
    _several(dataset, BIT_FRAMES)
    dataset.PixelData = pixels.packed_bits(bits)
    dataset["PixelData"].VR = "OB"
    return Instance("bits", dataset, EXPLICIT, tuple(map(bytes, bits)))


def _several(dataset: Dataset, frames: int) -> None:
    dataset.NumberOfFrames = frames
    dataset.FrameIncrementPointer = 0x00181063
    dataset.FrameTime = "40"


def _encapsulated(
    dataset: Dataset, name: str, syntax: str, frames: tuple[bytes, ...], pieces: int = 1
) -> Instance:
    even = [frame + b"\0" * (len(frame) % 2) for frame in frames]
    dataset.PixelData = encapsulate(even, fragments_per_frame=pieces, has_bot=pieces == 1)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return Instance(name, dataset, syntax, frames)


def _rle(base: Dataset) -> Instance:
    dataset = new_image(base, MULTIFRAME_BYTE)
    pixel_module(dataset, 8, pixels.ROWS, pixels.COLUMNS)
    _several(dataset, 2)
    return _encapsulated(
        dataset, "rle", RLE, tuple(pixels.rle(pixels.ramp(seed, 64)) for seed in (5, 6))
    )


def _jpeg(base: Dataset) -> Instance:
    dataset = new_image(base, MULTIFRAME_BYTE)
    pixel_module(dataset, 8, pixels.ROWS, pixels.COLUMNS)
    _several(dataset, 2)
    _lossy(dataset)
    return _encapsulated(
        dataset, "jpeg", JPEG_BASELINE, (pixels.jpeg("frame 1"), pixels.jpeg("frame 02"))
    )


def _fragmented(base: Dataset) -> Instance:
    dataset = new_image(base, SECONDARY_CAPTURE)
    pixel_module(dataset, 8, pixels.ROWS, pixels.COLUMNS)
    _lossy(dataset)
    return _encapsulated(
        dataset, "fragmented", JPEG_BASELINE, (pixels.jpeg("in three fragments"),), 3
    )


def _lossy(dataset: Dataset) -> None:
    dataset.LossyImageCompression = "01"
    dataset.LossyImageCompressionRatio = "2"
    dataset.LossyImageCompressionMethod = "ISO_10918_1"


def _codestream(base: Dataset, name: str, syntax: str, frame: bytes) -> Instance:
    dataset = new_image(base, SECONDARY_CAPTURE)
    pixel_module(dataset, 8, pixels.ROWS, pixels.COLUMNS)
    return _encapsulated(dataset, name, syntax, (frame,))


def _codestreams(base: Dataset) -> list[Instance]:
    high = pixels.jpeg_2000("HTJ2K", high_throughput=True)
    broken = b"\xff\x4f\xff\x51" + pixels.ramp(9, 96) + b"\xff\xd9"
    return [
        _codestream(base, "jls", JPEG_LS, pixels.jpeg_ls("JPEG-LS")),
        _codestream(base, "j2k", JPEG_2000, pixels.jpeg_2000("JPEG 2000")),
        _codestream(base, "htj2k", HTJ2K, high),
        _codestream(base, "broken", JPEG_2000, broken),
    ]


def _video(base: Dataset) -> Instance:
    dataset = new_image(base, VIDEO, "ES")
    pixel_module(dataset, 8, 64, 64)
    dataset.SamplesPerPixel = 3
    dataset.PhotometricInterpretation = "YBR_PARTIAL_420"
    dataset.PlanarConfiguration = 0
    _several(dataset, 10)
    _lossy(dataset)
    stream = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + pixels.ramp(3, 1000)
    even = stream + b"\0" * (len(stream) % 2)
    dataset.PixelData = encapsulate([even], has_bot=False)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return Instance("video", dataset, MPEG4, (even,))


def _rgb(base: Dataset) -> Instance:
    dataset = new_image(base, SECONDARY_CAPTURE)
    pixel_module(dataset, 8, pixels.ROWS, pixels.COLUMNS)
    dataset.SamplesPerPixel, dataset.PlanarConfiguration = 3, 0
    dataset.PhotometricInterpretation = "RGB"
    frame = pixels.ramp(11, 192)
    dataset.PixelData = frame
    dataset["PixelData"].VR = "OB"
    return Instance("rgb", dataset, EXPLICIT, (frame,))


def _palette(base: Dataset) -> Instance:
    dataset = new_image(base, SECONDARY_CAPTURE)
    pixel_module(dataset, 8, pixels.ROWS, pixels.COLUMNS)
    dataset.PhotometricInterpretation = "PALETTE COLOR"
    for place, colour in enumerate(("Red", "Green", "Blue")):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        data = b"".join(bytes(((place * 85 + i) % 256,)) * 2 for i in range(256))
        setattr(dataset, f"{colour}PaletteColorLookupTableData", data)
    frame = pixels.ramp(13, 64)
    dataset.PixelData = frame
    dataset["PixelData"].VR = "OB"
    return Instance("palette", dataset, EXPLICIT, (frame,))


def _inverted(base: Dataset) -> Instance:
    dataset = new_image(base, SECONDARY_CAPTURE)
    pixel_module(dataset, 8, pixels.ROWS, pixels.COLUMNS)
    dataset.PhotometricInterpretation = "MONOCHROME1"
    frame = pixels.ramp(17, 64)
    dataset.PixelData = frame
    dataset["PixelData"].VR = "OB"
    return Instance("inverted", dataset, EXPLICIT, (frame,))


def _state(base: Dataset, shown: Instance) -> Instance:
    """A presentation state that inverts another instance."""
    dataset = new_image(base, PRESENTATION_STATE, "PR")
    dataset.ContentLabel = "CONFORMANCE"
    dataset.ContentDescription = ""
    dataset.PresentationCreationDate = "20060706"
    dataset.PresentationCreationTime = "120000"
    dataset.ContentCreatorName = ""
    image = Dataset()
    image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = shown.sop_class, shown.uid
    series = Dataset()
    series.SeriesInstanceUID = shown.series
    series.ReferencedImageSequence = Sequence([image])
    dataset.ReferencedSeriesSequence = Sequence([series])
    area = Dataset()
    area.DisplayedAreaTopLeftHandCorner = [1, 1]
    area.DisplayedAreaBottomRightHandCorner = [pixels.COLUMNS, pixels.ROWS]
    area.PresentationSizeMode = "SCALE TO FIT"
    area.PresentationPixelAspectRatio = [1, 1]
    dataset.DisplayedAreaSelectionSequence = Sequence([area])
    window = Dataset()
    window.WindowCenter, window.WindowWidth = "2048", "4096"
    dataset.SoftcopyVOILUTSequence = Sequence([window])
    dataset.PresentationLUTShape = "INVERSE"
    return Instance("state", dataset, EXPLICIT)

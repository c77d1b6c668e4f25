"""What pydicom says about a file: frames, raw values, and whether two data sets say the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels.utils import pixel_array
from pydicom.tag import BaseTag
from pydicom.uid import UID, ExplicitVRBigEndian

PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
PIXEL_DATA = 0x7FE00010
_WORDS = {"OW": 2, "OL": 4, "OF": 4, "OD": 8, "OV": 8, "US": 2, "SS": 2, "UL": 4, "SL": 4}
_WORDS |= {"FL": 4, "FD": 8, "SV": 8, "UV": 8, "AT": 2}
_UNKNOWN = {"UN"}


def syntax_of(dataset: Dataset) -> UID:
    """Transfer syntax of a file."""
    return UID(dataset.file_meta.TransferSyntaxUID)


def is_encapsulated(dataset: Dataset) -> bool:
    """Whether the pixels are compressed, also by a syntax that pydicom does not know yet."""
    return "PixelData" in dataset and bool(dataset["PixelData"].is_undefined_length)


def little(data: bytes, vr: str, dataset: Dataset, *, pixels: bool = False) -> bytes:
    """Bytes of a value as they are in little endian.

    Args:
        data: As they are in the file.
        vr: Value Representation.
        dataset: The whole file, for its transfer syntax.
        pixels: Whether it is Pixel Data, whose words are as wide as its pixels.
    """
    word = _WORDS.get(vr, 1)
    if word == 1 or syntax_of(dataset) != ExplicitVRBigEndian:
        return data
    if pixels:
        word = max(word, int(dataset.BitsAllocated) // 8)
    return np.frombuffer(data, f"V{word}").view("u1").reshape(-1, word)[:, ::-1].tobytes()


def pixels_of(dataset: Dataset) -> bytes | None:
    """The pixels of a file, None where it has none."""
    for keyword in PIXELS:
        if keyword in dataset:
            value = dataset[keyword].value
            return value if isinstance(value, bytes) else b""
    return None


def encapsulated_frames(dataset: Dataset) -> list[bytes]:
    """The frames of a compressed image as pydicom cuts them."""
    offsets = None
    if "ExtendedOffsetTable" in dataset:
        offsets = (dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths)
    return list(
        generate_frames(
            dataset.PixelData,
            number_of_frames=int(dataset.get("NumberOfFrames") or 1),
            extended_offsets=offsets,
        )
    )


def native_frames(dataset: Dataset) -> list[bytes]:
    """The frames of a native image: pydicom's pixel array, brought back to how they are stored."""
    count = int(dataset.get("NumberOfFrames") or 1)
    if "PixelData" not in dataset or _is_special(dataset):
        return _cut(dataset, count)
    array = pixel_array(dataset, raw=True)
    frames = [array] if count == 1 else list(array)
    return [_stored_form(frame, dataset) for frame in frames]


def _stored_form(
    frame: np.ndarray[tuple[int, ...], np.dtype[np.generic]], dataset: Dataset
) -> bytes:
    if dataset.BitsAllocated == 1:
        return np.packbits(frame.astype("u1").ravel(), bitorder="little").tobytes()
    if dataset.get("PlanarConfiguration", 0) == 1 and frame.ndim == 3:
        frame = frame.transpose(2, 0, 1)
    return frame.astype(frame.dtype.newbyteorder("<")).tobytes()


def _cut(dataset: Dataset, count: int) -> list[bytes]:
    """Frames of a form that pydicom changes or cannot give: equal shares of the value."""
    keyword = next(name for name in PIXELS if name in dataset)
    element = dataset[keyword]
    data = little(element.value, element.VR, dataset, pixels=True)
    samples, bits = int(dataset.get("SamplesPerPixel", 1)), int(dataset.BitsAllocated)
    share = 2 if _is_subsampled(dataset) else samples
    size = int(dataset.Rows) * int(dataset.Columns) * share * bits // 8
    return [data[at * size : (at + 1) * size] for at in range(count)]


def _is_special(dataset: Dataset) -> bool:
    """Subsampled, packed across bytes, or with overlays in bits that pydicom clears."""
    overlays = any(dataset.get((group, 0x0102)) for group in range(0x6000, 0x6020, 2))
    packed = dataset.BitsAllocated not in (1, 8, 16, 32, 64)
    return packed or overlays or _is_subsampled(dataset)


def _is_subsampled(dataset: Dataset) -> bool:
    return bool(dataset.get("PhotometricInterpretation") == "YBR_FULL_422")


@dataclass(frozen=True, slots=True)
class Value:
    """An element with its place.

    Args:
        path: Tags from the top, in upper-case hex, with item numbers from 0 in between.
        vr: Value Representation that pydicom gives it.
        data: Its bytes as in the file; empty for sequences.
    """

    path: tuple[str | int, ...]
    vr: str
    data: bytes


def raw_values(dataset: Dataset, prefix: Sequence[str | int] = ()) -> Iterator[Value]:
    """Every element of a data set that has not been looked at yet, nested ones too."""
    for tag in sorted(dataset.keys()):
        raw = dataset.get_item(tag)
        data = raw.value if isinstance(raw, RawDataElement) else b""
        path = (*prefix, f"{int(BaseTag(tag)):08X}")
        element = dataset[tag]
        if isinstance(element.value, bytes):
            data = element.value
        yield Value(path, element.VR, data or b"")
        if element.VR == "SQ":
            for place, item in enumerate(element.value):
                yield from raw_values(item, (*path, place))


def differences(ours: Dataset, theirs: Dataset) -> list[str]:
    """Where two data sets do not say the same; `theirs` is the file that was stored."""
    return list(_differences(ours, theirs, theirs, ""))


def _differences(ours: Dataset, theirs: Dataset, file: Dataset, at: str) -> Iterator[str]:
    names, mine = _tags(theirs), _tags(ours)
    for tag in sorted(names ^ mine):
        yield f"{at}{tag} is on one side only"
    for tag in sorted(names & mine):
        yield from _compare(ours[tag], theirs[tag], file, f"{at}{tag}")


def _tags(dataset: Dataset) -> set[BaseTag]:
    """Tags without group lengths, which writers may leave out (PS3.5 7.2)."""
    tags = dataset.keys()
    return {BaseTag(tag) for tag in tags if BaseTag(tag).element != 0}


def _compare(ours: DataElement, theirs: DataElement, file: Dataset, at: str) -> Iterator[str]:
    if ours.VR == "SQ" and theirs.VR == "SQ":
        if len(ours.value) != len(theirs.value):
            yield f"{at} has another number of items"
            return
        for mine, other in zip(ours.value, theirs.value, strict=True):
            yield from _differences(mine, other, file, f"{at} > ")
    elif isinstance(theirs.value, bytes) and isinstance(ours.value, bytes):
        pixels = theirs.tag == PIXEL_DATA
        if ours.value != little(theirs.value, theirs.VR, file, pixels=pixels):
            yield f"{at} has other bytes"
    elif ours.VR in _UNKNOWN or theirs.VR in _UNKNOWN:
        return
    elif str(ours.value) != str(theirs.value):
        yield f"{at} {ours.VR}/{theirs.VR} has another value"

"""The Image Pixel Description Macro for images and videos that came without it (PS3.18 10.5.2)."""

from __future__ import annotations

from collections.abc import Iterator
from struct import pack, unpack

from dicomweb_server.dicom.codestream import Image
from dicomweb_server.dicom.elements import DataSet, Element, Misfit
from dicomweb_server.dicom.frames import NUMBER_OF_FRAMES, PHOTOMETRIC_INTERPRETATION
from dicomweb_server.dicom.video import Video
from dicomweb_server.model.media import TRANSFER_SYNTAXES
from dicomweb_server.model.picture import Picture
from dicomweb_server.model.tags import keyword_of

_SAMPLES = 0x00280002
_PLANAR = 0x00280006
_ROWS = 0x00280010
_COLUMNS = 0x00280011
_ALLOCATED = 0x00280100
_STORED = 0x00280101
_HIGH_BIT = 0x00280102
_REPRESENTATION = 0x00280103
_LOSSY = 0x00282110
_METHOD = 0x00282114
_NEEDED = (
    PHOTOMETRIC_INTERPRETATION,
    _SAMPLES,
    _ROWS,
    _COLUMNS,
    _ALLOCATED,
    _STORED,
    _HIGH_BIT,
    _REPRESENTATION,
)
_TEN_BITS = "1.2.840.10008.1.2.4.108"
_METHODS = {
    "image/jpeg": b"ISO_10918_1",
    "image/jls": b"ISO_14495_1",
    "image/jp2": b"ISO_15444_1",
    "image/jpx": b"ISO_15444_2",
    "image/jphc": b"ISO_15444_15",
    "video/mpeg": b"ISO_13818_2",
    "video/mp4": b"ISO_14496_10",
    "video/H265": b"ISO_23008_2",
}


def is_described(found: DataSet) -> bool:
    """Whether the data set describes its pixels."""
    return all(found.field(tag) for tag in _NEEDED)


def describe(found: DataSet, image: Image, syntax: str) -> DataSet:
    """Fill in what is missing from the header of a compressed image.

    Args:
        found: The data set.
        image: What the header tells.
        syntax: Transfer Syntax UID.

    Raises:
        Misfit: The data set says something else about size or samples.
    """
    numbers = {
        _SAMPLES: image.samples,
        _ROWS: image.rows,
        _COLUMNS: image.columns,
        _ALLOCATED: 8 if image.bits <= 8 else 16 if image.bits <= 16 else 32,
        _STORED: image.bits,
        _HIGH_BIT: image.bits - 1,
        _REPRESENTATION: int(image.signed),
    }
    _require_same(found, numbers, (_ROWS, _COLUMNS, _SAMPLES))
    missing = list(_missing(found, numbers, image.photometric))
    if found.get(_ROWS) is None and found.get(_LOSSY) is None:
        missing += _lossy(syntax)
    return found.replaced(*missing)


def describe_video(found: DataSet, video: Video, syntax: str) -> DataSet:
    """Fill in what is missing of the description of a video (PS3.5 8.2.5 to 8.2.9).

    Raises:
        Misfit: The data set says something else about its size.
    """
    bits = 10 if syntax == _TEN_BITS else 8
    numbers = {
        _SAMPLES: 3,
        _ROWS: video.rows,
        _COLUMNS: video.columns,
        _ALLOCATED: 8 if bits == 8 else 16,
        _STORED: bits,
        _HIGH_BIT: bits - 1,
        _REPRESENTATION: 0,
    }
    _require_same(found, numbers, (_ROWS, _COLUMNS, _SAMPLES))
    missing = list(_missing(found, numbers, "YBR_PARTIAL_420"))
    if video.frames and not found.field(NUMBER_OF_FRAMES):
        missing.append(Element(NUMBER_OF_FRAMES, "IS", str(video.frames).encode("ascii")))
    if found.get(_ROWS) is None and found.get(_LOSSY) is None:
        missing += _lossy(syntax)
    return found.replaced(*missing)


def describe_picture(found: DataSet, picture: Picture) -> DataSet:
    """Describe pixels that were decoded from a picture.

    Raises:
        Misfit: The data set says something else about them.
    """
    numbers = {
        _SAMPLES: picture.samples,
        _ROWS: picture.rows,
        _COLUMNS: picture.columns,
        _ALLOCATED: picture.bits,
        _STORED: picture.bits,
        _HIGH_BIT: picture.bits - 1,
        _REPRESENTATION: 0,
    }
    _require_same(found, numbers, tuple(numbers))
    photometric = "MONOCHROME2" if picture.samples == 1 else "RGB"
    told = found.text(PHOTOMETRIC_INTERPRETATION)
    if told not in ("", photometric, "MONOCHROME1" if picture.samples == 1 else ""):
        raise Misfit(f"differs from the picture, which is {photometric}", "leave it out").at(
            f"{PHOTOMETRIC_INTERPRETATION:08X}"
        )
    if picture.samples > 1:
        _require_same(found, {_PLANAR: 0}, (_PLANAR,))
    found = with_frames(found, picture.frames)
    return found.replaced(*_missing(found, numbers, photometric))


def with_frames(found: DataSet, count: int) -> DataSet:
    """Tell the number of frames where more than one are there and nothing is told.

    Raises:
        Misfit: Another number is told.
    """
    told = found.text(NUMBER_OF_FRAMES)
    if not told and count > 1:
        return found.replaced(Element(NUMBER_OF_FRAMES, "IS", str(count).encode("ascii")))
    if (int(told) if told.isdecimal() and len(told) < 13 else 1) != count:
        raise Misfit(
            f"differs from the {count} frames of the pixel data", "send one part for each frame"
        ).at(f"{NUMBER_OF_FRAMES:08X}")
    return found


def _missing(found: DataSet, numbers: dict[int, int], photometric: str) -> Iterator[Element]:
    for tag, number in numbers.items():
        if not found.field(tag):
            yield Element(tag, "US", pack("<H", number))
    if not found.field(PHOTOMETRIC_INTERPRETATION):
        yield Element(PHOTOMETRIC_INTERPRETATION, "CS", photometric.encode("ascii"))
    if numbers[_SAMPLES] > 1 and not found.field(_PLANAR):
        yield Element(_PLANAR, "US", pack("<H", 0))


def _require_same(found: DataSet, numbers: dict[int, int], tags: tuple[int, ...]) -> None:
    for tag in tags:
        told = found.field(tag)
        if len(told) == 2 and unpack("<H", told)[0] != numbers[tag]:
            raise Misfit(
                f"{keyword_of(tag)} differs from the image, where it is {numbers[tag]}",
                "leave it out, or send the image that belongs to it",
            ).at(f"{tag:08X}")


def _lossy(syntax: str) -> list[Element]:
    """That the image has lost information, and how (PS3.3 C.7.6.1.1.5)."""
    known = TRANSFER_SYNTAXES.get(syntax)
    if known is None or not known.lossy:
        return []
    method = _METHODS.get(known.media_type)
    told = [Element(_METHOD, "CS", method)] if method else []
    return [Element(_LOSSY, "CS", b"01"), *told]

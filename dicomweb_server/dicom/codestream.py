"""What the headers of compressed images tell: the description of their pixels.

Only markers in front of the compressed data are read, from a bounded beginning of the image:
JPEG (ISO/IEC 10918-1), JPEG-LS (14495-1), JPEG 2000 and HTJ2K (15444-1, -15), bare or in the boxes
of a JP2 or JPH file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from struct import error as StructError  # noqa: N812 - the class is spelt in lower case
from struct import unpack_from

from dicomweb_server.dicom.elements import Misfit
from dicomweb_server.model.instance import ByteRange
from dicomweb_server.model.limits import KIB
from dicomweb_server.model.source import ByteSource

HEAD = 256 * KIB
"""Bytes from which a header is read."""

_P = "1.2.840.10008.1.2.4."
_BASELINE, _EXTENDED, _LOSSLESS, _FIRST_ORDER = _P + "50", _P + "51", _P + "57", _P + "70"
_LS, _NEAR = _P + "80", _P + "81"
_J2K_LOSSLESS, _J2K, _PART2_LOSSLESS, _PART2 = _P + "90", _P + "91", _P + "92", _P + "93"
_HT_LOSSLESS, _HT = _P + "201", _P + "203"
_MOST_BOXES = 64
_BOXED = b"\0\0\0\x0cjP  \r\n\x87\n"


@dataclass(frozen=True, slots=True)
class Image:
    """What a compressed image says of itself.

    Args:
        rows, columns: Its size in pixels.
        samples: Samples per pixel.
        bits: Bits of one sample.
        signed: Whether samples are two's complement.
        photometric: Photometric Interpretation (PS3.5 8.2).
        transfer_syntax: UID of the transfer syntax that its coding belongs to.
        codestream: Where the codestream lies, without boxes around it.
    """

    rows: int
    columns: int
    samples: int
    bits: int
    signed: bool
    photometric: str
    transfer_syntax: str
    codestream: ByteRange


def read_image(source: ByteSource, place: ByteRange) -> Image | None:
    """Read the header of an image.

    Args:
        source: Holds the image.
        place: Where.

    Returns:
        None where it is none of the kinds that are known.

    Raises:
        Misfit: It begins as one and is none, or is coded in a way that DICOM does not have.
    """
    head = source.read_at(place.start, min(place.length, HEAD))
    try:
        if head.startswith(b"\xff\xd8\xff"):
            return _jpeg(head, place)
        if head.startswith(b"\xff\x4f\xff\x51"):
            return _jpeg2000(head, place)
        if head.startswith(_BOXED):
            inner = unboxed(source, place)
            return _jpeg2000(source.read_at(inner.start, min(inner.length, HEAD)), inner)
    except (StructError, IndexError):
        raise Misfit("the image's header is cut off", "send complete images") from None
    return None


def segments(head: bytes) -> Iterator[tuple[int, bytes]]:
    """Markers of a JPEG header with what belongs to them, up to the compressed data."""
    place = 2
    while place + 4 <= len(head):
        if head[place] != 0xFF:
            raise Misfit("the image is no JPEG: a marker is missing")
        marker = head[place + 1]
        if marker == 0xFF:  # a fill byte
            place += 1
            continue
        (length,) = unpack_from(">H", head, place + 2)
        if length < 2 or place + 2 + length > len(head):
            raise Misfit("the image's header is cut off", "send complete images")
        yield marker, head[place + 4 : place + 2 + length]
        if marker == 0xDA:
            return
        place += 2 + length
    raise Misfit("the image's header is cut off", "send complete images")


@dataclass(slots=True)
class _Jpeg:
    """Markers of a JPEG as they come by."""

    frame: int = 0
    bits: int = 0
    rows: int = 0
    columns: int = 0
    components: bytes = b""
    transform: int | None = None
    jfif: bool = False
    predictor: int = 0
    near: int = 0

    def take(self, marker: int, data: bytes) -> None:
        if marker in (0xC0, 0xC1, 0xC3, 0xF7):
            self.frame = marker
            self.bits, self.rows, self.columns, count = unpack_from(">BHHB", data)
            self.components = data[6 : 6 + 3 * count]
        elif 0xC2 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            raise Misfit(
                "the image is a JPEG of a kind without a transfer syntax",
                "send baseline, extended or lossless JPEG; no progressive or arithmetic one",
            )
        elif marker == 0xE0:
            self.jfif = self.jfif or data.startswith(b"JFIF\0")
        elif marker == 0xEE and data.startswith(b"Adobe") and len(data) >= 12:
            self.transform = data[11]
        elif marker == 0xDA:
            self.predictor = self.near = data[1 + 2 * data[0]]

    @property
    def samples(self) -> int:
        return len(self.components) // 3

    def photometric(self) -> str:
        if self.samples == 1:
            return "MONOCHROME2"
        if self.samples != 3:
            raise Misfit("the image has neither 1 nor 3 components", "send grey or colour images")
        identifiers = self.components[::3]
        plain = self.transform == 0 or (self.transform is None and identifiers == b"RGB")
        if plain or (self.frame in (0xC3, 0xF7) and not self.jfif and not self.transform):
            return "RGB"
        subsampled = self.components[1] != self.components[4]
        return "YBR_FULL_422" if subsampled else "YBR_FULL"

    def syntax(self) -> str:
        if self.frame == 0xC0:
            return _BASELINE
        if self.frame == 0xC1:
            return _EXTENDED
        if self.frame == 0xF7:
            return _NEAR if self.near else _LS
        return _FIRST_ORDER if self.predictor == 1 else _LOSSLESS


def _jpeg(head: bytes, place: ByteRange) -> Image:
    found = _Jpeg()
    for marker, data in segments(head):
        found.take(marker, data)
    if not found.frame or not found.rows or not found.columns:
        raise Misfit("the image tells no size in its header", "send baseline or lossless JPEG")
    return Image(
        found.rows,
        found.columns,
        found.samples,
        found.bits,
        False,
        found.photometric(),
        found.syntax(),
        place,
    )


def _jpeg2000(head: bytes, place: ByteRange) -> Image:
    """The main header: SIZ comes first, COD somewhere behind it."""
    if head[:4] != b"\xff\x4f\xff\x51":
        raise Misfit("the image holds no JPEG 2000 codestream")
    capabilities, right, bottom, left, top = unpack_from(">HIIII", head, 6)
    (samples,) = unpack_from(">H", head, 40)
    coding, high_throughput = _coding(head)
    reversible, mixed = coding[9] == 1, bool(coding[4])
    if samples not in (1, 3):
        raise Misfit("the image has neither 1 nor 3 components", "send images without alpha")
    part2 = bool(capabilities & 0x8000)
    lossless, lossy = (_PART2_LOSSLESS, _PART2) if part2 else (_J2K_LOSSLESS, _J2K)
    if high_throughput:
        lossless, lossy = _HT_LOSSLESS, _HT
    transformed = "YBR_RCT" if reversible else "YBR_ICT"
    photometric = "MONOCHROME2" if samples == 1 else transformed if mixed else "RGB"
    return Image(
        bottom - top,
        right - left,
        samples,
        (head[42] & 0x7F) + 1,
        bool(head[42] & 0x80),
        photometric,
        lossless if reversible else lossy,
        place,
    )


def _coding(head: bytes) -> tuple[bytes, bool]:
    """The COD segment of a main header, and whether block coding is that of Part 15."""
    place, high_throughput = 2, False
    while place + 4 <= len(head) and head[place] == 0xFF:
        marker, length = unpack_from(">HH", head, place)
        data = head[place + 4 : place + 2 + length]
        if marker == 0xFF52 and len(data) >= 10:
            return data, high_throughput or bool(data[8] & 0x40)
        high_throughput = high_throughput or marker == 0xFF50
        place += 2 + length
    raise Misfit("the image's header is cut off", "send complete images")


def unboxed(source: ByteSource, place: ByteRange) -> ByteRange:
    """The codestream of an image: what has boxes around it loses them (PS3.5 8.2.4).

    Raises:
        Misfit: There is none in the boxes.
    """
    if source.read_at(place.start, min(place.length, len(_BOXED))) != _BOXED:
        return place
    read: Callable[[int, int], bytes] = source.read_at
    start, end = place.start, place.start + place.length
    for _ in range(_MOST_BOXES):
        if start + 8 > end:
            break
        length, kind = unpack_from(">I4s", read(start, 8))
        head = 8
        if length == 1:
            (length,) = unpack_from(">Q", read(start + 8, 8))
            head = 16
        elif length == 0:
            length = end - start
        if length < head or start + length > end:
            break
        if kind == b"jp2c":
            return ByteRange(start + head, length - head)
        start += length
    raise Misfit("the image's boxes hold no codestream", "send complete JP2 or JPH files")

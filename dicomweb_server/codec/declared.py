"""What compressed frames declare of themselves, compared with the data set before any decoding.

A codec allocates what the codestream declares. Whoever lies about the size meets this module
first, which reads nothing but headers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from struct import error as StructError  # noqa: N812 - the class is spelt in lower case
from struct import unpack_from

from dicomweb_server.codec.failure import undecodable
from dicomweb_server.dicom.codestream import segments, unboxed
from dicomweb_server.dicom.elements import Misfit
from dicomweb_server.model.instance import ByteRange, PixelHeader
from dicomweb_server.model.source import MemorySource


class Coding(Enum):
    """Which coding a codestream uses, whatever its transfer syntax says."""

    DCT = "JPEG"
    LOSSLESS = "lossless JPEG"
    LS = "JPEG-LS"
    J2K = "JPEG 2000"
    HTJ2K = "High-Throughput JPEG 2000"
    JXL = "JPEG XL"


@dataclass(frozen=True, slots=True)
class Declared:
    """The declaration of one codestream.

    Args:
        coding: How it is coded.
        rows, columns: Size in pixels.
        samples: Number of components.
        bits: Bits of one sample.
        signed: Whether samples are two's complement.
        colour: RGB or YBR_FULL where the codestream tells it, else empty.
        identified: Whether component identifiers or a JFIF marker tell it.
        reversible: Whether the coding of JPEG 2000 is the reversible one.
        levels: How often its wavelet halves width and height.
        origin: Left and top of its area on the reference grid.
        start: Offset of the codestream behind its boxes; of the coded data of JPEG.
    """

    coding: Coding
    rows: int
    columns: int
    samples: int
    bits: int
    signed: bool = False
    colour: str = ""
    identified: bool = False
    reversible: bool = True
    levels: int = 0
    origin: tuple[int, int] = (0, 0)
    start: int = 0


_SOF = {0xC0: Coding.DCT, 0xC1: Coding.DCT, 0xC3: Coding.LOSSLESS, 0xF7: Coding.LS}
_RGB = (b"RGB", b"rgb")
_SIZ = b"\xff\x4f\xff\x51"
_MOST_TILES = 65_535


def require_same(found: Declared, pixel: PixelHeader) -> None:
    """Compare what a codestream declares with its data set.

    Raises:
        FrameUndecodable: Its size or number of samples differs, or its samples are wider than the
            bits allocated for them.
    """
    name = found.coding.value
    if (found.rows, found.columns) != (pixel.rows, pixel.columns):
        raise undecodable(
            f"its {name} codestream is {found.rows} x {found.columns} pixels (rows x columns), "
            f"its data set says {pixel.rows} x {pixel.columns}"
        )
    if found.samples != pixel.samples_per_pixel:
        raise undecodable(
            f"its {name} codestream has {found.samples} samples per pixel, "
            f"its data set says {pixel.samples_per_pixel}"
        )
    if not 0 < found.bits <= pixel.bits_allocated:
        raise undecodable(
            f"its {name} codestream has {found.bits} bits in a sample, "
            f"its data set allocates {pixel.bits_allocated}"
        )


def jpeg(data: bytes) -> Declared:
    """Read the header of a JPEG or JPEG-LS stream.

    Raises:
        FrameUndecodable: It is none, of a kind without transfer syntax, or has several frames.
    """
    if not data.startswith(b"\xff\xd8\xff"):
        raise undecodable("it does not begin as a JPEG or JPEG-LS stream")
    found: Declared | None = None
    start = 2
    jfif, transform, components = False, -1, b""
    try:
        for marker, content in segments(data):
            start += 4 + len(content)
            if marker in _SOF:
                if found is not None:
                    raise undecodable("its JPEG stream declares more than one image")
                found = _frame_header(marker, content)
                components = content[6 : 6 + 3 * found.samples]
            elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
                raise undecodable("its JPEG stream is progressive, hierarchical or arithmetic")
            elif marker == 0xE0:
                jfif = jfif or content.startswith(b"JFIF\0")
            elif marker == 0xEE and content.startswith(b"Adobe") and len(content) >= 12:
                transform = content[11]
    except (Misfit, StructError, IndexError) as failure:
        raise undecodable("the header of its JPEG stream is damaged or cut off") from failure
    if found is None:
        raise undecodable("its JPEG stream declares no size")
    found = replace(found, start=start)
    return _coloured(found, components, jfif=jfif, transform=transform)


def _frame_header(marker: int, content: bytes) -> Declared:
    """A start of frame segment (ISO/IEC 10918-1 B.2.2)."""
    bits, rows, columns, count = unpack_from(">BHHB", content)
    if not rows or not columns or not count or len(content) < 6 + 3 * count:
        raise undecodable("its JPEG stream declares no size in its header")
    return Declared(_SOF[marker], rows, columns, count, bits)


def _coloured(found: Declared, components: bytes, *, jfif: bool, transform: int) -> Declared:
    """What identifiers, application markers and sampling tell of the colour of three components."""
    if found.samples != 3:
        return found
    identifiers, sampled = components[::3], components[1] != components[4]
    if identifiers in _RGB:
        return replace(found, colour="RGB", identified=True)
    if jfif:
        return replace(found, colour="YBR_FULL", identified=True)
    if found.coding is not Coding.DCT:
        return found
    if transform in (0, 1):
        return replace(found, colour="YBR_FULL" if transform else "RGB")
    # Nobody leaves out green and blue samples: the other components are chroma
    return replace(found, colour="YBR_FULL") if sampled else found


def jpeg2000(data: bytes) -> Declared:
    """Read the main header of a JPEG 2000 or HTJ2K codestream, bare or in boxes.

    Raises:
        FrameUndecodable: It is none, or its components differ from each other.
    """
    try:
        inner = unboxed(MemorySource(data), ByteRange(0, len(data)))
        head = memoryview(data)[inner.start : inner.start + inner.length]
        if bytes(head[:4]) != _SIZ:
            raise undecodable("it does not begin as a JPEG 2000 codestream")
        return replace(_main_header(head), start=inner.start)
    except (Misfit, StructError, IndexError, ZeroDivisionError) as failure:
        raise undecodable("the header of its JPEG 2000 codestream is damaged") from failure


def _main_header(head: memoryview) -> Declared:
    """SIZ and COD (ISO/IEC 15444-1 A.5.1, A.6.1)."""
    right, bottom, left, top, wide, high, tile_left, tile_top = unpack_from(">8I", head, 8)
    (count,) = unpack_from(">H", head, 40)
    if not (tile_left <= left < right and tile_top <= top < bottom and wide and high and count):
        raise undecodable("its JPEG 2000 codestream declares an area that cannot be")
    tiles = -(-(right - tile_left) // wide) * -(-(bottom - tile_top) // high)
    if tiles > _MOST_TILES:
        raise undecodable(f"its JPEG 2000 codestream declares {tiles} tiles")
    components = bytes(head[42 : 42 + 3 * min(count, 5)])
    if components != components[:3] * min(count, 5):
        raise undecodable("the components of its JPEG 2000 codestream differ in bits or size")
    if components[1:3] != b"\x01\x01":
        raise undecodable("the components of its JPEG 2000 codestream are subsampled")
    reversible, high_throughput, levels = _coding(head)
    return Declared(
        Coding.HTJ2K if high_throughput else Coding.J2K,
        bottom - top,
        right - left,
        count,
        (components[0] & 0x7F) + 1,
        bool(components[0] & 0x80),
        reversible=reversible,
        levels=levels,
        origin=(left, top),
    )


def _coding(head: memoryview) -> tuple[bool, bool, int]:
    """Whether the coding is reversible, whether its blocks are those of Part 15, its levels."""
    place, high_throughput = 2, False
    while place + 4 <= len(head) and head[place] == 0xFF:
        marker, length = unpack_from(">HH", head, place)
        if marker == 0xFF90 or length < 2:
            break
        if marker == 0xFF52:
            style, transform = head[place + 12], head[place + 13]
            is_part15 = high_throughput or bool(style & 0x40)
            return transform == 1, is_part15, head[place + 9]
        high_throughput = high_throughput or marker == 0xFF50
        place += 2 + length
    raise undecodable("its JPEG 2000 codestream does not tell how it is coded")

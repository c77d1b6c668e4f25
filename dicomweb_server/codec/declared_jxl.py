"""What JPEG XL declares: the size header and image metadata (ISO/IEC 18181-1 Annex D)."""

from __future__ import annotations

from collections.abc import Iterator
from struct import error as StructError  # noqa: N812 - the class is spelt in lower case
from struct import unpack_from

from dicomweb_server.codec.declared import Coding, Declared
from dicomweb_server.codec.failure import undecodable

_BOXED = b"\0\0\0\x0cJXL \r\n\x87\n"
_BARE = b"\xff\x0a"
_MOST_BOXES = 64
_HEAD = 1024
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
"""Width to height for the numbers 1 to 7."""

_Choice = tuple[int, int]
"""A value that is added, and the bits that are read."""


class _Bits:
    """Bits of a header, the least significant of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        """The next bits as a number."""
        if count > self._left:
            raise undecodable("the header of its JPEG XL codestream is cut off")
        found = self._value & ((1 << count) - 1)
        self._value >>= count
        self._left -= count
        return found

    def flag(self) -> bool:
        return bool(self.take(1))

    def choose(self, *choices: _Choice) -> int:
        """One of four ranges, named by two bits (U32 of the standard)."""
        base, count = choices[self.take(2)]
        return base + self.take(count)


def jpeg_xl(data: bytes) -> Declared:
    """Read the header of a JPEG XL image, bare or in boxes.

    Raises:
        FrameUndecodable: It is none, or has more than grey or colour.
    """
    try:
        bits = _Bits(_codestream(data))
    except StructError as failure:
        raise undecodable("the boxes of its JPEG XL image are cut off") from failure
    rows, columns = _size(bits)
    if bits.flag():  # all metadata have their defaults: 8 bits, sRGB
        return Declared(Coding.JXL, rows, columns, 3, 8)
    if bits.flag():
        rows, columns = _extra_fields(bits, rows, columns)
    depth = _depth(bits)
    bits.flag()  # whether 16 bits suffice for modular coding
    if bits.choose((0, 0), (1, 0), (2, 4), (1, 12)):
        raise undecodable("its JPEG XL codestream has extra channels")
    bits.flag()  # whether colour is XYB inside
    return Declared(Coding.JXL, rows, columns, _channels(bits), depth)


def _codestream(data: bytes) -> bytes:
    """The beginning of the codestream, behind its signature."""
    if data.startswith(_BARE):
        return data[2:_HEAD]
    if not data.startswith(_BOXED):
        raise undecodable("it does not begin as a JPEG XL image")
    found = b""
    for kind, content in _boxes(data):
        if kind == b"jxlc":
            found = content
            break
        if kind == b"jxlp":  # a part of the codestream behind its number
            found += content[4:]
    if not found.startswith(_BARE):
        raise undecodable("the boxes of its JPEG XL image hold no codestream")
    return found[2:]


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kinds of boxes and the beginnings of what is in them."""
    place = 0
    for _ in range(_MOST_BOXES):
        if place + 8 > len(data):
            return
        length, kind = unpack_from(">I4s", data, place)
        head = 8
        if length == 1:
            (length,) = unpack_from(">Q", data, place + 8)
            head = 16
        end = place + length if length else len(data)
        if end < place + head:
            return
        yield kind, data[place + head : min(end, place + head + _HEAD)]
        place = end


def _size(bits: _Bits) -> tuple[int, int]:
    """Rows and columns (SizeHeader)."""
    small = bits.flag()
    wide: tuple[_Choice, ...] = ((1, 9), (1, 13), (1, 18), (1, 30))
    rows = 8 * (1 + bits.take(5)) if small else bits.choose(*wide)
    ratio = bits.take(3)
    if ratio:
        across, down = _RATIOS[ratio - 1]
        return rows, rows * across // down
    return rows, 8 * (1 + bits.take(5)) if small else bits.choose(*wide)


def _extra_fields(bits: _Bits, rows: int, columns: int) -> tuple[int, int]:
    """Orientation and intrinsic size; rows and columns as they are after turning."""
    turned = bits.take(3) >= 4
    if bits.flag():
        _size(bits)
    if bits.flag():
        raise undecodable("its JPEG XL codestream has a preview")
    if bits.flag():
        raise undecodable("its JPEG XL codestream is an animation")
    return (columns, rows) if turned else (rows, columns)


def _depth(bits: _Bits) -> int:
    if bits.flag():
        raise undecodable("its JPEG XL codestream has floating point samples")
    return bits.choose((8, 0), (10, 0), (12, 0), (1, 6))


def _channels(bits: _Bits) -> int:
    """3 for colour, 1 for grey (ColourEncoding)."""
    if bits.flag():  # sRGB
        return 3
    bits.flag()  # whether an ICC profile follows
    space = bits.choose((0, 0), (1, 0), (2, 4), (18, 6))
    return 1 if space == 1 else 3

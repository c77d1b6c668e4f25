"""Where frames lie in native pixel data, and what describes the pixels (PS3.3 C.7.6.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dicomweb_server.model.instance import BitFrames, NativeFrames, PixelHeader

PIXEL_DATA = 0x7FE00010
FLOAT_PIXEL_DATA = 0x7FE00008
DOUBLE_PIXEL_DATA = 0x7FE00009
PIXEL_TAGS = frozenset((PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_PIXEL_DATA))
EXTENDED_OFFSETS = 0x7FE00001
EXTENDED_LENGTHS = 0x7FE00002

PHOTOMETRIC_INTERPRETATION = 0x00280004
NUMBER_OF_FRAMES = 0x00280008
_ROWS = 0x00280010
_COLUMNS = 0x00280011
_SAMPLES = 0x00280002
_PLANAR = 0x00280006
_ALLOCATED = 0x00280100
_STORED = 0x00280101
_HIGH_BIT = 0x00280102
_REPRESENTATION = 0x00280103
SHORT_TAGS = frozenset(
    (_ROWS, _COLUMNS, _SAMPLES, _PLANAR, _ALLOCATED, _STORED, _HIGH_BIT, _REPRESENTATION)
)
"""Elements of VR US that describe pixels."""
DESCRIPTION_TAGS = SHORT_TAGS | {PHOTOMETRIC_INTERPRETATION, NUMBER_OF_FRAMES}

_BITS = {FLOAT_PIXEL_DATA: 32, DOUBLE_PIXEL_DATA: 64}
_SUBSAMPLED = frozenset(("YBR_FULL_422", "YBR_PARTIAL_422"))


def pixel_header(tag: int, numbers: Mapping[int, int], photometric: str) -> PixelHeader:
    """The description of the pixels.

    Args:
        tag: The element that holds the pixels.
        numbers: Values of SHORT_TAGS and of Number of Frames; 0 where absent.
        photometric: Photometric Interpretation, empty where absent.
    """
    allocated = numbers.get(_ALLOCATED, 0) or _BITS.get(tag, 0)
    return PixelHeader(
        rows=numbers.get(_ROWS, 0),
        columns=numbers.get(_COLUMNS, 0),
        samples_per_pixel=numbers.get(_SAMPLES, 1),
        bits_allocated=allocated,
        bits_stored=numbers.get(_STORED, allocated),
        high_bit=numbers.get(_HIGH_BIT, max(numbers.get(_STORED, allocated) - 1, 0)),
        pixel_representation=numbers.get(_REPRESENTATION, 0),
        planar_configuration=numbers.get(_PLANAR, 0),
        photometric_interpretation=photometric,
        number_of_frames=max(numbers.get(NUMBER_OF_FRAMES, 1), 1),
        tag=tag,
    )


@dataclass(frozen=True, slots=True)
class NativeValue:
    """Value of a native pixel data element.

    Args:
        start: Offset of its first byte.
        length: Its length in bytes.
        word: Bytes of one word that have to be swapped, 1 where none.
    """

    start: int
    length: int
    word: int


def native_frames(
    pixel: PixelHeader, value: NativeValue, warn: Callable[[str], None]
) -> NativeFrames | BitFrames | None:
    """Where the frames lie; None where the pixel data hold no complete frame.

    Args:
        pixel: Description of the pixels.
        value: The pixel data.
        warn: Told about each deviation.
    """
    bits = _frame_bits(pixel, value, warn)
    if not bits:
        warn("Rows, Columns, Samples per Pixel or Bits Allocated is 0 or absent: no frames")
        return None
    count = min(pixel.number_of_frames, value.length * 8 // bits)
    if count < pixel.number_of_frames:
        warn(f"Number of Frames is {pixel.number_of_frames}, the pixel data hold {count}")
    if not count:
        return None
    # Frames that begin inside of a byte or word are cut out bit by bit
    if pixel.bits_allocated == 1 or bits % (8 * value.word):
        return BitFrames(value.start, bits, count, value.word)
    return NativeFrames(value.start, bits // 8, count, value.word)


def _frame_bits(pixel: PixelHeader, value: NativeValue, warn: Callable[[str], None]) -> int:
    """Bits of one frame (PS3.5 8.1.1, PS3.3 C.7.6.3.1.2 for subsampled chroma)."""
    sample = pixel.rows * pixel.columns * _BITS.get(pixel.tag, pixel.bits_allocated)
    full = sample * pixel.samples_per_pixel
    if pixel.samples_per_pixel != 3 or pixel.photometric_interpretation not in _SUBSAMPLED:
        return full
    if full and value.length * 8 >= full * pixel.number_of_frames:
        warn("the pixel data are not subsampled as Photometric Interpretation says")
        return full
    return sample * 2

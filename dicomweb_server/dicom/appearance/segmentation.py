"""Segmentations: in which colour the segment of a frame is laid over an image (PS3.3 C.8.20)."""

from __future__ import annotations

from functools import lru_cache

from dicomweb_server.dicom.appearance import colours
from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.dicom.appearance.colours import Rgb
from dicomweb_server.dicom.appearance.groups import FrameGroups
from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.model.rendering import Palette

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"

_SEGMENTATION_TYPE = 0x00620001
_SEGMENTS = 0x00620002
_SEGMENT_NUMBER = 0x00620004
_SEGMENT_IDENTIFICATION = 0x0062000A
_REFERENCED_SEGMENT = 0x0062000B
_RECOMMENDED_COLOUR = 0x0062000D
_MAXIMUM_FRACTION = 0x0062000E
_PADDING_VALUE = 0x00280120
_MOST_SEGMENTS = 65_535
_MOST_ITEMS = 4096
"""Segments whose description is read; those behind have colours of their own all the same."""


def segment_of(groups: FrameGroups) -> int:
    """The number of the segment that a frame shows; 1 where it is not told.

    Args:
        groups: What is said of the frame.
    """
    number = groups.macro(_SEGMENT_IDENTIFICATION).whole(_REFERENCED_SEGMENT)
    if number is None:
        number = groups.document.child(_SEGMENTS).whole(_SEGMENT_NUMBER)
    return number if number is not None and 0 < number <= _MOST_SEGMENTS else 1


def colour(groups: FrameGroups) -> Rgb:
    """The colour of the segment that a frame shows: the recommended one, else one of its own.

    Args:
        groups: What is said of the frame.
    """
    number = segment_of(groups)
    likely = groups.document.child(_SEGMENTS, number)
    if likely.whole(_SEGMENT_NUMBER) == number:
        return _colour(likely, number)
    for segment in groups.document.children(_SEGMENTS, _MOST_ITEMS):
        if segment.whole(_SEGMENT_NUMBER) == number:
            return _colour(segment, number)
    return colours.colour_of(number)


def greatest(document: Attributes) -> int:
    """The stored value that stands for the whole of a segment.

    Args:
        document: The data set.
    """
    if document.text(_SEGMENTATION_TYPE) != "FRACTIONAL":
        return 1
    told = document.whole(_MAXIMUM_FRACTION)
    return told if told is not None and 0 < told <= 0xFFFF else 255


def label_palette(document: Attributes, pixel: PixelHeader) -> Palette:
    """The colours of a label map, indexed by segment numbers; 0 is black.

    Args:
        document: The data set.
        pixel: Its pixels.
    """
    told = {}
    for segment in document.children(_SEGMENTS, _MOST_ITEMS):
        number = segment.whole(_SEGMENT_NUMBER)
        if number is not None and 0 < number <= _MOST_SEGMENTS:
            told[number] = _colour(segment, number)
    last = max(told, default=1)
    if pixel.bits_allocated == 8:
        last = 255
    return _palette(tuple(sorted(told.items())), last)


@lru_cache(maxsize=16)
def _palette(told: tuple[tuple[int, Rgb], ...], last: int) -> Palette:
    known = dict(told)
    others = [known.get(number) or colours.colour_of(number) for number in range(1, last + 1)]
    return colours.palette_of([(0, 0, 0), *others])


def background_label(document: Attributes) -> int:
    """The stored value of a label map that stands for no segment.

    Args:
        document: The data set.
    """
    told = document.whole(_PADDING_VALUE)
    return told if told is not None and 0 <= told <= _MOST_SEGMENTS else 0


def _colour(segment: Attributes, number: int) -> Rgb:
    told = [value for value in segment.floats(_RECOMMENDED_COLOUR, 3) if value is not None]
    if len(told) < 3 or not all(0 <= value <= 0xFFFF for value in told):
        return colours.colour_of(number)
    return colours.rgb_of_lab(*told)

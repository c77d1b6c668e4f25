"""The grey pipeline of a frame: modality transformation, VOI, polarity, padding (PS3.4 N.2)."""

from __future__ import annotations

from dicomweb_server.dicom.appearance.attributes import Attributes, Bulk
from dicomweb_server.dicom.appearance.groups import FrameGroups
from dicomweb_server.dicom.appearance.lookup import table_of
from dicomweb_server.model.instance import PixelHeader
from dicomweb_server.model.rendering import LookupTable, Rescale, Window, WindowFunction

Modality = Rescale | LookupTable | None
Voi = Window | LookupTable | None

_SOP_CLASS = 0x00080016
_MODALITY = 0x00080060
_INTENSITY_RELATIONSHIP = 0x00281040
_WINDOW_CENTER = 0x00281050
_WINDOW_WIDTH = 0x00281051
_RESCALE_INTERCEPT = 0x00281052
_RESCALE_SLOPE = 0x00281053
_VOI_LUT_FUNCTION = 0x00281056
_MODALITY_LUT = 0x00283000
_VOI_LUT = 0x00283010
_PADDING_VALUE = 0x00280120
_PADDING_LIMIT = 0x00280121
_FLOAT_PADDING = {0x7FE00008: (0x00280122, 0x00280124), 0x7FE00009: (0x00280123, 0x00280125)}
_VALUE_TRANSFORMATION = 0x00289145
_FRAME_VOI_LUT = 0x00289132
_PRESENTATION_LUT_SHAPE = 0x20500020

_MOST_WINDOWS = 64
_FUNCTIONS = {
    "LINEAR": WindowFunction.LINEAR,
    "LINEAR_EXACT": WindowFunction.LINEAR_EXACT,
    "SIGMOID": WindowFunction.SIGMOID,
}
_PROJECTIONS = frozenset(("1.2.840.10008.5.1.4.1.1.12.1", "1.2.840.10008.5.1.4.1.1.12.2"))
"""X-ray angiography and radiofluoroscopy."""


def is_grey(pixel: PixelHeader) -> bool:
    """Whether pixels go the way of grey ones."""
    photometric = pixel.photometric_interpretation
    return pixel.samples_per_pixel == 1 and photometric.startswith("MONOCHROME")


def stored_range(pixel: PixelHeader) -> tuple[int, int] | None:
    """The least and the greatest value that pixels can have; None for float ones."""
    if pixel.tag in _FLOAT_PADDING:
        return None
    bits = min(max(pixel.bits_stored, 1), 64)
    if pixel.pixel_representation:
        return -(1 << bits - 1), (1 << bits - 1) - 1
    return 0, (1 << bits) - 1


def modality(groups: FrameGroups, bulk: Bulk, pixel: PixelHeader) -> Modality:
    """The modality transformation of a frame, None for identity (PS3.3 C.11.1).

    Args:
        groups: What is said of the frame.
        bulk: Values given by reference.
        pixel: Its pixels.
    """
    document = groups.document
    # There it leads to X-ray intensity, away from what is to be displayed (PS3.3 C.8.7.1.1.2).
    if document.text(_INTENSITY_RELATIONSHIP) in ("LOG", "DISP") and (
        document.text(_SOP_CLASS) in _PROJECTIONS
    ):
        return None
    for holder in groups.holders(_VALUE_TRANSFORMATION):
        found = modality_of(holder, bulk, stored_range(pixel))
        if found is not None:
            return found
    return None


def modality_of(holder: Attributes, bulk: Bulk, stored: tuple[int, int] | None) -> Modality:
    """The modality transformation that a data set or item tells, None where it tells none.

    Args:
        holder: The data set or item.
        bulk: Values given by reference.
        stored: The range of stored values, None for float ones.
    """
    item = holder.child(_MODALITY_LUT)
    if item and stored is not None:
        found = table_of(item, bulk, stored[0])
        if found is not None:
            return found
    slope, intercept = holder.float_at(_RESCALE_SLOPE), holder.float_at(_RESCALE_INTERCEPT)
    if slope is None and intercept is None:
        return None
    # A slope of zero would leave nothing of the image.
    return Rescale(slope or 1.0, intercept or 0.0)


def output_range(modality: Modality, pixel: PixelHeader) -> tuple[float, float] | None:
    """The least and the greatest value behind the modality transformation; None for float pixels.

    Args:
        modality: The transformation.
        pixel: What goes in.
    """
    if isinstance(modality, LookupTable):
        return 0.0, float((1 << modality.bits) - 1)
    stored = stored_range(pixel)
    if stored is None:
        return None
    scale = modality or Rescale()
    ends = sorted(scale.slope * value + scale.intercept for value in stored)
    return ends[0], ends[1]


def voi(groups: FrameGroups, bulk: Bulk, least: float) -> Voi:
    """What of its values a frame shows, None where nothing is said (PS3.3 C.11.2).

    Args:
        groups: What is said of the frame.
        bulk: Values given by reference.
        least: Least value behind the modality transformation.
    """
    for holder in groups.holders(_FRAME_VOI_LUT):
        found = voi_of(holder, bulk, least)
        if found is not None:
            return found
    return None


def voi_of(holder: Attributes, bulk: Bulk, least: float) -> Voi:
    """What a data set or item says: its first VOI LUT, else its first window that is allowed.

    Args:
        holder: The data set or item.
        bulk: Values given by reference.
        least: Least value that comes in.
    """
    item = holder.child(_VOI_LUT)
    found = table_of(item, bulk, least) if item else None
    return found or _window(holder)


def _window(holder: Attributes) -> Window | None:
    centers = holder.floats(_WINDOW_CENTER, _MOST_WINDOWS)
    if not centers:
        return None
    widths = holder.floats(_WINDOW_WIDTH, _MOST_WINDOWS)
    told = holder.text(_VOI_LUT_FUNCTION)
    function = _FUNCTIONS.get(told, WindowFunction.LINEAR)
    least = 1.0 if function is WindowFunction.LINEAR else 1e-30
    for center, width in zip(centers, widths, strict=False):
        if center is not None and width is not None and width >= least:
            return Window(center, width, function)
    return None


def is_inverse(document: Attributes, pixel: PixelHeader) -> bool:
    """Whether the least value is white; both ways to say it mean the same (PS3.3 C.8.11.3).

    Args:
        document: The data set.
        pixel: Its pixels.
    """
    if pixel.photometric_interpretation == "MONOCHROME1":
        return True
    return document.text(_PRESENTATION_LUT_SHAPE) == "INVERSE"


def padding(document: Attributes, pixel: PixelHeader) -> tuple[float, float] | None:
    """Stored values that are no image, the least and the greatest (PS3.3 C.7.5.1.1.2).

    Args:
        document: The data set.
        pixel: Its pixels.
    """
    if document.text(_MODALITY) == "SM":
        return None  # glass without tissue, as bright as the glass around it
    tags = _FLOAT_PADDING.get(pixel.tag)
    if tags is not None:
        ends = [document.float_at(tag) for tag in tags]
    else:
        ends = [_signed(document.whole(tag), pixel) for tag in (_PADDING_VALUE, _PADDING_LIMIT)]
    value, limit = ends
    if value is None:
        return None
    other = value if limit is None else limit
    return min(value, other), max(value, other)


def _signed(value: int | None, pixel: PixelHeader) -> int | None:
    """A value in the sign of the pixels, whatever VR the file gave it."""
    stored = stored_range(pixel)
    if value is None or stored is None:
        return None
    if not pixel.pixel_representation:
        return value & 0xFFFF
    if value >= 0x8000:
        value -= 0x10000
    return value if value <= stored[1] else value - (1 << pixel.bits_stored)

"""The shape of pixels (PS3.3 10.7, C.7.6.3.1.7)."""

from __future__ import annotations

from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.dicom.appearance.groups import FrameGroups

_PIXEL_MEASURES = 0x00289110
_PIXEL_SPACING = 0x00280030
_IMAGER_PIXEL_SPACING = 0x00181164
_NOMINAL_SCANNED_PIXEL_SPACING = 0x00182010
_PIXEL_ASPECT_RATIO = 0x00280034
_IN_THE_DATA_SET = (
    _PIXEL_SPACING,
    _IMAGER_PIXEL_SPACING,
    _NOMINAL_SCANNED_PIXEL_SPACING,
    _PIXEL_ASPECT_RATIO,
)
_MOST = 32.0
"""Ratios beyond are taken for damage: they would make long pictures of nothing."""
_SQUARE = 1e-3


def aspect(groups: FrameGroups) -> float:
    """Height of a pixel divided by its width, exactly 1 for what is square but for rounding.

    Args:
        groups: What is said of the frame.
    """
    found = ratio(groups.macro(_PIXEL_MEASURES), _PIXEL_SPACING)
    for tag in _IN_THE_DATA_SET:
        found = found or ratio(groups.document, tag)
    return found or 1.0


def ratio(holder: Attributes, tag: int) -> float | None:
    """The first of two numbers divided by the second; None where that is no shape of a pixel.

    Args:
        holder: The data set or item.
        tag: Spacing or ratio: vertical, then horizontal.
    """
    vertical, horizontal = holder.float_at(tag), holder.float_at(tag, 1)
    if vertical is None or horizontal is None or vertical <= 0 or horizontal <= 0:
        return None
    found = vertical / horizontal
    if not 1 / _MOST <= found <= _MOST:
        return None
    return 1.0 if abs(found - 1) < _SQUARE else found

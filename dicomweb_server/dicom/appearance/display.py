"""Which part of an image a presentation state shows, and how it lies (PS3.3 C.10.4, C.10.6)."""

from __future__ import annotations

from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.dicom.appearance.geometry import ratio
from dicomweb_server.dicom.appearance.references import first_for
from dicomweb_server.model.instance import PixelHeader

_FLIP = 0x00700041
_ROTATION = 0x00700042
_TOP_LEFT = 0x00700052
_BOTTOM_RIGHT = 0x00700053
_DISPLAYED_AREAS = 0x0070005A
_SPACING = 0x00700101
_ASPECT_RATIO = 0x00700102

Area = tuple[int, int, int, int]


def area(document: Attributes, instance: str, frame: int, pixel: PixelHeader) -> Area | None:
    """The displayed area: left, top, right, bottom from 1, both included; None for the whole.

    All size modes (SCALE TO FIT, TRUE SIZE, MAGNIFY) tell the same area: in what size it is shown
    is up to the request, since nobody knows the pixels of its display. It reaches over the edges
    of the image by the image's size at the most.

    Args:
        document: Data set of the presentation state.
        instance: SOP Instance UID of the image.
        frame: From 1.
        pixel: Pixels of the image.
    """
    item = first_for(document, _DISPLAYED_AREAS, instance, frame)
    corners = [item.whole(tag, index) for tag in (_TOP_LEFT, _BOTTOM_RIGHT) for index in (0, 1)]
    told = [corner for corner in corners if corner is not None]
    if len(told) != 4:
        return None
    # The corners are those of the picture, so rotation and flip may exchange them in the image.
    left, right = sorted((told[0], told[2]))
    top, bottom = sorted((told[1], told[3]))
    rows, columns = pixel.rows, pixel.columns
    if right < 1 or bottom < 1 or left > columns or top > rows:
        return None
    shown = (
        max(left, 1 - columns),
        max(top, 1 - rows),
        min(right, 2 * columns),
        min(bottom, 2 * rows),
    )
    return None if shown == (1, 1, columns, rows) else shown


def shown_aspect(document: Attributes, instance: str, frame: int) -> float | None:
    """Height of a pixel divided by its width as it is to be shown, None where not told.

    Args:
        document: Data set of the presentation state.
        instance: SOP Instance UID of the image.
        frame: From 1.
    """
    item = first_for(document, _DISPLAYED_AREAS, instance, frame)
    return ratio(item, _SPACING) or ratio(item, _ASPECT_RATIO)


def rotation(document: Attributes) -> int:
    """Degrees clockwise: 0, 90, 180 or 270.

    Args:
        document: Data set of the presentation state.
    """
    told = document.whole(_ROTATION) or 0
    return told % 360 if told % 90 == 0 else 0


def flipped(document: Attributes) -> bool:
    """Whether the image is mirrored left to right behind the rotation.

    Args:
        document: Data set of the presentation state.
    """
    return document.text(_FLIP) == "Y"

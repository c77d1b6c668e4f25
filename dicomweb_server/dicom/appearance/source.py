"""Of which image a frame of a segmentation was made (PS3.3 C.7.6.16.2.6)."""

from __future__ import annotations

from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.dicom.appearance.groups import FrameGroups
from dicomweb_server.model.ids import is_uid

_DERIVATION_IMAGES = 0x00089124
_SOURCE_IMAGES = 0x00082112
_REFERENCED_SERIES = 0x00081115
_REFERENCED_INSTANCES = 0x0008114A
_REFERENCED_INSTANCE_UID = 0x00081155
_REFERENCED_FRAMES = 0x00081160
_PLANE_POSITION = 0x00209113
_POSITION = 0x00200032
_MOST_FRAMES = 65_536
_NEAR = 0.01
"""Millimetres within which two positions are the same."""


def source_of(document: Attributes, frame: int) -> tuple[str, int | None] | None:
    """The image on which a frame is laid: SOP Instance UID and its frame from 1, where told.

    Where the frame tells no source, an instance that the whole object refers to as its only one
    is taken; `frame_at_same_place` finds the frame in it.

    Args:
        document: The data set, such as a segmentation.
        frame: From 1.
    """
    groups = FrameGroups(document, frame)
    derivation = groups.macro(_DERIVATION_IMAGES)
    for holder in (derivation, document):
        found = _reference(holder.child(_SOURCE_IMAGES))
        if found is not None:
            return found
    series = document.values(_REFERENCED_SERIES)
    instances = document.child(_REFERENCED_SERIES).values(_REFERENCED_INSTANCES)
    if len(series) != 1 or len(instances) != 1:
        return None
    return _reference(document.child(_REFERENCED_SERIES).child(_REFERENCED_INSTANCES))


def frame_at_same_place(source: Attributes, document: Attributes, frame: int) -> int | None:
    """The frame of a source image that lies where a frame lies, None where none does.

    Args:
        source: Data set of the source.
        document: Data set of the frame, such as a segmentation.
        frame: From 1.
    """
    place = position(document, frame)
    if place is None:
        return None
    count = min(len(source.values(0x52009230)), _MOST_FRAMES)
    for number in range(1, count + 1):
        other = position(source, number)
        if other is not None and _distance(place, other) < _NEAR:
            return number
    return None


def position(document: Attributes, frame: int) -> tuple[float, ...] | None:
    """Image Position (Patient) of a frame, in mm; None where it is not told.

    Args:
        document: The data set.
        frame: From 1.
    """
    for holder in FrameGroups(document, frame).holders(_PLANE_POSITION):
        told = [value for value in holder.floats(_POSITION, 3) if value is not None]
        if len(told) == 3:
            return tuple(told)
    return None


def _distance(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def _reference(item: Attributes) -> tuple[str, int | None] | None:
    uid = item.text(_REFERENCED_INSTANCE_UID)
    if not is_uid(uid):
        return None
    number = item.whole(_REFERENCED_FRAMES)
    return uid, number if number is not None and number > 0 else None

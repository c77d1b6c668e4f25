"""Of which image a frame of a segmentation was made (PS3.3 C.7.6.16.2.6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.dicom.appearance.groups import FrameGroups
from dicomweb_server.model.ids import is_uid

_DERIVATION_IMAGES = 0x00089124
_SOURCE_IMAGES = 0x00082112
_REFERENCED_SERIES = 0x00081115
_REFERENCED_INSTANCES = 0x0008114A
_REFERENCED_INSTANCE_UID = 0x00081155
_REFERENCED_FRAMES = 0x00081160
_SERIES = 0x0020000E
_PLANE_POSITION = 0x00209113
_POSITION = 0x00200032
_PLANE_ORIENTATION = 0x00209116
_ORIENTATION = 0x00200037
_MOST_FRAMES = 65_536
_MOST_SERIES = 8
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


Place = tuple[float, ...]
"""Image Position (Patient), and Image Orientation (Patient) where it is told."""


@dataclass(frozen=True, slots=True)
class Referenced:
    """Images among which the one is to be found on which the frames of an object lie.

    Args:
        series: Series Instance UID.
        instances: SOP Instance UIDs; empty for all of the series.
    """

    series: str
    instances: frozenset[str]


def referenced(document: Attributes) -> tuple[Referenced, ...]:
    """The series that a whole object refers to; at most eight of them.

    Args:
        document: The data set, such as a segmentation.
    """
    found = []
    for item in document.children(_REFERENCED_SERIES, _MOST_SERIES):
        series = item.text(_SERIES)
        if is_uid(series):
            images = item.children(_REFERENCED_INSTANCES, _MOST_FRAMES)
            uids = frozenset(image.text(_REFERENCED_INSTANCE_UID) for image in images)
            found.append(Referenced(series, uids - {""}))
    return tuple(found)


def place_of(document: Attributes, frame: int) -> Place | None:
    """Where a frame lies: position in mm, and behind it the six cosines where they are told.

    Args:
        document: The data set.
        frame: From 1.
    """
    corner = position(document, frame)
    if corner is None:
        return None
    for holder in FrameGroups(document, frame).holders(_PLANE_ORIENTATION):
        told = [value for value in holder.floats(_ORIENTATION, 6) if value is not None]
        if len(told) == 6:
            return (*corner, *told)
    return corner


def at_same_place(places: Mapping[str, Place], place: Place) -> str | None:
    """The image that lies in the same plane, with the same corner; None where none does.

    Args:
        places: Of images, by SOP Instance UID.
        place: Of the frame; of what is not told about either nothing is compared.
    """
    for uid, other in places.items():
        if all(abs(a - b) < _NEAR for a, b in zip(place, other, strict=False)):
            return uid
    return None


def _distance(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def _reference(item: Attributes) -> tuple[str, int | None] | None:
    uid = item.text(_REFERENCED_INSTANCE_UID)
    if not is_uid(uid):
        return None
    number = item.whole(_REFERENCED_FRAMES)
    return uid, number if number is not None and number > 0 else None

"""Images that a presentation state is for, and the order in which they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dicomweb_server.dicom.appearance.attributes import NOTHING, Attributes
from dicomweb_server.dicom.appearance.groups import FrameGroups
from dicomweb_server.model.ids import is_uid
from dicomweb_server.model.tags import hex_of

MOST_REFERENCES = 16_384

Numbers = tuple[float, ...]

_REFERENCED_SERIES = 0x00081115
_REFERENCED_IMAGES = 0x00081140
_REFERENCED_CLASS = 0x00081150
_REFERENCED_INSTANCE = 0x00081155
_REFERENCED_FRAMES = 0x00081160
_INSTANCE_NAME = hex_of(_REFERENCED_INSTANCE)
_SERIES = 0x0020000E
_FRAME_CONTENT = 0x00209111
_DIMENSION_INDEX_VALUES = 0x00209157
_PLACES = (
    (0x00209113, 0x00200032, 0x00209116, 0x00200037),
    (0x0020930E, 0x00209301, 0x0020930F, 0x00209302),
)
"""Position and orientation, to the patient and in the volume: functional group and attribute."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An image that a presentation state is for.

    Args:
        series: Series Instance UID.
        sop_class: SOP Class UID, empty where not told.
        instance: SOP Instance UID.
        frames: Frame numbers from 1; empty for all.
    """

    series: str
    sop_class: str
    instance: str
    frames: tuple[int, ...]


def references(document: Attributes) -> tuple[Reference, ...]:
    """The images of a presentation state in its order (PS3.3 C.11.11); damaged ones are left out.

    Args:
        document: Data set of the presentation state.
    """
    found: list[Reference] = []
    for series in document.children(_REFERENCED_SERIES, MOST_REFERENCES):
        left = MOST_REFERENCES - len(found)
        uid = series.text(_SERIES)
        for item in series.children(_REFERENCED_IMAGES, left):
            instance = item.text(_REFERENCED_INSTANCE)
            if is_uid(uid) and is_uid(instance):
                sop_class = item.text(_REFERENCED_CLASS)
                found.append(Reference(uid, sop_class, instance, _frames(item)))
    return tuple(found)


def applies(item: Attributes, instance: str, frame: int) -> bool:
    """Whether an item of a presentation state is for a frame: without references, for all.

    Args:
        item: The item.
        instance: SOP Instance UID.
        frame: From 1.
    """
    found = item.values(_REFERENCED_IMAGES)
    for number, reference in enumerate(found, 1):
        if _names(reference, instance):
            frames = _frames(item.child(_REFERENCED_IMAGES, number))
            if not frames or frame in frames:
                return True
    return not found


def _names(reference: object, instance: str) -> bool:
    """Whether a reference as it was parsed is to an instance; there may be a million of them."""
    told = reference.get(_INSTANCE_NAME) if isinstance(reference, dict) else None
    return isinstance(told, dict) and told.get("Value") == [instance]


def first_for(document: Attributes, tag: int, instance: str, frame: int) -> Attributes:
    """The first item of a sequence that is for a frame; an empty one where none is.

    Args:
        document: Data set of the presentation state.
        tag: The sequence.
        instance: SOP Instance UID.
        frame: From 1.
    """
    for number in range(1, min(len(document.values(tag)), MOST_REFERENCES) + 1):
        item = document.child(tag, number)
        if applies(item, instance, frame):
            return item
    return NOTHING


@dataclass(frozen=True, slots=True)
class Placed:
    """What tells where a frame belongs among others; holds nothing of its data set.

    Args:
        dimensions: Dimension Index Values.
        spots: For each way of telling it: position, and direction of rows and columns.
    """

    dimensions: Numbers
    spots: tuple[tuple[Numbers, Numbers], ...]

    @classmethod
    def of(cls, document: Attributes, frame: int) -> Placed:
        """Where a frame belongs.

        Args:
            document: Data set of the image.
            frame: From 1.
        """
        groups = FrameGroups(document, frame)
        told = groups.macro(_FRAME_CONTENT).floats(_DIMENSION_INDEX_VALUES, 64)
        spots = (
            (_numbers(groups, position, place, 3), _numbers(groups, orientation, axes, 6))
            for position, place, orientation, axes in _PLACES
        )
        return cls(tuple(value for value in told if value is not None), tuple(spots))


def in_order(shown: Sequence[Placed]) -> list[int]:
    """The order in which frames of a presentation state are shown (PS3.18 8.3.5.1.6).

    By Dimension Index Values, by the place along the normal of the first frame, as it came. What
    some of the frames do not tell does not count.

    Args:
        shown: Of each frame, in the order of the references.

    Returns:
        Indices into `shown`.
    """
    keys = [_dimensions(shown), *(_distances(shown, way) for way in range(len(_PLACES)))]
    told = [key for key in keys if key is not None]
    return sorted(range(len(shown)), key=lambda index: [key[index] for key in told])


def _frames(item: Attributes) -> tuple[int, ...]:
    numbers = [number for number in item.floats(_REFERENCED_FRAMES) if number is not None]
    return tuple(int(number) for number in numbers if number >= 1)


def _dimensions(shown: Sequence[Placed]) -> list[Numbers] | None:
    found = [each.dimensions for each in shown]
    return found if found and len({len(each) for each in found}) == 1 and found[0] else None


def _distances(shown: Sequence[Placed], way: int) -> list[Numbers] | None:
    """How far along the normal of the first frame each one lies."""
    if not shown:
        return None
    normal = _normal(shown[0].spots[way][1])
    points = [each.spots[way][0] for each in shown]
    if not all(points):
        return None
    return [
        (sum(factor * part for factor, part in zip(normal, point, strict=True)),)
        for point in points
    ]


def _normal(axes: Numbers) -> tuple[float, float, float]:
    if not axes:
        return 0.0, 0.0, 1.0
    a, b, c, d, e, f = axes
    return b * f - c * e, c * d - a * f, a * e - b * d


def _numbers(groups: FrameGroups, macro: int, tag: int, count: int) -> Numbers:
    for holder in groups.holders(macro):
        told = [value for value in holder.floats(tag, count) if value is not None]
        if len(told) == count:
            return tuple(told)
    return ()

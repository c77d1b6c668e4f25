"""Coordinates in space and time in words (PS3.3 C.18.6, C.18.7, C.18.9)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dicomweb_server.dicom.json_item import JsonItem
from dicomweb_server.dicom.wording import listed, moment, number

_GRAPHIC_TYPE = 0x00700023
_GRAPHIC_DATA = 0x00700022
_ORIGIN = 0x00480301
_FRAME_OF_REFERENCE = 0x30060024
_RANGE_TYPE = 0x0040A130
_POSITIONS = 0x0040A132
_OFFSETS = 0x0040A138
_MOMENTS = 0x0040A13A
_MOST_POINTS = 8


def spatial(item: JsonItem) -> str:
    """Coordinates in an image: the graphic, and its points as column and row."""
    words = _graphic(item, 2)
    return f"{words}, counted in the whole volume" if item.text(_ORIGIN) == "VOLUME" else words


def spatial_3d(item: JsonItem) -> str:
    """Coordinates in the patient in mm, and the frame of reference that they count in."""
    words = f"{_graphic(item, 3)} mm"
    frame = item.text(_FRAME_OF_REFERENCE)
    return f"{words}, in frame of reference {frame}" if frame else words


def temporal(item: JsonItem) -> str:
    """Points or ranges in time by samples, seconds or dates."""
    kind = item.text(_RANGE_TYPE).lower() or "time"
    for tag, unit in ((_POSITIONS, ""), (_OFFSETS, " s")):
        numbers = item.numbers(tag)
        if numbers:
            word = "sample " if tag == _POSITIONS else ""
            return f"{kind}: {word}{listed(map(number, numbers), 2 * _MOST_POINTS)}{unit}"
    moments = [moment(text) for text in item.texts(_MOMENTS)]
    return f"{kind}: {listed(moments, _MOST_POINTS)}" if moments else kind


def _graphic(item: JsonItem, dimensions: int) -> str:
    kind = item.text(_GRAPHIC_TYPE).lower() or "graphic"
    if item.bulk_path(_GRAPHIC_DATA):
        return f"{kind} of very many points"
    points = list(_points(item.numbers(_GRAPHIC_DATA), dimensions))
    if not points:
        return kind
    if len(points) > _MOST_POINTS:
        return f"{kind} of {len(points)} points, the first at {points[0]}"
    return f"{kind}: {listed(points, _MOST_POINTS)}"


def _points(numbers: Sequence[float], dimensions: int) -> Iterator[str]:
    for place in range(0, len(numbers) - dimensions + 1, dimensions):
        yield f"({', '.join(map(number, numbers[place : place + dimensions]))})"

"""What a presentation state draws over an image (PS3.3 C.10.5, C.10.7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.dicom.appearance.references import applies
from dicomweb_server.model.rendering import Graphic, GraphicType, Text

_GRAPHIC_ANNOTATIONS = 0x00700001
_LAYER_NAME = 0x00700002
_BOX_UNITS = 0x00700003
_ANCHOR_UNITS = 0x00700004
_GRAPHIC_UNITS = 0x00700005
_TEXT = 0x00700006
_TEXTS = 0x00700008
_GRAPHICS = 0x00700009
_BOX_TOP_LEFT = 0x00700010
_BOX_BOTTOM_RIGHT = 0x00700011
_ANCHOR = 0x00700014
_ANCHOR_VISIBLE = 0x00700015
_GRAPHIC_DATA = 0x00700022
_GRAPHIC_TYPE = 0x00700023
_FILLED = 0x00700024
_LAYERS = 0x00700060
_LAYER_ORDER = 0x00700062
_LAYER_GREY = 0x00700066
_LAYER_LAB = 0x00700401

_MOST_ITEMS = 1024
_MOST_OBJECTS = 2048
"""Graphics that are looked at."""
_MOST_TEXTS = 512
_MOST_POINTS = 4096
_MOST_POINTS_IN_ALL = 32_768
_MOST_LINES = 64
_MOST_CHARACTERS = 256
_FARTHEST = 1e6
_LEAST_POINTS = {
    GraphicType.POINT: 1,
    GraphicType.POLYLINE: 2,
    GraphicType.INTERPOLATED: 2,
    GraphicType.CIRCLE: 2,
    GraphicType.ELLIPSE: 4,
}

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Layer:
    """A graphic layer.

    Args:
        order: Layers of lower ones lie behind.
        value: Grey value 0 to 1.
    """

    order: int
    value: float


def layers(document: Attributes) -> dict[str, Layer]:
    """The graphic layers by their names.

    Args:
        document: Data set of the presentation state.
    """
    return {
        item.text(_LAYER_NAME): Layer(item.whole(_LAYER_ORDER) or 0, _grey(item))
        for item in document.children(_LAYERS, _MOST_ITEMS)
    }


def _grey(item: Attributes) -> float:
    # Both the P-value and L* run evenly from black to white as people see it.
    for tag in (_LAYER_GREY, _LAYER_LAB):
        told = item.float_at(tag)
        if told is not None:
            return min(max(told / 0xFFFF, 0.0), 1.0)
    return 1.0


def drawn(
    document: Attributes, instance: str, frame: int
) -> tuple[tuple[Graphic, ...], tuple[Text, ...]]:
    """What is drawn over a frame, from back to front; damaged objects are left out.

    Args:
        document: Data set of the presentation state.
        instance: SOP Instance UID of the image.
        frame: From 1.
    """
    known = layers(document)
    nowhere = Layer(0, 1.0)
    items = [
        (known.get(item.text(_LAYER_NAME), nowhere), item)
        for item in document.children(_GRAPHIC_ANNOTATIONS, _MOST_ITEMS)
        if applies(item, instance, frame)
    ]
    items.sort(key=lambda pair: pair[0].order)
    graphics = islice(_objects(items, _GRAPHICS), _MOST_OBJECTS)
    texts = list(islice(_objects(items, _TEXTS), _MOST_TEXTS))
    found = _bounded(_graphic(each, value) for each, value in graphics)
    found += _bounded(_pointer(each, value) for each, value in texts)
    words = (_text(each, value) for each, value in texts)
    return tuple(found), tuple(text for text in words if text is not None)


def _objects(items: list[tuple[Layer, Attributes]], tag: int) -> Iterator[tuple[Attributes, float]]:
    """The objects of one kind, each with the grey value of its layer."""
    for layer, item in items:
        for each in item.children(tag, _MOST_OBJECTS):
            yield each, layer.value


def _bounded(graphics: Iterator[Graphic | None]) -> list[Graphic]:
    """What can be drawn, as far as it has not too many points."""
    found = []
    points = 0
    for graphic in graphics:
        if graphic is not None:
            points += len(graphic.points)
            if points > _MOST_POINTS_IN_ALL:
                break
            found.append(graphic)
    return found


def _graphic(item: Attributes, value: float) -> Graphic | None:
    units = item.text(_GRAPHIC_UNITS)
    told = item.text(_GRAPHIC_TYPE)
    if units not in ("PIXEL", "DISPLAY") or told not in GraphicType.__members__:
        return None
    kind = GraphicType(told)
    points = _points(item, _GRAPHIC_DATA, units)
    if len(points) < _LEAST_POINTS[kind]:
        return None
    return Graphic(kind, points, item.text(_FILLED) == "Y", units == "DISPLAY", value)


def _pointer(item: Attributes, value: float) -> Graphic | None:
    """The line from the place that a text is about to its box, where both have the same units."""
    if item.text(_ANCHOR_VISIBLE) != "Y":
        return None
    units = item.text(_ANCHOR_UNITS)
    anchor, box = _points(item, _ANCHOR, units), _box(item)
    if not anchor or box is None or units != item.text(_BOX_UNITS):
        return None
    return Graphic(GraphicType.POLYLINE, (anchor[0], box), False, units == "DISPLAY", value)


def _text(item: Attributes, value: float) -> Text | None:
    lines = _lines(item.text(_TEXT))
    box, units = _box(item), item.text(_BOX_UNITS)
    if box is None:
        units = item.text(_ANCHOR_UNITS)
        box = next(iter(_points(item, _ANCHOR, units)), None)
    return Text(lines, box, units == "DISPLAY", value) if lines and box is not None else None


def _box(item: Attributes) -> Point | None:
    """The top left corner of a text's box."""
    units = item.text(_BOX_UNITS)
    first, second = (_points(item, tag, units) for tag in (_BOX_TOP_LEFT, _BOX_BOTTOM_RIGHT))
    return first[0] if first and second else None


def _points(item: Attributes, tag: int, units: str) -> tuple[Point, ...]:
    """Column and row of each point; in units of pixels 1 is the middle of the first one.

    In the file the middle of the first pixel is 0.5.
    """
    told = item.floats(tag, 2 * _MOST_POINTS)
    numbers = [number for number in told if number is not None and abs(number) <= _FARTHEST]
    if units not in ("PIXEL", "DISPLAY") or len(numbers) != len(told) or len(told) % 2:
        return ()
    shift = 0.5 if units == "PIXEL" else 0.0
    shifted = [number + shift for number in numbers]
    return tuple(zip(shifted[::2], shifted[1::2], strict=True))


def _lines(text: str) -> tuple[str, ...]:
    """The lines of a text without characters that are not to be seen."""
    text = text[: _MOST_LINES * _MOST_CHARACTERS]
    parts = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[:_MOST_LINES]
    lines = ["".join(filter(str.isprintable, part))[:_MOST_CHARACTERS] for part in parts]
    return tuple(lines) if any(line.strip() for line in lines) else ()

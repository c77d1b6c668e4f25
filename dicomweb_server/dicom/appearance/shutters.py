"""Display shutters (PS3.3 C.7.6.11)."""

from __future__ import annotations

from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.model.rendering import Shutter, ShutterShape

_SHAPE = 0x00181600
_EDGES = (0x00181602, 0x00181604, 0x00181606, 0x00181608)
_CENTER = 0x00181610
_RADIUS = 0x00181612
_VERTICES = 0x00181620
_PRESENTATION_VALUE = 0x00181622
_MOST_VERTICES = 4096
_FARTHEST = 1 << 24


def shutters(holder: Attributes) -> tuple[Shutter, ...]:
    """The shutters that a data set or item tells; damaged ones are left out.

    Args:
        holder: The data set or item.
    """
    if f"{_SHAPE:08X}" not in holder.members:
        return ()
    value = presentation_value(holder)
    found = []
    for shape in ShutterShape:
        numbers = _numbers(holder, shape) if shape.value in holder.texts(_SHAPE)[:8] else None
        if numbers is not None:
            found.append(Shutter(shape, numbers, value))
    return tuple(found)


def presentation_value(holder: Attributes) -> float:
    """Shutter Presentation Value from 0 to 1; black where none is told.

    Args:
        holder: The data set or item.
    """
    told = holder.float_at(_PRESENTATION_VALUE)
    return min(max((told or 0.0) / 0xFFFF, 0.0), 1.0)


def _numbers(holder: Attributes, shape: ShutterShape) -> tuple[float, ...] | None:
    if shape is ShutterShape.RECTANGULAR:
        told = [holder.float_at(tag) for tag in _EDGES]
    elif shape is ShutterShape.CIRCULAR:
        told = [*(holder.float_at(_CENTER, index) for index in (0, 1)), holder.float_at(_RADIUS)]
    else:
        told = holder.floats(_VERTICES, 2 * _MOST_VERTICES)
        if len(told) < 6 or len(told) % 2:
            return None
    numbers = tuple(number for number in told if number is not None and abs(number) <= _FARTHEST)
    return numbers if len(numbers) == len(told) else None

"""Colours: CIELab of the profile connection space, colours that tell segments apart, tints."""

from __future__ import annotations

from colorsys import hsv_to_rgb
from functools import cache

from dicomweb_server.dicom.appearance.lookup import entries_of
from dicomweb_server.model.rendering import LookupTable, Palette

Rgb = tuple[int, int, int]

_WHITE = (0.96422, 1.0, 0.82521)
"""D50, the white of the profile connection space (ISO 15076-1)."""
_FROM_XYZ = (
    (3.1338561, -1.6168667, -0.4906146),
    (-0.9787684, 1.9161415, 0.0334540),
    (0.0719453, -0.2289914, 1.4052427),
)
"""XYZ under D50 to linear sRGB, adapted after Bradford."""
_TURN = 0.618033988749895
"""Share of the circle of hues between neighbouring numbers: the golden section."""


def rgb_of_lab(lightness: float, a: float, b: float) -> Rgb:
    """A CIELab colour as its attributes hold it in sRGB (PS3.3 C.10.7.1.1).

    Args:
        lightness: 0 to 65,535 for L* 0 to 100.
        a, b: 0 to 65,535 for -128 to 127.
    """
    middle = (lightness * 100 / 0xFFFF + 16) / 116
    steps = (
        middle + (a * 255 / 0xFFFF - 128) / 500,
        middle,
        middle - (b * 255 / 0xFFFF - 128) / 200,
    )
    xyz = [white * _unfold(step) for white, step in zip(_WHITE, steps, strict=True)]
    red, green, blue = (
        _byte(sum(factor * part for factor, part in zip(row, xyz, strict=True)))
        for row in _FROM_XYZ
    )
    return red, green, blue


def _unfold(step: float) -> float:
    return float(step**3) if step > 6 / 29 else 3 * (6 / 29) ** 2 * (step - 4 / 29)


def _byte(linear: float) -> int:
    if linear <= 0.0031308:
        return max(round(255 * 12.92 * linear), 0)
    return min(round(255 * (1.055 * float(linear ** (1 / 2.4)) - 0.055)), 255)


def colour_of(number: int) -> Rgb:
    """A colour for a segment that tells none; neighbouring numbers differ clearly.

    Args:
        number: Segment Number.
    """
    red, green, blue = hsv_to_rgb((number - 1) * _TURN % 1, 0.75, 1.0)
    return round(red * 255), round(green * 255), round(blue * 255)


@cache
def hot_iron() -> Palette:
    """Hot Iron: black over red and yellow to white (PS3.6 B.1)."""
    steps = range(256)
    return Palette(
        _channel([min(2 * step, 255) for step in steps]),
        _channel([max(2 * (step - 128), 0) if step < 255 else 255 for step in steps]),
        _channel([min(max(4 * (step - 191), 0), 255) for step in steps]),
    )


def palette_of(colours: list[Rgb]) -> Palette:
    """A palette from 0 on.

    Args:
        colours: At least one.
    """
    red, green, blue = zip(*colours, strict=True)
    return Palette(_channel(list(red)), _channel(list(green)), _channel(list(blue)))


def _channel(values: list[int]) -> LookupTable:
    return LookupTable(0, 8, entries_of(values))

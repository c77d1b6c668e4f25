"""A chest made of ellipsoids, in Hounsfield units."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

AIR = -1000


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """One body: centre and radii in parts of the volume's half size, and its value.

    Args:
        x, y, z: Centre, -1 to 1; x to the patient's left, y to the back, z to the head.
        a, b, c: Radii along x, y, z.
        value: Hounsfield units inside.
        slope: Units that are added from its middle to its edge, so that it is not flat.
    """

    x: float
    y: float
    z: float
    a: float
    b: float
    c: float
    value: int
    slope: int = 0


BODIES = (
    Ellipsoid(0.0, 0.0, 0.0, 0.90, 0.68, 3.0, -90, 20),
    Ellipsoid(0.0, 0.0, 0.0, 0.84, 0.61, 2.8, 45, 10),
    Ellipsoid(-0.42, -0.04, 0.0, 0.30, 0.44, 1.05, -850, 90),
    Ellipsoid(0.42, -0.04, 0.0, 0.29, 0.42, 1.00, -850, 90),
    Ellipsoid(0.13, -0.16, -0.25, 0.27, 0.25, 0.55, 60, 25),
    Ellipsoid(0.0, 0.42, 0.0, 0.13, 0.12, 3.0, 420, 260),
    Ellipsoid(0.0, 0.40, 0.0, 0.045, 0.045, 3.0, 20),
    Ellipsoid(0.10, 0.22, 0.0, 0.065, 0.065, 3.0, 160, 10),
    Ellipsoid(0.0, 0.02, 0.9, 0.05, 0.05, 0.7, AIR),
    Ellipsoid(-0.38, 0.12, 0.2, 0.06, 0.06, 0.10, 90, 30),
)


def slices(size: int, count: int, bodies: Iterable[Ellipsoid] = BODIES) -> Iterator[array[int]]:
    """Slices of the phantom from the feet to the head.

    Args:
        size: Rows and columns.
        count: Number of slices.
        bodies: Later ones lie on top of earlier ones.

    Yields:
        Signed 16-bit values in Hounsfield units, row by row.
    """
    drawn = tuple(bodies)
    for number in range(count):
        z = (2 * number + 1) / count - 1
        image = array("h", [AIR]) * (size * size)
        for body in drawn:
            _draw(image, size, z, body)
        yield image


def _draw(image: array[int], size: int, z: float, body: Ellipsoid) -> None:
    off_z = ((z - body.z) / body.c) ** 2
    for row in range(size):
        y = (2 * row + 1) / size - 1
        off = off_z + ((y - body.y) / body.b) ** 2
        if off >= 1:
            continue
        half = body.a * math.sqrt(1 - off)
        first = max(0, math.ceil((body.x - half + 1) * size / 2 - 0.5))
        last = min(size - 1, math.floor((body.x + half + 1) * size / 2 - 0.5))
        for column in range(first, last + 1):
            x = (2 * column + 1) / size - 1
            edge = off + ((x - body.x) / body.a) ** 2
            image[row * size + column] = body.value + round(body.slope * edge)

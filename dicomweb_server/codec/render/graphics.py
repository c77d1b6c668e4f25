"""Graphics and texts of presentation states, drawn in the size of the picture (PS3.3 C.10.5)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from dicomweb_server.codec.render.geometry import Geometry
from dicomweb_server.codec.render.letters import shade, write_text
from dicomweb_server.codec.render.masks import level_of
from dicomweb_server.model.rendering import Graphic, GraphicType, Text

Point = tuple[float, float]

_FINER = 2
"""Lines are drawn so many times finer than they are shown."""
_HALF = 0.5
"""Pillow counts from the centre of the first pixel, places here from its corner."""
_MOST_FINER = 16_000_000
"""Pixels of a picture up to which lines are drawn finer."""
_ROUND = 96
"""Corners of a circle."""
_BETWEEN = 8
"""Points between two of a curve."""


def draw_graphics(
    picture: Image.Image,
    geometry: Geometry,
    graphics: Sequence[Graphic],
    texts: Sequence[Text],
) -> Image.Image:
    """A picture with graphics and texts on it.

    Args:
        picture: Grey or RGB, in the size of the geometry.
        geometry: Where points of the image lie.
        graphics, texts: What is drawn, from back to front.
    """
    for graphic in graphics:
        points = outline(graphic, geometry)
        if points:
            picture = _drawn(picture, graphic, points)
    size = min(max(min(picture.size) / 32, 10.0), 48.0)
    for text in texts:
        x, y = geometry.place(text.place, relative=text.relative)
        if not _sane((x, y), picture):
            continue
        for number, line in enumerate(text.lines[:100]):
            write_text(picture, (x, y + number * size * 1.3), line, size, level_of(text.value))
    return picture


def outline(graphic: Graphic, geometry: Geometry) -> list[Point]:
    """Points of a graphic in the picture; none where they make no shape.

    Circles and ellipses become polygons in the image before they are placed, so that they follow
    its turning and its stretching.
    """
    given = [each for each in graphic.points if all(math.isfinite(part) for part in each)]
    kind = graphic.kind
    if len(given) < _LEAST[kind]:
        return []
    if kind is GraphicType.CIRCLE:
        reach = math.dist(given[0], given[1])
        given = _ellipse(given[0], (reach, 0.0), (0.0, reach))
    elif kind is GraphicType.ELLIPSE:
        given = _ellipse_through(given)
    elif kind is GraphicType.INTERPOLATED:
        given = curve_through(given)
    return [geometry.place(each, relative=graphic.relative) for each in given]


def curve_through(points: Sequence[Point]) -> list[Point]:
    """A smooth curve through points (Catmull and Rom); closed where the first is the last."""
    closed = points[0] == points[-1] and len(points) > 3
    before = points[-2] if closed else points[0]
    behind = points[1] if closed else points[-1]
    knots = [before, *points, behind]
    result = [points[0]]
    for place in range(len(points) - 1):
        corners = knots[place : place + 4]
        for step in range(1, _BETWEEN + 1):
            t = step / _BETWEEN
            result.append(
                (_between([p[0] for p in corners], t), _between([p[1] for p in corners], t))
            )
    return result


def _between(p: Sequence[float], t: float) -> float:
    turn = 2 * p[0] - 5 * p[1] + 4 * p[2] - p[3]
    end = 3 * (p[1] - p[2]) + p[3] - p[0]
    return 0.5 * (2 * p[1] + (p[2] - p[0]) * t + turn * t * t + end * t**3)


def _ellipse(centre: Point, major: Point, minor: Point) -> list[Point]:
    angles = [2 * math.pi * each / _ROUND for each in range(_ROUND + 1)]
    return [
        (
            centre[0] + major[0] * math.cos(angle) + minor[0] * math.sin(angle),
            centre[1] + major[1] * math.cos(angle) + minor[1] * math.sin(angle),
        )
        for angle in angles
    ]


def _ellipse_through(points: Sequence[Point]) -> list[Point]:
    """Ends of the major axis, then ends of the minor axis."""
    a, b, c, d = points[:4]
    centre = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
    return _ellipse(
        centre, ((b[0] - a[0]) / 2, (b[1] - a[1]) / 2), ((d[0] - c[0]) / 2, (d[1] - c[1]) / 2)
    )


def _drawn(picture: Image.Image, graphic: Graphic, points: Sequence[Point]) -> Image.Image:
    finer = _FINER if picture.width * picture.height <= _MOST_FINER else 1
    limit_x, limit_y = 4.0 * picture.width, 4.0 * picture.height
    placed = [
        (
            min(max(x, -limit_x), limit_x) * finer - _HALF,
            min(max(y, -limit_y), limit_y) * finer - _HALF,
        )
        for x, y in points
    ]
    mask = Image.new("L", (picture.width * finer, picture.height * finer), 0)
    pen = ImageDraw.Draw(mask)
    width = max(1, round(min(picture.size) / 400)) * finer
    if graphic.kind is GraphicType.POINT:
        reach = 2.0 * width
        for x, y in placed:
            pen.line(((x - reach, y), (x + reach, y)), fill=255, width=width)
            pen.line(((x, y - reach), (x, y + reach)), fill=255, width=width)
    else:
        if graphic.filled and len(placed) > 2:
            pen.polygon(placed, fill=255)
        pen.line(placed, fill=255, width=width, joint="curve")
    if finer > 1:
        mask = mask.reduce(finer)
    above = Image.new(picture.mode, picture.size, shade(picture, level_of(graphic.value)))
    return Image.composite(above, picture, mask)


def _sane(point: Point, picture: Image.Image) -> bool:
    """Whether a place is on the picture or near it."""
    return bool(
        np.isfinite(point).all()
        and abs(point[0]) <= 4 * picture.width
        and abs(point[1]) <= 4 * picture.height
    )


_LEAST = {
    GraphicType.POINT: 1,
    GraphicType.POLYLINE: 2,
    GraphicType.INTERPOLATED: 2,
    GraphicType.CIRCLE: 2,
    GraphicType.ELLIPSE: 4,
}
"""Points that each kind needs."""

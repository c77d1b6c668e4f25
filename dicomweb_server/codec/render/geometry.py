"""What part of an image is shown, which way up and how large (PS3.3 C.10.4, PS3.18 8.3.5)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dicomweb_server.errors import FrameUndecodable
from dicomweb_server.model.rendering import Appearance, Region, RenderOptions, Viewport

LARGEST_PICTURE = 64_000_000
"""Pixels that a picture may have."""
LONGEST_SIDE = 65_500
"""Pixels of one side of a picture: what JPEG can tell."""
_WIDEST_PIXEL = 100.0
_SMALLER = "ask for a smaller picture with viewport=width,height"

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels from 0; right and bottom are not included."""
Part = tuple[float, float, float, float]
"""A box that may begin and end between the edges of pixels."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where the pixels of an image go.

    Args:
        area: Part of the stored image that is displayed; may reach over its edges.
        quarters: Quarter turns clockwise of that part.
        flip: Whether it is mirrored left to right after that.
        box: Part of the result that is shown.
        mirror: Whether what is shown is mirrored left to right and top to bottom.
        size: Width and height of the picture.
    """

    area: Box
    quarters: int
    flip: bool
    box: Part
    mirror: tuple[bool, bool]
    size: tuple[int, int]

    @property
    def turned(self) -> tuple[int, int]:
        """Width and height of the displayed area after it was turned."""
        width, height = self.area[2] - self.area[0], self.area[3] - self.area[1]
        return (height, width) if self.quarters % 2 else (width, height)

    @property
    def scale(self) -> tuple[float, float]:
        """Pixels of the picture for one of the image, to the right and down."""
        left, top, right, bottom = self.box
        return self.size[0] / (right - left), self.size[1] / (bottom - top)

    def place(self, point: tuple[float, float], *, relative: bool = False) -> tuple[float, float]:
        """Where a point of the image lies in the picture.

        Args:
            point: Column and row, 1\\1 being the centre of the top left pixel.
            relative: Whether it is told as shares of the displayed area as it is seen.
        """
        width, height = self.turned
        if relative:
            x, y = point[0] * width, point[1] * height
        else:
            x, y = self._turn(point[0] - 0.5 - self.area[0], point[1] - 0.5 - self.area[1])
        left, top, right, bottom = self.box
        x, y = x - left, y - top
        if self.mirror[0]:
            x = right - left - x
        if self.mirror[1]:
            y = bottom - top - y
        return x * self.scale[0], y * self.scale[1]

    def _turn(self, x: float, y: float) -> tuple[float, float]:
        width, height = self.area[2] - self.area[0], self.area[3] - self.area[1]
        for _ in range(self.quarters):
            x, y = height - y, x
            width, height = height, width
        return (width - x if self.flip else x), y


def geometry_of(
    columns: int, rows: int, appearance: Appearance, options: RenderOptions
) -> Geometry:
    """Plan a picture of an image.

    Raises:
        FrameUndecodable: The part lies outside of the image, or the picture would be too large.
    """
    area = _area(columns, rows, appearance)
    quarters = round(appearance.rotation / 90) % 4
    width, height = area[2] - area[0], area[3] - area[1]
    if quarters % 2:
        width, height = height, width
    box = _part(width, height, options)
    aspect = appearance.aspect if math.isfinite(appearance.aspect) else 1.0
    aspect = min(max(aspect, 1 / _WIDEST_PIXEL), _WIDEST_PIXEL) if aspect > 0 else 1.0
    size = _size(box, 1 / aspect if quarters % 2 else aspect, options.viewport)
    if size[0] * size[1] > LARGEST_PICTURE or max(size) > LONGEST_SIDE:
        raise FrameUndecodable(
            f"a picture of {size[0]} x {size[1]} pixels is larger than this server makes", _SMALLER
        )
    viewport = options.viewport
    mirror = (False, False)
    if viewport is not None:
        mirror = ((viewport.source_width or 1) < 0, (viewport.source_height or 1) < 0)
    return Geometry(area, quarters, appearance.flip, box, mirror, size)


def _area(columns: int, rows: int, appearance: Appearance) -> Box:
    """The displayed area, over the edges by the size of the image at the most."""
    if appearance.area is None:
        return 0, 0, columns, rows
    left, right = sorted((appearance.area[0], appearance.area[2]))
    top, bottom = sorted((appearance.area[1], appearance.area[3]))
    left, top = max(left - 1, -columns), max(top - 1, -rows)
    right, bottom = min(right, 2 * columns), min(bottom, 2 * rows)
    if right <= 0 or bottom <= 0 or left >= columns or top >= rows:
        raise FrameUndecodable("the displayed area lies outside of the image")
    return left, top, right, bottom


def _part(width: int, height: int, options: RenderOptions) -> Box:
    """The part that a request wants, in whole pixels inside the image."""
    if options.region is not None:
        left, top, right, bottom = _shares(width, height, options.region)
    elif options.viewport is not None:
        left, top, right, bottom = _source(width, height, options.viewport)
    else:
        return 0, 0, width, height
    box = (
        max(round(left), 0),
        max(round(top), 0),
        min(max(round(right), round(left) + 1), width),
        min(max(round(bottom), round(top) + 1), height),
    )
    if box[0] >= box[2] or box[1] >= box[3]:
        raise FrameUndecodable(
            "the part that was asked for lies outside of the image",
            f"the image has {width} columns and {height} rows",
        )
    return box


def _shares(width: int, height: int, region: Region) -> tuple[float, float, float, float]:
    left, right = (min(max(each, 0.0), 1.0) for each in (region.x_least, region.x_greatest))
    top, bottom = (min(max(each, 0.0), 1.0) for each in (region.y_least, region.y_greatest))
    left, top = min(left * width, width - 1), min(top * height, height - 1)
    return left, top, right * width, bottom * height


def _source(width: int, height: int, view: Viewport) -> tuple[float, float, float, float]:
    across = width - view.x if view.source_width is None else abs(view.source_width)
    down = height - view.y if view.source_height is None else abs(view.source_height)
    numbers = (view.x, view.y, view.x + across, view.y + down)
    limit = 4.0 * (width + height)
    left, top, right, bottom = (min(max(each, -limit), limit) for each in numbers)
    return left, top, right, bottom


def _size(box: Box, aspect: float, viewport: Viewport | None) -> tuple[int, int]:
    """Size of the picture; pixels that are not square are stretched, never shrunk."""
    width = (box[2] - box[0]) / min(aspect, 1.0)
    height = (box[3] - box[1]) * max(aspect, 1.0)
    if viewport is None:
        return max(round(width), 1), max(round(height), 1)
    scale = min(viewport.width / width, viewport.height / height)
    if not viewport.enlarge:
        scale = min(scale, 1.0)
    return (
        min(max(round(width * scale), 1), max(viewport.width, 1)),
        min(max(round(height * scale), 1), max(viewport.height, 1)),
    )

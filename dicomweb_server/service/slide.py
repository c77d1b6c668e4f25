"""Parts of whole slides: the tiles that they touch, and no others, put together."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.dicom.tiles import Tile, Tiles, tiles_of
from dicomweb_server.errors import CodecFailed, InvalidParameter, PayloadTooLarge
from dicomweb_server.model.frame import Frame
from dicomweb_server.model.instance import InstanceRecord, PixelHeader
from dicomweb_server.model.kind import WHOLE_SLIDE
from dicomweb_server.model.limits import MIB
from dicomweb_server.model.media import EXPLICIT_LITTLE
from dicomweb_server.model.rendering import (
    RAW_PICTURE,
    Appearance,
    Rendering,
    RenderOptions,
    Viewport,
    Window,
    WindowFunction,
)
from dicomweb_server.service.backgrounds import FrameOf
from dicomweb_server.service.delivery import tag_of
from dicomweb_server.service.pictures import Pictures, Shot, lines_of

MOST_TILES = 1024
"""Tiles that one picture is made of at the most."""
MOST_MOSAIC = 192 * MIB
"""Bytes of the tiles of one picture when they are put together."""

_AT_ONCE = 4
_SIZE = struct.Struct("<II")
_GROUND = b"\xff"
_PIXEL_DATA = 0x7FE00010
_DEFAULT_SIDE = 4096


@dataclass(frozen=True, slots=True)
class View:
    """What of a slide is shown.

    Args:
        tiles: The slide.
        left, top, right, bottom: The part, in pixels of the total pixel matrix from 0.
        width, height: Size into which it is fitted.
        mirrored: Whether it is mirrored left to right, and top to bottom.
        shrink: Every so many pixels of a tile become one, each way.
    """

    tiles: Tiles
    left: float
    top: float
    right: float
    bottom: float
    width: int
    height: int
    mirrored: tuple[bool, bool]
    shrink: int


class Slides:
    """Renders parts of slides.

    Args:
        pictures: How tiles are rendered.
    """

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures

    async def view(self, record: InstanceRecord, options: RenderOptions) -> View | None:
        """What a request shows of a whole slide; None where it is no slide, or all is wanted.

        Args:
            record: The instance.
            options: What the request says; without viewport and region a slide is its frames.

        Raises:
            InvalidParameter: The part lies outside of the slide.
            PayloadTooLarge: It touches too many tiles.
        """
        if record.sop_class != WHOLE_SLIDE or (options.viewport is None and options.region is None):
            return None
        pixel = self._pictures.require_possible(record)
        document = await self._pictures.parts.described.of(record)
        count = record.frames.count if record.frames else 0
        tiles = await asyncio.to_thread(tiles_of, document, pixel.columns, pixel.rows, count)
        if tiles is None or (tiles.width, tiles.height) == (pixel.columns, pixel.rows):
            return None
        return _viewed(tiles, options)

    async def picture(
        self, record: InstanceRecord, view: View, media_type: str, options: RenderOptions
    ) -> bytes:
        """A part of a slide.

        Args:
            record: The instance.
            view: What is shown.
            media_type: In which form.
            options: What the request says.

        Raises:
            FrameUndecodable, CodecFailed, TooBusy: A tile cannot be rendered.
        """

        async def make() -> bytes:
            return await self._made(record, view, media_type, options)

        name = tag_of(["slide", media_type, str(options)])
        return await self._pictures.parts.derived.get(record.blob.digest, name, make)

    async def _made(
        self, record: InstanceRecord, view: View, media_type: str, options: RenderOptions
    ) -> bytes:
        parts = self._pictures.parts
        document = await parts.described.of(record)
        touched = view.tiles.within(view.left, view.top, view.right, view.bottom)
        mosaic = _Mosaic(view)
        for start in range(0, len(touched), _AT_ONCE):
            some = touched[start : start + _AT_ONCE]
            raws = await asyncio.gather(
                *(self._tile(record, document, tile, view, options) for tile in some)
            )
            await asyncio.to_thread(mosaic.lay, some, raws)
        number = touched[0].number if touched else 1
        look = await self._look(record, document, number, options)
        lines = lines_of(document, number, look, options)
        shown = Appearance(profile=look.profile)
        rendering = Rendering(media_type, shown, mosaic.options(options), lines)
        return await parts.codecs.render(mosaic.frame(), rendering)

    async def _tile(
        self,
        record: InstanceRecord,
        document: Attributes,
        tile: Tile,
        view: View,
        options: RenderOptions,
    ) -> bytes:
        size = Viewport(view.tiles.columns // view.shrink, view.tiles.rows // view.shrink)
        plain = RenderOptions(viewport=size, window=options.window)
        shot = Shot(FrameOf(record, tile.number), RAW_PICTURE, plain)
        look = await self._look(record, document, tile.number, options)
        return await self._pictures.shown(shot, document, look)

    async def _look(
        self, record: InstanceRecord, document: Attributes, number: int, options: RenderOptions
    ) -> Appearance:
        """How a tile looks beside others: square pixels, and no range of grey of its own."""
        look = await self._pictures.appearance(record, number, document)
        pixel = self._pictures.require_possible(record)
        if pixel.samples_per_pixel == 1 and look.voi is None and options.window is None:
            greatest = float((1 << pixel.bits_stored) - 1)
            window = Window(greatest / 2, greatest, WindowFunction.LINEAR_EXACT)
            look = replace(look, modality=None, voi=window)
        return replace(look, aspect=1.0)


class _Mosaic:
    """Tiles laid side by side, in RGB.

    Args:
        view: What is shown.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        tiles, shrink = view.tiles, view.shrink
        self._left = int(view.left) // shrink
        self._top = int(view.top) // shrink
        self._width = -(-_above(view.right) // shrink) - self._left
        self._height = -(-_above(view.bottom) // shrink) - self._top
        self._tile = (tiles.columns // shrink, tiles.rows // shrink)
        self._data = bytearray(_GROUND) * (self._width * self._height * 3)

    def lay(self, tiles: Sequence[Tile], raws: Sequence[bytes]) -> None:
        """Put tiles in their places.

        Args:
            tiles: Where they lie.
            raws: Their pictures, of the type RAW_PICTURE.
        """
        for tile, raw in zip(tiles, raws, strict=True):
            if _SIZE.unpack_from(raw) != self._tile:
                raise CodecFailed("a tile has not the size that was asked for")
            self._lay(tile, memoryview(raw)[_SIZE.size :])

    def _lay(self, tile: Tile, raw: memoryview) -> None:
        width, height = self._tile
        left = tile.left // self._view.shrink - self._left
        top = tile.top // self._view.shrink - self._top
        skip, end = max(0, -left), min(width, self._width - left)
        if end <= skip:
            return
        for row in range(max(0, -top), min(height, self._height - top)):
            start = ((top + row) * self._width + left + skip) * 3
            source = (row * width + skip) * 3
            length = (end - skip) * 3
            self._data[start : start + length] = raw[source : source + length]

    def frame(self) -> Frame:
        """All of it as a frame."""
        pixel = PixelHeader(
            rows=self._height,
            columns=self._width,
            samples_per_pixel=3,
            bits_allocated=8,
            bits_stored=8,
            high_bit=7,
            pixel_representation=0,
            planar_configuration=0,
            photometric_interpretation="RGB",
            number_of_frames=1,
            tag=_PIXEL_DATA,
        )
        return Frame(pixel, EXPLICIT_LITTLE, bytes(self._data))

    def options(self, options: RenderOptions) -> RenderOptions:
        """How the frame is rendered to become what the request wants."""
        view = self._view
        flips = [-1 if mirrored else 1 for mirrored in view.mirrored]
        viewport = Viewport(
            view.width,
            view.height,
            view.left / view.shrink - self._left,
            view.top / view.shrink - self._top,
            flips[0] * (view.right - view.left) / view.shrink,
            flips[1] * (view.bottom - view.top) / view.shrink,
        )
        return replace(options, viewport=viewport, region=None, window=None)


def _above(value: float) -> int:
    return -int(-value // 1)


def _viewed(tiles: Tiles, options: RenderOptions) -> View:
    left, top, right, bottom = 0.0, 0.0, float(tiles.width), float(tiles.height)
    viewport, region = options.viewport, options.region
    mirrored = (False, False)
    if region is not None:
        left, right = region.x_least * tiles.width, region.x_greatest * tiles.width
        top, bottom = region.y_least * tiles.height, region.y_greatest * tiles.height
    elif viewport is not None:
        across, down = viewport.source_width, viewport.source_height
        left, top = viewport.x, viewport.y
        right = right if across is None else min(right, left + abs(across))
        bottom = bottom if down is None else min(bottom, top + abs(down))
        mirrored = ((across or 1) < 0, (down or 1) < 0)
    if left >= right or top >= bottom:
        raise InvalidParameter(
            "viewport",
            "the part begins outside of the slide",
            f"the slide has {tiles.width} columns and {tiles.height} rows",
        )
    width = viewport.width if viewport else min(_DEFAULT_SIDE, _above(right - left))
    height = viewport.height if viewport else min(_DEFAULT_SIDE, _above(bottom - top))
    scale = min(width / (right - left), height / (bottom - top))
    shrink = _shrink(tiles, scale)
    found = View(tiles, left, top, right, bottom, width, height, mirrored, shrink)
    _require_few(found)
    return found


def _shrink(tiles: Tiles, scale: float) -> int:
    """The greatest power of two by which tiles may become smaller without loss of detail."""
    shrink = 1
    while (
        shrink * 2 * scale <= 1
        and tiles.columns % (shrink * 2) == 0
        and tiles.rows % (shrink * 2) == 0
        and all(x % (shrink * 2) == 0 and y % (shrink * 2) == 0 for x, y in tiles.places)
    ):
        shrink *= 2
    return shrink


def _require_few(view: View) -> None:
    edges = (view.left, view.top, view.right, view.bottom)
    touched = view.tiles.touched(*edges)
    pixels = (view.right - view.left + 2) * (view.bottom - view.top + 2)
    if touched > MOST_TILES or pixels * 3 / view.shrink**2 > MOST_MOSAIC:
        raise PayloadTooLarge(
            f"this part of the slide has up to {touched} tiles",
            f"ask for a smaller part ({MOST_TILES} tiles at the most), or for an instance of the "
            "series that shows the slide at a lower resolution",
        )

"""Parts of whole slides: the tiles that they touch, and no others, put together."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

from dicomweb_server.auth.port import Authorizer
from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.dicom.tiles import Tile, Tiles
from dicomweb_server.errors import CodecFailed, InvalidParameter, PayloadTooLarge
from dicomweb_server.index.port import Index
from dicomweb_server.model.frame import Frame, Target
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
)
from dicomweb_server.service.backgrounds import FrameOf
from dicomweb_server.service.context import Context
from dicomweb_server.service.delivery import in_order, patiently, tag_of
from dicomweb_server.service.frames import read_frame
from dicomweb_server.service.pictures import Pictures, Shot, lines_of
from dicomweb_server.service.pyramid import Level, Pyramids

FEW_TILES = 64
"""Tiles of one picture up to which another level of the slide is not looked for."""
MOST_TILES = 1024
"""Tiles that one picture is made of at the most."""
MOST_MOSAIC = 192 * MIB
"""Bytes of the tiles of one picture when they are put together."""

_AHEAD = 3
_SIZE = struct.Struct("<II")
_DEFAULT_SIDE = 4096


@dataclass(frozen=True, slots=True)
class View:
    """What of a slide is shown.

    Args:
        record: The instance whose tiles are shown; that of a lower resolution where it is enough.
        tiles: Its tiles.
        left, top, right, bottom: The part, in pixels of the total pixel matrix from 0.
        width, height: Size into which it is fitted.
        enlarge: Whether a smaller part grows to fit.
        mirrored: Whether it is mirrored left to right, and top to bottom.
        shrink: Every so many pixels of a tile become one, each way.
        grey: Bytes of a stored pixel where tiles are laid side by side before they are rendered,
            so that all of them get the same range of grey; 0 for colours.
    """

    record: InstanceRecord
    tiles: Tiles
    left: float
    top: float
    right: float
    bottom: float
    width: int
    height: int
    enlarge: bool
    mirrored: tuple[bool, bool]
    shrink: int
    grey: int = 0

    @property
    def part(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom."""
        return self.left, self.top, self.right, self.bottom

    @property
    def scale(self) -> float:
        """Pixels of the picture for one pixel of the total pixel matrix."""
        return min(self.width / (self.right - self.left), self.height / (self.bottom - self.top))


class Slides:
    """Renders parts of slides.

    Args:
        index: Where other levels are.
        pictures: How tiles are rendered.
        authorizer: Asked for each of them.
    """

    def __init__(self, index: Index, pictures: Pictures, authorizer: Authorizer) -> None:
        self._pictures = pictures
        self._pyramids = Pyramids(index, pictures.parts.described, authorizer)

    async def view(
        self, context: Context, record: InstanceRecord, options: RenderOptions
    ) -> View | None:
        """What a request shows of a whole slide; None where it is no slide, or all is wanted.

        Where the picture would take many tiles, it is made of a level of the same series that has
        fewer of them, if there is one that is fine enough.

        Args:
            context: Who asks.
            record: The instance.
            options: What the request says; without viewport and region a slide is its frames.

        Raises:
            InvalidParameter: The part lies outside of the slide.
            PayloadTooLarge: It touches too many tiles.
        """
        if record.sop_class != WHOLE_SLIDE or (options.viewport is None and options.region is None):
            return None
        pixel = self._pictures.require_possible(record)
        level = await self._pyramids.level(record)
        if level is None or (level.tiles.width, level.tiles.height) == (pixel.columns, pixel.rows):
            return None
        whole = _viewed(level, options)
        if whole.tiles.touched(*whole.part) > FEW_TILES:
            lower = await self._pyramids.lower(context, level, whole.scale)
            whole = _of_level(whole, lower)
        pixel = self._pictures.require_possible(whole.record)
        grey = _grey_bytes(pixel)
        found = replace(whole, shrink=1 if grey else _shrink(whole.tiles, whole.scale), grey=grey)
        _require_few(found)
        return found

    async def picture(self, view: View, media_type: str, options: RenderOptions) -> bytes:
        """A part of a slide.

        Args:
            view: What is shown.
            media_type: In which form.
            options: What the request says.

        Raises:
            FrameUndecodable, CodecFailed, TooBusy: A tile cannot be rendered.
        """

        async def make() -> bytes:
            async with self._pictures.room(_mosaic_bytes(view)):
                return await self._made(view, media_type, options)

        name = tag_of(["slide", media_type, str(options), str(view.part)])
        return await self._pictures.parts.derived.get(view.record.blob.digest, name, make)

    async def _made(self, view: View, media_type: str, options: RenderOptions) -> bytes:
        parts, record = self._pictures.parts, view.record
        document = await parts.described.of(record)
        touched = view.tiles.within(view.left, view.top, view.right, view.bottom)
        mosaic = await asyncio.to_thread(_Mosaic, view)

        async def makers() -> AsyncIterator[Callable[[], Awaitable[bytes]]]:
            for place, tile in enumerate(touched):
                one = partial(self._tile, document, tile, view, options)
                # What has begun waits where something new is turned away.
                yield partial(patiently, one) if place else one

        async with aclosing(in_order(makers(), _AHEAD)) as made:
            places = iter(touched)
            async for pixels in made:
                await asyncio.to_thread(mosaic.lay, next(places), pixels)
        number = touched[0].number if touched else 1
        look = await self._pictures.appearance(record, number, document)
        lines = lines_of(document, number, look, options)
        stored = self._pictures.require_possible(record)
        frame = await asyncio.to_thread(mosaic.frame, stored)
        shown = replace(look, aspect=1.0) if view.grey else Appearance(profile=look.profile)
        chosen = mosaic.options(options)
        if not view.grey:
            chosen = replace(chosen, window=None)
        rendering = Rendering(media_type, shown, chosen, lines)
        return await parts.codecs.render(frame, rendering)

    async def _tile(
        self, document: Attributes, tile: Tile, view: View, options: RenderOptions
    ) -> bytes:
        """The pixels of a tile: stored ones of grey tiles, RGB of others."""
        parts, record = self._pictures.parts, view.record
        if view.grey:
            frame = await read_frame(parts.content, record, tile.number)
            return (await parts.codecs.transcode(frame, Target(EXPLICIT_LITTLE))).data
        size = Viewport(view.tiles.columns // view.shrink, view.tiles.rows // view.shrink)
        plain = RenderOptions(viewport=size, window=options.window)
        shot = Shot(FrameOf(record, tile.number), RAW_PICTURE, plain)
        look = await self._pictures.appearance(record, tile.number, document)
        raw = await self._pictures.shown(shot, document, replace(look, aspect=1.0))
        if _SIZE.unpack_from(raw) != (size.width, size.height):
            raise CodecFailed("a tile has not the size that was asked for")
        return raw[_SIZE.size :]


class _Mosaic:
    """Tiles laid side by side.

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
        self._depth = view.grey or 3
        ground = b"\0" if view.grey else b"\xff"
        self._data = bytearray(ground) * (self._width * self._height * self._depth)

    def lay(self, tile: Tile, pixels: bytes) -> None:
        """Put a tile in its place.

        Args:
            tile: Where it lies.
            pixels: Its pixels, row by row.
        """
        raw = memoryview(pixels)
        width, height = self._tile
        left = tile.left // self._view.shrink - self._left
        top = tile.top // self._view.shrink - self._top
        skip, end = max(0, -left), min(width, self._width - left)
        if end <= skip:
            return
        for row in range(max(0, -top), min(height, self._height - top)):
            start = ((top + row) * self._width + left + skip) * self._depth
            source = (row * width + skip) * self._depth
            length = (end - skip) * self._depth
            self._data[start : start + length] = raw[source : source + length]

    def frame(self, stored: PixelHeader) -> Frame:
        """All of it as a frame.

        Args:
            stored: What a stored tile is like.
        """
        size = replace(stored, rows=self._height, columns=self._width, number_of_frames=1)
        if not self._view.grey:
            size = replace(
                size,
                samples_per_pixel=3,
                bits_allocated=8,
                bits_stored=8,
                high_bit=7,
                pixel_representation=0,
                planar_configuration=0,
                photometric_interpretation="RGB",
            )
        return Frame(size, EXPLICIT_LITTLE, bytes(self._data))

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
            view.enlarge,
        )
        return replace(options, viewport=viewport, region=None)


def _above(value: float) -> int:
    return -int(-value // 1)


def _grey_bytes(pixel: PixelHeader) -> int:
    grey = pixel.samples_per_pixel == 1 and pixel.photometric_interpretation != "PALETTE COLOR"
    return pixel.bits_allocated // 8 if grey else 0


def _viewed(level: Level, options: RenderOptions) -> View:
    """What a request shows of a level, tiles in their full size."""
    tiles = level.tiles
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
    enlarge = viewport is None or viewport.enlarge
    part = (left, top, right, bottom)
    return View(level.record, tiles, *part, width, height, enlarge, mirrored, shrink=1)


def _of_level(view: View, level: Level) -> View:
    """The same part of another level."""
    across = level.tiles.width / view.tiles.width
    down = level.tiles.height / view.tiles.height
    return replace(
        view,
        record=level.record,
        tiles=level.tiles,
        left=view.left * across,
        top=view.top * down,
        right=view.right * across,
        bottom=view.bottom * down,
    )


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


def _mosaic_bytes(view: View) -> int:
    pixels = (view.right - view.left + 2) * (view.bottom - view.top + 2)
    return int(pixels * (view.grey or 3) / view.shrink**2)


def _require_few(view: View) -> None:
    touched = view.tiles.touched(*view.part)
    if touched > MOST_TILES or _mosaic_bytes(view) > MOST_MOSAIC:
        raise PayloadTooLarge(
            f"this part of the slide has up to {touched} tiles",
            f"ask for a smaller part ({MOST_TILES} tiles at the most), or for an instance of the "
            "series that shows the slide at a lower resolution",
        )

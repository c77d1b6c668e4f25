"""Several frames as one animated picture, and the frame that stands for all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from functools import partial

from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.errors import NotAcceptable
from dicomweb_server.model.instance import InstanceRecord, PixelHeader
from dicomweb_server.model.kind import has_background
from dicomweb_server.model.limits import MIB
from dicomweb_server.model.rendering import RAW_PICTURE, RenderOptions
from dicomweb_server.service.backgrounds import FrameOf
from dicomweb_server.service.context import Context
from dicomweb_server.service.delivery import in_order, patiently, tag_of
from dicomweb_server.service.pictures import Pictures, Shot
from dicomweb_server.wire.rendered_types import ANIMATED, RenderedForm

MOST_RAW = 128 * MIB
"""Bytes of all pictures of an animation before they are encoded."""
MOST_FRAMES = 2_000
"""Frames of an animation, however small they are."""

_AHEAD = 3
_USUAL = 100
"""Milliseconds of a frame that tells no time."""
_FRAME_TIME, _FRAME_TIME_VECTOR = 0x00181063, 0x00181065
_CINE_RATE, _DISPLAY_RATE = 0x00180040, 0x00082144
_REPRESENTATIVE = 0x00286010


class Animations:
    """Puts frames together.

    Args:
        pictures: How frames are rendered.
    """

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures

    def first_possible(
        self,
        accepted: Sequence[RenderedForm],
        pixel: PixelHeader,
        count: int,
        options: RenderOptions,
    ) -> RenderedForm:
        """The first form that is no animation, or one that is not too large.

        Args:
            accepted: Forms, best first.
            pixel: What frames are like.
            count: How many.
            options: How they are rendered.

        Raises:
            NotAcceptable: Only animations are accepted, and they are too large.
        """
        fits = count <= MOST_FRAMES and _raw_bytes(pixel, count, options) <= MOST_RAW
        for form in accepted:
            if form.multipart or form.media_type not in ANIMATED or fits:
                return form
        raise NotAcceptable(
            f"an animation of {count} frames of this size is too large",
            "ask for multipart/related, for fewer frames, or for a smaller viewport",
            asked=[form.text for form in accepted],
            offered=['multipart/related; type="image/jpeg"'],
        )

    async def make(
        self,
        context: Context,
        record: InstanceRecord,
        numbers: Sequence[int],
        media_type: str,
        options: RenderOptions,
    ) -> bytes:
        """An animation.

        Args:
            context: Who asks.
            record: The instance.
            numbers: Its frames, in order.
            media_type: image/gif or image/webp.
            options: How each frame is rendered.

        Raises:
            FrameUndecodable, CodecFailed, TooBusy: A frame cannot be rendered.
        """
        parts = self._pictures.parts

        async def build() -> bytes:
            pixel = self._pictures.require_possible(record)
            async with self._pictures.room(_raw_bytes(pixel, len(numbers), options)):
                return await self._build(context, record, numbers, media_type, options)

        told = ["animation", media_type, str(options), *map(str, numbers)]
        if has_background(record):
            # Other images come and go, and who asks may not see all of them.
            shots = (Shot(FrameOf(record, number), RAW_PICTURE, options) for number in numbers)
            told += [await self._pictures.name(context, shot) for shot in shots]
        return await parts.derived.get(record.blob.digest, tag_of(told), build)

    async def _build(
        self,
        context: Context,
        record: InstanceRecord,
        numbers: Sequence[int],
        media_type: str,
        options: RenderOptions,
    ) -> bytes:
        parts = self._pictures.parts
        document = await parts.described.of(record)

        async def makers() -> AsyncIterator[Callable[[], Awaitable[bytes]]]:
            for place, number in enumerate(numbers):
                shot = Shot(FrameOf(record, number), RAW_PICTURE, options)
                one = partial(self._pictures.fresh, context, shot)
                # What has begun waits where something new is turned away.
                yield partial(patiently, one) if place else one

        async with aclosing(in_order(makers(), _AHEAD)) as made:
            pictures = [picture async for picture in made]
        return await parts.codecs.animate(pictures, media_type, _times(document, numbers))


def _raw_bytes(pixel: PixelHeader, count: int, options: RenderOptions) -> int:
    """Bytes of the pictures of an animation before they are encoded, about."""
    width, height = pixel.columns, pixel.rows
    if options.viewport is not None:
        width, height = options.viewport.width, options.viewport.height
    return width * height * 3 * count


async def representative(pictures: Pictures, record: InstanceRecord) -> int:
    """The frame that stands for all of an instance: the one that it names, else the middle one."""
    count = record.frames.count if record.frames else 0
    if count < 2:
        return 1
    named = (await pictures.parts.described.of(record)).whole(_REPRESENTATIVE)
    return named if named is not None and 1 <= named <= count else (count + 1) // 2


def _times(document: Attributes, numbers: Sequence[int]) -> list[int]:
    """Milliseconds for which each frame is shown (PS3.3 C.7.6.5)."""
    steps = document.floats(_FRAME_TIME_VECTOR)
    usual = document.float_at(_FRAME_TIME)
    if not usual or usual <= 0:
        rates = [document.float_at(tag) for tag in (_DISPLAY_RATE, _CINE_RATE)]
        usual = next((1000 / rate for rate in rates if rate and rate > 0), _USUAL)
    # A step tells the time since the frame before it.
    times = [steps[n] if n < len(steps) else None for n in numbers]
    return [max(10, min(60_000, round(time if time and time > 0 else usual))) for time in times]

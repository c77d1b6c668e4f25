"""Pictures of single frames: description, bytes, codec, cache."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from dicomweb_server.codec.port import Background, Codecs
from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.dicom.appearance.frame import (
    MOST_BULK,
    RT_DOSE,
    Wanted,
    appearance,
    up_to,
)
from dicomweb_server.dicom.appearance.lines import patient_lines, technique_lines
from dicomweb_server.dicom.rewrite import swap
from dicomweb_server.errors import FrameOutOfRange, FrameUndecodable, InvalidParameter
from dicomweb_server.model.instance import InstanceRecord, PixelHeader
from dicomweb_server.model.kind import has_background
from dicomweb_server.model.limits import KIB
from dicomweb_server.model.media import EXPLICIT_LITTLE
from dicomweb_server.model.rendering import (
    Annotation,
    Appearance,
    Rendering,
    RenderOptions,
    Window,
)
from dicomweb_server.service.backgrounds import Backgrounds, FrameOf
from dicomweb_server.service.content import Content
from dicomweb_server.service.context import Context
from dicomweb_server.service.delivery import tag_of
from dicomweb_server.service.derived import Derived
from dicomweb_server.service.described import Described, through
from dicomweb_server.service.dose import Doses
from dicomweb_server.service.frames import read_frame, source_pixel, source_syntax
from dicomweb_server.service.room import Room

MOST_BULK_IN_ALL = 2 * MOST_BULK
"""Bytes of values given by reference that one picture may need."""
_MUCH_BULK = 256 * KIB

REVISION = "2"
"""Changes whenever the same request gives another picture than before."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture that somebody wants.

    Args:
        frame: Of which frame.
        media_type: In which form.
        options: What the request says about it.
    """

    frame: FrameOf
    media_type: str
    options: RenderOptions

    @property
    def name(self) -> str:
        """A text that differs wherever the picture may."""
        return f"{REVISION} {self.frame.number} {self.media_type} {self.options}"


@dataclass(frozen=True, slots=True)
class PictureParts:
    """What pictures are made of.

    Args:
        content: How bytes are read.
        described: Descriptions of instances.
        backgrounds: What frames are laid on.
        codecs: Who renders.
        derived: Where pictures are kept.
    """

    content: Content
    described: Described
    backgrounds: Backgrounds
    codecs: Codecs
    derived: Derived


class Pictures:
    """Renders frames.

    Args:
        parts: What pictures are made of.
    """

    def __init__(self, parts: PictureParts) -> None:
        self.parts = parts
        self._doses = Doses(parts.content, parts.codecs, parts.derived)
        self._room = Room()

    def room(self, size: int) -> AbstractAsyncContextManager[None]:
        """Wait until there is room for something large: one at a time in the whole process.

        Args:
            size: Bytes that are held; little needs no waiting.

        Raises:
            TooBusy: Too many wait already.
        """
        return self._room.of(size)

    def require_possible(self, record: InstanceRecord) -> PixelHeader:
        """Make sure, from the index row alone, that frames of an instance can be rendered.

        Raises:
            FrameOutOfRange: It has none.
            FrameUndecodable: They are in a form that cannot be decoded.
        """
        pixel = source_pixel(record)
        if pixel is None:
            raise FrameOutOfRange("this instance has no frames", "retrieve the instance itself")
        why = self.parts.codecs.obstacle(source_syntax(record), EXPLICIT_LITTLE, pixel)
        if why:
            raise FrameUndecodable(why, stored=record.transfer_syntax)
        return pixel

    async def picture(self, context: Context, shot: Shot) -> bytes:
        """One frame as it is meant to look.

        Args:
            context: Who asks; a background that he may not see is left out.
            shot: Which one, and how.

        Raises:
            FrameUndecodable, CodecFailed, TooBusy: It cannot be rendered.
            InvalidParameter: The part of the image that is asked for lies outside.
        """
        document, behind = await self._prepared(context, shot)

        async def make() -> bytes:
            return await self._render(shot, document, behind)

        name = _name(shot, behind)
        return await self.parts.derived.get(shot.frame.record.blob.digest, name, make)

    async def name(self, context: Context, shot: Shot) -> str:
        """A text that differs wherever the picture does that `picture` gives for the same frame.

        Args:
            context, shot: As for `picture`.
        """
        _, behind = await self._prepared(context, shot)
        return _name(shot, behind)

    async def fresh(self, context: Context, shot: Shot) -> bytes:
        """The same, neither looked for nor kept in the cache."""
        document, behind = await self._prepared(context, shot)
        return await self._render(shot, document, behind)

    async def _prepared(
        self, context: Context, shot: Shot
    ) -> tuple[Attributes | None, FrameOf | None]:
        """What has to be known before the cache is asked."""
        record = shot.frame.record
        _require_inside(shot.options, self.require_possible(record))
        if not has_background(record):
            return None, None
        document = await self.parts.described.of(record)
        return document, await self.parts.backgrounds.behind(context, document, shot.frame)

    async def _render(self, shot: Shot, known: Attributes | None, behind: FrameOf | None) -> bytes:
        record, number = shot.frame.record, shot.frame.number
        document = await self.parts.described.of(record) if known is None else known
        look = await self.appearance(record, number, document, shot.options.has_overlays)
        background = None if behind is None else await self._background(behind)
        return await self.shown(shot, document, look, background)

    async def shown(
        self,
        shot: Shot,
        document: Attributes,
        look: Appearance,
        background: Background | None = None,
    ) -> bytes:
        """One frame as it is told to look.

        Args:
            shot: Which one, and how.
            document: Description of its instance.
            look: How its stored values look.
            background: What it is laid on.

        Raises:
            FrameUndecodable, CodecFailed, TooBusy: It cannot be rendered.
        """
        record, number = shot.frame.record, shot.frame.number
        lines = lines_of(document, number, look, shot.options)
        rendering = Rendering(shot.media_type, look, shot.options, lines)
        frame = await read_frame(self.parts.content, record, number)
        return await self.parts.codecs.render(frame, rendering, background)

    async def _background(self, behind: FrameOf) -> Background:
        document = await self.parts.described.of(behind.record)
        look = await self.appearance(behind.record, behind.number, document)
        frame = await read_frame(self.parts.content, behind.record, behind.number)
        return Background(frame, look)

    async def appearance(
        self, record: InstanceRecord, number: int, document: Attributes, planes: bool = False
    ) -> Appearance:
        """How the stored values of a frame are meant to look by its own instance.

        Args:
            record: The instance.
            number: The frame, from 1.
            document: Description of the instance.
            planes: Whether overlay planes are wanted; without them less has to be read.
        """
        look = await self._own(record, number, document, planes)
        if record.sop_class != RT_DOSE or look.voi is not None:
            return look
        greatest = await self._doses.greatest(record)
        return look if greatest is None else up_to(look, greatest)

    async def _own(
        self, record: InstanceRecord, number: int, document: Attributes, planes: bool
    ) -> Appearance:
        """How the stored values of a frame look by the description of its instance."""
        pixel = self.require_possible(record)
        wanted = Wanted()
        look = await through(document, appearance, document, number, wanted, pixel, planes)
        needed = wanted.paths()
        if not needed:
            return look
        bulk = await self.bulk(record, needed)
        if sum(map(len, bulk.values())) > _MUCH_BULK:
            return await asyncio.to_thread(appearance, document, number, bulk, pixel, planes)
        return await through(document, appearance, document, number, bulk, pixel, planes)

    async def bulk(self, record: InstanceRecord, paths: Sequence[str]) -> dict[str, bytes]:
        """Values of an instance that are not in its description, in little endian.

        Args:
            record: The instance.
            paths: As in BulkRef; those that are not there or too long are left out, and those that
                are too much together.
        """
        wanted = set(paths)
        found: dict[str, bytes] = {}
        left = MOST_BULK_IN_ALL
        for element in record.bulk:
            if element.path in wanted and element.size <= min(MOST_BULK, left):
                left -= element.size
                data = b"".join(await self.parts.content.read(record, element.ranges))
                found[element.path] = swap(data, element.word) if element.word > 1 else data
        return found


def _name(shot: Shot, behind: FrameOf | None) -> str:
    name = [shot.name]
    if behind is not None:
        name += [behind.record.blob.digest, str(behind.number)]
    return tag_of(name)


def lines_of(
    document: Attributes, number: int, look: Appearance, options: RenderOptions
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is written into the corners of a picture.

    Args:
        document: Description of the instance.
        number: The frame, from 1.
        look: How it looks.
        options: What the request says.
    """
    asked = options.annotations
    window = options.window or (look.voi if isinstance(look.voi, Window) else None)
    left = patient_lines(document) if Annotation.PATIENT in asked else ()
    right = technique_lines(document, number, window) if Annotation.TECHNIQUE in asked else ()
    return left, right


def _require_inside(options: RenderOptions, pixel: PixelHeader) -> None:
    viewport = options.viewport
    if viewport is not None and (viewport.x >= pixel.columns or viewport.y >= pixel.rows):
        raise InvalidParameter(
            "viewport",
            "the part begins outside of the image",
            f"the image has {pixel.columns} columns and {pixel.rows} rows",
        )

"""Thumbnails: one small picture for a study, series, instance or frame (PS3.18 8.3.5.2)."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial

from dicomweb_server.auth.port import Action, Authorizer
from dicomweb_server.dicom.drawings import fitted, label_of, placeholder
from dicomweb_server.errors import BlobDamaged, FrameUndecodable, NotFound, PayloadTooLarge
from dicomweb_server.index.port import Index
from dicomweb_server.model.ids import Scope
from dicomweb_server.model.instance import InstanceRecord
from dicomweb_server.model.kind import Kind, has_background, kind_of
from dicomweb_server.model.rendering import RenderOptions, Viewport
from dicomweb_server.service.animation import representative
from dicomweb_server.service.backgrounds import FrameOf
from dicomweb_server.service.context import Context
from dicomweb_server.service.damage import Inspection
from dicomweb_server.service.delivery import tag_of
from dicomweb_server.service.frames import plan, table_of
from dicomweb_server.service.pictures import REVISION, Pictures, Shot
from dicomweb_server.service.rendition import Made, RenderedPart, Rendition
from dicomweb_server.service.slide import Slides
from dicomweb_server.service.standing import Standing, shows_patient
from dicomweb_server.wire.rendered_types import THUMBNAIL_FORMS, Wanted

_SIDE = 256
"""Pixels of a thumbnail each way where nobody says how many."""
_KEPT = 300
_QUALITY = 85
_REMEMBERED = 4096
_MOST_DAMAGED = 10
"""Instances that are found to be damaged before another one is no longer tried."""
_LABELS = {Kind.IMAGE: "IMAGE", Kind.MULTIFRAME: "IMAGE", Kind.VIDEO: "VIDEO"}


@dataclass(frozen=True, slots=True)
class _Small:
    """One thumbnail that somebody wants."""

    scope: Scope
    numbers: tuple[int, ...]
    media_type: str
    viewport: Viewport


class Thumbnails:
    """Finds and makes thumbnails.

    Args:
        index: Where instances are found.
        pictures: How frames are rendered.
        authorizer: Asked first.
        inspection: Looks at the bytes of many instances in front; None trusts them.
    """

    def __init__(
        self,
        index: Index,
        pictures: Pictures,
        authorizer: Authorizer,
        inspection: Inspection | None = None,
    ) -> None:
        self._index = index
        self._pictures = pictures
        self._slides = Slides(index, pictures, authorizer)
        self._standing = Standing(index, pictures.parts.described, inspection)
        self._authorizer = authorizer
        self._laid: OrderedDict[str, bool] = OrderedDict()
        """Whether a scope, by its path and revision, is laid on images of other series."""

    async def find(
        self,
        context: Context,
        scope: Scope,
        numbers: Sequence[int],
        wanted: Wanted,
        viewport: Viewport | None,
    ) -> Rendition:
        """The thumbnail of a study, a series, an instance or frames of it (PS3.18 10.4.1.1.4).

        Never anything about the patient: no annotation, no overlay, nothing of an image in which
        the patient's data are burned in. What cannot be shown gets a drawing that says its kind.

        Args:
            context: Who asks.
            scope: What.
            numbers: Frame numbers from 1; empty for the whole instance. Of several the middle one
                is shown.
            wanted: In which form.
            viewport: Size into which it is fitted; None for the server's choice.

        Raises:
            NotFound: It is not there.
            NotAcceptable: No single picture is acceptable.
        """
        await self._authorizer.check(context.principal, Action.RETRIEVE, scope)
        form = wanted.of(THUMBNAIL_FORMS)[0]
        revision = await self._index.revision(scope)
        if revision is None:
            raise NotFound("there is nothing of this name", "search at /studies for what there is")
        small = _Small(scope, tuple(numbers), form.media_type, viewport or usual_size())
        told = ["thumbnail", REVISION, self._index.generation, str(revision), str(small)]
        tag = tag_of([*told, *await self._beneath(context, scope, revision)])
        parts = partial(self._parts, context, small, tag)
        return Rendition(parts, form.media_type, multipart=False, tag=tag, seconds=_KEPT)

    async def _beneath(self, context: Context, scope: Scope, own: int) -> list[str]:
        """What else a thumbnail hangs on: images of other series, as far as the caller sees them.

        Series are of one kind, so the first instance tells.
        """
        name = f"{scope.path} {own}"
        if name not in self._laid:
            first = await self._index.records(scope, 0, 1)
            self._laid[name] = any(has_background(record) for record in first)
            while len(self._laid) > _REMEMBERED:
                self._laid.popitem(last=False)
        if not self._laid[name]:
            return []
        revision = await self._index.revision(Scope(scope.study))
        return [str(revision), context.principal.name]

    async def _parts(
        self, context: Context, small: _Small, tag: str
    ) -> AsyncIterator[RenderedPart]:
        source = hashlib.sha256(tag.encode()).hexdigest()
        make = partial(self._make, context, small)
        kept = partial(self._pictures.parts.derived.get, source, tag, make)
        path = small.scope.path
        if small.numbers:
            path += f"/frames/{small.numbers[len(small.numbers) // 2]}"
        yield Made(small.media_type, path, kept)

    async def _make(self, context: Context, small: _Small) -> bytes:
        """A thumbnail of what stands for a scope; of another instance where that is damaged."""
        tried: set[str] = set()
        while True:
            chosen = await self._standing.of(small.scope)
            if chosen is None:
                raise NotFound("it was deleted meanwhile", "search at /studies for what there is")
            try:
                return await self._made(context, chosen, small)
            except BlobDamaged:
                # It is known from now on, so that another one stands for the others.
                if chosen.blob.digest in tried or len(tried) == _MOST_DAMAGED:
                    raise
                tried.add(chosen.blob.digest)

    async def _made(self, context: Context, chosen: InstanceRecord, small: _Small) -> bytes:
        number = 1
        if small.numbers:
            number = small.numbers[len(small.numbers) // 2]
            plan(table_of(chosen), max(small.numbers))
        if not kind_of(chosen).is_picture:
            return await self._drawn(chosen, small)
        if await self._shows_patient(context, FrameOf(chosen, number)):
            return await self._drawn(chosen, small)
        options = RenderOptions(quality=_QUALITY, viewport=small.viewport, profile=None)
        if not small.numbers:
            slide = await self._slide(context, chosen, small, options)
            if slide is not None:
                return slide
            number = await representative(self._pictures, chosen)
            if number > 1 and await self._shows_patient(context, FrameOf(chosen, number)):
                return await self._drawn(chosen, small)
        try:
            shot = Shot(FrameOf(chosen, number), small.media_type, options)
            return await self._pictures.fresh(context, shot)
        except FrameUndecodable:
            return await self._drawn(chosen, small)

    async def _shows_patient(self, context: Context, frame: FrameOf) -> bool:
        """Whether a frame, or what it is laid on, may tell who the patient is."""
        parts = self._pictures.parts
        document = await parts.described.of(frame.record)
        if shows_patient(document):
            return True
        behind = await parts.backgrounds.behind(context, document, frame)
        return behind is not None and shows_patient(await parts.described.of(behind.record))

    async def _slide(
        self, context: Context, chosen: InstanceRecord, small: _Small, options: RenderOptions
    ) -> bytes | None:
        """The whole of a slide; None where it is no slide, or its tiles are too many."""
        try:
            view = await self._slides.view(context, chosen, options)
            if view is None:
                return None
            return await self._slides.picture(view, small.media_type, options)
        except (BlobDamaged, FrameUndecodable, PayloadTooLarge):
            return None

    async def _drawn(self, record: InstanceRecord, small: _Small) -> bytes:
        """A drawing that says what an instance is, with no word from its file."""
        kind = kind_of(record)
        label = _LABELS.get(kind) or label_of(record.sop_class, "")
        drawing = fitted(placeholder(label), small.viewport.width, small.viewport.height)
        return await self._pictures.parts.codecs.draw(drawing, small.media_type, _QUALITY)


def usual_size() -> Viewport:
    """The size of a thumbnail where nobody says how large."""
    return Viewport(_SIDE, _SIDE, enlarge=False)

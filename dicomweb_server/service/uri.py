"""Retrieve Rendered Instance of the URI service (PS3.18 9.5)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

from dicomweb_server.auth.port import Action, Authorizer
from dicomweb_server.errors import FrameOutOfRange, InvalidParameter, NotFound, NotPermitted
from dicomweb_server.index.port import Index
from dicomweb_server.model.ids import InstanceKey, Scope
from dicomweb_server.model.instance import InstanceRecord
from dicomweb_server.model.kind import Kind, kind_of
from dicomweb_server.service.backgrounds import FrameOf
from dicomweb_server.service.delivery import tag_of
from dicomweb_server.service.pictures import REVISION, Pictures, Shot
from dicomweb_server.service.render import Ask, Render
from dicomweb_server.service.rendition import Made, RenderedPart, Rendition
from dicomweb_server.service.states import States
from dicomweb_server.wire.rendered_types import FRAME_FORMS

_NUMBER_OF_FRAMES = 0x00280008


class UriRender:
    """Renders one instance, one frame of it, or it as a presentation state wants it shown.

    Args:
        index: Where instances are found.
        pictures: How frames are rendered.
        render: How whole instances are.
        authorizer: Asked first.
    """

    def __init__(
        self, index: Index, pictures: Pictures, render: Render, authorizer: Authorizer
    ) -> None:
        self._index = index
        self._pictures = pictures
        self._render = render
        self._states = States(index, pictures, authorizer)
        self._authorizer = authorizer

    async def instance(self, ask: Ask, key: InstanceKey) -> Rendition:
        """An instance in its own default form.

        Args:
            ask: Who asks, and how it is wanted; of single parts only.
            key: The instance.

        Raises:
            NotFound, NotAcceptable, InvalidParameter: As of Render.
        """
        return await self._render.resource(ask, Scope.of(key))

    async def frame(self, ask: Ask, key: InstanceKey, number: int) -> Rendition:
        """One frame of a multi-frame image (9.5.2.1).

        Args:
            ask, key: As for `instance`.
            number: Frame number from 1.

        Raises:
            InvalidParameter: It is no multi-frame image, or has fewer frames.
            NotFound, NotAcceptable: As of Render.
        """
        record = await self._record(ask, key)
        if not await self._has_frames(record):
            raise InvalidParameter(
                "frameNumber", "the instance is no multi-frame image", "leave it out"
            )
        try:
            return await self._render.frames(ask, key, (number,))
        except FrameOutOfRange as error:
            raise InvalidParameter("frameNumber", error.detail, error.hint) from error

    async def presented(self, ask: Ask, key: InstanceKey, state: InstanceKey) -> Rendition:
        """An image as a presentation state wants it shown (9.5.2.3).

        Args:
            ask, key: As for `instance`.
            state: The presentation state.

        Raises:
            InvalidParameter: There is no such presentation state, or it is not for the image.
            NotFound, NotAcceptable: As of Render.
        """
        record = await self._record(ask, key)
        states = await self._state(ask, state)
        shown = await self._states.presented(ask.context, states)
        frames = [frame for frame in shown.frames if frame.record.key == key]
        if not frames:
            raise InvalidParameter(
                "presentationUID",
                "the presentation state is not for this image",
                "choose one that refers to it",
            )
        forms = [form for form in FRAME_FORMS if not form.multipart]
        kind = ask.wanted.of(forms)[0].media_type
        tag = ["uri-state", REVISION, states.blob.digest, record.blob.digest, kind]
        parts = partial(self._parts, ask, states, frames[0], kind)
        return Rendition(parts, kind, False, tag_of([*tag, str(ask.options)]))

    async def _parts(
        self, ask: Ask, state: InstanceRecord, frame: FrameOf, media_type: str
    ) -> AsyncIterator[RenderedPart]:
        shot = Shot(frame, media_type, ask.options)
        path = Scope.of(frame.record.key).path
        yield Made(media_type, path, partial(self._states.picture, state, shot))

    async def _has_frames(self, record: InstanceRecord) -> bool:
        """Whether an image has several frames, or says that it could have."""
        if kind_of(record) is not Kind.IMAGE:
            return kind_of(record) is Kind.MULTIFRAME
        document = await self._pictures.parts.described.of(record)
        return document.has(_NUMBER_OF_FRAMES)

    async def _state(self, ask: Ask, key: InstanceKey) -> InstanceRecord:
        try:
            record = await self._record(ask, key)
        except (NotFound, NotPermitted):
            record = None
        if record is None or kind_of(record) is not Kind.PRESENTATION:
            raise InvalidParameter(
                "presentationUID",
                "the study has no such presentation state",
                "search for instances of the modality PR",
            )
        return record

    async def _record(self, ask: Ask, key: InstanceKey) -> InstanceRecord:
        scope = Scope.of(key)
        await self._authorizer.check(ask.context.principal, Action.RETRIEVE, scope)
        record = await self._index.get(key)
        if record is None:
            raise NotFound("there is no such instance", "search at /studies for what there is")
        return record

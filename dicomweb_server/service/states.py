"""Presentation states as targets: their images, shown as they say (PS3.18 8.3.5.1.6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dicomweb_server.auth.port import Action, Authorizer
from dicomweb_server.dicom.appearance.frame import bulk_needed
from dicomweb_server.dicom.appearance.presentation import PresentationState, presentation_bulk
from dicomweb_server.dicom.appearance.references import Placed, in_order, references
from dicomweb_server.errors import InvalidParameter, NotAcceptable, NotFound, NotPermitted
from dicomweb_server.index.port import Index
from dicomweb_server.model.ids import InstanceKey, Scope
from dicomweb_server.model.instance import InstanceRecord
from dicomweb_server.model.kind import kind_of
from dicomweb_server.model.rendering import RenderOptions
from dicomweb_server.service.backgrounds import FrameOf
from dicomweb_server.service.context import Context
from dicomweb_server.service.delivery import tag_of
from dicomweb_server.service.described import through
from dicomweb_server.service.pictures import Pictures, Shot

MOST_SHOWN = 2000
"""Frames that a presentation state is rendered for at the most."""


@dataclass(frozen=True, slots=True)
class Presented:
    """What a presentation state shows.

    Args:
        frames: The frames of its images, in the order of PS3.18 8.3.5.1.6.
        absent: How many of its images the archive does not have.
    """

    frames: tuple[FrameOf, ...]
    absent: int


class States:
    """Renders presentation states.

    Args:
        index: Where referenced images are.
        pictures: How frames are rendered.
        authorizer: Asked for each of them.
    """

    def __init__(self, index: Index, pictures: Pictures, authorizer: Authorizer) -> None:
        self._index = index
        self._pictures = pictures
        self._authorizer = authorizer

    async def presented(self, context: Context, state: InstanceRecord) -> Presented:
        """The frames that a presentation state is for, as far as the archive has them.

        Args:
            context: Who asks; images that he may not see count as absent.
            state: The presentation state.

        Raises:
            NotAcceptable: It is of a kind that is not rendered, or nothing of it is there.
        """
        document = await self._pictures.parts.described.of(state)
        # Its tables are needed when its images are made; here only which ones they are.
        applied = PresentationState.of(document, {})
        shown: list[Placed] = []
        frames: list[FrameOf] = []
        absent = 0
        for reference in await through(applied.document, references, applied.document):
            key = InstanceKey(state.key.study, reference.series, reference.instance)
            record = await self._image(context, key)
            if record is None:
                absent += 1
                continue
            document = await self._pictures.parts.described.of(record)
            for number in _numbers(record, reference.frames):
                if len(frames) >= MOST_SHOWN:
                    raise NotAcceptable(
                        f"the presentation state is for more than {MOST_SHOWN} frames",
                        "the referenced images are rendered without it",
                    )
                shown.append(Placed.of(document, number))
                frames.append(FrameOf(record, number))
        if not frames:
            raise NotAcceptable(
                "no image of the presentation state is in the archive", "store its images too"
            )
        return Presented(tuple(frames[place] for place in in_order(shown)), absent)

    async def picture(self, state: InstanceRecord, shot: Shot) -> bytes:
        """One frame as a presentation state wants it shown.

        Args:
            state: The presentation state.
            shot: Which frame, and how.

        Raises:
            FrameUndecodable, CodecFailed, TooBusy: It cannot be rendered.
        """
        parts = self._pictures.parts
        record, number = shot.frame.record, shot.frame.number
        shot = replace(shot, options=replace(shot.options, overlays=True))

        async def make() -> bytes:
            applied = await self._state(state)
            document = await parts.described.of(record)
            pixel = self._pictures.require_possible(record)
            bulk = await self._pictures.bulk(record, bulk_needed(document, number, pixel))
            longer = max(applied.document, document, key=lambda each: each.length)
            look = await through(longer, applied.appearance, document, number, bulk, pixel)
            return await self._pictures.shown(shot, document, look)

        name = tag_of(["state", state.blob.digest, shot.name])
        return await parts.derived.get(record.blob.digest, name, make)

    async def _state(self, record: InstanceRecord) -> PresentationState:
        document = await self._pictures.parts.described.of(record)
        needed = await through(document, presentation_bulk, document)
        bulk = await self._pictures.bulk(record, needed)
        return PresentationState.of(document, bulk)

    async def _image(self, context: Context, key: InstanceKey) -> InstanceRecord | None:
        try:
            await self._authorizer.check(context.principal, Action.RETRIEVE, Scope.of(key))
        except (NotFound, NotPermitted):
            return None
        record = await self._index.get(key)
        return record if record is not None and kind_of(record).is_picture else None


def require_no_window(options: RenderOptions) -> None:
    """Refuse a window on a presentation state, which brings its own (PS3.18 8.3.5.1.4).

    Raises:
        InvalidParameter: There is one.
    """
    if options.window is not None:
        raise InvalidParameter(
            "window",
            "a presentation state says itself how its images are shown",
            "leave it out, or render the images that the presentation state is for",
        )


def _numbers(record: InstanceRecord, named: Sequence[int]) -> Sequence[int]:
    count = record.frames.count if record.frames else 0
    return [number for number in named if number <= count] if named else range(1, count + 1)

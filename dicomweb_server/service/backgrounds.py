"""The images on which segments are laid, where the archive has them."""

from __future__ import annotations

from dataclasses import dataclass

from dicomweb_server.auth.port import Action, Authorizer
from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.dicom.appearance.source import (
    at_same_place,
    frame_at_same_place,
    place_of,
    referenced,
    source_of,
)
from dicomweb_server.errors import NotFound, NotPermitted
from dicomweb_server.index.port import Index
from dicomweb_server.model.ids import InstanceKey, Level, Scope
from dicomweb_server.model.instance import InstanceRecord
from dicomweb_server.model.kind import Kind, has_background, kind_of
from dicomweb_server.model.query import Exact, Page, Query
from dicomweb_server.service.context import Context
from dicomweb_server.service.described import Described, through
from dicomweb_server.service.places import Places

_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class FrameOf:
    """One frame of one instance.

    Args:
        record: The instance.
        number: The frame, from 1.
    """

    record: InstanceRecord
    number: int


class Backgrounds:
    """Finds instances of the same study by their SOP Instance UID alone, and frames in them.

    Args:
        index: Where they are.
        described: Their descriptions.
        authorizer: Asked for each of them.
    """

    def __init__(self, index: Index, described: Described, authorizer: Authorizer) -> None:
        self._index = index
        self._described = described
        self._authorizer = authorizer
        self._places = Places(index)

    async def record(self, context: Context, study: str, uid: str) -> InstanceRecord | None:
        """An instance of a study, None where it is not there or the caller may not see it."""
        clause = Exact((0x00080018,), uid)
        query = Query(Level.INSTANCE, Page(1), Scope(study), (clause,))
        found = (await self._index.search(query, _SECONDS)).matches
        series = found[0].series if found else None
        if series is None:
            return None
        key = InstanceKey(study, series.uid, uid)
        try:
            await self._authorizer.check(context.principal, Action.RETRIEVE, Scope.of(key))
        except (NotFound, NotPermitted):
            return None
        return await self._index.get(key)

    async def behind(
        self, context: Context, document: Attributes, front: FrameOf
    ) -> FrameOf | None:
        """What a frame is laid on; None where it stands alone.

        Args:
            context: Who asks.
            document: Description of the instance of the frame.
            front: The frame.
        """
        if not has_background(front.record):
            return None
        source = source_of(document, front.number)
        source = source or await self._at_same_place(document, front)
        if source is None:
            return None
        uid, number = source
        record = await self.record(context, front.record.key.study, uid)
        if record is None or not _fits(front.record, record):
            return None
        if number is None and kind_of(record) is Kind.IMAGE:
            number = 1
        if number is None:
            beneath = await self._described.of(record)
            number = await through(beneath, frame_at_same_place, beneath, document, front.number)
        count = record.frames.count if record.frames else 0
        return FrameOf(record, number) if number is not None and number <= count else None

    async def _at_same_place(
        self, document: Attributes, front: FrameOf
    ) -> tuple[str, int | None] | None:
        """The image of a series that the whole object refers to that lies where the frame lies."""
        place = place_of(document, front.number)
        if place is None:
            return None
        for images in referenced(document):
            places = await self._places.of(Scope(front.record.key.study, images.series))
            if images.instances:
                places = {uid: at for uid, at in places.items() if uid in images.instances}
            uid = at_same_place(places, place)
            if uid is not None:
                return uid, 1
        return None


def _fits(front: InstanceRecord, record: InstanceRecord) -> bool:
    """Whether two instances have frames of the same size."""
    one, other = front.pixel, record.pixel
    if one is None or other is None or not kind_of(record).is_picture:
        return False
    return (one.rows, one.columns) == (other.rows, other.columns)

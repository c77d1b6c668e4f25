"""The instance that stands for a study or a series."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.index.port import Index
from dicomweb_server.model.ids import InstanceKey, Level, Scope
from dicomweb_server.model.instance import InstanceRecord
from dicomweb_server.model.kind import WHOLE_SLIDE, has_background, kind_of
from dicomweb_server.model.query import Page, Query
from dicomweb_server.service.described import Described

_PAGE = 1000
_SECONDS = 5.0
_NEAR = 50
"""Instances around the middle that are looked through for an image."""
_MOST_SLIDES = 8
_BURNED_IN = 0x00280301
_IMAGE_TYPE = 0x00080008
_LABELS = frozenset(("LABEL", "OVERVIEW"))


@dataclass(slots=True)
class _Tally:
    """What there is in a study or series.

    Args:
        frames: Frames of images, for each series.
        overlaid: Frames of segmentations, for each series.
        instances: Instances, for each series.
        first: The first instance of each series.
        slides: Whole slide images of the smallest size, for each series.
    """

    frames: Counter[str] = field(default_factory=Counter)
    overlaid: Counter[str] = field(default_factory=Counter)
    instances: Counter[str] = field(default_factory=Counter)
    first: dict[str, InstanceRecord] = field(default_factory=dict)
    slides: dict[str, list[InstanceRecord]] = field(default_factory=dict)

    def add(self, record: InstanceRecord) -> None:
        """Take in an instance."""
        series = record.key.series
        self.instances[series] += 1
        self.first.setdefault(series, record)
        if not kind_of(record).is_picture:
            return
        count = record.frames.count if record.frames else 0
        (self.overlaid if has_background(record) else self.frames)[series] += count
        if record.sop_class == WHOLE_SLIDE:
            slides = self.slides.setdefault(series, [])
            slides.append(record)
            slides.sort(key=lambda slide: slide.frames.count if slide.frames else 0)
            del slides[_MOST_SLIDES:]

    @property
    def largest(self) -> str | None:
        """The series of the most images, else of segmentations, else any; None without one."""
        for counts in (self.frames, self.overlaid, self.instances):
            if counts:
                return counts.most_common(1)[0][0]
        return None


class Standing:
    """Chooses instances.

    Args:
        index: Where they are found.
        described: Their descriptions.
    """

    def __init__(self, index: Index, described: Described) -> None:
        self._index = index
        self._described = described

    async def of(self, scope: Scope) -> InstanceRecord | None:
        """The instance that stands for a scope; None where nothing is there.

        Of a series the middle image in the order of Instance Number, of a study that of the
        series with the most images.

        Args:
            scope: A study, a series or an instance.
        """
        if scope.study and scope.series and scope.instance:
            return await self._index.get(InstanceKey(scope.study, scope.series, scope.instance))
        tally = _Tally()
        async for record in self._records(scope):
            tally.add(record)
        series = tally.largest
        if series is None:
            return None
        if series in tally.slides:
            return await self._slide(tally.slides[series])
        middle = await self._middle(Scope(scope.study, series), tally.instances[series])
        return middle or tally.first[series]

    async def _middle(self, scope: Scope, count: int) -> InstanceRecord | None:
        """The image nearest to the middle of a series."""
        start = max(0, count // 2 - _NEAR // 2) if count > _NEAR else 0
        query = Query(Level.INSTANCE, Page(_NEAR, start), scope)
        matches = (await self._index.search(query, _SECONDS)).matches
        uids = [match.instance.uid for match in matches if match.instance is not None]
        middle = count // 2 - start
        for place in sorted(range(len(uids)), key=lambda place: abs(place - middle)):
            key = InstanceKey(scope.study or "", scope.series or "", uids[place])
            record = await self._index.get(key)
            if record is not None and kind_of(record).is_picture:
                return record
        return None

    async def _slide(self, slides: list[InstanceRecord]) -> InstanceRecord:
        """The smallest image of a slide that shows no label."""
        for record in slides:
            if not shows_patient(await self._described.of(record)):
                return record
        return slides[0]

    async def _records(self, scope: Scope) -> AsyncIterator[InstanceRecord]:
        after = 0
        while page := await self._index.records(scope, after, _PAGE):
            for record in page:
                yield record
            after = page[-1].sequence


def shows_patient(document: Attributes) -> bool:
    """Whether pixels may tell who the patient is: burned in, or the label of a slide."""
    if document.text(_BURNED_IN).upper() == "YES":
        return True
    return any(value.upper() in _LABELS for value in document.texts(_IMAGE_TYPE)[2:3])

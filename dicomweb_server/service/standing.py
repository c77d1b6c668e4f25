"""The instance that stands for a study or a series."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.index.port import Index
from dicomweb_server.model.ids import InstanceKey, Level, Scope
from dicomweb_server.model.instance import InstanceRecord
from dicomweb_server.model.kind import WHOLE_SLIDE, has_background, kind_of
from dicomweb_server.model.query import Page, Query
from dicomweb_server.service.damage import Inspection
from dicomweb_server.service.described import Described
from dicomweb_server.service.members import Members

_SECONDS = 5.0
_NEAR = 50
"""Instances around the middle that are looked through for an image."""
_MOST_SLIDES = 8
_BURNED_IN = 0x00280301
_IMAGE_TYPE = 0x00080008
_LABELS = frozenset(("LABEL", "OVERVIEW"))


@dataclass(slots=True)
class _Tally:
    """What there is in a study or series; what is damaged stands for nothing but its place.

    Args:
        frames: Frames of images, for each series.
        overlaid: Frames of segmentations, for each series.
        instances: Instances, for each series.
        places: The same with those that are damaged.
        first: The first picture of each series, or else its first instance.
        slides: Whole slide images of the smallest size, for each series.
        damaged: The first instance that is damaged.
    """

    frames: Counter[str] = field(default_factory=Counter)
    overlaid: Counter[str] = field(default_factory=Counter)
    instances: Counter[str] = field(default_factory=Counter)
    places: Counter[str] = field(default_factory=Counter)
    first: dict[str, InstanceRecord] = field(default_factory=dict)
    slides: dict[str, list[InstanceRecord]] = field(default_factory=dict)
    damaged: InstanceRecord | None = None

    def add(self, record: InstanceRecord, harm: str) -> None:
        """Take in an instance.

        Args:
            record: The instance.
            harm: What is wrong with its bytes.
        """
        series = record.key.series
        self.places[series] += 1
        if harm:
            self.damaged = self.damaged or record
            return
        self.instances[series] += 1
        first = self.first.setdefault(series, record)
        if not kind_of(record).is_picture:
            return
        if not kind_of(first).is_picture:
            self.first[series] = record
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
        inspection: Looks at their bytes; None trusts them.
    """

    def __init__(
        self, index: Index, described: Described, inspection: Inspection | None = None
    ) -> None:
        self._index = index
        self._members = Members(index, inspection)
        self._described = described

    async def of(self, scope: Scope) -> InstanceRecord | None:
        """The instance that stands for a scope; None where nothing is there.

        Of a series the middle image in the order of Instance Number, of a study that of the
        series with the most images; one that is damaged only where all are.

        Args:
            scope: A study, a series or an instance.
        """
        if scope.study and scope.series and scope.instance:
            return await self._index.get(InstanceKey(scope.study, scope.series, scope.instance))
        tally = _Tally()
        async for record, harm in self._members.inspected(scope):
            tally.add(record, harm)
        series = tally.largest
        if series is None:
            return tally.damaged
        if series in tally.slides:
            return await self._slide(tally.slides[series])
        middle = await self._middle(Scope(scope.study, series), tally.places[series])
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
            if record is None or not kind_of(record).is_picture:
                continue
            if not await self._members.harm([record]):
                return record
        return None

    async def _slide(self, slides: list[InstanceRecord]) -> InstanceRecord:
        """The smallest image of a slide that shows no label."""
        for record in slides:
            if not shows_patient(await self._described.of(record)):
                return record
        return slides[0]


def shows_patient(document: Attributes) -> bool:
    """Whether pixels may tell who the patient is: burned in, or the label of a slide."""
    if document.text(_BURNED_IN).upper() == "YES":
        return True
    return any(value.upper() in _LABELS for value in document.texts(_IMAGE_TYPE)[2:3])

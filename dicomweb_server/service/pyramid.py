"""Levels of a whole slide: images of one series that show the same at lower resolutions."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from dicomweb_server.auth.port import Action, Authorizer
from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.dicom.tiles import Tiles, tiles_of
from dicomweb_server.errors import NotFound, NotPermitted
from dicomweb_server.index.port import Index
from dicomweb_server.model.ids import Scope
from dicomweb_server.model.instance import InstanceRecord
from dicomweb_server.model.kind import WHOLE_SLIDE
from dicomweb_server.service.context import Context
from dicomweb_server.service.described import Described
from dicomweb_server.service.standing import shows_patient

_MOST_RECORDS = 1000
_MOST_LEVELS = 16
_NEAR = 0.02
"""Part by which the sides of levels may differ from being in proportion, or be too coarse."""
_SAME = (
    0x00200052,  # Frame of Reference UID
    0x00480102,  # Image Orientation (Slide)
    0x00480302,  # Number of Optical Paths
    0x00480303,  # Total Pixel Matrix Focal Planes
)
_IMAGE_TYPE = 0x00080008


@dataclass(frozen=True, slots=True)
class Level:
    """A whole slide image.

    Args:
        record: The instance.
        tiles: Its tiles.
    """

    record: InstanceRecord
    tiles: Tiles


class Pyramids:
    """Finds levels.

    Args:
        index: Where instances are.
        described: Their descriptions.
        authorizer: Asked for each of them.
    """

    def __init__(self, index: Index, described: Described, authorizer: Authorizer) -> None:
        self._index = index
        self._described = described
        self._authorizer = authorizer

    async def level(self, record: InstanceRecord) -> Level | None:
        """An instance with its tiles; None where it does not tell where they lie.

        Args:
            record: A whole slide image.
        """
        pixel, table = record.pixel, record.frames
        if pixel is None or table is None:
            return None
        document = await self._described.of(record)
        size = (pixel.columns, pixel.rows, table.count)
        tiles = await asyncio.to_thread(tiles_of, document, *size)
        return None if tiles is None else Level(record, tiles)

    async def lower(self, context: Context, base: Level, scale: float) -> Level:
        """The coarsest level that is fine enough.

        Args:
            context: Who asks; levels that he may not see do not count.
            base: The image that was asked for.
            scale: Pixels of the picture for one pixel of `base`.

        Returns:
            `base` where there is none.
        """
        document = await self._described.of(base.record)
        for record in await self._smaller(base.record):
            found = await self.level(record)
            if found is None or not _fine_enough(found.tiles, base.tiles, scale):
                continue
            other = await self._described.of(record)
            if _is_same(document, other) and await self._may_see(context, record):
                return found
        return base

    async def _smaller(self, base: InstanceRecord) -> list[InstanceRecord]:
        """Images of the series with fewer tiles, those with the fewest first."""
        scope = Scope(base.key.study, base.key.series)
        records = await self._index.records(scope, 0, _MOST_RECORDS)
        most = _count(base)
        found = [
            record
            for record in records
            if record.sop_class == WHOLE_SLIDE
            and 0 < _count(record) < most
            and _samples(record) == _samples(base)
        ]
        return sorted(found, key=_count)[:_MOST_LEVELS]

    async def _may_see(self, context: Context, record: InstanceRecord) -> bool:
        try:
            scope = Scope.of(record.key)
            await self._authorizer.check(context.principal, Action.RETRIEVE, scope)
        except (NotFound, NotPermitted):
            return False
        return True


def _count(record: InstanceRecord) -> int:
    return record.frames.count if record.frames else 0


def _samples(record: InstanceRecord) -> int:
    return record.pixel.samples_per_pixel if record.pixel else 0


def _fine_enough(level: Tiles, base: Tiles, scale: float) -> bool:
    """Whether a level is in proportion to another one, and shows as much as a picture needs."""
    across, down = level.width / base.width, level.height / base.height
    return abs(across - down) <= _NEAR * across and across >= scale * (1 - _NEAR)


def _is_same(base: Attributes, level: Attributes) -> bool:
    """Whether two images show the same volume (PS3.3 C.8.12.4.1.1): no label, no overview."""
    kinds = [document.texts(_IMAGE_TYPE)[2:3] for document in (base, level)]
    if any(kind != ["VOLUME"] for kind in kinds) or shows_patient(level):
        return False
    return all(base.values(tag) == level.values(tag) for tag in _SAME) and bool(
        base.values(_SAME[0])
    )

"""Where the images of a series lie in space."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence

from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.dicom.appearance.source import Place, place_of
from dicomweb_server.index.port import Index
from dicomweb_server.model.document import Document
from dicomweb_server.model.ids import Scope

_MOST_IMAGES = 2000
"""Instances of a series that are looked through; larger ones have no places."""
_KEPT = 16


class Places:
    """Reads places, and keeps those of some series until the series changes.

    Args:
        index: Where descriptions are.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self._kept: OrderedDict[str, Mapping[str, Place]] = OrderedDict()
        self._one = asyncio.Lock()

    async def of(self, scope: Scope) -> Mapping[str, Place]:
        """The places of single-frame images by SOP Instance UID.

        Args:
            scope: A series.

        Returns:
            Nothing for a series that is not there, or is too long.
        """
        revision = await self._index.revision(scope)
        if revision is None:
            return {}
        name = f"{scope.path} {revision}"
        async with self._one:
            if name not in self._kept:
                self._kept[name] = await self._read(scope)
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(name)
            return self._kept[name]

    async def _read(self, scope: Scope) -> Mapping[str, Place]:
        if len(await self._index.records(scope, 0, _MOST_IMAGES + 1)) > _MOST_IMAGES:
            return {}
        found = await self._index.documents(scope)
        uids = [key.instance for key in found.keys]
        return await asyncio.to_thread(_places, uids, found.documents)


def _places(uids: Sequence[str], documents: Sequence[Document]) -> Mapping[str, Place]:
    found = {}
    for uid, document in zip(uids, documents, strict=True):
        place = place_of(Attributes.parse(document.text(b"")), 1)
        if place is not None:
            found[uid] = place
    return found

"""Parsed descriptions of instances: the DICOM JSON that rendering looks things up in."""

from __future__ import annotations

import asyncio
import gc
from collections import OrderedDict
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.errors import NotFound, Unavailable
from dicomweb_server.index.port import Index
from dicomweb_server.model.document import Document
from dicomweb_server.model.ids import InstanceKey, Scope
from dicomweb_server.model.instance import InstanceRecord
from dicomweb_server.model.limits import KIB, MIB

Given = ParamSpec("Given")
Found = TypeVar("Found")

_WORTH_KEEPING = 16 * KIB
_IN_A_THREAD = 64 * KIB
_LONG = 256 * KIB
_FETCHED = 64
"""Short documents that came with their records and wait to be asked for."""
_LARGE = MIB
"""Bytes from which on one document is parsed after the other: each becomes some ten times as much
in memory."""


class Described:
    """Reads descriptions; those of large objects are kept while their frames are asked for.

    Args:
        index: Where they are.
        immutable: Whether an instance keeps its bytes as long as it exists.
        capacity: Bytes of plain text whose parsed form is kept at the most, but for one.
    """

    def __init__(self, index: Index, *, immutable: bool, capacity: int = 8 * MIB) -> None:
        self._index = index
        self._immutable = immutable
        self._capacity = capacity
        self._kept: OrderedDict[str, tuple[Attributes, int]] = OrderedDict()
        self._held = 0
        self._fetched: OrderedDict[str, Document] = OrderedDict()
        self._running: dict[str, asyncio.Task[Attributes]] = {}
        self._large = asyncio.Lock()

    async def of(self, record: InstanceRecord) -> Attributes:
        """The DICOM JSON of an instance; BulkDataURI values begin at the DICOMweb root.

        Raises:
            NotFound: It was deleted meanwhile.
            Unavailable: It was replaced meanwhile.
        """
        digest = record.blob.digest
        kept = self._kept.get(digest)
        if kept is not None:
            self._kept.move_to_end(digest)
            return kept[0]
        document = self._fetched.pop(digest, None) or await self._document(record)
        size = _size(document)
        if size > _IN_A_THREAD:
            parsed = await self._parsed_once(digest, document, size)
        else:
            parsed = _parsed(document)
        if size >= _WORTH_KEEPING:
            self._keep(digest, parsed, size)
        return parsed

    async def look_up(self, key: InstanceKey) -> InstanceRecord | None:
        """One instance, whose description will be asked for next: it comes in the same look.

        Args:
            key: Its UIDs.
        """
        found = await self._index.get_described(key)
        if found is None:
            return None
        record, document = found
        if record.blob.digest not in self._kept and _size(document) <= _IN_A_THREAD:
            self._fetched[record.blob.digest] = document
            if len(self._fetched) > _FETCHED:
                self._fetched.popitem(last=False)
        return record

    async def _document(self, record: InstanceRecord) -> Document:
        found = (await self._index.documents(Scope.of(record.key))).documents
        if not found:
            raise NotFound("the instance was deleted meanwhile", "search for what there is")
        await self._require_unchanged(record)
        return found[0]

    async def _parsed_once(self, digest: str, document: Document, size: int) -> Attributes:
        """Parse a document in a thread, once for all who wait for it."""
        task = self._running.get(digest)
        if task is None:
            task = asyncio.create_task(self._parse(document, size))
            self._running[digest] = task
            task.add_done_callback(lambda _: self._running.pop(digest, None))
        return await asyncio.shield(task)

    async def _parse(self, document: Document, size: int) -> Attributes:
        if size <= _LARGE:
            return await asyncio.to_thread(_parsed, document)
        async with self._large:
            return await asyncio.to_thread(_parsed_in_peace, document)

    async def _require_unchanged(self, record: InstanceRecord) -> None:
        if self._immutable:
            return
        again = await self._index.get(record.key)
        if again is None or again.blob.digest != record.blob.digest:
            raise Unavailable("the instance was replaced while it was read")

    def _keep(self, digest: str, parsed: Attributes, size: int) -> None:
        if digest in self._kept:
            return
        self._kept[digest] = (parsed, size)
        self._held += size
        while self._held > self._capacity and len(self._kept) > 1:
            _, (_, freed) = self._kept.popitem(last=False)
            self._held -= freed


def _size(document: Document) -> int:
    return sum(piece.size for piece in document.pieces)


def _parsed(document: Document) -> Attributes:
    return Attributes.parse(document.text(b""))


def _parsed_in_peace(document: Document) -> Attributes:
    """Parse without the collection of garbage, which would look at all that is new many times.

    Nothing else runs while the text is parsed, so that nobody misses it.
    """
    text = document.text(b"")
    collects = gc.isenabled()
    gc.disable()
    try:
        return Attributes.parse(text)
    finally:
        if collects:
            gc.enable()


async def through(
    document: Attributes, work: Callable[Given, Found], *given: Given.args, **named: Given.kwargs
) -> Found:
    """Do what goes through a description, in a thread where that is long.

    Args:
        document: The description.
        work: What is done.
        given, named: Its arguments.
    """
    if document.length > _LONG:
        return await asyncio.to_thread(work, *given, **named)
    return work(*given, **named)

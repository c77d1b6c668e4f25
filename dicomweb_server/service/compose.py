"""Instances that come as metadata and bulk data: each becomes a Part 10 file (PS3.18 10.5.1.4).

Metadata are read first; bulk data that they refer to wait outside of memory until the request is
complete; then one instance after the other is written. Nothing is ever fetched (T19).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from dicomweb_server.codec.port import PICTURE_TYPES, PictureDecoder, UndecodablePicture
from dicomweb_server.dicom.assemble import BulkPart, assemble
from dicomweb_server.dicom.elements import DataSet, named, references
from dicomweb_server.dicom.frames import PIXEL_DATA
from dicomweb_server.dicom.json_in import read_metadata
from dicomweb_server.dicom.writer import Piece, gathered, part10
from dicomweb_server.dicom.xml_in import read_xml
from dicomweb_server.errors import InstanceRejected, InvalidRequest, PayloadTooLarge
from dicomweb_server.model import media
from dicomweb_server.model.instance import ByteRange
from dicomweb_server.model.limits import GIB, MIB, ScanLimits, StoreLimits
from dicomweb_server.model.outcome import FailureReason
from dicomweb_server.model.source import ByteSource
from dicomweb_server.service.ingest import Part
from dicomweb_server.store.port import Staging
from dicomweb_server.wire.references import of_content_id, resolved

_CHUNK = MIB
_AT_ONCE = 4
_LARGEST_PICTURE = 64 * MIB
_DECODED = 4 * GIB
_FREE = GIB
_SHARING = 16
"""Bytes that instances may have together: so many, and so many for each byte of bulk data. One part
may serve many instances, but a small request must not fill the disk."""
_ORDER = "send the metadata parts first, then the bulk data that they refer to"


@dataclass(frozen=True, slots=True)
class MetadataPart:
    """Metadata on their way in.

    Args:
        media_type: application/dicom+json or application/dicom+xml.
        body: Must be read to its end before the next part is asked for.
    """

    media_type: str
    body: AsyncIterator[bytes | memoryview]


@dataclass(frozen=True, slots=True)
class BulkDataPart:
    """Bulk data on their way in.

    Args:
        location, content_id: Header fields that name them, empty where absent.
        media_type: Media type, aliases resolved.
        transfer_syntax: Parameter of the Content-Type, None without one.
        body: Must be read to its end before the next part is asked for.
    """

    location: str
    content_id: str
    media_type: str
    transfer_syntax: str | None
    body: AsyncIterator[bytes | memoryview]


Incoming = MetadataPart | BulkDataPart


@dataclass(frozen=True, slots=True)
class ComposeLimits:
    """Bounds of what is put together.

    Args:
        scan: Those of files; `document` bounds the metadata of one request.
        store: Those of requests.
    """

    scan: ScanLimits
    store: StoreLimits


class Compose:
    """Makes Part 10 files of metadata and bulk data.

    Args:
        stage: Opens a place for bytes outside of memory.
        pictures: Decodes what has no transfer syntax.
        limits: Bounds.
    """

    def __init__(
        self, stage: Callable[[], Staging], pictures: PictureDecoder, limits: ComposeLimits
    ) -> None:
        self._stage = stage
        self._pictures = pictures
        self._limits = limits

    async def parts(self, base: str, incoming: AsyncIterator[Incoming]) -> AsyncGenerator[Part]:
        """The instances of one request as files, for `Ingest.store`.

        Args:
            base: Absolute URL of the request.
            incoming: Its parts in their order.

        Raises:
            InvalidRequest: Metadata are malformed or come behind bulk data.
            PayloadTooLarge: Metadata are too long.
            StoreFull, StoreReadOnly: Bulk data cannot wait.
        """
        async with self._stage() as spool:
            request = _Request(base, spool, self._limits.scan)
            async for came in incoming:
                await request.take(came)
            if not request.found:
                raise InvalidRequest("the request holds no metadata", _ORDER)
            await request.decode(self._pictures)
            left = min(self._limits.store.request, _FREE + _SHARING * spool.size)
            for found in request.found:
                part, size = await _part(request, found, left)
                left -= size
                yield part


@dataclass(slots=True)
class _Request:
    """What has arrived of one request."""

    base: str
    spool: Staging
    limits: ScanLimits
    found: list[DataSet | InstanceRejected] = field(default_factory=list)
    _bulk: dict[str, list[BulkPart]] = field(default_factory=dict)
    """Parts by the URI that names them; wanted ones only."""
    _pixels: set[str] = field(default_factory=set)
    """URIs of pixel data."""
    _metadata: int = 0
    _kinds: set[str] = field(default_factory=set)
    _bulk_seen: bool = False

    async def take(self, part: Incoming) -> None:
        """Take one part."""
        if isinstance(part, MetadataPart):
            await self._take_metadata(part)
        else:
            self._bulk_seen = True
            await self._take_bulk(part)

    def find(self, uri: str) -> tuple[BulkPart, ...]:
        """The parts that a BulkDataURI names."""
        return tuple(self._bulk.get(resolved(self.base, uri), ()))

    async def _take_metadata(self, part: MetadataPart) -> None:
        if self._bulk_seen:
            raise InvalidRequest("metadata come behind bulk data", _ORDER)
        if part.media_type == media.DICOM_JSON and self.found:
            raise InvalidRequest(
                "there are two parts of JSON metadata", "send one part that holds an array"
            )
        text = bytearray()
        async for chunk in part.body:
            self._metadata += len(chunk)
            if self._metadata > self.limits.document:
                raise PayloadTooLarge(
                    f"metadata may have {self.limits.document} bytes at most",
                    "send large values as bulk data",
                )
            text += chunk
        if part.media_type == media.DICOM_JSON:
            self.found = await asyncio.to_thread(read_metadata, text, self.limits)
        else:
            self.found.append(await asyncio.to_thread(read_xml, bytes(text), self.limits))
        for found in self.found if part.media_type == media.DICOM_JSON else self.found[-1:]:
            self._want(found)

    def _want(self, found: DataSet | InstanceRejected) -> None:
        if isinstance(found, InstanceRejected):
            return
        for tag, uri in references(found):
            key = resolved(self.base, uri)
            self._bulk.setdefault(key, [])
            if tag == PIXEL_DATA:
                self._pixels.add(key)

    async def _take_bulk(self, part: BulkDataPart) -> None:
        """Let wanted bytes wait; others are passed over."""
        keys = {resolved(self.base, part.location)} if part.location else set()
        if part.content_id:
            keys.add(of_content_id(part.content_id))
        wanted = [self._bulk[key] for key in keys if key in self._bulk]
        start = self.spool.size
        async for chunk in part.body:
            if wanted:
                await self.spool.write([chunk])
        place = ByteRange(start, self.spool.size - start)
        for parts in wanted:
            parts.append(BulkPart(part.media_type, part.transfer_syntax, place))

    async def decode(self, pictures: PictureDecoder) -> None:
        """Decode pictures that are pixel data."""
        start = self.spool.size
        for key in sorted(self._pixels):
            for number, part in enumerate(self._bulk[key]):
                if part.media_type in PICTURE_TYPES:
                    left = _DECODED - (self.spool.size - start)
                    self._bulk[key][number] = await self._decoded(part, pictures, left)

    async def _decoded(self, part: BulkPart, pictures: PictureDecoder, left: int) -> BulkPart:
        if part.place.length > _LARGEST_PICTURE or left <= 0:
            refusal = f"the pictures of a request are too large ({_LARGEST_PICTURE} bytes each)"
            return BulkPart(part.media_type, None, part.place, None, refusal)
        start = self.spool.size
        data = await self.spool.run(lambda source: _read(source, part.place))

        async def write(piece: bytes) -> None:
            await self.spool.write([piece])

        try:
            picture = await pictures.decode(part.media_type, data, write)
        except UndecodablePicture as failure:
            refusal = f"the picture cannot be taken: {failure.detail}"
            return BulkPart(part.media_type, None, part.place, None, refusal)
        place = ByteRange(start, self.spool.size - start)
        return BulkPart(media.OCTET_STREAM, None, place, picture)


def _read(source: ByteSource, place: ByteRange) -> bytes:
    return source.read_at(place.start, place.length)


async def _part(
    request: _Request, found: DataSet | InstanceRejected, left: int
) -> tuple[Part, int]:
    """One instance as a file, and its bytes."""
    if isinstance(found, InstanceRejected):
        return Part(_nothing(), found), 0
    try:
        assembled = await request.spool.run(partial(assemble, found, request.find))
        pieces = part10(assembled.data_set, assembled.transfer_syntax)
        size = await asyncio.to_thread(_size, assembled.data_set, assembled.transfer_syntax)
    except InstanceRejected as refused:
        return Part(_nothing(), refused), 0
    if size > left:
        return Part(_nothing(), _too_large(found)), 0
    return Part(_body(request.spool, gathered(pieces, _CHUNK))), size


def _size(found: DataSet, transfer_syntax: str) -> int:
    """Bytes of a file that is to be written."""
    pieces = part10(found, transfer_syntax)
    return sum(p.length if isinstance(p, ByteRange) else len(p) for p in pieces)


def _too_large(found: DataSet) -> InstanceRejected:
    detail = "the instances of the request have too many bytes"
    return named(InstanceRejected(FailureReason.OUT_OF_RESOURCES, detail), found)


async def _nothing() -> AsyncGenerator[bytes]:
    nothing: tuple[bytes, ...] = ()
    for chunk in nothing:
        yield chunk


async def _body(spool: Staging, pieces: Iterator[Piece]) -> AsyncGenerator[bytes]:
    while chunks := await spool.run(partial(_chunks, pieces)):
        for chunk in chunks:
            yield chunk


def _chunks(pieces: Iterator[Piece], source: ByteSource) -> list[bytes]:
    return [
        piece if isinstance(piece, bytes) else _read(source, piece)
        for piece in islice(pieces, _AT_ONCE)
    ]

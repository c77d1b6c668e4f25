"""What is no image, rendered: reports, documents, videos, waveforms, listings of all others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial

from dicomweb_server.codec.port import Codecs
from dicomweb_server.dicom.appearance.attributes import Attributes
from dicomweb_server.dicom.appearance.lines import patient_lines, technique_lines
from dicomweb_server.dicom.drawings import fitted
from dicomweb_server.dicom.encapsulated import DOCUMENT_PATH, HEAD, read_document, video_type
from dicomweb_server.dicom.page import as_xml
from dicomweb_server.dicom.report import html as report_html
from dicomweb_server.dicom.report import text as report_text
from dicomweb_server.dicom.report.html import Link
from dicomweb_server.dicom.report.read import is_report, read_report
from dicomweb_server.dicom.rewrite import swap
from dicomweb_server.dicom.summary import html as summary_html
from dicomweb_server.dicom.summary import text as summary_text
from dicomweb_server.dicom.summary.read import read_listing
from dicomweb_server.dicom.svg import svg
from dicomweb_server.dicom.waveform.draw import draw_waveforms
from dicomweb_server.dicom.waveform.groups import bulk_needed
from dicomweb_server.errors import NotAcceptable
from dicomweb_server.model.drawing import Drawing
from dicomweb_server.model.ids import InstanceKey, Scope
from dicomweb_server.model.instance import BulkRef, ByteRange, InstanceRecord
from dicomweb_server.model.kind import DOCUMENT_TYPES, Kind, kind_of
from dicomweb_server.model.rendering import Annotation, RenderOptions
from dicomweb_server.service.choice import PIXEL_PATHS
from dicomweb_server.service.content import Content, within
from dicomweb_server.service.delivery import cut
from dicomweb_server.service.described import Described
from dicomweb_server.service.rendition import Made, RenderedPart, Stored
from dicomweb_server.wire.rendered_types import PLAIN, SVG, XML, RenderedForm, forms_of

_QUALITY = 90


@dataclass(frozen=True, slots=True)
class TextRequest:
    """How something that is no image is wanted.

    Args:
        media_type: One of the forms of the instance.
        options: What the request says.
        base: URL of the DICOMweb root, for links.
    """

    media_type: str
    options: RenderOptions
    base: str


class Texts:
    """Renders what has no frames.

    Args:
        content: How bytes are read.
        described: Descriptions of instances.
        codecs: Who makes pictures of drawings.
    """

    def __init__(self, content: Content, described: Described, codecs: Codecs) -> None:
        self._content = content
        self._described = described
        self._codecs = codecs

    async def forms(self, record: InstanceRecord) -> tuple[RenderedForm, ...]:
        """The forms of an instance without frames; the first is the default."""
        kind = kind_of(record)
        own = ""
        if kind is Kind.DOCUMENT:
            own = DOCUMENT_TYPES[record.sop_class]
        elif kind is Kind.VIDEO:
            own = video_type(await self._head(record), record.transfer_syntax)
        return forms_of(kind, own)

    async def part(self, record: InstanceRecord, request: TextRequest) -> RenderedPart:
        """The instance in one of its forms.

        Raises:
            NotAcceptable: It holds nothing that could be shown.
        """
        kind, media_type = kind_of(record), request.media_type
        location = Scope.of(record.key).path
        if kind is Kind.VIDEO:
            stream = _stream_of(record)
            return self._stored(record, stream, stream.size, media_type)
        if kind is Kind.DOCUMENT:
            return await self._document(record, media_type)
        make = partial(self._waveforms if kind is Kind.WAVEFORM else self._text, record, request)
        return Made(media_type, location, make)

    async def drawing(self, record: InstanceRecord, options: RenderOptions) -> Drawing:
        """The page of a waveform object.

        Args:
            record: The instance.
            options: Of these the annotations and the size count.
        """
        document = await self._described.of(record)
        bulk: dict[str, bytes] = {}
        needed = bulk_needed(document.members)
        for element in record.bulk:
            if element.path in needed:
                most = min(element.size, needed[element.path])
                bulk[element.path] = await self._beginning(record, element, most)
        lines = _corners(document, options)
        drawn = await asyncio.to_thread(draw_waveforms, document.members, bulk, lines)
        viewport = options.viewport
        return drawn if viewport is None else fitted(drawn, viewport.width, viewport.height)

    async def _waveforms(self, record: InstanceRecord, request: TextRequest) -> bytes:
        drawn = await self.drawing(record, request.options)
        if request.media_type == SVG:
            return (await asyncio.to_thread(svg, drawn)).encode()
        quality = request.options.quality or _QUALITY
        return await self._codecs.draw(drawn, request.media_type, quality)

    async def _text(self, record: InstanceRecord, request: TextRequest) -> bytes:
        document = await self._described.of(record)
        links = partial(_link, request.base)
        return await asyncio.to_thread(_written, document, request.media_type, links)

    async def _document(self, record: InstanceRecord, media_type: str) -> RenderedPart:
        found = read_document((await self._described.of(record)).members)
        if found is None:
            raise NotAcceptable("the instance holds no document", "see its metadata")
        if found.data:
            return _inline(record, found.data, media_type)
        element = next((bulk for bulk in record.bulk if bulk.path == DOCUMENT_PATH), None)
        if element is None:
            raise NotAcceptable("the instance holds no document", "see its metadata")
        return self._stored(record, element, found.length_of(element.size), media_type)

    def _stored(
        self, record: InstanceRecord, element: BulkRef, length: int, media_type: str
    ) -> Stored:
        def body(part: ByteRange | None) -> AsyncIterator[bytes]:
            wanted = part or ByteRange(0, length)
            if element.word > 1:
                through = self._content.read_through(record, element.ranges, element.word)
                return cut(through, wanted)
            return self._content.read_through(record, within(element.ranges, wanted), 1)

        return Stored(media_type, Scope.of(record.key).path, length, body)

    async def _head(self, record: InstanceRecord) -> bytes:
        """The first bytes of a video."""
        stream = _stream_of(record)
        return await self._beginning(record, stream, min(stream.size, HEAD))

    async def _beginning(self, record: InstanceRecord, element: BulkRef, most: int) -> bytes:
        """The first bytes of a bulk value, in little endian."""
        ranges = list(within(element.ranges, ByteRange(0, most - most % element.word)))
        data = b"".join(await self._content.read(record, ranges))
        return swap(data, element.word) if element.word > 1 else data


def _inline(record: InstanceRecord, data: bytes, media_type: str) -> Stored:
    """A document of the metadata: as it was stored, so that its own charset counts."""

    async def body(part: ByteRange | None) -> AsyncIterator[bytes]:
        wanted = part or ByteRange(0, len(data))
        yield data[wanted.start : wanted.start + wanted.length]

    return Stored(media_type, Scope.of(record.key).path, len(data), body)


def _stream_of(record: InstanceRecord) -> BulkRef:
    """The pixel data of a video."""
    for element in record.bulk:
        if element.path in PIXEL_PATHS:
            return element
    raise NotAcceptable("the video is empty", "see the metadata of the instance")


def _link(base: str, study: str, series: str, instance: str) -> str:
    return f"{base}{Scope.of(InstanceKey(study, series, instance)).path}/rendered"


def _written(document: Attributes, media_type: str, link: Link) -> bytes:
    members = document.members
    plain = media_type == PLAIN
    if is_report(members):
        report = read_report(members)
        told = report_text.text(report) if plain else report_html.html(report, link)
    else:
        listing = read_listing(members)
        told = summary_text.text(listing) if plain else summary_html.html(listing)
    return (as_xml(told) if media_type == XML else told).encode()


def _corners(
    document: Attributes, options: RenderOptions
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is written above a drawing."""
    asked = options.annotations
    left = patient_lines(document) if Annotation.PATIENT in asked else ()
    right = technique_lines(document) if Annotation.TECHNIQUE in asked else ()
    return left, right

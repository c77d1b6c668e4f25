"""A body of metadata and bulk data as the parts that the service puts together."""

from __future__ import annotations

from collections.abc import AsyncIterator

from dicomweb_server.errors import InvalidRequest, StudyConflict
from dicomweb_server.model import media
from dicomweb_server.service.compose import BulkDataPart, Incoming, MetadataPart
from dicomweb_server.web.parts import Events, part_data
from dicomweb_server.wire import contenttype
from dicomweb_server.wire.contenttype import ContentType
from dicomweb_server.wire.multipart import MultipartReader, PartBegin

METADATA_TYPES = frozenset((media.DICOM_JSON, media.DICOM_XML))


def plain_type(content: ContentType) -> str:
    """The media type without its alias (PS3.18 Table 8.7.3-5 notes)."""
    return media.MEDIA_TYPE_ALIASES.get(content.media_type, content.media_type)


async def metadata_parts(
    body: AsyncIterator[bytes], reader: MultipartReader, root: str
) -> AsyncIterator[Incoming]:
    """The parts of a multipart/related body whose root are metadata.

    Args:
        body: The request body.
        reader: A fresh reader for its boundary.
        root: Media type of the root: that of the first part where it tells none.

    Raises:
        InvalidMultipart: The framing is broken.
        InvalidRequest: A Content-Type cannot be read.
        StudyConflict: Part 10 files are mixed with metadata.
    """
    events = Events(body, reader)
    first = True
    while (event := await events.next()) is not None:
        if isinstance(event, PartBegin):
            yield _incoming(event, events, root if first else media.OCTET_STREAM, root)
            first = False


async def lone_metadata(body: AsyncIterator[bytes], media_type: str) -> AsyncIterator[Incoming]:
    """A body that is metadata alone, of instances without bulk data."""
    yield MetadataPart(media_type, body)


def _incoming(begin: PartBegin, events: Events, default: str, root: str) -> Incoming:
    content = contenttype.parse(begin.header("content-type") or default)
    kind = plain_type(content)
    if kind == root:
        return MetadataPart(kind, part_data(events))
    if kind == media.APPLICATION_DICOM:
        raise StudyConflict(
            "Part 10 files are mixed with metadata", "send them in requests of their own"
        )
    location, content_id = begin.header("content-location"), begin.header("content-id")
    if not location and not content_id:
        raise InvalidRequest(
            "a part of bulk data has no name", "send Content-Location, the BulkDataURI that is used"
        )
    syntax = content.parameter("transfer-syntax")
    return BulkDataPart(location or "", content_id or "", kind, syntax or None, part_data(events))

"""XML answers: one part for each data set (PS3.18 8.7.3.5, 10.6.4)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from dicomweb_server.model import media
from dicomweb_server.web.responses import StreamResponse
from dicomweb_server.wire import multipart


def multipart_xml(documents: Iterable[bytes], status: int = 200) -> StreamResponse:
    """A multipart answer of XML documents; with none of them only the closing delimiter."""
    boundary = multipart.new_boundary()

    async def chunks() -> AsyncIterator[bytes]:
        first = True
        for document in documents:
            headers = [("Content-Type", media.DICOM_XML), ("Content-Length", str(len(document)))]
            yield multipart.part_head(boundary, headers, first=first) + document
            first = False
        yield multipart.closing(boundary, first=first)

    kind = multipart.multipart_type(boundary, media.DICOM_XML)
    return StreamResponse(chunks(), kind, status)
